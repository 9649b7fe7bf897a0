"""neighbors.py - the comparisons of the neighbour family, for run.py.

Two network namespaces with so many cables between them, a process on each side; as root. With LSOE_REPO in the
environment (a checkout of Arrcus/lsoe-python) the original runs on the same cables, both sides the original, at 10
and 50 links, where it works well. A thousand links are for ours alone.

Times: `hello` is from the last HELLO that any side sent to the last session at either side; `exec` from starting the
second process, for both programs. Steady processor time is taken with default timers: a KEEPALIVE a second and link.
"""
import array
import ctypes
import fcntl
import json
import os
import re
import select
import socket
import struct
import subprocess
import time
from pathlib import Path
from statistics import median

from channels import do, places

STEADY = 10.0  # seconds over which processor time is taken
MANY = 1000
FLAPS = 30
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LSOED_RUN = Path(__file__).resolve().parent.parent / "interop" / "lsoed_run.py"


def cables(p, count):
    """Namespaces a and b, joined by v0.. in each, a /31 and no IPv6 on each link; not up yet."""
    a, b = p.make("a"), p.make("b")
    for ns in (a, b):
        do("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1",
           "net.ipv6.conf.all.disable_ipv6=1")
    # Both ends of a cable of one number would look like a card without a peer to the kernel, which tells of these that
    # they lost their carrier once a second at most (linkwatch): one more on one side, and no number is the same.
    do("ip", "-n", b, "link", "add", "spare", "type", "veth", "peer", "name", "other")
    do("ip", "-n", a, "-batch", "-", text="".join(
        f"link add v{i} type veth peer name v{i} netns {b}\n" for i in range(count)))
    for ns, side in ((a, 0), (b, 1)):
        do("ip", "-n", ns, "-batch", "-", text="".join(
            f"addr add 10.{i >> 7}.{(i & 127) * 2}.{side}/31 dev v{i}\nlink set v{i} up\n" for i in range(count)))
    return a, b


