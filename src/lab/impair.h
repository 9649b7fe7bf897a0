/*
 * impair.h - `lanyard lab impair`: a bad network on purpose.
 *
 * Three forms, told apart by their positional arguments:
 *      ADDR:PORT HOST:PORT   a TCP relay that hurts lines (relay.c over fault.c)
 *      IFACE                 packets lost on their way into an interface (ingress.c over nft)
 *      IFACE IFACE           a wire between two interfaces that hurts frames (wire.c)
 */
#ifndef LAN_LAB_IMPAIR_H
#define LAN_LAB_IMPAIR_H

#include "lab/fault.h"

/* What the process exits with; the numbers of lanyard(1). */
enum lab_exit {
	LAB_EXIT_OK = 0,
	LAB_EXIT_FAILED = 1,
	LAB_EXIT_USAGE = 2,
	LAB_EXIT_NOTFOUND = 3,
	LAB_EXIT_PERM = 5,
	LAB_EXIT_TIMEOUT = 6
};

enum lab_form { LAB_RELAY, LAB_INGRESS, LAB_WIRE };

struct lab_impair {
	enum lab_form form;
	const char *a, *b;        /* views into argv; b NULL: one interface */
	struct lab_faults faults; /* settings; counters at zero */
	bool have_seed;           /* else one is drawn and told */
	uint32_t max_conns;
	bool json, verbose, quiet; /* -J, -v, -q */
	bool help;                 /* -h was given; nothing else is checked */
	/* The caller's, after parsing: how long it may last (LAN_NEVER: no limit),
	 * and who says an error (hint NULL: none) and returns the code. */
	lan_time limit;
	int (*error)(void *ctx, int code, const char *hint, const char *what);
	void *ctx;
};

/* argv[0] is the verb. Returns LAB_EXIT_OK or LAB_EXIT_USAGE with the reason in
 * err. Views into argv are kept in out, and argv is reordered (options first). */
int lab_impair_parse(int argc, char **argv, struct lab_impair *out, char *err, size_t cap);

/* The text of --help. Static. */
const char *lab_impair_help(void);

struct lan_loop;

/* Run until SIGTERM, SIGINT, `quit` or the limit, which is LAB_EXIT_TIMEOUT.
 * Returns the exit code; has said why. */
int lab_impair_run(const struct lab_impair *opt);

/* What the forms do once they are ready: turns of the loop until *quit. */
int lab_turns(struct lan_loop *l, const struct lab_impair *opt, const bool *quit);
/* The forms; as lab_impair_run. */
int lab_relay_run(const struct lab_impair *opt);
int lab_ingress_run(const struct lab_impair *opt);
int lab_wire_run(const struct lab_impair *opt);

/* "10%", "0.5%", "10", "0": parts per million. False: not a rate of 0..100 %. */
bool lab_parse_rate(const char *s, uint32_t *ppm);
/* A setting by its option's name ("loss", "delay", ...). LAN_ERR_NOTFOUND: no such
 * setting; LAN_ERR_INVAL: value not understood, err says why. */
LAN_WUR enum lan_err lab_setting(
	struct lab_faults *f, const char *name, const char *value, char *err, size_t cap);

#endif
