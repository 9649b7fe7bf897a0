"""test_cli_neighbor_links.py - `lanyard neighbor run` and interfaces: which ones, and what happens to them."""
import socket
import time

import pytest

from neighbor_cli import DIALECTS, Node, addr, cable, ip, mac_of, pair

ETH_P = {"lsoe": 0x8885, "l3dl": 0x88B5}


# ---- which ones -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_links_between_the_same_two_macs_are_two_sessions(lan, dialect):
    a, b = lan.net.namespace(), lan.net.namespace()
    macs = {"mac_a": "02:00:00:00:00:0a", "mac_b": "02:00:00:00:00:0b"}
    cable(a, b, "east0", "east0", **macs)
    cable(a, b, "east1", "east1", **macs)
    addr(b, "add", "10.0.0.1/30", "east0")
    addr(b, "add", "10.0.1.1/30", "east1")
    one = Node(lan, a, ifaces=("east0", "east1"), dialect=dialect)
    other = Node(lan, b, ifaces=("east*",), dialect=dialect)
    for node, mac in ((one, "02:00:00:00:00:0b"), (other, "02:00:00:00:00:0a")):
        assert node.session(ifname="east0")["mac"] == node.session(ifname="east1")["mac"] == mac
    one.until_heard({"10.0.0.1/30"}, ifname="east0")
    one.until_heard({"10.0.1.1/30"}, ifname="east1")
    b.link("east0", False)
    one.session("down", ifname="east0")
    time.sleep(0.3)
    assert not one.sessions("down", ifname="east1")


def test_globs_take_what_comes_later_and_leave_what_is_excepted(lan):
    a, b = lan.net.namespace(), lan.net.namespace()
    cable(a, b, "east0", "west0")
    one = Node(lan, a, ifaces=("east*", "!east7"))
    other = Node(lan, b, ifaces=("west*",))
    one.session(ifname="east0")
    cable(a, b, "east1", "west1")
    cable(a, b, "east7", "west7")
    cable(a, b, "north0", "west8")
    one.session(ifname="east1")
    other.session(ifname="west1")
    other.link(ifname="west7")
    time.sleep(0.5)
    assert {e["ifname"] for e in one.proc.events("link")} == {"east0", "east1"}
    assert {e["ifname"] for e in other.sessions()} == {"west0", "west1"}


def test_an_interface_that_is_not_there_is_waited_for(lan):
    a, b = lan.net.namespace(), lan.net.namespace()
    other = Node(lan, b, ifaces=("lan0",))
    one = Node(lan, a, ifaces=("lan0",))
    one.proc.line("there is no interface 'lan0': waiting for it", stream="err")
    cable(a, b)
    one.session()
    other.session()


def test_no_interface_of_a_glob_is_told_and_waited_for(lan):
    a, b = lan.net.namespace(), lan.net.namespace()
    one = Node(lan, a, ifaces=("swp*",))
    one.proc.line("no interface matches 'swp.': waiting for one", stream="err")
    cable(a, b, "swp1", "lan0")
    one.link(ifname="swp1")


def test_an_interface_that_is_down_is_used_when_it_comes_up(lan):
    a, b = lan.net.namespace(), lan.net.namespace()
    cable(a, b, up=False)
    one = Node(lan, a)
    one.proc.line("lan0 is not used yet: ", stream="err")
    other = Node(lan, b)
    b.link("lan0", True)
    a.link("lan0", True)
    one.session()
    other.session()


# ---- what happens to them -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_interface_that_is_deleted_and_made_again_is_used_again(lan, two_hosts, dialect):
    (a, _), (b, _) = two_hosts
    one, other = pair(lan, two_hosts, dialect=dialect)
    ip(a, "link", "del", "lan0")
    one.session("down")
    one.link("down")
    other.session("down")
    cable(a, b)
    one.session(nth=1)
    other.session(nth=1)


def test_a_new_name_within_the_glob_goes_on_and_one_without_ends(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    one = Node(lan, a, ifaces=("lan*",))
    Node(lan, b)
    one.session(ifname="lan0")
    rename(a, "lan0", "lan5")
    one.session(ifname="lan5")
    rename(a, "lan5", "far5")
    one.session("down", nth=len(one.sessions()) - 1)
    time.sleep(0.5)
    assert not [e for e in one.proc.events() if e.get("ifname") == "far5"]


def rename(ns, old, new):
    ns.link(old, False)
    ip(ns, "link", "set", old, "name", new)
    ns.link(new, True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_new_mac_address_is_a_new_neighbour(lan, two_hosts, dialect):
    (_, _), (b, _) = two_hosts
    one, other = pair(lan, two_hosts, "--keepalive", "200ms", "--dead", "1s", dialect=dialect)
    old = mac_of(b)
    ip(b, "link", "set", "lan0", "address", "02:00:00:00:77:77")
    one.session(mac="02:00:00:00:77:77")
    other.session(nth=1)
    one.session("down", mac=old)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_datagrams_are_no_longer_than_a_small_mtu(lan, dialect):
    a, b = lan.net.namespace(), lan.net.namespace()
    cable(a, b, mtu=600)
    count = 250
    b.run("ip", "-batch", "-", text="".join(f"addr add 10.8.1.{i + 1}/32 dev lan0\n" for i in range(count)))
    with a:
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P[dialect]))
        ear.bind(("lan0", ETH_P[dialect]))
    with ear:
        ear.settimeout(5)
        one = Node(lan, a, dialect=dialect)
        Node(lan, b, dialect=dialect)
        one.until_heard({f"10.8.1.{i + 1}/32" for i in range(count)})
        sizes = [len(ear.recv(2000)) for _ in range(6)]
        ear.settimeout(0.2)
        while True:
            try:
                sizes.append(len(ear.recv(2000)))
            except TimeoutError:
                break
    assert 500 < max(sizes) <= 600


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_session_lives_through_a_change_of_the_mtu(lan, two_hosts, dialect):
    (a, _), (b, address_b) = two_hosts
    one, other = pair(lan, two_hosts, dialect=dialect)
    for ns in (a, b):
        ip(ns, "link", "set", "lan0", "mtu", 600)
    more = {f"10.8.1.{i + 1}/32" for i in range(200)}
    b.run("ip", "-batch", "-", text="".join(f"addr add {p} dev lan0\n" for p in sorted(more)))
    one.until_heard({f"{address_b}/24"} | more)
    ip(b, "link", "set", "lan0", "mtu", 1500)
    ip(a, "link", "set", "lan0", "mtu", 1500)
    addr(b, "del", f"{address_b}/24")
    one.until_heard(more)
    assert not one.sessions("down") and not other.sessions("down")


def test_many_links_of_one_process_all_come_up(lan):
    a, b = lan.net.namespace(), lan.net.namespace()
    count = 40
    script = "".join(f"link add p{i} type veth peer name p{i} netns {b.name}\n" for i in range(count))
    a.run("ip", "-batch", "-", text=script)
    for ns in (a, b):
        ns.run("ip", "-batch", "-", text="".join(f"link set p{i} up\n" for i in range(count)))
    one, other = Node(lan, a, ifaces=("p*",)), Node(lan, b, ifaces=("p*",))
    for node in (one, other):
        node.proc.until(lambda n=node: len({e["ifname"] for e in n.sessions()}) == count, 10, f"{count} sessions")
        assert not node.sessions("down")
