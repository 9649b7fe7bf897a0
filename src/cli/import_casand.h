/*
 * import_casand.h - a master of the originals as both syntaxes of its configuration give it, and as YAML.
 */
#ifndef LAN_CLI_IMPORT_CASAND_H
#define LAN_CLI_IMPORT_CASAND_H

#include <stdbool.h>
#include <stdint.h>
#include "cli/import.h"

enum casand_namespace { NS_ADMIN, NS_CASAN, NS_OBSERVE, NS_EVLOG, NS_WELL_KNOWN, NS_N };
enum casand_timer { TIMER_FIRST_HELLO, TIMER_HELLO, TIMER_TTL, TIMER_N };

#define CASAND_NETS   64 /* as many as lanyard.yaml(5) has */
#define CASAND_SLAVES 16384
#define CASAND_LISTEN 16

struct casand_slave {
	uint32_t id, ttl, mtu; /* 0: not given */
	size_t line;
	char name[40]; /* of its section */
};

struct casand {
	struct import *im;
	bool sos;                /* of the first epoch */
	bool python;             /* the Python master: INI */
	uint32_t timer[TIMER_N]; /* seconds; 0: not given */
	char *uri[NS_N];         /* NULL: not served */
	char *net[CASAND_NETS], *listen[CASAND_LISTEN], *tls[CASAND_LISTEN];
	size_t n_nets, n_listen, n_tls;
	char *cert, *key;
	bool evlog_add;
	uint32_t evlog_size; /* 0: not given */
	struct casand_slave *slave;
	size_t n_slaves;
	bool no_memory;
};

void casand_fini(struct casand *c);
/* Each says what is wrong with it, and takes none of it then. `what` names it for messages. */
void casand_add_slave(struct casand *c, const struct casand_slave *s);
void casand_add_ethernet(
	struct casand *c, size_t line, const char *iface, uint32_t mtu, const char *ethertype);
void casand_add_xbee(struct casand *c, size_t line, const char *dev, const char *addr, const char *panid,
	uint32_t channel, uint32_t mtu);
/* host "*": every address; port a number or a name. */
void casand_add_listen(struct casand *c, size_t line, const char *host, const char *port, bool tls);
void casand_add_uri(
	struct casand *c, size_t line, enum casand_namespace ns, const char *name, const char *path);
/* Everything as the list `sensor:` of lanyard.yaml. */
void casand_write(struct casand *c);

/* A whole number of `text`, base 10 or, with `hex`, as C and Python know them (0x..). False: it is none, or
 * over `most`. */
bool casand_number(const char *text, bool hex, uint32_t most, uint32_t *out);

#endif
