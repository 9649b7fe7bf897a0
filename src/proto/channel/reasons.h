/*
 * reasons.h - what the sealed core counts: refusals of datagrams, and other
 * things worth knowing, each with a name and a sentence for users.
 */
#ifndef CHAN_REASONS_H
#define CHAN_REASONS_H

/* name, help: what was refused, or otherwise noteworthy. The first CHAN_REFUSALS of them are refusals. */
#define CHAN_COUNTER_LIST(X)                                                                            \
	X(MALFORMED, "malformed", "datagrams that are not of a sealed channel")                         \
	X(VERSION, "version", "datagrams of another version of the protocol")                           \
	X(SELF, "self", "datagrams under this member's own id from elsewhere: a clone")                 \
	X(EPOCH, "epoch", "datagrams of an epoch there is no key for, or no longer")                    \
	X(REPLAY, "replay", "datagrams seen before, or too old to tell")                                \
	X(FORGED, "forged", "datagrams that are not authentic")                                         \
	X(SIGNATURE, "signature", "signed datagrams whose signature or key is wrong")                   \
	X(MEMBER, "member", "datagrams of senders that are not in the list of members")                 \
	X(FRAME, "frame", "authentic datagrams with a frame that breaks the rules")                     \
	X(FULL, "full", "datagrams of new senders while the table of senders was full of present ones") \
	X(UNKNOWN, "unknown", "frames of a type that is not known")                                     \
	X(CHANGED, "changed", "frames with another block size than the sender's others")                \
	X(DUPLICATE, "duplicate", "frames that had arrived already, by repair or parity")               \
	X(BEYOND, "beyond", "frames too far ahead to be kept")                                          \
	X(NOMEM, "memory", "frames dropped for lack of memory")                                         \
	X(INCOMPLETE, "incomplete", "messages of which fragments were missing for too long")            \
	X(TOOBIG, "toobig", "messages longer than max_message")                                         \
	X(DECODED, "decoded", "frames recovered by parity")                                             \
	X(ASKED, "asked", "requests for repair that were sent")                                         \
	X(HUSHED, "hushed", "requests for repair left out, for another member had asked")               \
	X(STALLED, "stalled", "times a receiver did not go on and was no longer waited for")            \
	X(EVENTS, "events", "events dropped, for the application did not pull them")
enum chan_counter_id {
#define X(id, name, help) CHAN_C_##id,
	CHAN_COUNTER_LIST(X)
#undef X
		CHAN_C_N
};
#define CHAN_REFUSALS CHAN_C_UNKNOWN

#endif
