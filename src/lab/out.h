/*
 * out.h - what `lab impair` says: sentences on stderr, and with -J the same as
 * JSON lines on stdout. One function per thing that can be said.
 */
#ifndef LAN_LAB_OUT_H
#define LAN_LAB_OUT_H

#include "lab/impair.h"

struct lab_out {
	bool json, verbose, quiet;
	bool broken; /* stdout is gone */
	const struct lab_impair *opt;
};

struct lab_out lab_out_of(const struct lab_impair *opt);

/* Why it ends, through the caller's function, which knows the form of errors;
 * `hint` says what to do (may be NULL). Returns `code`. */
int lab_out_error(const struct lab_out *o, enum lab_exit code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A trouble it goes on after; on stderr, whatever -q says. */
void lab_out_trouble(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "listening": ready; `seed` as used. */
void lab_out_ready(struct lab_out *o, const struct lab_impair *opt, const char *address, uint64_t seed);
/* A connection came (`why` NULL) or ended. With -v. */
void lab_out_open(struct lab_out *o, uint32_t conn, const char *peer);
void lab_out_close(struct lab_out *o, uint32_t conn, const char *why);
/* A fault happened. With -v. */
void lab_out_fault(struct lab_out *o, const struct lab_report *r);
/* A live command was done (`err` NULL) or refused. */
void lab_out_control(struct lab_out *o, const char *command, const char *err);
/* The counters so far: at the end, and on `stats`. */
void lab_out_summary(struct lab_out *o, const struct lab_faults *f, const char *unit);
/* ... of an interface, whose packets the kernel counted. */
void lab_out_packets(struct lab_out *o, const char *iface, uint64_t seen, uint64_t lost);

#endif
