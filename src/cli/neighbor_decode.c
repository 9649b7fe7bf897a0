/*
 * neighbor_decode.c - `lanyard neighbor decode FILE|-`: prints the frames of the neighbour family in a
 * capture, from a file or as it comes through a pipe. lanyard-neighbor(7).
 *
 * Memory is bounded by the longest block of a capture; a reader of stdout that is slow makes it read no
 * further.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/neighbor_dump.h"
#include "cli/wait.h"

enum { CHUNK = 64 << 10 };

struct decode {
	struct ndump dump;
	struct lan_pcap pcap;
	const char *name;
	int fd;
	bool file; /* never waited for */
	uint8_t *buf;
	size_t off, len, cap;
	bool eof, interrupted, timeout, strange;
	uint64_t dropped;
};

static int open_input(struct decode *d, const char *name)
{
	struct stat st;
	bool is_stdin = strcmp(name, "-") == 0;
	d->name = is_stdin ? "standard input" : name;
	d->fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (d->fd < 0 || fstat(d->fd, &st) < 0 || (S_ISDIR(st.st_mode) && (errno = EISDIR))) {
		enum exit_code code = errno == ENOENT                     ? EXIT_NOT_FOUND
				      : errno == EACCES || errno == EPERM ? EXIT_PERMISSION
									  : EXIT_FAILED;
		return cli_error(d->dump.cli, code, NULL, "cannot read '%s': %s", d->name, strerror(errno));
	}
	d->file = S_ISREG(st.st_mode);
	return EXIT_OK;
}

/* Room for CHUNK more, or for what the reader needs. */
static bool make_room(struct decode *d)
{
	size_t need = d->len - d->off + CHUNK;
	need = need < d->pcap.need + CHUNK ? d->pcap.need + CHUNK : need;
	if (d->off)
		memmove(d->buf, d->buf + d->off, d->len - d->off);
	d->len -= d->off;
	d->off = 0;
	if (need <= d->cap)
		return true;
	uint8_t *more = realloc(d->buf, need);
	if (!more)
		return false;
	d->buf = more;
	d->cap = need;
	return true;
}

/* Waits for input; false: the end of it, or of our time. */
static bool wait_input(struct decode *d)
{
	struct pollfd p[2] = {
		{.fd = d->fd, .events = POLLIN}, {.fd = d->dump.out.file ? -1 : d->dump.out.fd,
							 .events = out_waiting(&d->dump.out) ? POLLOUT : 0}};
	while (!d->file) {
		out_flush(&d->dump.out);
		p[1].events = out_waiting(&d->dump.out) ? POLLOUT : 0;
		int n = cli_poll(p, 2, cli_ms_until(d->dump.ends));
		d->interrupted = cli_signals() > 0;
		d->timeout = cli_now() >= d->dump.ends;
		if (n > 0 && p[1].revents & (POLLERR | POLLNVAL))
			d->dump.out.gone = true;
		if (d->interrupted || d->timeout || d->dump.out.gone)
			return false;
		if (n > 0 && p[0].revents)
			return true;
	}
	d->interrupted = cli_signals() > 0;
	return !d->interrupted;
}

/* EXIT_OK, or another code after having said why. */
static int read_more(struct decode *d)
{
	if (!make_room(d))
		return cli_error(d->dump.cli, EXIT_FAILED, NULL, "out of memory");
	ssize_t n = read(d->fd, d->buf + d->len, d->cap - d->len);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return cli_error(
			d->dump.cli, EXIT_FAILED, NULL, "cannot read '%s': %s", d->name, strerror(errno));
	d->eof = n == 0;
	d->len += n > 0 ? (size_t)n : 0;
	return EXIT_OK;
}

