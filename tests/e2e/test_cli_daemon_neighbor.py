"""test_cli_daemon_neighbor.py - `lanyard neighbor list|show|watch|reset|roll` against a daemon with neighbours."""
import json
import re
import subprocess

from daemon_test import Daemon
from lanyard_test import binary, wait_for
from neighbor_cli import Node, mac_of


class Host:
    """A Lan in a namespace of its own."""

    def __init__(self, lan, ns):
        self.lan, self.ns, self.folder = lan, ns, lan.folder

    def start(self, *words, **options):
        return self.lan.start(*words, ns=self.ns, **options)


class NeighborDaemon(Daemon):
    def lanyard(self, *words, code=0):
        """The command line against this daemon: its lines."""
        proc = self.lan.start("lanyard", "-s", self.socket, *words)
        assert proc.wait() == code, proc.tail()
        return proc.out

    def established(self, count=1):
        wait_for(lambda: self.ask("status")["neighbors"]["established"] == count, what=f"{count} sessions")


def entry(name="fabric", **keys):
    return json.dumps({"name": name, "ifaces": ["lan0"], **keys})


def daemon(lan, ns, *entries):
    return NeighborDaemon(Host(lan, ns), "daemon: {name: hub}\nlink: []\nneighbor:\n" + "".join(
        f"- {e}\n" for e in entries or (entry(),)))


def cells(line):
    return re.split(r" {2,}", line.strip())


