"""neighbor_cli.py - what the tests of `lanyard neighbor` share: cables with names and MAC addresses, nodes.

A cable is a veth pair between two namespaces (or inside one). A node is one
`lanyard neighbor run -J`; `at` turns the time of an event into seconds, so that
what is measured is between two events of the program and not how long the test
needed to look.
"""
import datetime
import itertools
import subprocess

from lanyard_test import SANITIZED, binary

DIALECTS = ["lsoe", "l3dl"]
SLOW = 4 if SANITIZED else 1  # what limits of time are multiplied with
numbers = itertools.count()


def ip(ns, *words):
    ns.run("ip", *words)


def addr(ns, change, address, ifname="lan0"):
    """Without duplicate address detection, so that an IPv6 address is there at once."""
    quick = ["nodad"] if ":" in address and change == "add" else []
    ip(ns, "addr", change, address, "dev", ifname, *quick)


def cable(a, b, name_a="lan0", name_b="lan0", mac_a=None, mac_b=None, mtu=None, up=True):
    """A veth pair without addresses."""
    temporary = f"w{next(numbers)}"
    ip(a, "link", "add", name_a, "type", "veth", "peer", "name", temporary)
    ip(a, "link", "set", temporary, "netns", b.name, "name", name_b)
    for ns, name, mac in ((a, name_a, mac_a), (b, name_b, mac_b)):
        if mac:
            ip(ns, "link", "set", name, "address", mac)
        if mtu:
            ip(ns, "link", "set", name, "mtu", mtu)
        if up:
            ns.link(name, True)


def mac_of(ns, ifname="lan0"):
    return ns.run("cat", f"/sys/class/net/{ifname}/address").stdout.strip()


def at(event):
    """The time of an event in seconds of time.time()."""
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def bare(event):
    """An event without what is there in every one."""
    assert event["schema"] == 1 and event["time"].endswith("Z")
    return {k: v for k, v in event.items() if k not in ("schema", "time")}


class Node:
    """`lanyard neighbor run` in a namespace."""

    def __init__(self, lan, ns, *words, ifaces=("lan0",), dialect="lsoe", env=None):
        self.ns = ns
        self.proc = lan.start("lanyard", "neighbor", "run", *ifaces, "--dialect", dialect, "-J", *words,
                              ns=ns, env=env)

    def link(self, state="up", timeout=10, nth=0, **fields):
        return self.proc.event("link", state=state, timeout=timeout, nth=nth, **fields)

    def session(self, state="up", timeout=10, nth=0, **fields):
        return self.proc.event("neighbor", state=state, timeout=timeout, nth=nth, **fields)

    def sessions(self, state="up", **fields):
        return self.proc.events("neighbor", state=state, **fields)

    def heard(self, kind="ipv4", **fields):
        """What the neighbour announces of a type at present: {"10.0.0.1/24", ..}."""
        events = self.proc.events("encapsulations", type=kind, **fields)
        return {f"{p['address']}/{p['length']}" for p in events[-1]["prefixes"]} if events else set()

    def until_heard(self, prefixes, kind="ipv4", timeout=10, **fields):
        """Until the neighbour announces exactly these; the event that said so."""
        self.proc.until(lambda: self.heard(kind, **fields) == set(prefixes), timeout,
                        f"{kind} {sorted(prefixes)}, last {sorted(self.heard(kind, **fields))}")
        return self.proc.events("encapsulations", type=kind, **fields)[-1]


def pair(lan, two_hosts, *words, dialect="lsoe"):
    """Two nodes on the cable of two_hosts, both established."""
    (a, _), (b, _) = two_hosts
    nodes = Node(lan, a, *words, dialect=dialect), Node(lan, b, *words, dialect=dialect)
    for node in nodes:
        node.session()
    return nodes


def run(*words, timeout=30, ns=None):
    """`lanyard neighbor` to its end."""
    inside = ["ip", "netns", "exec", ns.name] if ns else []
    done = subprocess.run([*inside, binary("lanyard"), "neighbor", *map(str, words)], capture_output=True, text=True,
                          timeout=timeout, check=False)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done
