"""test_neighbor_report.py - `lanyard neighbor run --report`: what a collector gets, in the original's form, and after
it was away. The collector is neighbor_sink.py; tests/interop/original_kriek.py asks the original's own.
"""
import json
import signal
import time
from pathlib import Path

import pytest

from lanyard_test import Timeout
from neighbor_cli import DIALECTS, SLOW, Node, addr, mac_of, run

SINK = Path(__file__).resolve().parent / "neighbor_sink.py"
URL = "http://127.0.0.1:8080/mutate"
IDS = "00:00:00:00:00:00:00:00:00:0a", "00:00:00:00:00:00:00:00:00:0b"
# As the original has them, docs/protocols/lsoe.md, section 1.12.
KEYS = ["my_switch_id", "session_pyid", "ifname", "peer_macaddr", "peer_switch_id", "peer_attributes", "pdu_type",
        "pdu_name", "encaps", "unique"]
ENCAPS = {"primary": bool, "loopback": bool, "ipaddr": str, "prefixlen": int, "labels": object}
NAMES = {4: "IPV4ENCAPSULATION", 5: "IPV6ENCAPSULATION", 6: "MPLSIPV4ENCAPSULATION", 7: "MPLSIPV6ENCAPSULATION"}


def judge(body):
    """The form, byte for byte; the content as an object."""
    doc = json.loads(body)
    assert body == json.dumps(doc), "other separators or escapes than Python's"
    assert list(doc) == KEYS
    assert isinstance(doc["session_pyid"], int) and doc["session_pyid"] > 0
    assert doc["pdu_name"] == NAMES[doc["pdu_type"]]
    assert doc["unique"] == [doc["my_switch_id"], doc["ifname"], doc["peer_macaddr"], doc["peer_switch_id"],
                             doc["pdu_name"]]
    for one in doc["encaps"]:
        assert list(one) == list(ENCAPS)
        assert all(isinstance(one[k], kind) for k, kind in ENCAPS.items())
        assert one["labels"] is None if doc["pdu_type"] < 6 else all(len(x) == 6 for x in one["labels"])
    return doc


class Sink:
    def __init__(self, lan, ns, status=200):
        self.proc = lan.run("/usr/bin/python3", SINK, "8080", status, ns=ns, name="sink")
        self.proc.event("ready", timeout=10 * SLOW)

    def docs(self):
        return [judge(e["body"]) for e in self.proc.events("post")]

    def table(self):
        """As kriek keeps it: the newest of each, without those that are empty: {(peer id, type): {prefix, ..}}."""
        kept = {tuple(d["unique"]): d for d in self.docs()}
        return {(d["peer_switch_id"], d["pdu_type"]): {f"{e['ipaddr']}/{e['prefixlen']}" for e in d["encaps"]}
                for d in kept.values() if d["encaps"]}

    def until(self, wanted, timeout=10):
        try:
            self.proc.until(lambda: self.table() == wanted, timeout * SLOW, f"{wanted}")
        except Timeout as e:
            raise AssertionError(f"the collector has {self.table()}\n{e}") from e


@pytest.fixture
def cable(lan, two_hosts):
    (a, address_a), (b, address_b) = two_hosts
    a.link("lo", True)
    return lan, a, b, f"{address_a}/24", f"{address_b}/24"


def node(cable, which, *words, **options):
    lan, a, b = cable[:3]
    ours = ("--report", URL) if which == 0 else ()
    return Node(lan, (a, b)[which], "--id", IDS[which], *ours, *words, **options)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_neighbour_is_reported_in_the_originals_form_changes_and_goes(cable, dialect):
    lan, a, b, _, address = cable
    sink = Sink(lan, a)
    one, other = node(cable, 0, dialect=dialect), node(cable, 1, "--attribute", "7,8", dialect=dialect)
    one.proc.event("report", state="up", timeout=10)
    sink.until({(IDS[1], 4): {address}})
    sink.proc.until(lambda: {d["pdu_type"] for d in sink.docs()} == {4, 5, 6, 7}, 10 * SLOW)  # the empty ones, too
    first = sink.proc.events("post")[0]
    assert first["path"] == "/mutate"
    assert {"Host: 127.0.0.1:8080", "Content-Type: application/json"} <= set(first["head"])
    doc = next(d for d in sink.docs() if d["encaps"])
    assert (doc["my_switch_id"], doc["ifname"], doc["peer_macaddr"]) == (IDS[0], "lan0", mac_of(b))
    assert doc["peer_attributes"] == [7, 8]
    addr(b, "add", "2001:db8::b/64")
    sink.until({(IDS[1], 4): {address}, (IDS[1], 5): {"2001:db8::b/64"}})
    addr(b, "del", "2001:db8::b/64")
    sink.until({(IDS[1], 4): {address}})
    before, sessions = len(sink.docs()), {d["session_pyid"] for d in sink.docs()}
    assert len(sessions) == 1
    b.link("lan0", False)  # the carrier is gone
    sink.proc.until(lambda: len(sink.docs()) == before + 4, 10 * SLOW)
    last = sink.docs()[before:]
    assert sink.table() == {} and [d["pdu_type"] for d in last] == [4, 5, 6, 7] and not any(d["encaps"] for d in last)
    b.link("lan0", True)
    sink.until({(IDS[1], 4): {address}})
    assert len({d["session_pyid"] for d in sink.docs()}) == 2
    assert other.proc.running()


