/*
 * coap_load.h - the client of the CoAP comparisons: GETs of one resource, confirmable, a window of them open,
 * by recvmmsg and sendmmsg over a socket of any kind. Every answer is checked: the ACK of its request, same
 * MID and token, 2.05 with the expected payload. And what the servers made for comparison have in common.
 */
#ifndef COAP_LOAD_H
#define COAP_LOAD_H

#include <sys/socket.h>
#include "bench.h"

#define LOAD_PATH   "temp"
#define LOAD_VALUE  "21.5"
#define LOAD_BATCH  64
#define LOAD_MAX    128 /* octets of the longest message here */
#define LOAD_WINDOW 256 /* at most */

/* How a message is wrapped: `pre` octets before it (Ethernet: the length field of sos.md section 3.1). */
struct load {
	int fd;
	struct sockaddr_storage to;
	socklen_t to_len; /* 0: connected */
	size_t pre;
	unsigned window;
	/* Results. */
	uint64_t answers, lost;
};

/* Ask for so long; answers and lost count. Dies over a wrong answer. */
void load_run(struct load *l, double seconds);

/* A GET of LOAD_PATH with this MID and token; octets written. */
size_t load_get(uint8_t *buf, uint16_t mid, uint32_t token);
/* The answer to a request of n octets, without looking at more of it than MID and token; 0: no request. */
size_t load_answer(uint8_t *out, const uint8_t *request, size_t n);

/* A bare server: takes batches from a socket and answers them until it is killed. `pre` as above. */
_Noreturn void load_serve(int fd, size_t pre);

/* Measure a server that runs already, and print the one line. */
void load_measure(struct load *l, const struct bench_opt *o, pid_t server);

#endif
