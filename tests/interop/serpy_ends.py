"""serpy_ends.py - both ends of a stream, for the tests: ours (serpy_end) and theirs (serpy_peer.py)."""
import json
import os
from pathlib import Path

from lanyard_test import SANITIZED

HERE = Path(__file__).resolve().parent
ORIGINAL = "SERPY_REPO" in os.environ
WAIT = 60 if SANITIZED or ORIGINAL else 20


class Ours:
    """One end of ours."""

    def __init__(self, lan, role, dialect, address, encoding, *flags):
        self.role = role
        self.proc = lan.start("tests/interop/serpy_end", role, dialect, address, encoding or "-", *flags)
        self.port = int(self.proc.event("open", timeout=WAIT)["address"].rsplit(":", 1)[1])

    def send(self, to=1, **what):
        self.proc.send(json.dumps({"to": to if self.role == "serve" else 0, **what}))

    def got(self, count, kind="message"):
        """The first `count` events of a kind, waited for as long as more come."""
        seen = -1
        while len(self.proc.events(kind)) < count:
            assert len(self.proc.events(kind)) > seen, f"{seen} of {count}\n{self.proc.tail()}"
            seen = len(self.proc.events(kind))
            try:
                self.proc.event(kind, nth=min(count, seen + 500) - 1, timeout=WAIT)
            except AssertionError:
                pass
        return self.proc.events(kind)[:count]

    def data(self, count):
        return [bytes.fromhex(e["hex"]) for e in self.got(count)]


class Theirs:
    """The other implementation."""

    def __init__(self, lan, role, dialect, port, *options):
        self.proc = lan.run("/usr/bin/python3", HERE / "serpy_peer.py", role, dialect, port, *options)
        self.proc.line('"ready"', timeout=WAIT)
        self.dialect, self.port = dialect, self.lines("ready")[0]["ready"]

    def send(self, **what):
        if self.dialect == "serpy2":
            what = {k: v for k, v in what.items() if k not in ("mode", "timeout")}
        self.proc.send(json.dumps(what))

    def lines(self, key):
        return [x for x in self.proc.events() if key in x]

    def got(self, count, key="from"):
        seen = -1
        while len(self.lines(key)) < count:
            assert len(self.lines(key)) > seen, f"{seen} of {count} {key}\n{self.proc.tail()}"
            seen = len(self.lines(key))
            try:
                self.proc.until(lambda: len(self.lines(key)) >= min(count, seen + 500), WAIT, f"{count} {key}")
            except AssertionError:
                pass
        return self.lines(key)[:count]

    def data(self, count):
        return [bytes.fromhex(x["hex"]) for x in self.got(count)]

    def done(self, count=1):
        return [x["done"] for x in self.got(count, "done")]


def pair(lan, role, dialect, encoding="utf-8", flags=(), options=()):
    """(ours, theirs), connected; `role` is ours."""
    encode = ("--encoding", encoding) if dialect == "serpy1" else ()
    if role == "serve":
        ours = Ours(lan, "serve", dialect, "127.0.0.1:0", encoding, *flags)
        theirs = Theirs(lan, "connect", dialect, ours.port, *encode, *options)
    else:
        theirs = Theirs(lan, "serve", dialect, 0, *encode, *options)
        ours = Ours(lan, "connect", dialect, f"127.0.0.1:{theirs.port}", encoding, *flags)
    ours.got(1, "up")
    theirs.got(1, "up")
    return ours, theirs
