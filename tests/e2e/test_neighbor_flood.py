"""A neighbour under a flood of raw frames: garbage, HELLOs of random MAC addresses, fragments that never become a PDU.

Memory stays what it was, the session that there was keeps up, and no more frames are answered than came. With
LAN_SOAK=1 the flood takes ten minutes instead of twelve seconds.
"""
import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

from lanyard_test import SANITIZED

pytestmark = pytest.mark.alone
FLOOD = Path(__file__).with_name("frame_flood.py")
SECONDS = 600 if os.environ.get("LAN_SOAK") == "1" else 12  # each kind longer than silence ends a session
KINDS = ("garbage", "hello", "fragment")
WAIT = 30 if SANITIZED else 10
# A sanitizer keeps what was freed, up to 256 MiB, and twice that with what it writes beside.
FLAT = (1 << 30) if SANITIZED else (1 << 20)
# ..and makes it so slow that it cannot read what comes at full speed; the kernel then drops at random. That a session
# outlives what cannot be read is shown by the plain build.
RATE = ("40000",) if SANITIZED else ()
ROOM = (1 << 30) if SANITIZED else (2 << 20)  # tables and budgets, filled once


def statistics(ns):
    """Frames that an interface (received, sent)."""
    folder = "/sys/class/net/lan0/statistics"
    return tuple(map(int, ns.run("cat", f"{folder}/rx_packets", f"{folder}/tx_packets").stdout.split()))


def memory_of(proc):
    """Its own, without the pages of programs and libraries, which come in when they are first run."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{proc.pid}/status").read_text(encoding="ascii"))[1]) << 10


def mac_of(ns):
    return re.search(r"link/ether (\S+)", ns.run("ip", "link", "show", "lan0").stdout)[1]


class Pair:
    def __init__(self, lan, two_hosts, dialect):
        self.lan, self.dialect = lan, dialect
        (self.here, _), (self.there, _) = two_hosts
        self.ours, self.theirs = (self.run(ns, i) for i, ns in enumerate((self.here, self.there)))
        self.mac, self.their_mac = mac_of(self.here), mac_of(self.there)
        self.ours.event("neighbor", WAIT, state="up", mac=self.their_mac)

    def run(self, ns, n):
        return self.lan.start("lanyard", "neighbor", "run", "lan0", "-J", "--dialect", self.dialect, "--id",
                              f"{n + 10:020x}", "--hello", "2s", "--keepalive", "200ms", "--dead", "3s", ns=ns)

    def flood(self, kind, seconds):
        """While it lasts, memory is looked at; returns (frames sent, most and least memory after its first second)."""
        flood = self.lan.run(sys.executable, FLOOD, "lan0", self.mac, self.dialect, kind, seconds, *RATE,
                             ns=self.there)
        time.sleep(min(1, seconds / 4))
        memory = [memory_of(self.ours)]
        while flood.running():
            time.sleep(0.1)
            memory.append(memory_of(self.ours))
        assert flood.wait() == 0, flood.tail()
        return json.loads(flood.out[0])["sent"], max(memory), min(memory)

    def changes(self):
        """What was said of the session there was."""
        return [e["state"] for e in self.ours.events("neighbor", mac=self.their_mac)]


@pytest.mark.limit(SECONDS + 120)
@pytest.mark.parametrize("dialect", ["lsoe", "l3dl"])
def test_a_flood_costs_neither_memory_nor_the_session_nor_answers(lan, two_hosts, dialect, figure):
    pair = Pair(lan, two_hosts, dialect)
    at_rest = memory_of(pair.ours)
    for kind in KINDS:
        before = statistics(pair.here)
        sent, most, least = pair.flood(kind, SECONDS / len(KINDS))
        after = statistics(pair.here)
        received, answered = after[0] - before[0], after[1] - before[1]
        figure(kind, f"{sent * len(KINDS) / SECONDS / 1e3:.0f} k frames/s, {answered} answers, "
                     f"{(most - at_rest) >> 10} KiB")
        assert received >= sent > 1000
        assert answered <= received
        assert most - least < FLAT, f"{kind}: memory from {least} to {most}"
        assert most - at_rest < ROOM, f"{kind}: memory from {at_rest} to {most}"
        assert pair.changes() == ["up"], pair.ours.tail()
    assert pair.theirs.running() and len(pair.theirs.events("neighbor", state="down")) == 0, pair.theirs.tail()


@pytest.mark.limit(120)
@pytest.mark.parametrize("dialect", ["lsoe", "l3dl"])
def test_a_neighbour_comes_up_although_all_others_are_inventions(lan, two_hosts, dialect):
    """Half-open sessions are bounded, and those of a flood do not keep a real neighbour out for long."""
    pair = Pair(lan, two_hosts, dialect)
    pair.flood("hello", 2)
    pair.theirs.kill()
    again = pair.run(pair.there, 1)
    again.event("neighbor", WAIT + 10, state="up", mac=pair.mac)
    pair.ours.until(lambda: pair.changes()[-1] == "up" and len(pair.changes()) >= 3, WAIT + 10, "up again")
