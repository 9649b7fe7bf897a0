"""test_cli_neighbor.py - `lanyard neighbor run`: two nodes find each other, and tell what changes."""
import json
import re
import signal
import time

import pytest

from lanyard_test import binary, wait_for
from neighbor_cli import DIALECTS, SLOW, Node, addr, at, bare, cable, mac_of, pair, run
from neighbor_frames import Sender, lsoe


# ---- finding each other ---------------------------------------------------------------------------------------------

@pytest.mark.alone
@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_nodes_find_each_other_within_a_second_and_know_each_other_s_addresses(lan, two_hosts, dialect, figure):
    (a, address_a), (b, address_b) = two_hosts
    first = Node(lan, a, dialect=dialect)
    first.link()
    second = Node(lan, b, dialect=dialect)
    up = second.session()
    took = at(up) - at(second.link())
    figure("link used until session", f"{took * 1000:.0f} ms")
    assert took < 1.0 * SLOW
    assert up["mac"] == mac_of(a) and first.session()["mac"] == mac_of(b)
    first.until_heard({f"{address_b}/24"})
    told = second.until_heard({f"{address_a}/24"})
    assert at(told) - at(second.link()) < 1.0 * SLOW


@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_started_at_once_are_one_session_on_each_side(lan, two_hosts, dialect):
    one, other = pair(lan, two_hosts, dialect=dialect)
    time.sleep(1.5)  # a second session would come with the next OPEN
    assert len(one.sessions()) == len(other.sessions()) == 1
    assert not one.sessions("down") and not other.sessions("down")


