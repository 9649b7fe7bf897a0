/*
 * thread.c - see thread.h.
 */
#include "io/thread.h"

#include <pthread.h>
#include <signal.h>

int lan_thread_start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, before;
	int rc = pthread_attr_init(&attr);
	if (rc)
		return rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Signals are the application's; none may end up in this thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}