static void take(struct decode *d, enum lan_pcap_result res, const struct lan_pcap_item *it)
{
	if (res == LAN_PCAP_STATS_READ) {
		d->dropped += it->dropped == UINT64_MAX ? 0 : it->dropped;
		return;
	}
	if (it->linktype != LAN_PCAP_ETHERNET) {
		if (!d->strange)
			cli_say(d->dump.cli,
				"interface %u%s%s has link type %u, not Ethernet: its frames are passed over",
				it->iface, *it->ifname ? " " : "", it->ifname, it->linktype);
		d->strange = true;
		d->dump.others++;
		return;
	}
	ndump_frame(&d->dump, &(struct ndump_frame){.iface = it->iface,
				      .ifname = it->ifname,
				      .at = it->at,
				      .way = it->way,
				      .p = it->data,
				      .n = it->len,
				      .length = it->length});
}

/* All that is in the buffer. */
static enum lan_pcap_result take_all(struct decode *d)
{
	enum lan_pcap_result res;
	struct lan_pcap_item it;
	size_t used;
	do {
		res = lan_pcap_next(
			&d->pcap, d->buf ? d->buf + d->off : NULL, d->len - d->off, d->eof, &used, &it);
		d->off += used;
		if (res == LAN_PCAP_FRAME_READ || res == LAN_PCAP_STATS_READ)
			take(d, res, &it);
		if (out_full(&d->dump.out))
			out_drain(&d->dump.out, d->dump.ends, cli_signals());
	} while ((res == LAN_PCAP_FRAME_READ || res == LAN_PCAP_STATS_READ) && !ndump_enough(&d->dump) &&
		 !d->dump.out.gone && !cli_signals());
	return res;
}

static int verdict(const struct decode *d, enum lan_pcap_result res)
{
	const struct ndump *dump = &d->dump;
	int rc = ndump_verdict(dump);
	if (rc != EXIT_OK || dump->out.gone || ndump_enough(dump))
		return rc;
	if (d->interrupted || cli_signals())
		return EXIT_INTERRUPTED;
	if (d->timeout)
		return cli_error(dump->cli, EXIT_TIMEOUT, NULL, "%llu frames within --timeout %s",
			(unsigned long long)dump->frames, cli_opt(dump->cli, "timeout"));
	if (res == LAN_PCAP_CUT)
		return cli_error(dump->cli, EXIT_PARTIAL, NULL,
			"'%s' is cut off: it ends inside the block at offset %llu", d->name,
			(unsigned long long)d->pcap.bad_at);
	if (res == LAN_PCAP_BAD)
		return cli_error(dump->cli, EXIT_FAILED, NULL, "'%s' is malformed at offset %llu: %s",
			d->name, (unsigned long long)d->pcap.bad_at, d->pcap.why);
	if (d->dropped)
		cli_say(dump->cli, "%llu frames were dropped while it was captured",
			(unsigned long long)d->dropped);
	if (!dump->frames)
		cli_say(dump->cli, "no frame of the family in '%s', %llu of other protocols", d->name,
			(unsigned long long)dump->others);
	return EXIT_OK;
}

static int decode(struct decode *d)
{
	enum lan_pcap_result res = LAN_PCAP_MORE;
	int rc = EXIT_OK;
	while (rc == EXIT_OK) {
		res = take_all(d);
		out_flush(&d->dump.out);
		if (res != LAN_PCAP_MORE || d->dump.out.gone || !wait_input(d))
			break;
		rc = read_more(d);
	}
	ndump_account(&d->dump);
	return rc == EXIT_OK ? verdict(d, res) : rc;
}

int neighbor_decode_main(struct cli *cli, int argc, char **argv)
{
	struct decode d = {.fd = -1};
	lan_pcap_init(&d.pcap);
	int rc = ndump_begin(&d.dump, cli);
	if (rc == EXIT_OK)
		rc = open_input(&d, argv[0]);
	if (rc == EXIT_OK)
		rc = decode(&d);
	if (d.fd > STDIN_FILENO)
		close(d.fd);
	lan_pcap_fini(&d.pcap);
	free(d.buf);
	ndump_end(&d.dump);
	return rc;
}
