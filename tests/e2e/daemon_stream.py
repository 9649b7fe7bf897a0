"""daemon_stream.py - what the tests of streams in lanyardd share: a daemon with streams, its configuration, what it knows.

What a test knows of a stream it knows from the control socket, and from the
bytes that reached the other end.
"""
import json

from daemon_test import Daemon
from lanyard_test import wait_for
from stream_peer import Serpy1, Serpy2

KINDS = {"serpy1": Serpy1, "serpy2": Serpy2}


class StreamDaemon(Daemon):
    def stream(self, name="lab"):
        return next((s for s in self.ask("stream.list")["streams"] if s["name"] == name), None)

    def show(self, name="lab"):
        return self.ask("stream.show", name=name)

    def conns(self, name="lab"):
        return self.show(name)["conns"]

    def counter(self, counter, name="lab"):
        return next(c["value"] for c in self.show(name)["counters"] if c["name"] == counter)

    def say(self, value, name="lab", **more):
        return self.ask("stream.send", name=name, value=value, **more)

    def events(self, kind=None, stream="lab"):
        return [e for e in self.ask("event.list", n=100000)["events"]
                if e.get("stream") == stream and kind in (None, e["event"])]

    def wait_events(self, kind, count=1, stream="lab", timeout=10):
        wait_for(lambda: len(self.events(kind, stream)) >= count, timeout=timeout, what=f"{count} events {kind}")
        return self.events(kind, stream)

    def watched(self, count):
        wait_for(lambda: self.ask("status")["control"]["watchers"] == count, what=f"{count} watchers")

    def peer(self, name="lab", **more):
        """A plain socket connected to a stream that serves, up as the daemon sees it."""
        stream = self.stream(name)
        before = stream["connections"]
        peer = KINDS[stream["dialect"]].to(stream["address"], **more)
        wait_for(lambda: self.stream(name)["connections"] > before, what="the connection")
        return peer

    def lanyard(self, *words, code=0, text=None):
        """The command line against this daemon: its lines."""
        proc = self.lan.start("lanyard", "-s", self.socket, *words)
        if text is not None:
            proc.popen.stdin.write(text if isinstance(text, bytes) else text.encode())
        proc.close_stdin()
        assert proc.wait() == code, proc.tail()
        return proc.out


class Host:
    """A Lan in a namespace of its own."""

    def __init__(self, lan, ns):
        self.lan, self.ns, self.folder = lan, ns, lan.folder

    def start(self, *words, **options):
        return self.lan.start(*words, ns=self.ns, **options)


def entry(name="lab", dialect="serpy2", **keys):
    """One stream as YAML flow, which is JSON."""
    return json.dumps({"name": name, "dialect": dialect, **keys})


def config(*entries):
    return "daemon: {name: hub, events: 100000}\nlink: []\nstream:\n" + "".join(f"- {e}\n" for e in entries)


def server(lan, dialect="serpy2", **keys):
    return StreamDaemon(lan, config(entry(dialect=dialect, serve="127.0.0.1:0", **keys)))


def client(lan, listener, dialect="serpy2", **keys):
    return StreamDaemon(lan, config(entry(dialect=dialect, connect=listener.address, retry_max="50ms", **keys)))


def values(events):
    return [e.get("value", e.get("text", e.get("base64"))) for e in events]
