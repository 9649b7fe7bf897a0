"""daemon_neighbor.py - what the tests of neighbors in lanyardd share: daemons in namespaces joined by cables, what they know.

What a test knows of a neighbor it knows from the control socket, and from the
other end of the cable.
"""
import datetime
import fcntl
import json
import re
import socket
import struct
import time

from daemon_test import Daemon
from lanyard_test import wait_for

FAST = {"hello": "1s", "keepalive": "100ms", "dead": "500ms", "retransmit": "100ms"}


class Node(Daemon):
    """A daemon in a namespace, with a folder of its own."""

    def __init__(self, lan, ns, *entries, name="node", **more):
        self.host = Host(lan, ns, lan.folder / name)
        super().__init__(self.host, config(*entries), **more)
        self.ns = ns

    def neighbor(self, name="fabric"):
        return next((n for n in self.ask("neighbor.list")["neighbors"] if n["name"] == name), None)

    def show(self, name="fabric", **more):
        return self.ask("neighbor.show", name=name, **more)["neighbor"]

    def peers(self, name="fabric"):
        return self.neighbor(name)["peers"]

    def iface(self, ifname="lan0", name="fabric"):
        return next((f for f in self.neighbor(name)["ifaces"] if f["name"] == ifname), None)

    def established(self, count=1, name="fabric", timeout=10):
        wait_for(lambda: self.neighbor(name)["established"] == count, timeout, f"{count} sessions established")
        return [p for p in self.peers(name) if p["state"] == "established"]

    def events(self, kind=None, neighbor="fabric", **fields):
        return [e for e in self.ask("event.list", n=100000)["events"]
                if e.get("neighbor") == neighbor and kind in (None, e["event"])
                and all(e.get(k) == v for k, v in fields.items())]

    def event(self, kind, count=1, timeout=10, **fields):
        """The newest of at least `count` such events."""
        wait_for(lambda: len(self.events(kind, **fields)) >= count, timeout, f"{count} events {kind} {fields}")
        return self.events(kind, **fields)[-1]

    def reload(self, *entries):
        self.write(config(*entries))
        return self.ask("config.reload")


class Host:
    """A Lan in a namespace and a folder of its own."""

    def __init__(self, lan, ns, folder):
        self.lan, self.ns, self.folder = lan, ns, folder
        folder.mkdir(exist_ok=True)

    def start(self, *words, **options):
        return self.lan.start(*words, ns=self.ns, **options)

    def run(self, *words, **options):
        return self.lan.run(*words, ns=self.ns, **options)


def entry(name="fabric", ifaces=("lan0",), **keys):
    """One entry as YAML flow, which is JSON."""
    return json.dumps({"name": name, "ifaces": list(ifaces), **keys})


def config(*entries):
    listed = "\n" + "".join(f"- {e}\n" for e in entries) if entries else " []\n"
    return "daemon: {name: node, events: 100000}\nneighbor:" + listed


def two(lan, two_hosts, a=None, b=None):
    """Two nodes with a session. They share a file system, so what they keep is kept apart."""
    nodes = []
    for name, (ns, _), more in zip("ab", two_hosts, (a, b)):
        keys = {"id": "0" + name, **(more or {})}
        if keys.get("dialect") == "l3dl":
            keys.setdefault("state", str(lan.folder / f"state-{name}"))
        nodes.append(Node(lan, ns, entry(**keys), name=name))
    for node in nodes:
        node.established()
    return nodes


def moment(event):
    """When, in seconds since 1970."""
    return datetime.datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def carrier(ns, ifname, up):
    """Set an interface up or down by one system call; the moment before it."""
    with ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", ifname.encode(), 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, 0x8913, request))[1]  # SIOCGIFFLAGS
        flags = flags | 1 if up else flags & ~1
        before = time.time()
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", ifname.encode(), flags))  # SIOCSIFFLAGS
    return before


def capabilities(pid):
    """{"CapEff": .., "CapBnd": .., "NoNewPrivs": ..} as numbers."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return {k: int(v, 16) for k, v in re.findall(r"^(Cap\w+|NoNewPrivs):\s+(\w+)$", f.read(), re.M)}
