"""test_daemon_neighbor.py - the neighbors of lanyardd: two daemons at the ends of a cable, told, reloaded, reset."""
import re
import signal

import pytest
from daemon_neighbor import FAST, Node, carrier, config, entry, moment, two
from lanyard_test import wait_for

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
NEIGHBOR = {"name", "dialect", "security", "state", "ethertype", "announce", "links", "established", "ifaces", "peers"}
IFACE = {"name", "mac", "index", "mtu", "up", "why", "hello_to", "last_hello", "peers", "established", "prefixes",
         "rx_frames", "tx_frames", "rx_dropped", "kernel_drops"}
PEER = {"ifname", "mac", "id", "attributes", "state", "lanyard", "since", "idle_ms", "last_rx", "last_rx_what", "last_tx",
        "last_tx_what", "last_keepalive", "why", "reason", "restarts", "prefixes", "tx_unacked", "rx_frames", "tx_frames",
        "tx_retransmits"}
SIGNED = {"key", "key_state", "serial_rx", "serial_tx"}
MEASURED = {"rtt_us", "jitter_us", "loss_rx", "loss_tx"}


@pytest.mark.alone
@pytest.mark.parametrize("dialect", ["lsoe", "l3dl"])
def test_two_daemons_on_a_cable_know_each_other_within_a_second(lan, two_hosts, dialect, figure):
    more = {"dialect": dialect, "attributes": [1, 255], "loopbacks": ["lo"]}
    (ns_a, address_a), (ns_b, address_b) = two_hosts
    ns_b.run("ip", "addr", "add", "10.99.0.7/32", "dev", "lo")
    a, b = two(lan, two_hosts, {**more}, {**more})
    opened = moment(b.event("neighbor-opened"))
    late = max(moment(n.event("neighbor", state="up")) for n in (a, b)) - opened
    figure("up after", f"{late * 1000:.0f} ms")
    assert late < 1.0
    up = a.event("neighbor", state="up")
    assert up["ifname"] == "lan0" and up["mac"] == b.iface()["mac"] and up["attributes"] == [1, 255]
    assert up["id"] == ("0b" + ":00" * 9 if dialect == "lsoe" else "0b")
    told = a.event("encapsulations", type="ipv4")
    assert told["mac"] == up["mac"] and told["id"] == up["id"]
    here = [p for p in told["prefixes"] if p["address"] == address_b]
    assert here == [{"address": address_b, "length": 24, "primary": True, "loopback": False, "overlay": False}]
    assert [p["address"] for p in told["prefixes"] if p["loopback"]] == ["10.99.0.7"]


@pytest.mark.parametrize("dialect", ["lsoe", "l3dl"])
def test_every_field_that_the_protocol_names_is_there(lan, two_hosts, dialect):
    a, b = two(lan, two_hosts, {"dialect": dialect}, {"dialect": dialect})
    wait_for(lambda: "rtt_us" in a.peers()[0], what="a measurement")
    n = a.neighbor()
    peer, iface = n["peers"][0], n["ifaces"][0]
    assert set(n) == NEIGHBOR and set(iface) == IFACE
    assert set(peer) == PEER | MEASURED | (SIGNED if dialect == "l3dl" else set())
    assert (n["dialect"], n["security"], n["state"], n["announce"]) == (
        dialect, "insecure" if dialect == "lsoe" else "unsigned", "up", "own")
    assert n["ethertype"] == ("0x8885" if dialect == "lsoe" else "0x88b5") and n["links"] == n["established"] == 1
    assert iface["mac"] == b.peers()[0]["mac"] and iface["up"] and iface["why"] == "" and iface["mtu"] == 1500
    assert iface["hello_to"] == "01:80:c2:00:00:0e" and TIME.match(iface["last_hello"])
    assert peer["lanyard"] and peer["why"] == "" and TIME.match(peer["since"]) and TIME.match(peer["last_keepalive"])
    assert peer["prefixes"]["ipv4"] == 1 and peer["restarts"] == 0 and 0 < peer["rtt_us"] < 1e6
    assert a.ask("status")["neighbors"] == {"total": 1, "failed": 0, "links": 1, "peers": 1, "established": 1}
    stats = {s["name"]: s for s in a.ask("stats.list")["stats"] if s["object"] == "neighbor"}
    assert stats["session_up"]["value"] == 1 and stats["session_up"]["neighbor"] == "fabric" and stats["session_up"]["help"]


