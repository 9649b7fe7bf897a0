/*
 * Unit tests of io/netlink.h against the kernel itself, in a namespace of their
 * own: links and addresses are made and removed with iproute2, and what was
 * reported is compared as text, word for word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "io/netlink.h"
#include "netns.h"

struct watcher {
	struct lan_loop *loop;
	struct lan_netlink *nl;
	char journal[65536];
	unsigned reports;
};

/* "+v0 " "~v0 " "-v0 " for links, "+v0=10.1.0.1 " "-v0=10.1.0.1 " for addresses. IPv6 comes by itself: left
 * out. */
static void on_change(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr)
{
	static const char sign[] = {[LAN_LINK_NEW] = '+',
		[LAN_LINK_CHANGED] = '~',
		[LAN_LINK_GONE] = '-',
		[LAN_ADDR_NEW] = '+',
		[LAN_ADDR_GONE] = '-'};
	struct watcher *w = ctx;
	char word[128], ip[64] = "";
	w->reports++;
	assert_true((addr != NULL) == (what == LAN_ADDR_NEW || what == LAN_ADDR_GONE));
	if (addr && addr->any.sa_family != AF_INET)
		return;
	if (addr)
		inet_ntop(AF_INET, &addr->v4.sin_addr, ip, sizeof ip);
	snprintf(word, sizeof word, "%c%s%s%s ", sign[what], link->name, addr ? "=" : "", ip);
	if (strlen(w->journal) + strlen(word) < sizeof w->journal)
		strcat(w->journal, word);
}

/* Let pass what is on its way. */
static void settle(struct watcher *w)
{
	for (int i = 0; i < 5; i++)
		lan_loop_run(w->loop, LAN_MS(10));
}

static int set_up(void **state)
{
	struct watcher *w = calloc(1, sizeof *w);
	if (!w || lan_loop_new(&w->loop) || lan_netlink_open(w->loop, on_change, w, &w->nl))
		return -1;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct watcher *w = *state;
	lan_netlink_close(w->nl);
	lan_loop_free(w->loop);
	free(w);
	return 0;
}

static const char *news(struct watcher *w)
{
	static char said[sizeof w->journal];
	settle(w);
	strcpy(said, w->journal);
	w->journal[0] = '\0';
	return said;
}

static bool said(const char *journal, const char *word)
{
	return strstr(journal, word) != NULL;
}

static void knows_what_is_there(void **state)
{
	struct watcher *w = *state;
	const struct lan_link_info *lo = lan_netlink_by_name(w->nl, "lo");
	assert_non_null(lo);
	assert_int_equal(lo->index, 1);
	assert_true(lo->flags & IFF_UP && lo->flags & IFF_LOOPBACK);
	assert_true(lo->carrier);
	assert_ptr_equal(lan_netlink_by_index(w->nl, 1), lo);
	assert_null(lan_netlink_by_name(w->nl, "nothing"));
	assert_null(lan_netlink_by_index(w->nl, 4711));
	bool found = false;
	union lan_sockaddr a;
	uint32_t index;
	uint8_t prefix;
	for (size_t i = 0; lan_netlink_addr(w->nl, i, &index, &a, &prefix); i++)
		found |= index == 1 && a.any.sa_family == AF_INET &&
			 a.v4.sin_addr.s_addr == htonl(0x7f000001) && prefix == 8;
	assert_true(found);
	assert_string_equal(news(w), ""); /* what was there is no news */
}

static void links_come_change_and_go(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	const char *j = news(w);
	assert_true(said(j, "+nl0 ") && said(j, "+nl1 "));
	assert_false(lan_netlink_by_name(w->nl, "nl0")->flags & IFF_UP);
	assert_false(lan_netlink_by_name(w->nl, "nl0")->carrier);

	sh("ip link set nl0 mtu 1280 address 02:00:00:00:00:07");
	assert_true(said(news(w), "~nl0 "));
	const struct lan_link_info *l = lan_netlink_by_name(w->nl, "nl0");
	assert_int_equal(l->mtu, 1280);
	assert_true(l->have_mac);
	assert_memory_equal(l->mac, "\x02\0\0\0\0\x07", 6);

	sh("ip link set nl0 up && ip link set nl1 up");
	settle(w);
	l = lan_netlink_by_name(w->nl, "nl0");
	assert_true(l->flags & IFF_UP && l->carrier);
	sh("ip link set nl1 down");
	settle(w);
	assert_false(lan_netlink_by_name(w->nl, "nl0")->carrier);
	(void)news(w);

	sh("ip link del nl0");
	j = news(w);
	assert_true(said(j, "-nl0 ") && said(j, "-nl1 "));
	assert_null(lan_netlink_by_name(w->nl, "nl0"));
}

/* A carrier of a link of its own, not one upon another as veth is: the kernel tells of its loss once a
 * second. */
