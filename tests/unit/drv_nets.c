/*
 * Unit tests of the driver of messages (drv/nets.h) over Ethernet and UDP, with veth pairs in a namespace of
 * their own and a core that echoes. Radios are in drv_nets_xbee.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "drv_nets_end.h"

static struct toy *a, *b;

static int set_up(void **state)
{
	(void)state;
	if (lan_loop_new(&loop))
		return -1;
	a = toy_new();
	b = toy_new();
	veth("nt0", "nt1", 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	toy_free(a);
	toy_free(b);
	lan_loop_free(loop);
	sh("ip link del nt0 2>/dev/null || true");
	return 0;
}

static const char *mac_of(const char *iface)
{
	static char text[32];
	struct ifreq q = {.ifr_name = ""};
	strcpy(q.ifr_name, iface);
	int fd = raw_open();
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &q), 0);
	close(fd);
	const uint8_t *m = (const uint8_t *)q.ifr_hwaddr.sa_data;
	sprintf(text, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return text;
}

/* ---- Ethernet ------------------------------------------------------------------- */

static void frames_carry_messages_of_every_length(void **state)
{
	uint8_t msg[1498];
	memset(msg, 0x5a, sizeof msg);
	toy_add(a, 1, "ethernet:nt0");
	toy_add(b, 2, "ethernet:nt1");
	b->echo = true;
	for (size_t n = 1; n <= sizeof msg; n += n < 60 ? 1 : 479) {
		unsigned had = a->heard;
		toy_say(a, 1, mac_of("nt1"), msg, n);
		WAIT(a->heard == had + 1);
		assert_int_equal(b->last.n, n);
		assert_int_equal(a->last.n, n);
		assert_memory_equal(a->last.data, msg, n);
	}
	assert_string_equal(toy_from(a), mac_of("nt1"));
	assert_int_equal(a->groups, 0);
	assert_int_equal(a->link[1].told, 1);
	assert_true(a->link[1].up);
	toy_say(a, 1, "", "all", 3);
	WAIT(b->groups == 1);
	assert_string_equal(toy_from(b), mac_of("nt0"));
}

/* The length field, octet by octet on the wire: with padding, and without. */
static void the_length_of_a_frame_is_judged(void **state)
{
	static const struct {
		const char *content;
		size_t n, heard; /* heard 0: dropped */
	} cases[] = {
		{"\0\6abcd", 6, 4},              /* as short as on a virtual wire */
		{"\0\6abcd\0\0\0\0\0\0", 12, 4}, /* padded */
		{"\0\3a", 3, 1},                 /* 17 octets in all */
		{"\0\0abcd", 6, 0},              /* no length: not even its own */
		{"\0\1abcd", 6, 0},              /* .. not all of its own */
		{"\0\2abcd", 6, 0},              /* nothing in it */
		{"\0\7abcd", 6, 0},              /* more than there is */
		{"\xff\xff"
		 "abcd",
			6, 0},
		{"\0", 1, 0},
		{"", 0, 0},
	};
	int fd = raw_open();
	uint64_t drops = 0;
	toy_add(b, 2, "ethernet:nt1");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t f[64];
		unsigned had = b->heard;
		memset(f, 0xff, 6);
		memcpy(f + 6, "\x02\0\0\0\0\x01\x88\xb5", 8);
		memcpy(f + 14, cases[i].content, cases[i].n);
		raw_send(fd, "nt0", f, 14 + cases[i].n);
		drops += cases[i].heard == 0;
		WAIT(b->heard == had + (cases[i].heard > 0) && toy_stats(b, 2).drop_length == drops);
		if (cases[i].heard)
			assert_int_equal(b->last.n, cases[i].heard);
	}
	close(fd);
	assert_string_equal(toy_from(b), "02:00:00:00:00:01");
}

static void ethertypes_are_apart(void **state)
{
	struct toy *c = toy_new();
	toy_add(a, 1, "ethernet:nt0,ethertype=0x1234");
	toy_add(b, 1, "ethernet:nt1");
	toy_add(c, 1, "ethernet:nt1,ethertype=0x1234");
	toy_say(a, 1, "", "x", 1);
	WAIT(c->heard == 1);
	settle();
	assert_int_equal(b->heard, 0);
	assert_int_equal(toy_try(a, 2, "ethernet:nt0,ethertype=0x1234", false), LAN_ERR_EXISTS);
	assert_int_equal(toy_try(a, 1, "ethernet:nt1", false), LAN_ERR_EXISTS);
	toy_add(a, 2, "ethernet:nt0");
	toy_free(c);
}

