/*
 * process.c - see process.h. The soft limit of 1024 descriptors is for programs
 * that use select(2); a server of thousands of boards needs the hard one.
 */
#include "io/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

bool lan_process_init(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return false;
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	return true;
}
