/*
 * neighbor_capture.c - `lanyard neighbor capture IFACE..`: the frames of the neighbour family that pass on
 * interfaces, in both directions, as pcapng or printed. lanyard-neighbor(7).
 *
 * Frames are written as they come. A reader that is slow makes it leave frames in the kernel, which then may
 * drop some; how many stands in the statistics at the end of the file and on stderr. A new file is for its
 * owner alone, since PDUs may hold secrets of others (the authentication of BGP), and one that is there
 * already is never overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/neighbor_dump.h"
#include "cli/wait.h"
#include "io/capture.h"

enum { IFACES = 256, QUEUE = 4 << 20 };
#define PATIENCE LAN_SEC(5)

struct capture;

struct port {
	struct capture *c;
	struct lan_capture *handle; /* NULL: gone */
	char name[IF_NAMESIZE];
	uint32_t index;
	struct lan_capture_counts counts; /* of one that is gone */
};

struct capture {
	struct ndump dump;
	struct lan_loop *loop;
	struct port *ports;
	size_t n, open;
	struct out file; /* pcapng, if fd is not -1 */
	bool writing, printing, held;
	const char *name;
	uint64_t written, since;
};

static uint64_t wall(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- where it goes */

static int cannot_write(const struct capture *c, const char *name)
{
	enum exit_code code = errno == EACCES || errno == EPERM ? EXIT_PERMISSION : EXIT_FAILED;
	const char *hint = errno == EEXIST  ? "it is not overwritten: choose another name, or remove it"
			   : errno == ENXIO ? "nobody reads from it"
					    : NULL;
	return cli_error(c->dump.cli, code, hint, "cannot write '%s': %s", name, strerror(errno));
}

/* A new file; or a pipe or device, which is there already. */
static int create(const char *name)
{
	struct stat st;
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd >= 0 || errno != EEXIST)
		return fd;
	if (lstat(name, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		errno = EEXIST;
		return -1;
	}
	return open(name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* Decides between the two forms; opens nothing yet. */
static int choose(struct capture *c)
{
	struct cli *cli = c->dump.cli;
	bool asked = cli_flag(cli, "print") || cli->mode != MODE_TEXT, tty = isatty(STDOUT_FILENO) == 1;
	c->name = cli_opt(cli, "write");
	if (!c->name && !asked && !tty)
		c->name = "-";
	c->writing = c->name != NULL;
	c->printing = asked || !c->writing;
	if (c->writing && strcmp(c->name, "-") != 0)
		return EXIT_OK;
	if (c->writing && asked)
		return cli_error(cli, EXIT_USAGE, "-w FILE", "stdout cannot take both pcapng and text");
	if (c->writing && tty)
		return cli_error(cli, EXIT_USAGE, "-w FILE, or send it through a pipe",
			"pcapng is not for a terminal");
	return EXIT_OK;
}

static int open_output(struct capture *c)
{
	int fd = STDOUT_FILENO;
	if (!c->writing)
		return EXIT_OK;
	if (strcmp(c->name, "-") != 0)
		fd = create(c->name);
	if (fd < 0)
		return cannot_write(c, c->name);
	out_init(&c->file, fd);
	return EXIT_OK;
}

/* ---- blocks */

static void put(struct capture *c, const struct lan_wr *w)
{
	if (!w->bad)
		out_bytes(&c->file, w->buf, w->off);
}

static void put_head(struct capture *c)
{
	uint8_t buf[256];
	struct lan_wr w = lan_wr_of(buf, sizeof buf);
	lan_pcap_put_section(&w, "lanyard neighbor capture");
	put(c, &w);
	for (size_t i = 0; i < c->n; i++) {
		w = lan_wr_of(buf, sizeof buf);
		lan_pcap_put_iface(&w, c->ports[i].name, LAN_PCAP_ETHERNET);
		put(c, &w);
	}
	out_flush(&c->file);
}

static bool enough(const struct capture *c)
{
	return c->dump.want && c->written >= c->dump.want;
}

/* At the end: what nobody took is lost, unless no more was wanted. */
static void counts(const struct port *p, uint64_t *frames, uint64_t *drops)
{
	struct lan_capture_counts n = p->counts;
	if (p->handle)
		lan_capture_counts(p->handle, &n);
	*frames = n.frames;
	*drops = n.drops + (enough(p->c) ? 0 : n.waiting);
}

static void put_tail(struct capture *c)
{
	uint8_t buf[256];
	uint64_t now = wall(), frames, drops;
	for (size_t i = 0; i < c->n; i++) {
		struct lan_wr w = lan_wr_of(buf, sizeof buf);
		counts(&c->ports[i], &frames, &drops);
		lan_pcap_put_stats(&w, (uint32_t)i, c->since, now, frames + drops, drops);
		put(c, &w);
	}
}

/* ---- frames */

static void on_frame(void *ctx, const struct lan_captured *f)
{
	struct port *p = ctx;
	struct capture *c = p->c;
	uint8_t buf[LAN_CAPTURE_MAX + LAN_PCAP_OVERHEAD + 8];
	enum lan_pcap_way way = f->outgoing ? LAN_PCAP_OUT : LAN_PCAP_IN;
	uint32_t number = (uint32_t)(p - c->ports);
	if (enough(c))
		return;
	c->written++;
	if (c->writing) {
		struct lan_wr w = lan_wr_of(buf, sizeof buf);
		lan_pcap_put_frame(&w, number, f->at, way, f->frame, f->n, f->length);
		put(c, &w);
	}
	if (c->printing)
		ndump_frame(&c->dump, &(struct ndump_frame){.iface = number,
					      .ifname = p->name,
					      .at = f->at,
					      .way = way,
					      .p = f->frame,
					      .n = f->n,
					      .length = f->length});
}

static void flush(struct capture *c)
{
	if (c->writing)
		out_flush(&c->file);
	out_flush(&c->dump.out);
	bool hold = out_full(&c->file) || out_full(&c->dump.out);
	for (size_t i = 0; hold != c->held && i < c->n; i++)
		if (c->ports[i].handle)
			lan_capture_hold(c->ports[i].handle, hold);
	c->held = hold;
}

static void on_batch(void *ctx)
{
	flush(((struct port *)ctx)->c);
}

static void on_broken(void *ctx)
{
	struct port *p = ctx;
	cli_say(p->c->dump.cli, "interface '%s' is gone", p->name);
	lan_capture_counts(p->handle, &p->counts);
	lan_capture_close(p->handle);
	p->handle = NULL;
	p->c->open--;
}

/* ---- interfaces */

static int add_port(struct capture *c, const char *name)
{
	struct port *p = &c->ports[c->n];
	*p = (struct port){.c = c, .index = strlen(name) < IF_NAMESIZE ? if_nametoindex(name) : 0};
	if (!p->index)
		return cli_error(c->dump.cli, EXIT_NOT_FOUND, "'ip link' lists them",
			"there is no interface '%s' here", name);
	for (size_t i = 0; i < c->n; i++)
		if (c->ports[i].index == p->index)
			return cli_error(
				c->dump.cli, EXIT_USAGE, NULL, "interface '%s' is named twice", name);
	memcpy(p->name, name, strlen(name) + 1);
	c->n++;
	return EXIT_OK;
}

static int open_port(struct capture *c, struct port *p)
{
	struct lan_capture_config cfg = {.ifindex = p->index,
		.receive_buffer = QUEUE,
		.frame = on_frame,
		.batch_done = on_batch,
		.broken = on_broken,
		.ctx = p};
	cfg.n_ethertypes = c->dump.cfg.n_ethertypes;
	memcpy(cfg.ethertypes, c->dump.cfg.ethertypes, sizeof cfg.ethertypes);
	if (!cfg.n_ethertypes) {
		cfg.ethertypes[cfg.n_ethertypes++] = lsoe_rules[LSOE_01].ethertype;
		cfg.ethertypes[cfg.n_ethertypes++] = lsoe_rules[LSOE_L3DL].ethertype;
	}
	enum lan_err e = lan_capture_open(c->loop, &cfg, &p->handle);
	c->open += e == LAN_OK;
	switch (e) {
	case LAN_OK:
		return EXIT_OK;
	case LAN_ERR_PERM:
		return cli_error(c->dump.cli, EXIT_PERMISSION, "root or CAP_NET_RAW is needed",
			"cannot capture on '%s': %s", p->name, lan_err_text(e));
	case LAN_ERR_NOTSUP:
		return cli_error(
			c->dump.cli, EXIT_FAILED, NULL, "cannot capture on '%s': it is no Ethernet", p->name);
	default:
		return cli_error(c->dump.cli, EXIT_FAILED, NULL, "cannot capture on '%s': %s", p->name,
			lan_err_text(e));
	}
}

static int open_ports(struct capture *c, int argc, char **argv)
{
	int rc = EXIT_OK;
	if (argc > IFACES)
		return cli_error(c->dump.cli, EXIT_USAGE, NULL, "more than %d interfaces", IFACES);
	c->ports = calloc((size_t)argc, sizeof *c->ports);
	if (!c->ports || lan_loop_new(&c->loop) != LAN_OK)
		return cli_error(c->dump.cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	for (int i = 0; rc == EXIT_OK && i < argc; i++)
		rc = add_port(c, argv[i]);
	for (size_t i = 0; rc == EXIT_OK && i < c->n; i++)
		rc = open_port(c, &c->ports[i]);
	return rc;
}

/* ---- the run */

static void wait_a_turn(struct capture *c)
{
	int ms = lan_loop_timeout(c->loop), limit = cli_ms_until(c->dump.ends);
	struct out *o = c->writing ? &c->file : &c->dump.out;
	struct pollfd p[2] = {{.fd = lan_loop_fd(c->loop), .events = POLLIN},
		{.fd = o->file ? -1 : o->fd, .events = out_waiting(o) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	int n = cli_poll(p, 2, ms);
	if (n > 0 && p[1].revents & (POLLERR | POLLNVAL))
		o->gone = true;
	lan_loop_process(c->loop);
	flush(c);
}

static bool is_over(const struct capture *c)
{
	return enough(c) || !c->open || cli_signals() || cli_now() >= c->dump.ends || c->file.gone ||
	       c->dump.out.gone;
}

static void account(struct capture *c)
{
	uint64_t frames, drops, all = 0;
	for (size_t i = 0; i < c->n; i++) {
		counts(&c->ports[i], &frames, &drops);
		all += drops;
		if (c->n > 1)
			cli_detail(c->dump.cli, "%s: %llu frames, %llu dropped", c->ports[i].name,
				(unsigned long long)frames, (unsigned long long)drops);
	}
	cli_say(c->dump.cli, "%llu frame%s captured, %llu dropped by the kernel",
		(unsigned long long)c->written, c->written == 1 ? "" : "s", (unsigned long long)all);
}

static int verdict(struct capture *c)
{
	const struct ndump *d = &c->dump;
	if (c->writing && c->file.error)
		return cli_error(
			d->cli, EXIT_FAILED, NULL, "cannot write '%s': %s", c->name, strerror(c->file.error));
	if (c->file.no_memory)
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory");
	int rc = ndump_verdict(d);
	if (rc != EXIT_OK || enough(c) || c->file.gone || d->out.gone)
		return rc;
	if (cli_signals()) /* the usual end, unless so many were to be waited for */
		return d->want ? EXIT_INTERRUPTED : EXIT_OK;
	if (!c->open)
		return cli_error(d->cli, EXIT_FAILED, NULL, "no interface is left to capture on");
	if (c->written && !d->want)
		return EXIT_OK;
	return cli_error(d->cli, EXIT_TIMEOUT, NULL, "%llu frames within --timeout %s",
		(unsigned long long)c->written, cli_opt(d->cli, "timeout"));
}

static int run(struct capture *c)
{
	c->since = wall();
	if (c->writing)
		put_head(c);
	cli_detail(c->dump.cli, "capturing on %zu interface%s", c->n, c->n == 1 ? "" : "s");
	while (!is_over(c))
		wait_a_turn(c);
	if (c->writing) {
		put_tail(c);
		out_drain(&c->file, cli_signals() ? cli_now() + PATIENCE : LAN_NEVER, cli_signals());
	}
	if (c->printing)
		ndump_account(&c->dump);
	account(c);
	return verdict(c);
}

int neighbor_capture_main(struct cli *cli, int argc, char **argv)
{
	struct capture c = {.file = {.fd = -1}};
	cli->mode = cli->mode == MODE_TEXT ? MODE_TEXT : MODE_JSONL; /* a stream has no end to wait for */
	int rc = ndump_begin(&c.dump, cli);
	if (rc == EXIT_OK)
		rc = choose(&c);
	if (rc == EXIT_OK)
		rc = open_ports(&c, argc, argv);
	if (rc == EXIT_OK)
		rc = open_output(&c);
	if (rc == EXIT_OK)
		rc = run(&c);
	if (c.file.fd > STDOUT_FILENO)
		close(c.file.fd);
	for (size_t i = 0; i < c.n; i++)
		lan_capture_close(c.ports[i].handle);
	lan_loop_free(c.loop);
	free(c.ports);
	out_fini(&c.file);
	ndump_end(&c.dump);
	return rc;
}