static void interfaces_come_and_go(void **state)
{
	toy_add(b, 1, "ethernet:nt1");
	assert_int_equal(toy_try(a, 1, "ethernet:nt7", false), LAN_ERR_NOTFOUND);
	assert_int_equal(toy_try(a, 1, "ethernet:lo", true), LAN_ERR_NOTSUP);
	assert_int_equal(toy_try(a, 1, "ethernet:nt7", true), LAN_OK);
	WAIT(a->link[1].told == 1);
	assert_false(a->link[1].up);
	assert_int_equal(a->link[1].err, LAN_ERR_NOTFOUND);
	toy_say(a, 1, "", "x", 1);
	WAIT(a->unsent == 1);
	assert_int_equal(a->why, LAN_ERR_UNREACH);
	sh("ip link set nt0 down && ip link set nt0 name nt7 && ip link set nt7 up");
	WAIT(a->link[1].up);
	toy_say(a, 1, "", "x", 1);
	WAIT(b->heard == 1);
	sh("ip link set nt1 down");
	WAIT(!a->link[1].up && !b->link[1].up);
	assert_string_equal(b->link[1].why, "the interface is down");
	assert_string_equal(a->link[1].why, "no carrier");
	sh("ip link set nt1 up");
	WAIT(a->link[1].up && b->link[1].up);
	sh("ip link del nt7");
	WAIT(!a->link[1].up && !b->link[1].up);
	veth("nt0", "nt1", 9);
	WAIT(b->link[1].up);
	toy_add(a, 2, "ethernet:nt0");
	toy_say(a, 2, "", "x", 1);
	WAIT(b->heard == 2);
	lan_nets_remove(b->nets, 1);
	toy_say(a, 2, "", "x", 1);
	settle();
	assert_int_equal(b->heard, 2);
}

static void what_does_not_leave_is_told_with_its_destination(void **state)
{
	uint8_t msg[1498] = {0};
	toy_add(a, 1, "ethernet:nt0");
	sh("ip link set nt0 mtu 1280");
	toy_say(a, 1, "02:00:00:00:00:99", msg, 1400);
	WAIT(a->unsent == 1);
	assert_int_equal(a->why, LAN_ERR_TOOBIG);
	char text[64];
	lan_nets_text(a->nets, &a->unsent_to, text, sizeof text);
	assert_string_equal(text, "02:00:00:00:00:99");
	toy_say(a, 1, "", msg, 1400);
	WAIT(a->unsent == 2);
	assert_int_equal(a->unsent_to.len, 0);
	assert_int_equal(toy_stats(a, 1).tx_failed, 2);
	struct lan_ep nowhere = {.link = 7};
	toy_say_ep(a, &nowhere, "x", 1);
	WAIT(a->unsent == 3);
	assert_int_equal(a->why, LAN_ERR_NOTFOUND);
}

/* A core that has room for 50 answers: the driver empties it in the middle of a batch. */
static void very_many_are_echoed_and_the_core_is_never_overrun(void **state)
{
	unsigned sent = 0;
	toy_add(a, 1, "ethernet:nt0");
	toy_add(b, 1, "ethernet:nt1");
	b->echo = true;
	b->room = 50;
	struct lan_ep to;
	assert_int_equal(lan_nets_ep(a->nets, 1, mac_of("nt1"), &to), LAN_OK);
	lan_time until = lan_loop_now(loop) + LAN_SEC(20);
	while (a->heard < 20000 && lan_loop_now(loop) < until) {
		while (sent < 20000 && sent - a->heard < 400 && a->count < TOYS)
			toy_say_ep(a, &to, &sent, 4), sent++;
		lan_loop_run(loop, LAN_MS(10));
	}
	assert_int_equal(a->heard, 20000);
	assert_in_range(b->most, 1, 50);
	assert_memory_equal(a->last.data, &(unsigned){19999}, 4);
	struct lan_net_stats s = toy_stats(b, 1);
	assert_int_equal(s.rx_messages, 20000);
	assert_int_equal(s.tx_messages, 20000);
	assert_int_equal(s.drop_other, 0);
	assert_int_equal(s.kernel_drops, 0);
}

/* ---- UDP ---------------------------------------------------------------------------- */

static int plain(int family, const char *ip, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {.any = {.sa_family = (sa_family_t)family}};
	int fd = socket(family, SOCK_DGRAM, 0);
	struct timeval tv = {.tv_sec = 2};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	at.v4.sin_port = htons(port);
	assert_int_equal(
		inet_pton(family, ip, family == AF_INET ? (void *)&at.v4.sin_addr : &at.v6.sin6_addr), 1);
	assert_int_equal(connect(fd, &at.any, family == AF_INET ? sizeof at.v4 : sizeof at.v6), 0);
	return fd;
}

