"""test_neighbor_keys.py - keys of L3DL nodes: whom `lanyard neighbor run` believes, what it remembers of them over a
restart, and how an operator makes it forget. The wire itself is judged in tests/interop/test_l3dl_signed.py.
"""
import json
import re
import signal
import subprocess
import time

import pytest

from lanyard_test import binary
from neighbor_cli import SLOW, Node, run

A, B = "0a", "0b:0b"
QUICK = ("--hello", "1s", "--dead", "2s", "--retransmit", "200ms")


def key(*words, code=0):
    done = subprocess.run([binary("lanyard"), "key", *map(str, words)], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == code, done
    return done


@pytest.fixture
def keys(tmp_path):
    """Files made with `lanyard key`: by name."""
    made = {}

    def make(name, *options):
        made[name] = tmp_path / name
        key("identity", made[name], *options)
        return made[name]

    def export(name):
        to = tmp_path / f"{name}.pub"
        to.write_text(key("export", made[name]).stdout)
        return to

    def certify(name, anchor):
        to = tmp_path / f"{name}.by.{anchor}"
        key("certify", export(name), "--anchor", made[anchor], "-o", to)
        return to

    make.export, make.certify, make.state = export, certify, tmp_path / "state"
    return make


def node(lan, two_hosts, which, ident, *words):
    return Node(lan, two_hosts[which][0], "--id", ident, *QUICK, *words, dialect="l3dl")


def pins(folder):
    return json.loads(key("pins", folder, "-j").stdout)["pins"]


def stays_away(one, seconds=2.5):
    """No session within a time in which several would have begun."""
    before = len(one.sessions())
    time.sleep(seconds * SLOW)
    assert len(one.sessions()) == before, one.proc.tail()


@pytest.mark.parametrize("options", [(), ("--rsa", "2048")], ids=["ed25519", "rsasha256"])
def test_nodes_certified_by_an_anchor_believe_each_other_and_nobody_else(lan, two_hosts, keys, options):
    for name in ("anchor", "one", "other", "false-anchor"):
        keys(name, *options)
    trust = ("--trust", "anchor", "--anchor-file", keys.export("anchor"))
    one = node(lan, two_hosts, 0, A, *trust, "--key-file", keys.state.parent / "one",
               "--cert-file", keys.certify("one", "anchor"))
    other = node(lan, two_hosts, 1, B, *trust, "--key-file", keys.state.parent / "other",
                 "--cert-file", keys.certify("other", "anchor"))
    assert one.session(timeout=15)["id"] == B and other.session()["id"] == A
    other.proc.stop(signal.SIGTERM)
    one.session("down")
    for words in ((), ("--cert-file", keys.certify("other", "false-anchor"))):
        other = node(lan, two_hosts, 1, B, "--key-file", keys.state.parent / "other", *words)
        one.proc.event("refused", timeout=15, nth=len(one.proc.events("refused")))
        stays_away(one)
        other.proc.stop(signal.SIGTERM)


def test_a_learned_key_is_the_only_one_until_it_is_forgotten_also_over_a_restart(lan, two_hosts, keys):
    keys("mine"), keys("first"), keys("second")
    folder = keys.state.parent
    mine = ("--trust", "tofu", "--key-file", folder / "mine", "--state", keys.state)
    one = node(lan, two_hosts, 0, A, *mine)
    other = node(lan, two_hosts, 1, B, "--key-file", folder / "first")
    one.session()
    learned = one.proc.event("key", timeout=10)
    print_first = json.loads(key("show", folder / "first", "-j").stdout)["fingerprint"]
    assert learned["fingerprint"] == print_first
    one.proc.until(lambda: [(p["id"], p["fingerprint"]) for p in pins(keys.state)] == [(B, print_first)], 10 * SLOW)
    assert "in use" in key("forget", keys.state, B, code=1).stderr
    other.proc.stop(signal.SIGTERM)

    other = node(lan, two_hosts, 1, B, "--key-file", folder / "second")  # the router was replaced
    one.proc.event("refused", timeout=15)
    stays_away(one)
    one.proc.kill()
    one = node(lan, two_hosts, 0, A, *mine)
    one.proc.event("refused", timeout=15)
    stays_away(one)
    one.proc.stop(signal.SIGTERM)

    key("forget", keys.state, B)
    assert pins(keys.state) == []
    one = node(lan, two_hosts, 0, A, *mine)
    one.session(timeout=15)
    one.proc.until(lambda: len(pins(keys.state)) == 1, 10 * SLOW)
    assert pins(keys.state)[0]["fingerprint"] != print_first


def test_two_nodes_cannot_share_a_state(lan, two_hosts, keys):
    one = node(lan, two_hosts, 0, A, "--state", keys.state)
    one.link()
    done = run("run", "lan0", "--dialect", "l3dl", "--state", keys.state, ns=two_hosts[1][0])
    assert done.returncode == 1 and "in use by another process" in done.stderr


def test_broken_pins_and_open_keys_are_refused_with_what_to_do(lan, two_hosts, keys):
    keys.state.mkdir(mode=0o700)
    (keys.state / "pins").write_text("lanyard-pins 1\npin 0b ed25519 AAAA 2026-11-21T08:00:00Z\n")
    done = run("run", "lan0", "--dialect", "l3dl", "--state", keys.state, ns=two_hosts[0][0])
    assert done.returncode == 1 and re.search(r"state/pins:2: not a public key", done.stderr), done
    assert "pins:2:" in key("pins", keys.state, code=1).stderr
    mine = keys("mine")
    mine.chmod(0o644)
    done = run("run", "lan0", "--dialect", "l3dl", "--key-file", mine, ns=two_hosts[0][0])
    assert done.returncode == 5 and "chmod 600" in done.stderr


@pytest.mark.parametrize("kept", [True, False], ids=["with-its-state", "without"])
def test_a_node_that_is_killed_resumes_from_its_state_and_says_nothing_twice(lan, two_hosts, keys, kept):
    address = two_hosts[1][1]
    keys.state.mkdir(mode=0o700)
    one = node(lan, two_hosts, 0, A, "--state", keys.state / "a")
    other = node(lan, two_hosts, 1, B, "--state", keys.state / "b")
    one.until_heard({f"{address}/24"})
    other.session()
    one.proc.until(lambda: list((keys.state / "a").glob("session-*.state")), 10 * SLOW)
    time.sleep(1)  # the pause before it is written
    one.proc.kill()
    watch = lan.run(binary("lanyard"), "neighbor", "capture", "lan0", "--print", "-J", ns=two_hosts[1][0])
    watch.event("frame", timeout=10)  # a KEEPALIVE of the one that lives
    one = node(lan, two_hosts, 0, A, "--state", keys.state / ("a" if kept else "fresh"))
    one.until_heard({f"{address}/24"})
    one.proc.until(lambda: watch.events("frame", direction="in"), 10 * SLOW)
    time.sleep(1)
    said = {e["pdu"]["name"] for e in watch.events("frame", direction="in") if "pdu" in e}
    assert "OPEN" in said and ("IPV4" in said) != kept, said
    assert other.heard() == {f"{two_hosts[0][1]}/24"}
