/*
 * progress.c - how far something long has come: see progress.h. A terminal that
 * takes no more is not waited for.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/wait.h"

#define REDRAW LAN_MS(100)
enum { COLUMNS = 80, LINE = 512 };

char *human_size(double bytes, char *buf)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (bytes < 1024) {
		snprintf(buf, HUMAN_SIZE, "%.0f B", bytes);
		return buf;
	}
	size_t u = 0;
	for (bytes /= 1024; bytes >= 1023.95 && u < 5; u++)
		bytes /= 1024;
	snprintf(buf, HUMAN_SIZE, "%.1f %s", bytes, units[u]);
	return buf;
}

void progress_begin(struct progress *p, const struct cli *cli, uint64_t total)
{
	*p = (struct progress){.cli = cli, .total = total, .began = cli_now()};
	p->tty = isatty(STDERR_FILENO) == 1;
}

static int columns(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : COLUMNS;
}

static void put(const char *text)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (cli_poll(&ready, 1, 0) > 0 && write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* the next one comes soon */
}

static void bar(struct progress *p, uint64_t done, double rate)
{
	char line[LINE], right[128], size[HUMAN_SIZE], per[HUMAN_SIZE], left[32] = "--:--";
	double share = p->total ? (double)done / (double)p->total : 1;
	uint64_t seconds = rate > 0 ? (uint64_t)((double)(p->total - done) / rate + 0.5) : 0;
	if (rate > 0 && seconds < 360000)
		snprintf(left, sizeof left, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
	int n = snprintf(right, sizeof right, " %3.0f %%  %s  %s/s  ETA %s", share * 100,
		human_size((double)done, size), human_size(rate, per), left);
	int width = columns() - n - 4;
	if (width > 200)
		width = 200;
	if (width < 5) {
		snprintf(line, sizeof line, "\r\033[K%s", right + 1);
	} else {
		int full = (int)(share * width);
		int at = snprintf(line, sizeof line, "\r\033[K[");
		memset(line + at, '#', (size_t)full);
		memset(line + at + full, '.', (size_t)(width - full));
		snprintf(line + at + width, sizeof line - (size_t)(at + width), "]%s", right);
	}
	put(line);
	p->shown = true;
}

void progress_at(struct progress *p, uint64_t done)
{
	lan_time now = cli_now();
	double seconds = (double)(now - p->began) / 1e9, rate = seconds > 0 ? (double)done / seconds : 0;
	char size[HUMAN_SIZE], per[HUMAN_SIZE];
	if (p->cli->quiet)
		return;
	if (p->tty) {
		if (now - p->drawn >= REDRAW || done == p->total)
			bar(p, done, rate);
		else
			return;
		p->drawn = now;
		return;
	}
	unsigned tenth = p->total ? (unsigned)((double)done / (double)p->total * 10) : 10;
	if (tenth > p->tenth)
		cli_say(p->cli, "%u %% of %s, %s/s", tenth * 10, human_size((double)p->total, size),
			human_size(rate, per));
	p->tenth = tenth > p->tenth ? tenth : p->tenth;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		put("\r\033[K");
	p->shown = false;
}
