/*
 * control_answer.h - what the answers about links, channels and streams have in
 * common: values that become JSON the same way everywhere, and what happened
 * last.
 */
#ifndef LANYARDD_CONTROL_ANSWER_H
#define LANYARDD_CONTROL_ANSWER_H

#include "daemon/control.h"

/* Text that others may have chosen; what is not UTF-8 becomes "?". */
json_t *json_of_text(const char *s);
json_t *json_of_number(uint64_t n);
/* A moment of the wall clock, in nanoseconds since 1970. */
json_t *json_of_wall(uint64_t ns);
/* A moment of the loop's clock on the wall's; null: there was none. */
json_t *json_of_moment(lan_time now, lan_time then);
/* Milliseconds since `then`; null: there was none. */
json_t *json_of_idle(lan_time now, lan_time then);
json_t *json_of_counter(const char *name, const char *help, uint64_t value);

/* The entry that args.name names; else answered, NULL. */
struct entry *request_entry(struct request *r, const struct entries *s, const char *hint);
/* `result` (taken; NULL: out of memory is answered) with the member "recent": the last events of this one of
 * a family, or (not NULL) of one id there. */
void reply_with_recent(
	struct request *r, json_t *result, const char *family, const char *name, const char *id);

#endif
