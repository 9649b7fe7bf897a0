/*
 * text.h - the daemon's texts are those of the library (api/text.h).
 */
#ifndef LANYARDD_TEXT_H
#define LANYARDD_TEXT_H

#include "api/text.h"

#endif
