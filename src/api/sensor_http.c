/* sensor_http.c - the gateway is being written; until it lands, opening it says so. */
#include <lanyard/sensor_http.h>

enum lan_err lan_sensor_http_open(struct lan_sensor_master *m, const struct lan_sensor_http_config *cfg,
	struct lan_sensor_http **out, const char **why)
{
	if (why)
		*why = "HTTP is not built in yet";
	return LAN_ERR_NOTSUP;
}
void lan_sensor_http_close(struct lan_sensor_http *h)
{
}
void lan_sensor_http_status(const struct lan_sensor_http *h, struct lan_sensor_http_status *out)
{
	*out = (struct lan_sensor_http_status){0};
}
bool lan_sensor_http_counter(
	const struct lan_sensor_http *h, size_t i, const char **name, const char **help, uint64_t *value)
{
	return false;
}