def test_ids_and_attributes_arrive_as_they_were_given(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    one = Node(lan, a, "--id", "6c:65:61:66:30", "--attribute", "7,8", "--attribute", "255")
    other = Node(lan, b, "--id", "0102030405060708090a")
    assert one.session()["id"] == "01:02:03:04:05:06:07:08:09:0a"
    up = other.session()
    assert up["id"] == "6c:65:61:66:30:00:00:00:00:00"  # padded at its end, as the original does
    assert up["attributes"] == [7, 8, 255] and one.session()["attributes"] == []


def test_an_l3dl_id_has_the_length_it_was_given(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    one = Node(lan, a, "--id", "aa bb", dialect="l3dl")
    other = Node(lan, b, "--id", "01-02-03", dialect="l3dl")
    assert one.session()["id"] == "01:02:03" and other.session()["id"] == "aa:bb"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_ethertype_is_another_world(lan, two_hosts, dialect):
    (a, _), (b, _) = two_hosts
    one = Node(lan, a, "--ethertype", "0x9999", dialect=dialect)
    other = Node(lan, b, dialect=dialect)
    one.link()
    other.link()
    time.sleep(0.5)
    assert not one.sessions() and not other.sessions()
    third = Node(lan, b, "--ethertype", "39321", dialect=dialect)
    third.session()
    one.session()


@pytest.mark.parametrize("to", ["nearest-bridge", "non-tpmr", "broadcast", "01:00:5e:00:00:7b"])
def test_every_address_for_hellos_reaches_the_neighbour(lan, two_hosts, to):
    (a, _), (b, _) = two_hosts
    one, other = Node(lan, a, "--hello-to", to), Node(lan, b, "--hello-to", to)
    one.session()
    other.session()


# ---- what is announced ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
def test_addresses_that_come_and_go_are_told_on_either_side(lan, two_hosts, dialect):
    (a, address_a), (b, address_b) = two_hosts
    one, other = pair(lan, two_hosts, dialect=dialect)
    one.until_heard({f"{address_b}/24"})
    other.until_heard({f"{address_a}/24"})
    before = time.time()
    addr(b, "add", "10.9.9.1/30")
    told = one.until_heard({f"{address_b}/24", "10.9.9.1/30"})
    assert at(told) - before < 1.0 * SLOW
    addr(a, "add", "2001:db8::1/64")
    other.until_heard({"2001:db8::1/64"}, "ipv6")
    addr(b, "del", "10.9.9.1/30")
    one.until_heard({f"{address_b}/24"})
    addr(a, "del", "2001:db8::1/64")
    other.until_heard(set(), "ipv6")
    assert other.proc.events("encapsulations", type="ipv6")[-1]["prefixes"] == []


def test_the_only_address_is_primary_and_a_given_one_is_where_there_are_more(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    addr(b, "add", "10.9.9.1/30")
    one = Node(lan, a)
    other = Node(lan, b, "--primary", "10.9.9.1")
    one.until_heard({f"{address_b}/24", "10.9.9.1/30"})
    primary = {p["address"]: p["primary"] for p in one.proc.events("encapsulations", type="ipv4")[-1]["prefixes"]}
    assert primary == {address_b: False, "10.9.9.1": True}
    assert [p["primary"] for p in other.proc.event("encapsulations", type="ipv4")["prefixes"]] == [True]


def test_loopbacks_are_announced_as_such_and_link_locals_only_if_asked_for(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    addr(b, "add", "192.0.2.1/32", "lo")
    one = Node(lan, a)
    other = Node(lan, b, "--loopback", "lo", "--link-local")
    prefixes = {f"{address_b}/24", "192.0.2.1/32"}
    one.proc.until(lambda: prefixes <= one.heard(), what="both")
    flags = {p["address"]: p["loopback"] for p in one.proc.events("encapsulations", type="ipv4")[-1]["prefixes"]}
    assert flags["192.0.2.1"] and not flags[address_b]
    one.proc.until(lambda: any(p.startswith("fe80::") for p in one.heard("ipv6")), what="a link-local address")
    other.session()
    assert not any(p.startswith("fe80::") for p in other.heard("ipv6"))


def test_all_or_none_are_announced_if_wanted(lan, two_hosts):
    (a, address_a), (b, _) = two_hosts
    cable(a, b, "far0", "far0")
    addr(a, "add", "10.5.5.1/24", "far0")
    one = Node(lan, a, "--announce", "all")
    other = Node(lan, b, "--announce", "none")
    other.proc.until(lambda: {f"{address_a}/24", "10.5.5.1/24"} <= other.heard(), what="all addresses")
    one.session()
    assert one.heard() == set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_labels_are_announced_for_their_prefix(lan, two_hosts, dialect):
    (a, _), (b, _) = two_hosts
    one = Node(lan, a, dialect=dialect)
    Node(lan, b, "--label", "192.0.2.0/24=100,200", "--label", "2001:db8::/32=1048575", dialect=dialect)
    one.until_heard({"192.0.2.0/24"}, "mpls-ipv4")
    one.until_heard({"2001:db8::/32"}, "mpls-ipv6")
    assert one.proc.events("encapsulations", type="mpls-ipv4")[-1]["prefixes"][0]["labels"] == [100, 200]
    assert one.proc.events("encapsulations", type="mpls-ipv6")[-1]["prefixes"][0]["labels"] == [1048575]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_more_addresses_than_fit_into_a_frame_arrive(lan, two_hosts, dialect):
    (a, _), (b, address_b) = two_hosts
    b.run("ip", "-batch", "-", text="".join(f"addr add 10.8.{i // 250}.{i % 250 + 1}/32 dev lan0\n" for i in range(400)))
    one = Node(lan, a, dialect=dialect)
    Node(lan, b, dialect=dialect)
    one.until_heard({f"{address_b}/24", *(f"10.8.{i // 250}.{i % 250 + 1}/32" for i in range(400))}, timeout=20)


# ---- trouble --------------------------------------------------------------------------------------------------------

@pytest.mark.alone
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_loss_of_the_carrier_is_told_at_once_and_its_return_too(lan, two_hosts, dialect, figure):
    (a, _), (b, address_b) = two_hosts
    one, other = pair(lan, two_hosts, dialect=dialect)
    b.link("lan0", False)
    pulled = time.time()
    down = one.session("down")
    figure("carrier lost until told", f"{max(0.0, at(down) - pulled) * 1000:.0f} ms")
    assert at(down) - pulled < 0.1 * SLOW and at(one.link("down")) - pulled < 0.1 * SLOW
    assert down["reason"]
    other.session("down")
    b.link("lan0", True)
    up = one.session(nth=1)
    took = at(up) - at(one.link(nth=1))
    figure("carrier back until session", f"{took * 1000:.0f} ms")
    assert took < 0.2 * SLOW
    other.session(nth=1)
    one.until_heard({f"{address_b}/24"})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_end_that_was_killed_comes_back(lan, two_hosts, dialect, figure):
    (_, _), (b, address_b) = two_hosts
    one, other = pair(lan, two_hosts, dialect=dialect)
    other.proc.kill()
    started = time.time()
    again = Node(lan, b, dialect=dialect)
    figure("restart until session", f"{(at(again.session()) - started) * 1000:.0f} ms")
    assert at(again.session()) - started < 3.0 * SLOW
    one.session("down")
    one.session(nth=1)
    one.until_heard({f"{address_b}/24"})
    time.sleep(1.5)  # no storm follows
    assert len(one.sessions()) == 2 and len(again.sessions()) == 1


@pytest.mark.alone
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_end_that_falls_silent_is_gone_after_dead(lan, two_hosts, dialect):
    one, other = pair(lan, two_hosts, "--keepalive", "100ms", "--dead", "600ms", dialect=dialect)
    other.proc.send_signal(signal.SIGSTOP)
    stopped = time.time()
    down = one.session("down")
    other.proc.send_signal(signal.SIGCONT)
    assert 0.4 < at(down) - stopped < 1.2 * SLOW
    one.session(nth=1)


def test_two_ports_of_one_node_cabled_together_are_told_and_are_no_neighbours(lan, two_hosts):
    (a, _), _ = two_hosts
    cable(a, a, "loop0", "loop1")
    node = Node(lan, a, ifaces=("loop*",))
    macs = {node.proc.event("self", ifname="loop0")["mac"], node.proc.event("self", ifname="loop1")["mac"]}
    assert macs == {mac_of(a, "loop0"), mac_of(a, "loop1")}
    time.sleep(0.5)
    assert not node.sessions() and not node.proc.events("encapsulations")


def test_an_address_that_both_ends_have_is_a_conflict(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    one, other = pair(lan, two_hosts)
    addr(a, "add", "10.9.9.9/24")
    addr(b, "add", "10.9.9.9/24")
    told = wait_for(lambda: one.proc.events("conflict") + other.proc.events("conflict"), what="a conflict")
    assert told[0]["address"] == "10.9.9.9" and told[0]["ifname"] == "lan0"
    assert told[0]["mac"] in (mac_of(a), mac_of(b))


# ---- how it ends, what it prints ------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_success(lan, two_hosts, number):
    one, _ = pair(lan, two_hosts)
    assert one.proc.stop(number) == 0, one.proc.tail()


def test_n_neighbours_end_it_and_their_addresses_are_printed(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    Node(lan, b).link()
    done = run("run", "lan0", "-n", 1, "--timeout", "10s", "-J", ns=a)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["state"] for e in events if e["event"] == "neighbor"] == ["up"]
    assert [p["address"] for e in events if e["event"] == "encapsulations" and e["type"] == "ipv4"
            for p in e["prefixes"]] == [address_b]


def test_n_waits_for_a_list_that_comes_late(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    node, sender = Node(lan, a, "-n", "1"), Sender(b)
    node.link()
    ether = {"to": bytes.fromhex(mac_of(a).replace(":", "")), "source": bytes.fromhex("020000000077")}
    sender.send(lsoe(0, **ether))
    time.sleep(0.1)
    sender.send(lsoe(3, bytes([1, 0, 0, 0, 0]), **ether),
                lsoe(1, b"once" + bytes(10) + bytes(3), **ether))
    node.session()
    time.sleep(0.4)
    sender.send(lsoe(4, bytes.fromhex("0001" + "00" "0a630001" "20"), **ether))
    node.until_heard({"10.99.0.1/32"})
    assert node.proc.wait() == 0
    sender.close()


def test_nobody_within_the_time_is_an_error_that_says_what_is_missing(two_hosts):
    (a, _), _ = two_hosts
    for words in ([], ["-n", 1]):
        done = run("run", "lan0", "absent0", "--timeout", "300ms", *words, ns=a)
        assert done.returncode == 6
        assert "there is no interface 'absent0': waiting for it" in done.stderr
        assert "lan0: 1 HELLOs sent to 01:80:c2:00:00:0e, " in done.stderr and "--timeout 300ms" in done.stderr


def test_another_dialect_on_the_same_ethertype_is_suspected(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    Node(lan, b, "--ethertype", "0x8885", dialect="l3dl").link()
    done = run("run", "lan0", "--timeout", "1s", ns=a)
    assert done.returncode == 6 and "does the other end speak another dialect?" in done.stderr


def test_interrupted_before_n_neighbours_is_130(lan, two_hosts):
    (a, _), _ = two_hosts
    node = Node(lan, a, "-n", "2")
    node.link()
    assert node.proc.stop(signal.SIGINT) == 130


def test_text_is_one_line_an_event_for_people_and_for_grep(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    other = Node(lan, b, "--id", "0b")
    other.link()
    one = lan.start("lanyard", "neighbor", "run", "lan0", ns=a)
    one.line("lsoe is not authenticated", stream="err")
    clock, mac = r"^\d\d:\d\d:\d\d\.\d\d\d  ", re.escape(mac_of(b))
    one.line(clock + r"lan0  link up$")
    one.line(clock + rf"lan0  {mac}  up, id 0b(:00){{9}}$")
    one.line(clock + rf"lan0  {mac}  ipv4: {re.escape(address_b)}/24 primary$")
    addr(b, "del", f"{address_b}/24")
    one.line(clock + rf"lan0  {mac}  ipv4: none$")
    b.link("lan0", False)
    one.line(clock + rf"lan0  {mac}  down: \S")
    one.line(clock + r"lan0  link down: \S")


def test_events_have_the_fields_that_the_control_protocol_promises(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    one, _ = pair(lan, two_hosts)
    one.until_heard({f"{address_b}/24"})
    up = one.session()
    assert list(up)[:3] == ["schema", "time", "event"]
    assert bare(one.link()) == {"event": "link", "ifname": "lan0", "state": "up"}
    assert bare(up) == {"event": "neighbor", "state": "up", "ifname": "lan0", "mac": mac_of(b), "id": up["id"],
                        "attributes": []}
    assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){9}", up["id"])
    assert bare(one.proc.event("encapsulations", type="ipv4")) == {
        "event": "encapsulations", "ifname": "lan0", "mac": mac_of(b), "id": up["id"], "type": "ipv4",
        "prefixes": [{"address": address_b, "length": 24, "primary": True, "loopback": False, "overlay": False}]}
    b.link("lan0", False)
    down = one.session("down")
    assert set(bare(down)) == {"event", "state", "ifname", "mac", "id", "attributes", "reason"} and down["id"] == up["id"]
    assert set(bare(one.link("down"))) == {"event", "state", "ifname", "reason"}


def test_a_reader_that_goes_away_ends_it_quietly(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    Node(lan, b).link()
    piped = lan.run("bash", "-c", f"'{binary('lanyard')}' -q neighbor run lan0 -J | head -n 1", ns=a)
    assert piped.wait(20) == 0 and len(piped.out) == 1 and not piped.err  # bash waits for both