static void a_carrier_that_is_lost_is_told_within_100_ms(void **state)
{
	struct watcher *w = *state;
	struct ifreq q = {.ifr_name = "nltap", .ifr_flags = IFF_TAP | IFF_NO_PI};
	int tap = open("/dev/net/tun", O_RDWR), on = 1, off = 0;
	lan_time late = 0;
	assert_true(tap >= 0);
	assert_int_equal(ioctl(tap, TUNSETIFF, &q), 0);
	sh("ip link set nltap up");
	settle(w);
	for (int i = 0; i < 6; i++) {
		lan_time until = lan_loop_now(w->loop) + LAN_SEC(3);
		while (!lan_netlink_by_name(w->nl, "nltap")->carrier && lan_loop_now(w->loop) < until)
			lan_loop_run(w->loop, LAN_MS(10));
		assert_true(lan_netlink_by_name(w->nl, "nltap")->carrier);
		lan_time lost = lan_loop_now(w->loop);
		assert_int_equal(ioctl(tap, TUNSETCARRIER, &off), 0);
		while (lan_netlink_by_name(w->nl, "nltap")->carrier && lan_loop_now(w->loop) < until)
			lan_loop_run(w->loop, LAN_MS(10));
		lost = lan_loop_now(w->loop) - lost;
		late = lost > late ? lost : late;
		assert_int_equal(ioctl(tap, TUNSETCARRIER, &on), 0);
	}
	assert_in_range(late, 0, LAN_MS(200)); /* 50 without load; the kernel alone: up to 1000 */
	close(tap);
	assert_true(said(news(w), "-nltap "));
}

static void links_and_addresses_are_found_among_many(void **state)
{
	struct watcher *w = *state;
	sh("for i in $(seq 1 60); do echo link add nla$i type veth peer name nlb$i; "
	   "echo addr add 10.9.$i.2/24 dev nla$i; echo addr add 10.9.$i.1/24 dev nla$i; done | ip -batch -");
	(void)news(w);
	/* From the middle and both ends. */
	sh("ip link del nla30 && ip link del nla1 && ip link del nla60 && ip addr add 10.9.5.3/24 dev nla5");
	(void)news(w);
	unsigned found = 0;
	const struct lan_link_info *l;
	for (size_t i = 0; lan_netlink_link(w->nl, i, &l); i++) {
		assert_ptr_equal(lan_netlink_by_index(w->nl, l->index), l);
		assert_int_equal(l->index, if_nametoindex(l->name));
		found += l->name[0] == 'n';
	}
	assert_int_equal(found, 57 * 2);
	/* Those of one link together, in the order in which they came. */
	char text[256] = "";
	union lan_sockaddr a;
	uint32_t index, last = 0;
	uint8_t prefix;
	for (size_t i = 0; lan_netlink_addr(w->nl, i, &index, &a, &prefix); i++) {
		assert_true(index >= last);
		last = index;
		if (strcmp(lan_netlink_by_index(w->nl, index)->name, "nla5") == 0)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%u ",
				ntohl(a.v4.sin_addr.s_addr) & 255);
	}
	assert_string_equal(text, "2 1 3 ");
	sh("for i in $(seq 2 59); do test $i = 30 || echo link del nla$i; done | ip -batch -");
	(void)news(w);
	assert_null(lan_netlink_by_name(w->nl, "nla5"));
	for (size_t i = 0; lan_netlink_addr(w->nl, i, &index, &a, &prefix); i++)
		assert_int_equal(index, 1);
}

static void a_link_may_be_renamed(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	settle(w);
	uint32_t index = lan_netlink_by_name(w->nl, "nl0")->index;
	(void)news(w);
	sh("ip link set nl0 name other");
	assert_true(said(news(w), "~other "));
	assert_null(lan_netlink_by_name(w->nl, "nl0"));
	assert_int_equal(lan_netlink_by_name(w->nl, "other")->index, index);
	sh("ip link del other");
}

static void a_link_made_again_is_another_one(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	settle(w);
	uint32_t index = lan_netlink_by_name(w->nl, "nl0")->index;
	(void)news(w);
	sh("ip link del nl0 && ip link add nl0 type veth peer name nl1");
	const char *j = news(w);
	assert_true(said(j, "-nl0 ") && said(strstr(j, "-nl0 "), "+nl0 "));
	assert_int_not_equal(lan_netlink_by_name(w->nl, "nl0")->index, index);
	sh("ip link del nl0");
}