def test_a_row_for_each_neighbour_and_for_each_link_without_one(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    d = daemon(lan, a, entry(ifaces=["lan0", "gone0"]))
    head, *rows = d.lanyard("neighbor", "list")
    assert head.split() == ["NAME", "IFACE", "NEIGHBOR", "STATE", "FOR", "ID", "PREFIXES", "RTT", "LOSS"]
    rows = {row.split()[1]: row for row in rows}
    assert rows["lan0"].split()[2:4] == ["-", "nobody"] and rows["gone0"].split()[2:4] == ["-", "down"]
    Node(lan, b, "--id", "0b").session()
    d.established()
    wait_for(lambda: any(" 1 " in r for r in d.lanyard("neighbor")), what="a prefix")
    row = next(r for r in d.lanyard("neighbor", "list") if " lan0 " in r).split()
    assert row[:4] == ["fabric", "lan0", mac_of(b), "established"] and row[5:7] == ["0b:00:00:00:00:00:00:00:00:00", "1"]
    document = json.loads("\n".join(d.lanyard("neighbor", "list", "-j")))
    assert document["neighbors"][0]["peers"][0]["mac"] == mac_of(b)
    assert [json.loads(line)["name"] for line in d.lanyard("neighbor", "list", "-J")] == ["fabric"]
    screen = "\n".join(d.lanyard())
    assert "neighbours     1 session on 1 interface\n" in screen and mac_of(b) in screen


def test_show_tells_what_was_heard_and_sent_and_what_is_missing(lan, two_hosts):
    (a, address_a), (b, address_b) = two_hosts
    d = daemon(lan, a)
    text = "\n".join(d.lanyard("neighbor", "show"))
    assert text.startswith("fabric: lsoe, EtherType 0x8885, announces own, up\ninsecure: not authenticated")
    assert "  why not: 1 HELLOs sent to 01:80:c2:00:00:0e, " in text
    node = Node(lan, b)
    node.session()
    d.established()
    wait_for(lambda: address_b in "\n".join(d.lanyard("neighbor", "show", "fabric")), what="the address")
    for name in ("fabric", "lan0", mac_of(b), mac_of(b).upper()):
        text = "\n".join(d.lanyard("neighbor", "show", name))
        assert f"  {mac_of(b)}  established for " in text and f"announces ipv4: {address_a}/24 primary" in text
        assert f"    announces ipv4: {address_b}/24 primary" in text
        assert re.search(r"    heard [A-Z0-9]+ \d+m?s ago \(\d+ frames\), sent [A-Z0-9]+ \d+m?s ago", text), text
        assert "why not" not in text
    node.proc.send_signal(19)  # it stops answering: a neighbour that only said HELLO would look alike
    d.lanyard("neighbor", "reset", "lan0")
    wait_for(lambda: "why not: " in "\n".join(d.lanyard("neighbor", "show", "lan0")), what="the reason")
    node.proc.send_signal(18)
    d.established()
    document = json.loads("\n".join(d.lanyard("neighbor", "show", "lan0", "-j")))
    assert document["neighbor"]["name"] == "fabric" and document["neighbor"]["peers"][0]["restarts"] >= 1


def test_a_name_that_means_nothing_is_not_found(lan, two_hosts):
    (a, _), _ = two_hosts
    d = daemon(lan, a)
    for words in (["show", "nope"], ["reset", "nope0"], ["roll", "nope"], ["watch", "nope"]):
        error = json.loads("\n".join(d.lanyard("neighbor", *words, "-j", code=3)))["error"]
        assert error["code"] == "not-found" and "nope" in error["what"]
    error = json.loads("\n".join(d.lanyard("neighbor", "reset", "lan0", "02:00:00:00:00:99", "-j", code=3)))["error"]
    assert error["code"] == "not-found"


def test_an_entry_that_is_not_open_says_why(lan, two_hosts):
    (a, _), _ = two_hosts
    d = daemon(lan, a, entry(dialect="l3dl", key_file=str(lan.folder / "none.id")))
    row = d.lanyard("neighbor", "list")[1]
    assert row.split()[:4] == ["fabric", "-", "-", "failed"] and "none.id" in row
    assert "none.id" in "\n".join(d.lanyard("neighbor", "show"))


def test_what_happens_can_be_watched_as_lines_and_as_json(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    d = daemon(lan, a)
    lines, objects = (d.lan.start("lanyard", "-s", d.socket, "neighbor", "watch", "fabric", *more)
                      for more in ((), ("-J",)))
    wait_for(lambda: d.ask("status")["control"]["watchers"] == 2, what="two watchers")
    node = Node(lan, b, "--id", "0b")
    clock = r"^\d\d:\d\d:\d\d\.\d+  fabric  lan0  " + mac_of(b)
    lines.line(clock + r"  up, id 0b(:00){9}$")
    lines.line(clock + rf"  ipv4: {re.escape(address_b)}/24 primary$")
    up = objects.event("neighbor", state="up")
    assert up["neighbor"] == "fabric" and up["mac"] == mac_of(b)
    assert objects.event("encapsulations", type="ipv4")["prefixes"][0]["address"] == address_b
    here = node.proc
    b.link("lan0", False)
    lines.line(clock + r"  down: \S")
    assert set(objects.event("neighbor", state="down")) - {"seq", "neighbor"} == set(
        here.event("neighbor", state="down"))
    recent = "\n".join(d.lanyard("event", "list"))
    assert re.search(r"  fabric  lan0  link down: \S", recent)


def test_a_reset_begins_anew_with_one_or_with_all(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    d = daemon(lan, a)
    node = Node(lan, b)
    node.session()
    d.established()
    for nth, words in enumerate((["lan0", mac_of(b)], ["lan0"]), 1):
        assert d.lanyard("neighbor", "reset", *words) == []
        node.session(nth=nth)
        d.established()


def test_an_interface_of_two_entries_needs_the_name_of_one(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    d = daemon(lan, a, entry("old"), entry("new", dialect="l3dl"))
    one, other = Node(lan, b), Node(lan, b, dialect="l3dl")
    one.session()
    other.session()
    d.established(2)
    assert d.lanyard("neighbor", "reset", "lan0", code=2) == []
    d.lanyard("neighbor", "reset", "lan0", "--name", "new")
    other.session(nth=1)
    assert len(one.sessions()) == 1
    shown = json.loads("\n".join(d.lanyard("neighbor", "show", "-j")))
    assert [s["neighbor"]["name"] for s in shown["shown"]] == ["old", "new"]


def test_a_key_is_rolled_and_the_neighbour_hears_of_it(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    keys = [tmp_path / name for name in ("one.id", "two.id", "peer.id")]
    for key in keys:
        subprocess.run([binary("lanyard"), "key", "identity", key], check=True, capture_output=True)
    d = daemon(lan, a, entry(dialect="l3dl", key_file=str(keys[0]), trust="tofu"))
    node = Node(lan, b, "--key-file", keys[2], "--trust", "tofu", dialect="l3dl")
    node.session()
    first = node.proc.event("key")["fingerprint"]
    assert d.lanyard("neighbor", "roll", "fabric", "--key-file", str(keys[1])) == []
    assert node.proc.event("key", nth=1)["fingerprint"] != first
    assert not node.sessions("down")
    assert d.lanyard("neighbor", "roll", "fabric", "--key-file", str(tmp_path / "none.id"), code=1) == []


def test_names_and_interfaces_are_completed(lan, two_hosts):
    (a, _), _ = two_hosts
    d = daemon(lan, a)
    for verb, offered in (("show", "fabric"), ("watch", "fabric"), ("roll", "fabric"), ("run", "lan0"), ("reset", "lan0")):
        words = d.lan.start("lanyard", "__complete", "words", "-s", d.socket, "neighbor", verb, offered[:2])
        assert words.wait() == 0, words.tail()
        assert [w.split("\t")[0] for w in words.out] == [offered], verb
