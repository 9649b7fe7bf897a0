/*
 * process.h - what a program owes its descriptors before it opens anything.
 * For main functions only: it changes the whole process.
 */
#ifndef LAN_IO_PROCESS_H
#define LAN_IO_PROCESS_H

#include <stdbool.h>

/* Standard input, output and error exist: /dev/null where the caller closed
 * them, else the first socket would become one of them, and libuv gives up.
 * Writing to such an output fails rather than being thrown away. And as many
 * descriptors may be open as the hard limit allows. False: /dev/null could not
 * be opened. */
bool lan_process_init(void);

#endif
