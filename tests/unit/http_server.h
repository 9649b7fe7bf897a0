/*
 * http_server.h - a small HTTP server in a child process, for the tests of
 * clients: what it does stands in the path, and what it got in memory that both
 * see. One connection at a time, which is enough for a client that has one.
 *
 *      /ok  /500  /redirect      answers; the connection stays
 *      /close                    answers and closes, and says so
 *      /silent-close             answers, says nothing, closes
 *      /slow                     answers after 300 ms
 *      /never                    does not answer
 *      /drop  /cut  /garbage     closes without an answer, in the middle of one; sends what is no HTTP
 *      /fail-first               the first request ever is dropped, later ones are answered
 */
#ifndef LAN_TEST_HTTP_SERVER_H
#define LAN_TEST_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HTTP_KEPT 512
struct http_seen {
	volatile int connections, requests;
	char head[2048]; /* of the last request */
	size_t body_len;
	char body[4096];
	struct { /* of all requests, as far as there is room */
		char path[32], body[2048];
	} kept[HTTP_KEPT];
};

struct http_server {
	pid_t pid;
	int port;
	struct http_seen *seen;
};

static inline void http_answer(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

/* False: close. */
static inline int http_react(struct http_seen *seen, int fd, const char *path)
{
	static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	if (strcmp(path, "/500") == 0)
		http_answer(fd, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/redirect") == 0)
		http_answer(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/close") == 0)
		http_answer(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
	else if (strcmp(path, "/cut") == 0)
		http_answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of i");
	else if (strcmp(path, "/garbage") == 0)
		http_answer(fd, "\x16\x03\x01 this is no HTTP\r\n\r\n");
	else if (strcmp(path, "/never") == 0)
		pause();
	else if (strcmp(path, "/drop") != 0 && !(strcmp(path, "/fail-first") == 0 && seen->requests == 1)) {
		if (strcmp(path, "/slow") == 0)
			usleep(300000);
		http_answer(fd, fine);
		return strcmp(path, "/silent-close") != 0;
	}
	return strcmp(path, "/500") == 0 || strcmp(path, "/redirect") == 0;
}

/* One request: 0 the client has closed. */
static inline int http_request(struct http_seen *seen, int fd)
{
	static char buf[1 << 20];
	size_t n = 0, want = 0;
	char *end = NULL, path[32] = "";
	while (!end || n < want) {
		ssize_t r = read(fd, buf + n, sizeof buf - 1 - n);
		if (r <= 0)
			return 0;
		buf[n += (size_t)r] = '\0';
		end = strstr(buf, "\r\n\r\n");
		const char *length = end ? strcasestr(buf, "\r\nContent-Length: ") : NULL;
		want = end ? (size_t)(end + 4 - buf) + (length ? strtoul(length + 18, NULL, 10) : 0) : 0;
	}
	sscanf(buf, "%*s %31s", path);
	seen->body_len = n - (size_t)(end + 4 - buf);
	snprintf(seen->head, sizeof seen->head, "%.*s", (int)(end + 2 - buf), buf);
	snprintf(seen->body, sizeof seen->body, "%s", end + 4);
	if (seen->requests < HTTP_KEPT) {
		memcpy(seen->kept[seen->requests].path, path, sizeof path);
		snprintf(seen->kept[seen->requests].body, sizeof seen->kept[0].body, "%s", end + 4);
	}
	seen->requests++;
	return http_react(seen, fd, path);
}

/* port 0: any. The test fails if it cannot start. */
static inline void http_start(struct http_server *s, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	s->seen = mmap(NULL, sizeof *s->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(s->seen, MAP_FAILED);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int conn = accept(fd, NULL, NULL);
			s->seen->connections++;
			while (http_request(s->seen, conn))
				;
			close(conn);
		}
	}
	close(fd);
}

static inline void http_stop(struct http_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->seen, sizeof *s->seen);
}

#endif