def test_show_tells_what_is_announced_on_both_sides_and_can_be_narrowed(lan, two_hosts):
    (_, address_a), (_, address_b) = two_hosts
    a, b = two(lan, two_hosts, b={"labels": [{"prefix": "10.77.0.0/24", "labels": [16000, 17]}]})
    wait_for(lambda: a.peers()[0]["prefixes"]["mpls-ipv4"] == 1, what="labels")
    n = a.show()
    peer = n["peers"][0]
    ours = {p["type"]: p["prefixes"] for p in n["ifaces"][0]["announces"]}
    theirs = {p["type"]: p["prefixes"] for p in peer["announces"]}
    assert [p["address"] for p in ours["ipv4"]] == [address_a]
    assert [p["address"] for p in theirs["ipv4"]] == [address_b] and "labels" not in theirs["ipv4"][0]
    assert theirs["mpls-ipv4"][0]["labels"] == [16000, 17]
    assert n["ifaces"][0]["counters"]["session_up"] == 1 and 0 not in n["ifaces"][0]["counters"].values()
    assert a.show(ifname="lan0", mac=peer["mac"].upper().replace(":", "-"))["peers"][0]["mac"] == peer["mac"]
    for more, what in (({"ifname": "eth9"}, 'interface "eth9"'), ({"mac": "02:00:00:00:00:99"}, "02:00:00:00:00:99")):
        error = a.error("neighbor.show", name="fabric", **more)
        assert error["code"] == "not-found" and what in error["what"]
    assert a.error("neighbor.show", name="fabric", mac="x")["code"] == "usage"
    assert a.error("neighbor.show", name="other")["code"] == "not-found"


# --- reload -----------------------------------------------------------------------------


def test_a_reload_keeps_the_sessions_of_entries_that_did_not_change(lan, two_hosts):
    a, b = two(lan, two_hosts, FAST, FAST)
    since = a.peers()[0]["since"]
    more = entry("more", ["nope*"], ethertype=0x9999)
    changes = a.reload(entry(id="0a", **FAST), more)
    assert changes["neighbors"] == {"added": ["more"], "removed": [], "changed": [], "unchanged": ["fabric"]}
    a.proc.send_signal(signal.SIGHUP)
    wait_for(lambda: a.ask("status")["config"]["reloads"] == 2, what="the second reload")
    assert a.peers()[0]["since"] == since and b.peers()[0]["restarts"] == 0
    assert not a.events("neighbor", state="down") and not b.events("neighbor", state="down")


def test_a_reload_opens_a_changed_entry_anew_and_closes_one_that_is_gone(lan, two_hosts):
    a, b = two(lan, two_hosts, FAST, FAST)
    changes = a.reload(entry(id="0c", **FAST))
    assert changes["neighbors"]["changed"] == ["fabric"]
    wait_for(lambda: b.neighbor()["established"] == 1 and b.peers()[0]["id"].startswith("0c"), what="the new id")
    with a.control() as c:
        watch = c.send("neighbor.watch", name="fabric")
        c.ask("status")
        assert a.reload()["neighbors"]["removed"] == ["fabric"]
        while "end" not in (line := c.read()):
            pass
        assert line == {"id": watch, "end": {"reason": "neighbor-removed"}}
    assert a.ask("neighbor.list")["neighbors"] == []
    b.event("neighbor", count=2, state="down")
    assert a.reload(entry(id="0a", **FAST))["neighbors"]["added"] == ["fabric"]
    a.established()


def test_a_configuration_that_is_wrong_leaves_the_sessions_alone(lan, two_hosts):
    a, _ = two(lan, two_hosts, FAST, FAST)
    since = a.peers()[0]["since"]
    a.write(config(entry(id="0a", **FAST), entry("other", ["lan*"], dialect="l3dl", ethertype=0x8885)))
    error = a.error("config.reload")
    assert error["code"] == "failed" and re.search(
        r'lanyard.yaml:4:\d+: neighbor "other" claims interface "lan0" with EtherType 0x8885 as neighbor "fabric" does '
        r"\(line 3\)", error["what"])
    assert a.peers()[0]["since"] == since