/* The kernel makes the local route of an address later than it says that it has the address; a socket that is
 * connected in between goes by the route of the prefix for ever, and nothing it sends arrives. */
static void add_addresses(void)
{
	sh("for a in fd00::7 fd00::8; do ip -6 addr add $a/128 dev lo; n=0; "
	   "until ip -6 route get $a | grep -q ^local || [ $n = 500 ]; do n=$((n+1)); sleep 0.01; done; "
	   "done");
}

/* A connected socket takes an answer only from the address it asked. */
static void an_answer_leaves_from_the_address_that_was_asked(void **state)
{
	static const struct {
		int family;
		const char *ip;
	} asked[] = {{AF_INET, "127.0.0.1"}, {AF_INET, "127.0.0.2"}, {AF_INET, "10.9.0.2"}, {AF_INET6, "::1"},
		{AF_INET6, "fd00::7"}, {AF_INET6, "fd00::8"}, {AF_INET, "127.9.9.9"}};
	static const char *const bound[] = {"udp:[::]:0", "udp:0.0.0.0:0"};
	add_addresses();
	for (int k = 0; k < 2; k++) {
		struct toy *c = toy_new();
		c->echo = true;
		toy_add(c, 3, bound[k]);
		for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
			char buf[16];
			if (k == 1 && asked[i].family == AF_INET6)
				continue;
			int fd = plain(asked[i].family, asked[i].ip, toy_port(c, 3));
			assert_int_equal(send(fd, "hello", 5, 0), 5);
			unsigned had = c->heard;
			WAIT(c->heard == had + 1 && toy_stats(c, 3).tx_messages == c->heard);
			assert_int_equal(recv(fd, buf, sizeof buf, 0), 5);
			close(fd);
		}
		assert_int_equal(c->unsent, 0);
		toy_free(c);
	}
	sh("ip -6 addr del fd00::7/128 dev lo; ip -6 addr del fd00::8/128 dev lo");
}

/* The peer is the same one whichever of our addresses it asked, and through whichever socket. */
static void a_peer_is_one_endpoint(void **state)
{
	char want[64];
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof me;
	toy_add(a, 1, "udp:[::]:0");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof me), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&me, &len), 0);
	sprintf(want, "127.0.0.1:%u", ntohs(me.sin_port));
	struct lan_ep ep, first = {0};
	for (unsigned i = 1; i <= 3; i++) {
		struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_port = htons(toy_port(a, 1)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i)};
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
		WAIT(a->heard == i);
		assert_string_equal(toy_from(a), want);
		ep = a->last.ep;
		if (i == 1)
			first = ep;
		assert_int_equal(ep.len, 6);
		assert_memory_equal(ep.addr, first.addr, 6);
	}
	assert_int_equal(lan_nets_ep(a->nets, 1, want, &ep), LAN_OK);
	assert_int_equal(ep.len, first.len);
	assert_memory_equal(ep.addr, first.addr, 6);
	close(fd);
}

static void sockets_are_several_and_ports_are_taken(void **state)
{
	char text[64];
	toy_add(a, 1, "udp:127.0.0.1:0");
	toy_add(a, 2, "udp:[::1]:0");
	toy_add(b, 1, "udp:[::]:0");
	b->echo = true;
	sprintf(text, "127.0.0.1:%u", toy_port(b, 1));
	toy_say(a, 1, text, "four", 4);
	WAIT(a->heard == 1);
	assert_int_equal(a->last.ep.link, 1);
	assert_string_equal(toy_from(a), text);
	sprintf(text, "[::1]:%u", toy_port(b, 1));
	toy_say(a, 2, text, "six", 3);
	WAIT(a->heard == 2);
	assert_int_equal(a->last.ep.link, 2);
	assert_string_equal(toy_from(a), text);
	sprintf(text, "udp:127.0.0.1:%u", toy_port(a, 1));
	assert_int_equal(toy_try(b, 2, text, false), LAN_ERR_ADDRINUSE);
	assert_int_equal(toy_try(b, 2, "udp:192.0.2.77:0", false), LAN_ERR_ADDR);
	assert_int_equal(toy_try(b, 2, "udp:127.0.0.1:0,iface=nt9", false), LAN_ERR_NOTFOUND);
	struct lan_ep ep;
	assert_int_equal(lan_nets_ep(a->nets, 1, "[::1]:1", &ep), LAN_ERR_ADDR);
	assert_int_equal(lan_nets_ep(a->nets, 1, "localhost:1", &ep), LAN_ERR_ADDR);
	assert_int_equal(lan_nets_ep(a->nets, 5, "127.0.0.1:1", &ep), LAN_ERR_NOTFOUND);
}

