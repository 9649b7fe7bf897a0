/*
 * packet_close.c - closing packet sockets. The kernel lets a packet socket go only after all processors have
 * left the network code (synchronize_net): some 25 ms each, in which the caller sleeps. A thousand links
 * would hold the loop, and the end of the process, for half a minute. So descriptors are handed to a few
 * threads, whose waits the kernel answers together; lan_packet_settle waits until they have finished.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "io/packet_int.h"
#include "io/thread.h"

#define THREADS 32

static struct {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	pid_t owner; /* whose threads these are */
	int *fds;
	unsigned n, cap, threads;
} closer = {.lock = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};

static void *work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&closer.lock);
	while (closer.n) {
		int fd = closer.fds[--closer.n];
		pthread_mutex_unlock(&closer.lock);
		close(fd);
		pthread_mutex_lock(&closer.lock);
	}
	if (--closer.threads == 0) {
		free(closer.fds);
		closer.fds = NULL;
		closer.cap = 0;
		pthread_cond_broadcast(&closer.idle);
	}
	pthread_mutex_unlock(&closer.lock);
	return NULL;
}

/* A child of fork(2) has the list, but not the threads. */
static void adopt(void)
{
	if (closer.owner == getpid())
		return;
	closer.owner = getpid();
	closer.n = closer.threads = 0;
}

static bool put(int fd)
{
	if (closer.n == closer.cap) {
		unsigned cap = closer.cap ? closer.cap * 2 : 16;
		int *fds = realloc(closer.fds, cap * sizeof *fds);
		if (!fds)
			return false;
		closer.fds = fds;
		closer.cap = cap;
	}
	closer.fds[closer.n++] = fd;
	return true;
}

/* Whether a thread will close what is in the list. */
static bool staffed(void)
{
	if (closer.threads == THREADS)
		return true;
	closer.threads++;
	if (lan_thread_start(work, NULL) == 0)
		return true;
	return --closer.threads > 0;
}

void packet_let_go(int fd)
{
	pthread_mutex_lock(&closer.lock);
	adopt();
	bool done = put(fd);
	if (done && !staffed()) {
		closer.n--;
		done = false;
	}
	pthread_mutex_unlock(&closer.lock);
	if (!done)
		close(fd);
}

void lan_packet_settle(void)
{
	pthread_mutex_lock(&closer.lock);
	adopt();
	while (closer.threads)
		pthread_cond_wait(&closer.idle, &closer.lock);
	pthread_mutex_unlock(&closer.lock);
}
