/* line.c */
#include "proto/iot/iot.h"
