/*
 * coap_bare.c - the least a CoAP server over UDP can cost: batches by recvmmsg, a fixed answer with the
 * MID and token of the request, sendmmsg. Prints its port and runs until it is killed.
 */
#include <arpa/inet.h>
#include "coap_load.h"

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bench_options(argc, argv, &o);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || getsockname(fd, (struct sockaddr *)&a, &n))
		bench_die("bind");
	bench_pin(&o, true);
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	load_serve(fd, 0);
}
