"""test_daemon_neighbor_why.py - why a neighbor is not there: what lanyardd says of interfaces and of peers."""
from daemon_neighbor import FAST, Node, entry, two
from lanyard_test import wait_for


def start(lan, host, *entries, name="a"):
    return Node(lan, host[0], *entries, name=name)


def test_nobody_at_the_other_end_is_told_with_what_was_sent(lan, two_hosts):
    a = start(lan, two_hosts[0], entry(**FAST))
    wait_for(lambda: a.iface()["last_hello"], what="a HELLO")
    iface = a.iface()
    assert iface["up"] and iface["peers"] == 0 and a.peers() == []
    assert "nothing of EtherType 0x8885" in iface["why"] and "01:80:c2:00:00:0e" in iface["why"]


def test_another_ethertype_at_the_other_end_looks_like_nobody(lan, two_hosts):
    a = start(lan, two_hosts[0], entry(**FAST))
    b = start(lan, two_hosts[1], entry(ethertype=0x9999, **FAST), name="b")
    wait_for(lambda: b.iface()["tx_frames"] > 1 and a.iface()["tx_frames"] > 1, what="HELLOs")
    assert "0x8885" in a.iface()["why"] and "0x9999" in b.iface()["why"]
    assert a.peers() == b.peers() == []


def test_a_wire_that_works_one_way_is_told_at_both_ends(lan, two_hosts):
    (ns_a, _), (ns_b, _) = two_hosts
    ns_b.loss("lan0", 100)
    a = start(lan, two_hosts[0], entry(**FAST))
    b = start(lan, two_hosts[1], entry(**FAST), name="b")
    wait_for(lambda: a.peers() and a.peers()[0]["tx_retransmits"] > 0, what="an OPEN sent again")
    peer = a.peers()[0]
    assert peer["state"] in ("heard", "opening") and peer["why"] and peer["last_rx_what"] and peer["last_tx_what"] == "OPEN"
    assert b.peers() == [] and "was ever heard" in b.iface()["why"]
    ns_b.loss("lan0", 0)
    a.established()
    assert a.peers()[0]["why"] == ""


def test_an_interface_that_is_missing_or_down_is_told_and_taken_when_it_comes(lan, two_hosts):
    (ns_a, _), _ = two_hosts
    ns_a.run("ip", "link", "add", "dark0", "type", "veth", "peer", "name", "dark1")
    a = start(lan, two_hosts[0], entry(ifaces=["dark0", "later0"], **FAST))
    dark, later = a.iface("dark0"), a.iface("later0")
    assert not dark["up"] and "ip link set up dev dark0" in dark["why"] and "mtu" not in dark
    assert not later["up"] and later["index"] == 0 and later["mac"] == "" and "no such interface" in later["why"]
    assert a.ask("status")["neighbors"]["links"] == 0
    assert [f["why"] for f in a.show(ifname="later0")["ifaces"]] == [later["why"]]
    ns_a.link("dark0", True)
    wait_for(lambda: a.iface("dark0")["why"] and "set up" not in a.iface("dark0")["why"], what="another reason")
    ns_a.link("dark1", True)
    wait_for(lambda: a.iface("dark0")["up"], what="the carrier")
    ns_a.run("ip", "link", "set", "dark1", "down")
    ns_a.run("ip", "link", "set", "dark1", "name", "later0")
    wait_for(lambda: a.iface("later0")["index"] > 0, what="the new name")


# --- keys ------------------------------------------------------------------------------------


def identity(lan, name):
    path = lan.folder / name
    assert lan.start("lanyard", "key", "identity", path).wait() == 0
    return str(path)


def signed(lan, name, **more):
    return {"dialect": "l3dl", "key_file": identity(lan, name), "trust": "tofu", "state": str(lan.folder / f"state-{name}"),
            **FAST, **more}


def test_a_neighbor_whose_key_changed_is_refused_and_both_say_so(lan, two_hosts):
    a, b = two(lan, two_hosts, signed(lan, "a.id"), signed(lan, "b.id"))
    peer = a.peers()[0]
    assert a.neighbor()["security"] == "signed" and len(peer["key"]) == 16 and peer["key_state"] in ("pinned", "new")
    a.event("key")
    b.reload(entry(id="0b", **signed(lan, "c.id")))
    refused = a.event("refused")
    assert refused["mac"] == peer["mac"] and refused["reason"]
    wait_for(lambda: a.peers()[0]["why"], what="a reason")
    assert a.neighbor()["established"] == 0
    wait_for(lambda: "refused" in a.peers()[0]["why"] or "left alone" in a.peers()[0]["why"], what="why it is refused")
    error = b.event("error")
    assert error["code"] == 3 and error["type"] == "open"
    a.logged("level=warn event=refused neighbor=fabric ifname=lan0")


def test_a_key_is_rolled_by_the_verb_and_by_a_reload_that_finds_another_in_the_file(lan, two_hosts):
    a, b = two(lan, two_hosts, signed(lan, "a.id"), signed(lan, "b.id"))
    before = b.peers()[0]["key"]
    assert a.ask("config.reload")["neighbors"]["unchanged"] == ["fabric"]
    assert a.ask("neighbor.roll", name="fabric", key_file=identity(lan, "a2.id")) == {"schema": 1, "rolled": True}
    wait_for(lambda: b.peers()[0]["key"] != before, what="the rolled key")
    second = b.peers()[0]["key"]
    third = lan.folder / "a3.id"
    identity(lan, third.name)
    (lan.folder / "a.id").write_bytes(third.read_bytes())
    assert a.ask("config.reload")["neighbors"]["unchanged"] == ["fabric"]
    wait_for(lambda: b.peers()[0]["key"] not in (before, second), what="the key of the reload")
    assert b.peers()[0]["restarts"] == 0 and b.neighbor()["established"] == 1
    assert len({e["fingerprint"] for e in b.events("key")}) == len(b.events("key")) == 3  # a reload without news rolls nothing
    error = a.error("neighbor.roll", name="fabric", key_file="/nowhere/at/all")
    assert error["code"] == "failed" and "/nowhere/at/all" in error["what"]
    assert a.error("neighbor.roll", name="fabric", key_file="relative")["code"] == "usage"
    (lan.folder / "a.id").write_text("nonsense\n")
    warnings = a.ask("config.reload")["warnings"]
    assert any("the old key stays in use" in w for w in warnings)
    assert b.neighbor()["established"] == 1