static void a_closed_port_is_told_and_others_go_on(void **state)
{
	static const char *const bound[] = {"udp:[::]:0", "udp:127.0.0.1:0"};
	char text[64], dead[64], shown[64];
	toy_add(b, 1, "udp:127.0.0.1:0");
	sprintf(text, "127.0.0.1:%u", toy_port(b, 1));
	for (uint32_t k = 0; k < 2; k++) {
		int fd = plain(AF_INET, "127.0.0.1", 9);
		struct sockaddr_in at;
		socklen_t len = sizeof at;
		assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
		close(fd);
		sprintf(dead, "127.0.0.1:%u", ntohs(at.sin_port));
		toy_add(a, k + 1, bound[k]);
		unsigned had = b->heard, lost = a->unsent;
		for (int i = 0; i < 10; i++) {
			toy_say(a, k + 1, dead, "x", 1);
			toy_say(a, k + 1, text, "y", 1);
			settle();
		}
		WAIT(b->heard == had + 10 && a->unsent > lost);
		assert_int_equal(a->why, LAN_ERR_REFUSED);
		lan_nets_text(a->nets, &a->unsent_to, shown, sizeof shown);
		assert_string_equal(shown, dead);
		assert_int_equal(a->unsent_to.link, k + 1);
	}
}

static void a_core_without_room_leaves_datagrams_in_the_kernel(void **state)
{
	toy_add(a, 1, "udp:127.0.0.1:0");
	int fd = plain(AF_INET, "127.0.0.1", toy_port(a, 1));
	a->closed = true;
	for (int i = 0; i < 200; i++)
		assert_int_equal(send(fd, "x", 1, 0), 1);
	settle();
	assert_int_equal(a->heard, 0);
	a->closed = false;
	lan_nets_kick(a->nets);
	WAIT(a->heard == 200);
	assert_int_equal(toy_stats(a, 1).drop_other, 0);
	char big[2100] = {0};
	assert_int_equal(send(fd, big, sizeof big, 0), sizeof big);
	WAIT(toy_stats(a, 1).drop_other == 1);
	assert_int_equal(a->heard, 200);
	close(fd);
}

/* Who joined on the link hears it, once in each family, and answers to where it came from. */
static void everybody_on_a_link_is_heard_in_both_families(void **state)
{
	toy_add(a, 1, "udp:[::]:5683,iface=nt0");
	toy_add(b, 1, "udp:[::]:0,iface=nt1");
	a->echo = true;
	toy_say(b, 1, "", "hello", 5);
	WAIT(a->groups == 2 && b->heard == 2);
	assert_int_equal(a->heard, 2);
	assert_int_equal(b->groups, 0);
	toy_say(a, 1, "", "mine", 4);
	settle();
	assert_int_equal(a->heard, 2); /* not its own */
	assert_int_equal(a->unsent + b->unsent, 0);
	lan_nets_remove(a->nets, 1);
	toy_add(a, 1, "udp:[::]:5683");
	toy_say(b, 1, "", "hello", 5);
	settle();
	assert_int_equal(a->heard, 2);
}

static void very_many_datagrams_are_echoed(void **state)
{
	char text[64];
	unsigned sent = 0;
	toy_add(a, 1, "udp:127.0.0.1:0");
	toy_add(b, 1, "udp:[::]:0");
	b->echo = true;
	b->room = 50;
	sprintf(text, "127.0.0.1:%u", toy_port(b, 1));
	struct lan_ep to;
	assert_int_equal(lan_nets_ep(a->nets, 1, text, &to), LAN_OK);
	lan_time until = lan_loop_now(loop) + LAN_SEC(20);
	while (a->heard < 20000 && lan_loop_now(loop) < until) {
		while (sent < 20000 && sent - a->heard < 300)
			toy_say_ep(a, &to, &sent, 4), sent++;
		lan_loop_run(loop, LAN_MS(10));
	}
	assert_int_equal(a->heard, 20000);
	assert_in_range(b->most, 1, 50);
	assert_int_equal(toy_stats(b, 1).kernel_drops, 0);
}

/* ---- both ------------------------------------------------------------------------------- */

