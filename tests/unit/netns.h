/*
 * netns.h - a network of one's own for a test program: a fresh namespace in
 * which links may come and go without anybody noticing. Without the right to
 * make one (root has it) the program is skipped, and says so.
 *
 * Both ends of a veth pair stay in the namespace, so that a test sees what is
 * on the wire; accept_local lets IPv4 take datagrams that come from itself.
 */
#ifndef LAN_TEST_NETNS_H
#define LAN_TEST_NETNS_H

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Run a command of iproute2, nft ..; the test fails if it does. */
__attribute__((format(printf, 1, 2))) static inline void sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("command failed: %s", cmd);
}

static inline void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

/* False: not allowed to; the reason is said in TAP. */
static inline bool netns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		printf("1..0 # SKIP no right to make a network namespace\n");
		return false;
	}
	put_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put_file("/proc/sys/net/ipv4/conf/default/rp_filter", "0");
	put_file("/proc/sys/net/ipv4/conf/all/accept_local", "1");
	put_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	if (system("ip link set lo up") == 0)
		return true;
	printf("1..0 # SKIP no iproute2\n");
	return false;
}

/* Until frames pass: the kernel lets them some time after the link is up. */
static inline void wait_up(const char *link)
{
	sh("for i in $(seq 200); do ip link show dev %s | grep -q 'state UP' && exit 0; sleep 0.01; done; "
	   "exit 1",
		link);
}

/* Two links, one wire: A with 10.N.0.1/24, B with 10.N.0.2/24, both up. */
static inline void veth(const char *a, const char *b, int n)
{
	sh("ip link add %s type veth peer name %s", a, b);
	sh("ip addr add 10.%d.0.1/24 dev %s && ip addr add 10.%d.0.2/24 dev %s", n, a, n, b);
	sh("ip link set %s up && ip link set %s up", a, b);
	wait_up(a);
	wait_up(b);
}

#endif