class Process:
    """A program in a namespace; only ever this one is ended."""

    def __init__(self, ns, *words, err=subprocess.DEVNULL):
        self.began = time.monotonic()
        self.popen = subprocess.Popen(["ip", "netns", "exec", ns, *map(str, words)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=err)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()

    def line(self, limit):
        """The next line of stdout, or None after so many seconds."""
        end = time.monotonic() + limit
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(0, end - time.monotonic()))
            more = os.read(self.popen.stdout.fileno(), 65536) if ready else b""
            if not more:
                return None
            self.unread += more
        text, self.unread = self.unread.split(b"\n", 1)
        return json.loads(text)

    def status(self, name):
        text = Path(f"/proc/{self.popen.pid}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(rf"{name}:\s+(\d+)", text)[1]) * 1024

    def cpu(self):
        """Seconds of processor time."""
        fields = Path(f"/proc/{self.popen.pid}/schedstat").read_text(encoding="ascii").split()
        return int(fields[0]) / 1e9


def steady(processes, seconds):
    """Percent of a core of each."""
    before, since = [p.cpu() for p in processes], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - since
    return [100 * (p.cpu() - was) / took for p, was in zip(processes, before)]


def all_there(process, limit=60):
    said = process.line(limit)
    if not said or said["what"] != "all":
        raise RuntimeError(f"not all neighbours are there after {limit} s")
    return said


def one_run(bench, count, flaps=0, seconds=STEADY):
    """Ours at both ends, by the measuring program."""
    program = bench.programs / "bench-neighbor"
    with places() as p:
        a, b = cables(p, count)
        with Process(a, program, count) as first:
            time.sleep(1.0 + count / 1000)
            with Process(b, program, count) as second:
                said = [all_there(x) for x in (first, second)]
                done, hello = max(s["at"] for s in said), max(s["hello"] for s in said)
                # The last HELLO before the end: a HELLO of later does not count for an earlier end.
                time.sleep(2)
                cpu = steady((first, second), seconds)
                result = {"links": count, "exec": done / 1e9 - second.began, "hello": (done - hello) / 1e9,
                          "open": (done - said[1]["opened"]) / 1e9,
                          "cpu": cpu, "cpu_start_ms": [s["cpu_ms"] for s in said],
                          "rss": [x.status("VmRSS") for x in (first, second)],
                          "closed": sum(s["downs"] for s in said) + closed(first) + closed(second)}
                if flaps:
                    result["flaps"] = [flap(b, first, second, i * 7 % count) for i in range(flaps)]
        bench.raw.append({"program": "neighbor", "options": [count], **result})
        return result


def command_memory(bench, count):
    """Resident octets of `lanyard neighbor run` on so many links, all established."""
    command = bench.programs.parents[1] / "lanyard"
    with places() as p:
        a, b = cables(p, count)
        with Process(a, command, "neighbor", "run", "v*", "-J", "--id", "0a") as first, \
                Process(b, bench.programs / "bench-neighbor", count) as second:
            all_there(second)
            end = time.monotonic() + 5
            while time.monotonic() < end:
                first.line(0.2)
            return first.status("VmRSS")


def closed(process):
    count = 0
    while (said := process.line(0)) is not None:
        count += said["what"] == "down"
    return count


class Flags:
    """Up and down of interfaces of a namespace, without starting a program."""

    def __init__(self, ns):
        back, inside = (os.open(path, os.O_RDONLY) for path in ("/proc/thread-self/ns/net", f"/run/netns/{ns}"))
        setns(inside)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # belongs there from now on
        setns(back)
        os.close(inside)
        os.close(back)

    def set(self, ifname, up):
        ask = array.array("B", struct.pack("16sH22x", ifname.encode(), 0))
        fcntl.ioctl(self.sock, SIOCGIFFLAGS, ask, True)
        flags = struct.unpack("16sH22x", ask)[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        at = time.monotonic()
        fcntl.ioctl(self.sock, SIOCSIFFLAGS, struct.pack("16sH22x", ifname.encode(), flags))
        return at


def setns(fd):
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def until(process, what, ifname, limit=10):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        said = process.line(end - time.monotonic())
        if said and said["what"] == what and said["ifname"] == ifname:
            return said["at"] / 1e9
    raise RuntimeError(f"{ifname}: not {what} within {limit} s")


def flap(ns, first, second, number):
    """Seconds from losing the carrier to `down` at the other side, and from its return to `up` at both."""
    name, flags = f"v{number}", Flags(ns)
    off = flags.set(name, False)
    down = until(first, "down", name) - off
    until(second, "down", name)
    time.sleep(0.02)
    on = flags.set(name, True)
    up = max(until(first, "up", name), until(second, "up", name)) - on
    flags.sock.close()
    return down, up


# --- beside the original -------------------------------------------------------------

class Lsoed(Process):
    """The original with its default timers; `when` tells from its log when it had reported so many neighbours."""

    def __init__(self, folder, ns, number):
        config = Path(folder) / f"{ns}.cfg"
        config.write_text(f"[lsoed]\nlocal-id = 00:00:00:00:00:00:00:00:00:{number:02x}\n", encoding="ascii")
        self.log = Path(folder) / f"{ns}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            super().__init__(ns, "/usr/bin/python3", LSOED_RUN, Path(os.environ["LSOE_REPO"]) / "lsoed", "-c", config,
                             err=log)

    def reported(self):
        """{interface: seconds since the epoch} of the first report of each, and sessions that ended."""
        first, ended = {}, 0
        for at, rest in re.findall(r"^(\d+-\d+-\d+ [\d:]+,\d+) \S+ INFO <Session . (.*)$",
                                   self.log.read_text(encoding="utf-8", errors="replace"), re.M):
            ifname = rest.split()[0]
            if "<IPv4EncapsulationPDU: [<" in rest:
                first.setdefault(ifname, stamp(at))
            ended += "<IPv4EncapsulationPDU: []>" in rest
        return first, ended


def stamp(text):
    whole, ms = text.split(",")
    return time.mktime(time.strptime(whole, "%Y-%m-%d %H:%M:%S")) - time.timezone + int(ms) / 1e3


def original_run(bench, count, folder):
    with places() as p:
        a, b = cables(p, count)
        with Lsoed(folder, a, 10) as first:
            time.sleep(2)
            began = time.time()
            with Lsoed(folder, b, 11) as second:
                end = time.monotonic() + 90
                while min(len(x.reported()[0]) for x in (first, second)) < count and time.monotonic() < end:
                    time.sleep(0.2)
                seen = [x.reported() for x in (first, second)]
                done = max(max(s[0].values(), default=began) for s in seen)
                time.sleep(2)
                cpu = steady((first, second), STEADY)
                result = {"links": count, "exec": done - began, "there": min(len(s[0]) for s in seen), "cpu": cpu,
                          "rss": [x.status("VmRSS") for x in (first, second)], "closed": sum(s[1] for s in seen)}
    bench.raw.append({"program": "lsoed", "options": [count], **result})
    return result


def side_by_side(bench, count):
    group = f"Neighbours, {count} links, a process a side, default timers"
    rounds = range(1 if bench.args.quick else 3)
    runs = {"lanyard": [one_run(bench, count) for _ in rounds]}
    if os.environ.get("LSOE_REPO"):
        folder = Path(bench.args.json).parent
        runs["original"] = [original_run(bench, count, folder) for _ in rounds]
    for name, results in runs.items():
        note = "" if name == "lanyard" else f"{min(r['there'] for r in results)} of {count} links"
        bench.figure(group, f"{name}: from starting the second to all established", "s",
                     [r["exec"] for r in results], note=note)
        bench.figure(group, f"{name}: resident memory", "MB", [x / 1e6 for r in results for x in r["rss"]])
        bench.figure(group, f"{name}: one core, steady", "%", [x for r in results for x in r["cpu"]])
        bench.figure(group, f"{name}: sessions that ended", "", [r["closed"] for r in results])
    if "original" not in runs:
        bench.figure(group, "original: not measured, set LSOE_REPO to its source", "", [0])


def many(bench):
    group = f"Neighbours, {MANY} links, a process a side, default timers"
    results = [one_run(bench, MANY, FLAPS) for _ in range(1 if bench.args.quick else 3)]
    bench.figure(group, "from the last HELLO to all established", "s", [r["hello"] for r in results], goal=("<=", 1),
                 judge="max")
    bench.figure(group, "from the second's opening to all established", "s", [r["open"] for r in results],
                 goal=("<=", 1), judge="max")
    bench.figure(group, "sessions that ended", "", [r["closed"] for r in results], goal=("<=", 0), judge="max")
    bench.figure(group, "resident memory", "MB", [x / 1e6 for r in results for x in r["rss"]], goal=("<=", 8),
                 judge="max")
    bench.figure(group, "the same of `lanyard neighbor run`", "MB", [command_memory(bench, MANY) / 1e6], goal=("<=", 8))
    bench.figure(group, "one core, steady", "%", [x for r in results for x in r["cpu"]], goal=("<=", 2))
    bench.figure(group, "processor time until all are established", "ms",
                 [x for r in results for x in r["cpu_start_ms"]])
    for at, what, goal in ((0, "carrier lost to session down", 100), (1, "link up to established at both ends", 50)):
        values = [f[at] * 1e3 for r in results for f in r["flaps"]]
        bench.figure(group, what, "ms", values, goal=("<=", goal), judge="max", note=f"median {median(values):.1f} ms")


def neighbors(bench):
    for count in (10, 50):
        side_by_side(bench, count)
    many(bench)