static void the_deadline_of_the_core_is_kept(void **state)
{
	settle();
	assert_int_equal(a->ticks, 0);
	lan_time at = a->deadline = lan_loop_now(loop) + LAN_MS(30);
	lan_nets_kick(a->nets);
	WAIT(a->ticks > 0);
	assert_in_range(lan_loop_now(loop), at, at + LAN_MS(500));
}

static void the_last_words_leave_and_a_child_sends_nothing(void **state)
{
	toy_add(b, 1, "ethernet:nt1");
	toy_add(a, 1, "ethernet:nt0");
	settle();
	for (int i = 0; i < 100; i++)
		toy_say(a, 1, "", "x", 1);
	pid_t pid = fork();
	if (pid == 0) {
		lan_nets_close(a->nets);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	toy_free(a);
	a = toy_new();
	WAIT(b->heard == 100);
	settle();
	assert_int_equal(b->heard, 100);
}

static void texts_are_understood_or_refused_with_a_sentence(void **state)
{
	static const char *const bad[] = {"", "eth0", "ethernet", "ethernet:", "ethernet:eth0,mtu=5",
		"ethernet:eth0,addr=1:2", "ethernet:eth0,ethertype=7", "ethernet:abcdefghijklmnopq", "xbee",
		"xbee:ttyUSB0,channel=27", "xbee:ttyUSB0,addr=ff:ff", "xbee:ttyUSB0,addr=12", "xbee:t,api=3",
		"xbee:t,guard=0", "xbee:t,baud=x", "udp:::1", "udp:1.2.3.4:99999", "udp:[::1",
		"udp,iface=", "udp,what", "ethernet:eth0,mtu"};
	struct lan_net_spec s;
	const char *why;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		assert_int_equal(lan_net_parse(bad[i], &s, &why), LAN_ERR_INVAL);
		assert_true(why && strlen(why) > 10);
	}
	assert_int_equal(lan_net_parse("ethernet:eth0", &s, &why), LAN_OK);
	assert_int_equal(s.ethertype, 0x88b5);
	assert_int_equal(lan_net_mtu(&s), 1518);
	assert_int_equal(lan_net_datagram(&s), 1498);
	assert_int_equal(lan_net_parse("ethernet:eth0,mtu=200,ethertype=0x1234", &s, &why), LAN_OK);
	assert_int_equal(lan_net_datagram(&s), 180);
	assert_int_equal(lan_net_parse("ethernet:eth0,mtu=1536", &s, &why), LAN_OK);
	assert_int_equal(lan_net_mtu(&s), 1518);
	assert_int_equal(
		lan_net_parse("xbee:ttyUSB0,addr=45:67,panid=ca:fe,channel=26,mtu=127", &s, &why), LAN_OK);
	assert_string_equal(s.name, "/dev/ttyUSB0");
	assert_memory_equal(s.addr, "\x45\x67", 2);
	assert_int_equal(s.channel, 26);
	assert_int_equal(lan_net_mtu(&s), 127);
	assert_int_equal(lan_net_datagram(&s), 100);
	assert_int_equal(lan_net_parse("xbee:/tmp/stick,api=2,guard=200ms", &s, &why), LAN_OK);
	assert_string_equal(s.name, "/tmp/stick");
	assert_int_equal(lan_net_mtu(&s), 111);
	assert_int_equal(s.guard, LAN_MS(200));
	assert_int_equal(lan_net_parse("udp", &s, &why), LAN_OK);
	assert_string_equal(s.name, "[::]:5683");
	assert_int_equal(lan_net_parse("udp:192.0.2.1,iface=eth0", &s, &why), LAN_OK);
	assert_string_equal(s.name, "192.0.2.1:5683");
	assert_string_equal(s.iface, "eth0");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_carry_messages_of_every_length),
		T(the_length_of_a_frame_is_judged),
		T(ethertypes_are_apart),
		T(interfaces_come_and_go),
		T(what_does_not_leave_is_told_with_its_destination),
		T(very_many_are_echoed_and_the_core_is_never_overrun),
		T(an_answer_leaves_from_the_address_that_was_asked),
		T(a_peer_is_one_endpoint),
		T(sockets_are_several_and_ports_are_taken),
		T(a_closed_port_is_told_and_others_go_on),
		T(a_core_without_room_leaves_datagrams_in_the_kernel),
		T(everybody_on_a_link_is_heard_in_both_families),
		T(very_many_datagrams_are_echoed),
		T(the_deadline_of_the_core_is_kept),
		T(the_last_words_leave_and_a_child_sends_nothing),
		T(texts_are_understood_or_refused_with_a_sentence),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
