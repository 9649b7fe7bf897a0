/* client.c */
#include "proto/iot/iot.h"
