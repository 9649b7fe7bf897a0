/*
 * err.c - names and texts of enum lan_err, driven by the list in err.h.
 */
#include <lanyard/err.h>

const char *lan_err_name(enum lan_err e)
{
	switch (e) {
#define X(name, value, text) \
	case LAN_ERR_##name: \
		return "LAN_ERR_" #name;
		LAN_ERR_LIST(X)
#undef X
	}
	return "LAN_ERR_?";
}

const char *lan_err_text(enum lan_err e)
{
	switch (e) {
#define X(name, value, text) \
	case LAN_ERR_##name: \
		return text;
		LAN_ERR_LIST(X)
#undef X
	}
	return "unknown error";
}

const char *lan_version(void)
{
	return LAN_VERSION;
}
