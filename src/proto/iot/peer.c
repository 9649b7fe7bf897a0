/* peer.c */
#include "proto/iot/iot.h"
