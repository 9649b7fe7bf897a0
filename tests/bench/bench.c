/*
 * bench.c - see bench.h.
 *
 * Processor time of another process comes from the schedstat files of its threads:
 * nanoseconds from the scheduler, where stat only has ticks of 10 ms.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Noreturn void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		errno ? strerror(errno) : "unexpected");
	exit(1);
}

static enum bench_place place_of(const char *s)
{
	if (!strcmp(s, "split"))
		return BENCH_SPLIT;
	return !strcmp(s, "same") ? BENCH_SAME : BENCH_FREE;
}

void bench_options(int argc, char **argv, struct bench_opt *o)
{
	int c;
	*o = (struct bench_opt){.seconds = 0.5, .size = 64, .window = 100, .n = 50, .timeout_ms = 2000};
	while ((c = getopt(argc, argv, "d:s:w:p:n:t:P:B:xergy")) != -1)
		switch (c) {
		case 'd':
			o->seconds = atof(optarg);
			break;
		case 's':
			o->size = strtoul(optarg, NULL, 10);
			break;
		case 'w':
			o->window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			o->place = place_of(optarg);
			break;
		case 'n':
			o->n = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			o->timeout_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'P':
			o->port = (uint16_t)atoi(optarg);
			break;
		case 'B':
			o->pid = atoi(optarg);
			break;
		case 'x':
			o->reverse = true;
			break;
		case 'e':
			o->epoll = true;
			break;
		case 'r':
			o->reset = true;
			break;
		case 'g':
			o->hostile = true;
			break;
		case 'y':
			o->stream = true;
			break;
		default:
			exit(2);
		}
	o->rest = optind;
	if (o->size < 16 || o->size > BENCH_MAX || !o->window)
		bench_die("size 16..1048576, window 1..");
	signal(SIGPIPE, SIG_IGN);
}

struct bench_shared *bench_share(size_t n)
{
	void *p = mmap(NULL, n * sizeof(struct bench_shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		bench_die("mmap");
	return p;
}

/* --- time and place ------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static FILE *proc(pid_t pid, const char *file)
{
	char path[96];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *f = fopen(path, "r");
	if (!f)
		bench_die(path);
	return f;
}

uint64_t bench_cpu_of(pid_t pid)
{
	char path[32], file[64];
	unsigned long long ns, sum = 0;
	struct dirent *e;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		bench_die(path);
	while ((e = readdir(tasks))) {
		int task = atoi(e->d_name);
		if (task <= 0)
			continue;
		snprintf(file, sizeof file, "task/%d/schedstat", task);
		FILE *f = proc(pid, file);
		if (fscanf(f, "%llu", &ns) != 1)
			bench_die("schedstat");
		sum += ns;
		fclose(f);
	}
	closedir(tasks);
	return sum;
}

uint64_t bench_rss_of(pid_t pid)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *f = proc(pid, "smaps_rollup");
	while (!kib && fgets(line, sizeof line, f))
		(void)!sscanf(line, "Rss: %llu kB", &kib);
	fclose(f);
	return kib * 1024;
}

void bench_sleep(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void bench_pin(const struct bench_opt *o, bool second)
{
	cpu_set_t set;
	if (o->place == BENCH_FREE)
		return;
	CPU_ZERO(&set);
	CPU_SET(second && o->place == BENCH_SPLIT ? 1 : 0, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		bench_die("sched_setaffinity");
}

pid_t bench_fork(const struct bench_opt *o)
{
	fflush(stdout);
	pid_t parent = getpid(), child = fork();
	if (child < 0)
		bench_die("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	bench_pin(o, child == 0);
	return child;
}

void bench_reap(pid_t child)
{
	kill(child, SIGTERM);
	bench_await(child);
}

void bench_await(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			bench_die("waitpid");
	errno = 0;
	if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) &&
		!(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		bench_die("the other end failed");
}

/* --- sockets -------------------------------------------------------------------- */

void bench_nodelay(int fd)
{
	int one = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
		bench_die("TCP_NODELAY");
}

int bench_listen(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096) ||
		getsockname(fd, (struct sockaddr *)&a, &n))
		bench_die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

int bench_connect(uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		bench_die("connect");
	bench_nodelay(fd);
	return fd;
}

/* --- payload -------------------------------------------------------------------- */

void bench_fill(char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		line[i] = (char)('a' + i % 26);
}

void bench_number(char *line, uint64_t number)
{
	for (int i = 15; i >= 0; i--, number >>= 4)
		line[i] = "0123456789abcdef"[number & 15];
}

bool bench_is(const char *line, size_t len, size_t size, uint64_t number)
{
	char want[16];
	bench_number(want, number);
	return len == size && !memcmp(line, want, sizeof want);
}

/* --- results -------------------------------------------------------------------- */

void bench_print_rate(const char *what, uint64_t n, uint64_t ns, uint64_t cpu_tx, uint64_t cpu_rx)
{
	double each = n ? (double)n : 1;
	printf("{\"what\":\"%s\",\"n\":%llu,\"rate\":%.1f,\"cpu_tx_ns\":%.1f,\"cpu_rx_ns\":%.1f}\n", what,
		(unsigned long long)n, (double)n * 1e9 / (double)ns, (double)cpu_tx / each,
		(double)cpu_rx / each);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void bench_print_times(const char *what, uint64_t *ns, size_t n)
{
	if (!n)
		bench_die("nothing was measured");
	qsort(ns, n, sizeof *ns, by_size);
	printf("{\"what\":\"%s\",\"n\":%zu,\"min\":%.2f,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}\n", what, n,
		(double)ns[0] / 1e3, (double)ns[n / 2] / 1e3, (double)ns[n * 99 / 100] / 1e3,
		(double)ns[n - 1] / 1e3);
}
