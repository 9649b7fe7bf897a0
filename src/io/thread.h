/*
 * thread.h - a detached thread that no signal reaches, for the calls that can
 * only block (names, I2C transfers). It answers through memory and an eventfd
 * of its own; nobody ever joins it.
 */
#ifndef LAN_IO_THREAD_H
#define LAN_IO_THREAD_H

/* Run fn(arg). 0, or an errno: then fn is not called. */
int lan_thread_start(void *(*fn)(void *arg), void *arg);

#endif
