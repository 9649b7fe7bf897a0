/*
 * coap_libcoap.c - the same resource served by libcoap, as its manual says: a context, an endpoint, a
 * resource with a handler for GET. Prints its port and runs until it is killed.
 */
#include <arpa/inet.h>
#include <coap3/coap.h>
#include <unistd.h>
#include "coap_load.h"

static void get(coap_resource_t *r, coap_session_t *s, const coap_pdu_t *q, const coap_string_t *query,
	coap_pdu_t *answer)
{
	uint8_t buf[4];
	coap_pdu_set_code(answer, COAP_RESPONSE_CODE_CONTENT);
	coap_add_option(answer, COAP_OPTION_CONTENT_FORMAT, coap_encode_var_safe(buf, sizeof buf, 0), buf);
	coap_add_data(answer, sizeof LOAD_VALUE - 1, (const uint8_t *)LOAD_VALUE);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || getsockname(fd, (struct sockaddr *)&a, &n))
		bench_die("bind");
	close(fd);
	return ntohs(a.sin_port);
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	coap_address_t a;
	uint16_t port = free_port();
	bench_options(argc, argv, &o);
	coap_startup();
	coap_set_log_level(LOG_ERR);
	coap_address_init(&a);
	a.addr.sin.sin_family = AF_INET;
	a.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.addr.sin.sin_port = htons(port);
	a.size = sizeof a.addr.sin;
	coap_context_t *c = coap_new_context(NULL);
	if (!c || !coap_new_endpoint(c, &a, COAP_PROTO_UDP))
		bench_die("coap_new_endpoint");
	coap_resource_t *r = coap_resource_init(coap_make_str_const(LOAD_PATH), 0);
	coap_register_request_handler(r, COAP_REQUEST_GET, get);
	coap_add_resource(c, r);
	bench_pin(&o, true);
	printf("%u\n", port);
	fflush(stdout);
	for (;;)
		coap_io_process(c, COAP_IO_WAIT);
}
