/*
 * control_socket.h - where the control socket is, and making it without a race.
 */
#ifndef LANYARDD_CONTROL_SOCKET_H
#define LANYARDD_CONTROL_SOCKET_H

#include "api/text.h"

/* The default path for this user; makes the private directory where that is needed.
 * NULL: `what` says why. Free it. */
char *control_socket_default(struct text *what);
/* A listening socket, non-blocking, mode 0660; -1: `what` says why. *lock keeps others away until
 * control_socket_close. */
int control_socket_open(const char *path, int *lock, struct text *what);
/* Removes the socket; `fd` may be closed (-1) already. */
void control_socket_close(const char *path, int fd, int lock);

#endif
