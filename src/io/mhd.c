/*
 * mhd.c - find libmicrohttpd, once for the process. It stays, as libcurl does (curl.c).
 */
#include "io/mhd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libmicrohttpd.so.12" /* its ABI since 2014 */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct lan_mhd functions;
static bool found;

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	found = true;
#define X(type, name, args)                                                         \
	{                                                                           \
		void *at = dlsym(library, "MHD_" #name);                            \
		memcpy(&functions.name, &at, sizeof at); /* ISO C forbids a cast */ \
		found = found && at;                                                \
	}
	LAN_MHD_FUNCTIONS(X)
#undef X
}

const struct lan_mhd *lan_mhd(void)
{
	return pthread_once(&once, load) == 0 && found ? &functions : NULL;
}