def test_labels_are_reported_as_the_octets_that_came(cable):
    lan, a, _, _, address = cable
    sink = Sink(lan, a)
    node(cable, 0)
    node(cable, 1, "--label", "192.0.2.0/24=100,200")
    sink.until({(IDS[1], 4): {address}, (IDS[1], 6): {"192.0.2.0/24"}})
    doc = next(d for d in sink.docs() if d["pdu_type"] == 6 and d["encaps"])
    assert [int(x, 16) >> 4 for x in doc["encaps"][0]["labels"]] == [100, 200]
    assert doc["encaps"][0]["labels"][1][5] == "1"  # bottom of stack


def test_a_collector_that_comes_late_gets_what_is(cable):
    lan, a, b, _, address = cable
    one = node(cable, 0)
    node(cable, 1)
    down = one.proc.event("report", state="down", timeout=10)
    assert "8080" in down["reason"]
    addr(b, "add", "10.99.0.1/24")
    time.sleep(1)
    sink = Sink(lan, a)
    sink.until({(IDS[1], 4): {address, "10.99.0.1/24"}}, timeout=15)
    one.proc.event("report", state="up", timeout=10)


def test_a_collector_that_restarts_is_told_again_though_nothing_changed(cable):
    lan, a, _, _, address = cable
    sink = Sink(lan, a)
    one = node(cable, 0)
    node(cable, 1)
    sink.until({(IDS[1], 4): {address}})
    sink.proc.until(lambda: len(sink.docs()) >= 4, 10 * SLOW)
    sink.proc.kill()
    one.proc.event("report", state="down", timeout=10)
    again = Sink(lan, a)
    again.until({(IDS[1], 4): {address}}, timeout=15)


def test_what_went_while_the_collector_was_away_is_withdrawn(cable):
    lan, a, b, _, address = cable
    sink = Sink(lan, a)
    one = node(cable, 0)
    node(cable, 1)
    sink.until({(IDS[1], 4): {address}})
    sink.proc.kill()
    b.link("lan0", False)
    one.session("down", timeout=10)
    again = Sink(lan, a)
    again.proc.until(lambda: [d["pdu_type"] for d in again.docs()] == [4, 5, 6, 7], 15 * SLOW)
    assert again.table() == {}


def test_ending_the_program_withdraws_what_it_reported(cable):
    lan, a, _, _, address = cable
    sink = Sink(lan, a)
    one = node(cable, 0)
    node(cable, 1)
    sink.until({(IDS[1], 4): {address}})
    one.proc.stop(signal.SIGTERM)
    sink.until({})


def test_a_collector_that_answers_with_errors_is_told_and_does_not_stop_the_sessions(cable):
    lan, a, _, _, address = cable
    sink = Sink(lan, a, status=500)
    one = node(cable, 0)
    node(cable, 1)
    assert "500" in one.proc.event("report", state="down", timeout=10)["reason"]
    one.until_heard({address})
    time.sleep(3)
    assert len(sink.docs()) <= 12  # four lists, three times each
    assert one.proc.running() and not one.sessions("down")


def test_a_url_that_is_none_is_refused(cable):
    done = run("run", "lan0", "--report", "kriek:8080", ns=cable[1])
    assert done.returncode == 2
    assert "kriek:8080" in done.stderr and "http://127.0.0.1:8080/mutate" in done.stderr
