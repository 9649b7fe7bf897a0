/*
 * curl.c - find libcurl, once for the process. It stays: unloading a library
 * that has made threads is not safe.
 */
#include "io/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" /* its ABI since 2006 */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct lan_curl functions;
static bool found;

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	found = true;
#define X(type, name, args)                                                            \
	{                                                                              \
		void *at = dlsym(library, "curl_" #name);                              \
		memcpy(&functions._##name, &at, sizeof at); /* ISO C forbids a cast */ \
		found = found && at;                                                   \
	}
	LAN_CURL_FUNCTIONS(X)
#undef X
	found = found && functions._global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct lan_curl *lan_curl(void)
{
	return pthread_once(&once, load) == 0 && found ? &functions : NULL;
}
