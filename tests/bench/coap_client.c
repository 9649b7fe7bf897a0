/*
 * coap_client.c - the load on a CoAP server over UDP that listens at 127.0.0.1 already:
 *
 *     bench-coap_client -P PORT -B PID [-w WINDOW] [-d SECONDS] [-p PLACE]
 */
#include <arpa/inet.h>
#include "coap_load.h"

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct load l = {.fd = socket(AF_INET, SOCK_DGRAM, 0)};
	bench_options(argc, argv, &o);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(o.port)};
	if (l.fd < 0 || connect(l.fd, (struct sockaddr *)&a, sizeof a))
		bench_die("connect");
	bench_pin(&o, false);
	load_measure(&l, &o, o.pid);
	return 0;
}