static void addresses_come_and_go(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	(void)news(w);
	sh("ip addr add 10.7.0.1/24 dev nl0 && ip addr add 10.7.0.2/24 dev nl0");
	assert_string_equal(news(w), "+nl0=10.7.0.1 +nl0=10.7.0.2 ");
	sh("ip addr del 10.7.0.2/24 dev nl0");
	assert_string_equal(news(w), "-nl0=10.7.0.2 ");
	sh("ip link del nl0");
	const char *j = news(w);
	assert_true(said(j, "-nl0=10.7.0.1 ") && said(strstr(j, "-nl0=10.7.0.1 "), "-nl0 "));
}

static void on_a_point_to_point_link_the_address_is_ours(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	(void)news(w);
	sh("ip addr add 10.7.0.1 peer 10.7.0.9 dev nl0");
	assert_string_equal(news(w), "+nl0=10.7.0.1 ");
	sh("ip link del nl0");
}

static void what_is_no_change_is_not_reported(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1");
	sh("ip link set nl0 up && ip link set nl1 up");
	wait_up("nl0");
	settle(w);
	sh("ip addr add 10.7.0.1/24 dev nl0");
	(void)news(w);
	/* The kernel sends notices for both. */
	sh("ip link set nl0 alias something && ip addr change 10.7.0.1/24 dev nl0 preferred_lft 1000 "
	   "valid_lft 2000");
	assert_string_equal(news(w), "");
	sh("ip link del nl0");
}

/* The kernel then says "link gone", and means the port. */
static void a_link_that_leaves_a_bridge_is_still_there(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1 && ip link add nlbr type bridge && ip link set nl0 "
	   "master nlbr");
	settle(w);
	(void)news(w);
	sh("ip link set nl0 nomaster");
	assert_false(said(news(w), "-nl0 "));
	assert_non_null(lan_netlink_by_name(w->nl, "nl0"));
	sh("ip link del nl0 && ip link del nlbr");
}

/* More notices than the socket holds: 212992 bytes are full after some hundred. */
static void after_an_overrun_the_table_is_right_and_the_differences_are_reported(void **state)
{
	struct watcher *w = *state;
	sh("ip link add nl0 type veth peer name nl1 && ip link add nl2 type veth peer name nl3");
	sh("ip addr add 10.7.0.1/24 dev nl2");
	(void)news(w);
	sh("(i=0; while [ $i -lt 6000 ]; do echo \"link set nl0 mtu $((1000 + i %% 2))\"; i=$((i + 1)); "
	   "done) >/tmp/nl.%d && "
	   "ip -batch /tmp/nl.%d; rm -f /tmp/nl.%d",
		getpid(), getpid(), getpid());
	/* By now notices are being lost: none of these gets through on its own. */
	sh("ip link del nl2 && ip link add nl4 type veth peer name nl5 && ip addr add 10.8.0.1/24 dev nl4");
	w->reports = 0;
	const char *j = news(w);
	assert_true(w->reports < 4500); /* or nothing was lost and this test shows nothing */
	assert_true(said(j, "-nl2=10.7.0.1 ") && said(j, "-nl2 ") && said(j, "+nl4 ") &&
		    said(j, "+nl4=10.8.0.1 "));
	assert_null(lan_netlink_by_name(w->nl, "nl2"));
	assert_int_equal(lan_netlink_by_name(w->nl, "nl0")->mtu, 1001);
	sh("ip link set nl0 mtu 1400"); /* and the monitor goes on */
	assert_true(said(news(w), "~nl0 "));
	sh("ip link del nl0 && ip link del nl4");
}

static void the_routing_table_is_asked(void **state)
{
	union lan_sockaddr group = {.v4 = {.sin_family = AF_INET}}, src;
	uint32_t index = 0;
	struct watcher *w = *state;
	inet_pton(AF_INET, "239.1.2.3", &group.v4.sin_addr);
	assert_int_equal(lan_netlink_route(&group, &index, &src), LAN_ERR_UNREACH);
	sh("ip link add nl0 type veth peer name nl1 && ip addr add 10.7.0.1/24 dev nl0");
	sh("ip link set nl0 up && ip route add 239.0.0.0/8 dev nl0");
	settle(w);
	assert_int_equal(lan_netlink_route(&group, &index, &src), LAN_OK);
	assert_int_equal(index, lan_netlink_by_name(w->nl, "nl0")->index);
	assert_int_equal(src.v4.sin_addr.s_addr, htonl(0x0a070001));
	sh("ip link del nl0");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(knows_what_is_there),
		T(links_come_change_and_go),
		T(a_carrier_that_is_lost_is_told_within_100_ms),
		T(links_and_addresses_are_found_among_many),
		T(a_link_may_be_renamed),
		T(a_link_made_again_is_another_one),
		T(addresses_come_and_go),
		T(on_a_point_to_point_link_the_address_is_ours),
		T(what_is_no_change_is_not_reported),
		T(a_link_that_leaves_a_bridge_is_still_there),
		T(after_an_overrun_the_table_is_right_and_the_differences_are_reported),
		T(the_routing_table_is_asked),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
