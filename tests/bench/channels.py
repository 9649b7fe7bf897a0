"""channels.py - the comparisons of the channel family, for run.py.

Everything happens in network namespaces made here and removed afterwards (root
only). A place is where sender and receiver are: `lo`, both in one namespace, and
`veth`, two namespaces with a cable between them. On the loopback interface a
member of a group hears itself, so there the bare loop's sender is a member, too.
Sender and receiver are paced by one window of messages, the same for all (see
mcast.h): nothing may be lost, and what is sent is what is delivered.

The reliable comparison has nine namespaces on a bridge, a sender and eight
receivers, each of which loses 20 % of all packets on their way in, by nftables
rules in the kernel. Segmentation offload ends before the bridge, so that it is
single datagrams that are lost and counted.
"""
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median

WINDOW = 512
RECEIVERS, LOSS = 8, 0.2
MESSAGE = 1400
CPU = ("cpu_tx_ns", "cpu_rx_ns")
ROUTE = "239.0.0.0/8"
# Settings found by trying, on a machine of two processors: blocks of 64 with so much parity sent at once that
# requests are rare. Higher rates waste more and end no earlier; less parity saves bytes and costs time.
NORM = ("-w", 1, "-r", 400e6, "-K", 64, "-F", 64, "-A", 32)

LOSS_RULES = """table netdev bench {{
	chain ingress {{
		type filter hook ingress device "eth0" priority 0; policy accept;
		counter
		numgen random mod 1000000 < {ppm} counter drop
	}}
}}
"""


def do(*words, text=None):
    done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Places:
    """Namespaces of this process; named after it, gone with it."""

    def __init__(self):
        self.names = []

    def make(self, name):
        full = f"lanbench{os.getpid()}-{name}"
        do("ip", "netns", "add", full)
        self.names.append(full)
        do("ip", "-n", full, "link", "set", "lo", "up", "multicast", "on")
        return full

    def clear(self):
        while self.names:
            do("ip", "netns", "del", self.names.pop())


@contextmanager
def places():
    p = Places()
    try:
        yield p
    finally:
        p.clear()


