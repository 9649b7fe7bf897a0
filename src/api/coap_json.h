/*
 * coap_json.h - answers of CoAP and lists of resources as JSON, in one spelling for the command line and the
 * daemon's control socket.
 */
#ifndef LAN_API_COAP_JSON_H
#define LAN_API_COAP_JSON_H

#include <jansson.h>
#include <lanyard/base.h>

/* What struct lan_coap_event and struct lan_sensor_master_event have in common; views. */
struct coap_answer {
	uint8_t code;
	const char *code_text, *media_type, *location;
	const void *payload;
	size_t len;
	int32_t content_format;
	int64_t max_age;
	const uint8_t *etag;
	size_t etag_len;
	lan_time rtt;
};
#define COAP_ANSWER(ev)                                                                                  \
	{                                                                                                \
		(ev)->code, (ev)->code_text, (ev)->media_type, (ev)->location, (ev)->payload, (ev)->len, \
			(ev)->content_format, (ev)->max_age, (ev)->etag, (ev)->etag_len, (ev)->rtt       \
	}

/* {"schema": 1, "code": "2.05", "code_text", "content_format", "media_type", "size", "payload" or "base64",
 * "etag", "max_age", "location", "rtt_ms"}; new. */
json_t *coap_json_answer(const struct coap_answer *a);
/* "payload", if the octets are text, or "base64". */
void coap_json_payload(json_t *o, const void *payload, size_t len);
/* A list of resources: [{"path", and its attributes: "title", "rt", "obs": true ..}]; NULL: not well formed.
 * New. */
json_t *coap_json_links(const char *text, size_t len);

#endif
