/* server.c */
#include "proto/iot/iot.h"