def pair(p):
    """{place: options}: one namespace with a loopback, two with a cable."""
    lo, a, b = p.make("lo"), p.make("a"), p.make("b")
    do("ip", "-n", lo, "route", "add", ROUTE, "dev", "lo")
    do("ip", "-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b)
    for number, ns in enumerate((a, b), 1):
        do("ip", "-n", ns, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
        do("ip", "-n", ns, "link", "set", "eth0", "up")
        do("ip", "-n", ns, "route", "add", ROUTE, "dev", "eth0")
    return {"lo": ("-S", lo, "-R", lo, "-i", "lo"), "veth": ("-S", a, "-R", b, "-i", "eth0")}


# --- rates -------------------------------------------------------------------------

def ratio(above, below):
    return [a["rate"] / b["rate"] for a, b in zip(above, below)]


def cpu_ratio(above, below):
    """By processor time of the busier end: what limits the rate where each end has a core for itself."""
    return [max(b[side] for side in CPU) / max(a[side] for side in CPU) for a, b in zip(above, below)]


def contenders(bench, place, options, keys):
    common = ["-d", bench.args.seconds, "-w", WINDOW, *options, *(["-p"] if bench.args.pin else [])]
    bare = ["-f", "m"] if place == "lo" else []
    each = {}
    for size in (64, 1024):
        each["bare", size] = ("mcast", *common, *bare, "-s", size)
        each["plain", size] = ("channel", *common, "-s", size)
        each["plain offload", size] = ("channel", *common, "-s", size, "-o")
    each["bare", MESSAGE] = ("mcast", *common, *bare, "-s", MESSAGE)
    each["bare offload", MESSAGE] = ("mcast", *common, *bare, "-s", MESSAGE, "-o")
    for cipher, key in keys.items():
        each[cipher, MESSAGE] = ("channel", *common, "-s", MESSAGE, "-k", key)
        each[f"{cipher} offload", MESSAGE] = ("channel", *common, "-s", MESSAGE, "-k", key, "-o")
    return each


def rate_row(bench, group, name, results, size, cpu_known=True):
    rates = [r["rate"] for r in results]
    cpu = [round(median(r[side] for r in results)) for side in CPU]
    note = f"{median(rates) * size / 1e6:.0f} MB/s" + (f", CPU {cpu[0]} + {cpu[1]} ns" if cpu_known else "")
    bench.figure(group, name, "msg/s", rates, note=note)


def plain_rows(bench, place, r):
    for size in (64, 1024):
        group = f"Channel, plain multisock, {size} bytes, {place}"
        rate_row(bench, group, "lanyard, a call per datagram", r["plain", size], size)
        rate_row(bench, group, "lanyard, as it comes", r["plain offload", size], size)
        rate_row(bench, group, "bare sendto/recv", r["bare", size], size)
        bench.figure(group, "as it comes / bare sendto and recv", "x",
                     ratio(r["plain offload", size], r["bare", size]), goal=(">=", 0.95))
        bench.figure(group, "a call each / bare sendto and recv", "x", ratio(r["plain", size], r["bare", size]),
                     goal=(">=", 0.95))
        bench.figure(group, "the same, by processor time of the busier end", "x",
                     cpu_ratio(r["plain", size], r["bare", size]))


def sealed_rows(bench, place, r, keys, curve):
    group = f"Channel, sealed, {MESSAGE} bytes, {place}"
    rate_row(bench, group, "bare sendto/recv", r["bare", MESSAGE], MESSAGE)
    rate_row(bench, group, "bare GSO/GRO", r["bare offload", MESSAGE], MESSAGE)
    for cipher in keys:
        single, batch = r[cipher, MESSAGE], r[f"{cipher} offload", MESSAGE]
        rate_row(bench, group, f"{cipher}, a call per datagram", single, MESSAGE)
        rate_row(bench, group, f"{cipher}, offload", batch, MESSAGE)
        bench.figure(group, f"{cipher}, a call each / bare sendto and recv", "x", ratio(single, r["bare", MESSAGE]),
                     goal=(">=", 0.75))
        bench.figure(group, "the same, by processor time of the busier end", "x",
                     cpu_ratio(single, r["bare", MESSAGE]))
        bench.figure(group, f"{cipher}, offload / bare GSO/GRO", "x", ratio(batch, r["bare offload", MESSAGE]),
                     goal=(">=", 0.5))
        bench.figure(group, "the same, by processor time of the busier end", "x",
                     cpu_ratio(batch, r["bare offload", MESSAGE]))
        if curve:
            bench.figure(group, f"{cipher}, offload / ZeroMQ CURVE at 1 KiB", "x", ratio(batch, curve),
                         goal=(">=", 5), note="by messages")


def original_rows(bench, ns):
    group = "Channel, the original (Python), lo, sender not paced"
    if not os.environ.get("MULTISOCK_REPO"):
        bench.figure(group, "not measured: set MULTISOCK_REPO to its source", "", [0])
        return
    for size in (64, 1024):
        done = do("ip", "netns", "exec", ns, sys.executable, Path(__file__).with_name("original_multisock.py"),
                  max(1, bench.args.seconds), size)
        result = json.loads(done)
        bench.raw.append({"program": "original_multisock", "options": [size], **result})
        bench.figure(group, f"original, {size} bytes", "msg/s", [result["rate"]],
                     note=f"{result['sent']:.0f} sent a second")


def may(bench, group):
    """Namespaces are root's to make."""
    if os.geteuid() == 0:
        return True
    bench.figure(group, "not measured: only root can make the namespaces", "", [0])
    return False


def rates(bench):
    if not may(bench, "Channel"):
        return
    with places() as p, tempfile.TemporaryDirectory() as folder:
        where = pair(p)
        keys = {"aes-256-gcm": f"{folder}/a.key", "xchacha20-poly1305": f"{folder}/x.key"}
        for letter, key in zip("ax", keys.values()):
            bench.run("channel", "-k", key, "-f", letter)
        lo = where["lo"][1]
        for place, options in where.items():
            each = contenders(bench, place, options, keys)
            if bench.has("zmq"):
                each["curve", 1024] = ("zmq", "-d", bench.args.seconds, "-w", 1000, "-S", lo, "-R", lo, "-s", 1024)
            r = bench.rounds(each)
            plain_rows(bench, place, r)
            sealed_rows(bench, place, r, keys, r.get(("curve", 1024)))
            if bench.has("zmq"):
                group = f"Channel, sealed, {MESSAGE} bytes, {place}"
                rate_row(bench, group, "ZeroMQ PUSH/PULL, TCP, CURVE, 1 KiB", r["curve", 1024], 1024, cpu_known=False)
        original_rows(bench, lo)


# --- reliable ----------------------------------------------------------------------

def star(p):
    """A sender and its receivers on a bridge; their namespaces, the sender's first."""
    bridge = p.make("br")
    do("ip", "-n", bridge, "link", "add", "br0", "type", "bridge", "mcast_snooping", 0)
    do("ip", "-n", bridge, "link", "set", "br0", "up")
    ends = []
    for number in range(RECEIVERS + 1):
        ns, port = p.make(f"m{number}"), f"port{number}"
        do("ip", "-n", ns, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", bridge)
        do("ip", "-n", ns, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
        do("ip", "-n", ns, "link", "set", "eth0", "gso_max_segs", 1, "up")
        do("ip", "-n", ns, "route", "add", ROUTE, "dev", "eth0")
        do("ip", "-n", bridge, "link", "set", port, "master", "br0", "gso_max_segs", 1, "up")
        ends.append(ns)
    return ends


def lose(ns):
    do("ip", "netns", "exec", ns, "nft", "-f", "-", text=LOSS_RULES.format(ppm=round(LOSS * 1e6)))


def lost(ns):
    """Packets that came, packets dropped."""
    rules = json.loads(do("ip", "netns", "exec", ns, "nft", "-j", "list", "table", "netdev", "bench"))["nftables"]
    return [e["counter"]["packets"] for r in rules for e in r.get("rule", {}).get("expr", []) if "counter" in e]


def sent_bytes(ns):
    return json.loads(do("ip", "-n", ns, "-s", "-j", "link", "show", "eth0"))[0]["stats64"]["tx"]["bytes"]


def one_bulk(bench, ends, name, program, *options):
    """One transfer; what it cost on the wire, and what really was lost."""
    total = bench.args.bulk_mb * 1000000 // MESSAGE * MESSAGE
    before, drops = [sent_bytes(ns) for ns in ends], [lost(ns) for ns in ends[1:]]
    result = bench.run(program, "-S", ends[0], "-R", ",".join(ends[1:]), "-i", "eth0", "-s", MESSAGE, "-b", total,
                       "-t", 280, *options, limit=300)[0]
    wire = [sent_bytes(ns) - b for ns, b in zip(ends, before)]
    now = [lost(ns) for ns in ends[1:]]
    came, dropped = (sum(n[i] - d[i] for n, d in zip(now, drops)) for i in (0, 1))
    result |= {"wire": wire[0] / total, "with_feedback": sum(wire) / total, "loss": dropped / came}
    bench.raw.append({"program": name, "options": ["wire"], **result})
    return result


def bulk_rows(bench, group, name, results, goals):
    bound = round(1.5 / (1 - LOSS), 3) if goals else None
    loss = median(r["loss"] for r in results)
    bench.figure(group, f"{name}: complete in order at all {RECEIVERS}", "s", [r["seconds"] for r in results],
                 note=f"{bench.args.bulk_mb / median(r['seconds'] for r in results):.1f} MB/s, "
                      f"{loss:.1%} of packets dropped")
    bench.figure(group, f"{name}: sender's bytes on the wire / payload", "x", [r["wire"] for r in results],
                 goal=("<=", bound) if goals else None, judge="max", note="with all headers")
    bench.figure(group, f"{name}: bytes of all members / payload", "x", [r["with_feedback"] for r in results])


def reliable(bench):
    group = f"Channel, reliable, {bench.args.bulk_mb} MB, {RECEIVERS} receivers, {LOSS:.0%} lost at each"
    rounds = min(3, bench.args.rounds)
    if not may(bench, group):
        return
    with places() as p, tempfile.TemporaryDirectory() as folder:
        ends, key = star(p), f"{folder}/a.key"
        bench.run("channel", "-k", key, "-f", "a")
        for ns in ends[1:]:
            lose(ns)
        ours, norm = [], []
        for _ in range(rounds):
            ours.append(one_bulk(bench, ends, "sealed wire", "channel_bulk", "-k", key, "-o"))
            if bench.has("norm"):
                norm.append(one_bulk(bench, ends, "norm wire", "norm", *NORM))
    bulk_rows(bench, group, "lanyard, sealed", ours, True)
    if norm:
        bulk_rows(bench, group, "NORM", norm, False)
        bench.figure(group, "NORM's time / lanyard's", "x", [n["seconds"] / o["seconds"] for n, o in zip(norm, ours)],
                     goal=(">=", 1))