# --- reset, watch, losing the wire -------------------------------------------------------------


def test_a_session_that_is_reset_ends_and_begins_anew(lan, two_hosts):
    a, b = two(lan, two_hosts, FAST, FAST)
    mac = a.peers()[0]["mac"]
    assert a.ask("neighbor.reset", name="fabric", ifname="lan0", mac=mac) == {"schema": 1, "reset": True}
    for node in (a, b):
        node.event("neighbor", state="down")
        node.event("neighbor", count=2, state="up")
    a.established()
    assert a.ask("neighbor.reset", name="fabric", ifname="lan0")["reset"]
    a.event("neighbor", count=3, state="up")
    assert a.error("neighbor.reset", name="fabric", ifname="lan0", mac="02:00:00:00:00:99")["code"] == "not-found"
    assert a.error("neighbor.reset", name="fabric", ifname="lan7")["code"] == "not-found"
    assert a.error("neighbor.reset", name="fabric")["code"] == "usage"


def test_who_watches_hears_of_everything_as_it_happens(lan, two_hosts):
    (_, _), (ns_b, _) = two_hosts
    a, b = two(lan, two_hosts, FAST, FAST)
    with a.control() as c:
        c.send("neighbor.watch", name="fabric")
        c.ask("status")
        ns_b.run("ip", "addr", "add", "10.98.0.1/24", "dev", "lan0")
        told = c.event("encapsulations")
        assert [p["address"] for p in told["prefixes"]] == ["10.77.0.2", "10.98.0.1"]
        b.proc.kill()
        down = c.event("neighbor")
        assert down["state"] == "down" and down["mac"] == told["mac"] and down["reason"]


@pytest.mark.alone
def test_a_lost_carrier_withdraws_the_neighbor_within_100_milliseconds(lan, two_hosts, figure):
    (_, _), (ns_b, _) = two_hosts
    a, _ = two(lan, two_hosts)
    before = carrier(ns_b, "lan0", False)
    down = a.event("neighbor", state="down")
    late = moment(down) - before
    figure("withdrawn after", f"{late * 1000:.0f} ms")
    assert late < 0.1 and down["reason"]
    link = a.event("link", state="down")
    assert link["ifname"] == "lan0" and moment(link) - before < 0.1
    a.logged(r"event=session-state neighbor=fabric ifname=lan0 mac=\S+ id=\S+ from=up to=down cause=")
    a.logged(r"event=iface-state neighbor=fabric ifname=lan0 from=up to=down cause=")
    again = carrier(ns_b, "lan0", True)
    up = a.event("neighbor", count=2, state="up")
    figure("back after", f"{(moment(up) - again) * 1000:.0f} ms")
    assert moment(up) - again < 1


def test_each_change_of_state_is_one_line_of_the_log(lan, two_hosts):
    a, b = two(lan, two_hosts, FAST, FAST)
    b.proc.kill()
    a.event("neighbor", state="down")
    lines = [line for line in a.proc.err if "event=session-state" in line]
    assert len(lines) == 2 and "from=down to=up" in lines[0] and "from=up to=down" in lines[1]
    assert all("cause=" in line and "level=info" in line for line in lines)


def test_reset_and_roll_are_for_the_administrator_and_roll_for_l3dl(lan, two_hosts):
    a, _ = two(lan, two_hosts)
    error = a.error("neighbor.roll", name="fabric")
    assert error["code"] == "usage" and "speaks lsoe" in error["what"]
    a2 = a.error("neighbor.roll", name="fabric", cert_file="/c")
    assert a2["code"] == "usage"


def test_two_entries_share_an_interface_with_two_ethertypes(lan, two_hosts):
    (ns_a, _), (ns_b, _) = two_hosts
    entries = [entry(), entry("next", dialect="l3dl", state="none")]
    a, b = Node(lan, ns_a, *entries, name="a"), Node(lan, ns_b, *entries, name="b")
    for node in (a, b):
        for name in ("fabric", "next"):
            node.established(name=name)
    assert a.ask("status")["neighbors"]["established"] == 2
