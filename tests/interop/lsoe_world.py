"""lsoe_world.py - one cable for the tests of neighbours: `lanyard neighbor run` at one end, a peer at the other.

The peer is a `Peer` of the second implementation, or with LSOE_REPO the original (`Original`). `Ours` says what the
tests want to know of our program in the words of its events.
"""
import os
import re
import time
from pathlib import Path

from lanyard_test import SANITIZED, wait_for
from lsoe_peer import Peer
from lsoe_second import LSOE

HERE = Path(__file__).resolve().parent
WAIT = 30 if SANITIZED else 10
OUR_ID, THEIR_ID = bytes(9) + b"\x0a", bytes(9) + b"\x0b"
FAST = ("--hello", "2s", "--keepalive", "500ms", "--dead", "3s", "--retransmit", "200ms")
WORDS = {4: "ipv4", 5: "ipv6", 6: "mpls-ipv4", 7: "mpls-ipv6"}


def colons(octets):
    return ":".join(f"{x:02x}" for x in octets)


class Ours:
    """`lanyard neighbor run` on lan0."""

    def __init__(self, lan, ns, dialect, *options, name="lan0"):
        self.proc = lan.start("lanyard", "neighbor", "run", name, "-J", "--dialect", dialect.name, "--id",
                              OUR_ID.hex(), *FAST, *options, ns=ns)
        self.proc.event("link", timeout=WAIT, state="up")
        self.name = name

    def up(self, nth=0, timeout=WAIT):
        return self.proc.event("neighbor", timeout, nth, state="up")

    def down(self, nth=0, timeout=WAIT):
        return self.proc.event("neighbor", timeout, nth, state="down")

    def count(self, kind, **fields):
        return len(self.proc.events(kind, **fields))

    def is_up(self):
        changes = self.proc.events("neighbor")
        return bool(changes) and changes[-1]["state"] == "up"

    def prefixes(self, kind):
        """What it says the neighbour announces of a type: {(address, length)}."""
        changes = self.proc.events("encapsulations", type=WORDS[kind])
        return {(p["address"], p["length"]) for p in changes[-1]["prefixes"]} if changes and self.is_up() else set()

    def wait_prefixes(self, kind, wanted, timeout=WAIT):
        """Until it says just these (a set), or so many (a number)."""
        self.proc.until(lambda: self.prefixes(kind) == wanted if isinstance(wanted, set)
                        else len(self.prefixes(kind)) == wanted, timeout, f"prefixes of type {kind}: {wanted}"[:300])


class World:
    """Two namespaces with a cable; whatever is started in them ends with the test."""

    def __init__(self, lan):
        self.lan = lan
        self.here, self.there = lan.net.namespace(), lan.net.namespace()
        lan.net.cable(self.here, self.there)
        self.peers = []

    def ours(self, dialect=LSOE, *options):
        return Ours(self.lan, self.here, dialect, *options)

    def peer(self, dialect=LSOE, ident=THEIR_ID, **options):
        self.peers.append(Peer(self.there, dialect, ident, **options))
        return self.peers[-1]

    def both(self, dialect=LSOE, *options, **how):
        """Ours and a peer, established."""
        ours, peer = self.ours(dialect, *options), self.peer(dialect, **how)
        ours.up()
        peer.wait_established(WAIT)
        return ours, peer

    def addresses(self, ns, wanted, action="add"):
        ns.run("ip", "-batch", "-", text="".join(f"address {action} {a} dev lan0\n" for a in wanted))

    def mac(self, ns):
        return bytes.fromhex(re.search(r"link/ether ([0-9a-f:]+)", ns.run("ip", "link", "show", "lan0").stdout)[1]
                             .replace(":", ""))

    def close(self):
        for peer in self.peers:
            peer.close()


class Original:
    """lsoed, as its authors left it, but for constants that a newer pyroute2 numbers otherwise (lsoed_run.py)."""

    def __init__(self, lan, ns, ident=THEIR_ID, **keys):
        self.lan, self.ns = lan, ns
        keys = {"local-id": colons(ident), "hello-interval": 2, "keepalive-send-interval": 0.5,
                "keepalive-receive-timeout": 3, "retransmit-initial-interval": 0.2, **keys}
        self.config = lan.folder / f"lsoed-{ident.hex()}.cfg"
        self.config.write_text("[lsoed]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()), encoding="ascii")
        self.start()

    def start(self):
        self.proc = self.lan.run("/usr/bin/python3", HERE / "lsoed_run.py", Path(os.environ["LSOE_REPO"]) / "lsoed",
                                 "-d", "-c", self.config, ns=self.ns, name="lsoed")

    def open(self, timeout=WAIT, nth=0):
        """Until it has said so often that a session is open."""
        self.proc.until(lambda: self.opened() > nth, timeout, "session open")

    def opened(self):
        return sum("just opened" in line for line in self.proc.err)

    def heard(self, kind):
        """The addresses of the last PDU of a type that it reported."""
        name = {4: "IPv4EncapsulationPDU", 5: "IPv6EncapsulationPDU"}[kind]
        lines = [line for line in self.proc.err if "RFC-7752 data" in line and f"<{name}" in line]
        return set(re.findall(r"[0-9a-f:.]+/\d+", lines[-1].split(f"<{name}", 1)[1])) if lines else None

    def alive(self):
        return self.proc.running()


class Meter:
    """Frames a second of an interface, both ways, and the memory of a process, over a time."""

    def __init__(self, ns, proc, name="lan0"):
        self.ns, self.proc, self.name = ns, proc, name
        self.rss, self.frames, self.since = proc.rss(), self.count(), time.monotonic()

    def count(self):
        """(received, sent)"""
        text = self.ns.run("cat", f"/sys/class/net/{self.name}/statistics/rx_packets",
                           f"/sys/class/net/{self.name}/statistics/tx_packets").stdout
        return tuple(map(int, text.split()))

    def stop(self):
        """(frames received a second, frames sent a second, octets grown)"""
        took = time.monotonic() - self.since
        rates = [(now - then) / took for now, then in zip(self.count(), self.frames)]
        return (*rates, self.proc.rss() - self.rss)


def settled(ours, peer, timeout=WAIT):
    """Both say that the session is open."""
    wait_for(lambda: ours.is_up() and peer.established, timeout, f"a session at both ends; {peer.story()}")
