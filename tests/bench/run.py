#!/usr/bin/python3
"""run.py - `make bench`: Lanyard against its peers and against bare system calls.

Every contender of a comparison runs in the same rounds, one after the other, a
fraction of a second each, so that what else the machine does hits all of them;
ratios are taken within a round and their median is reported. Everything stays
on the loopback, or in network namespaces made for it (channels, reliable,
neighbors, liveness,
sensors: as root). Goals are shown as met or not, and never fail the command: it
fails only when a program fails, e.g. because a line was lost.

    tests/bench/run.py [--rounds N] [--seconds S] [--pin] [--only GROUP,..] [--quick]

The table goes to standard output, the same with every single measurement to
build/bench.json.
"""
import argparse
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import channels
import liveness
import neighbors
import sensors
import streams
from neighbor_frames import frames
from report import Figure, table

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 10000
CPU = ("cpu_tx_ns", "cpu_rx_ns")

# What the original reached on a machine of this kind, with its own server and client.
ORIGINAL = "original, measured separately"


def say(text=""):
    print(text, flush=True)


# --- the machine -----------------------------------------------------------------

def busy(seconds):
    """Share of all processors that was at work during so many seconds."""
    def ticks():
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        numbers = [int(w) for w in words]
        return numbers[3] + numbers[4], sum(numbers[:8])
    idle, total = ticks()
    time.sleep(seconds)
    idle2, total2 = ticks()
    return 1 - (idle2 - idle) / max(1, total2 - total)


def wait_for_quiet(limit=2.0):
    until = time.monotonic() + limit
    share = busy(0.1)
    while share > 0.15 and time.monotonic() < until:
        share = busy(0.1)
    return share


class Failed(Exception):
    """A program failed: a line was lost, a socket could not be had."""


# --- running ---------------------------------------------------------------------

class Bench:
    def __init__(self, programs, args):
        self.programs = programs
        self.args = args
        self.raw = []
        self.figures = []

    def run(self, program, *options, limit=120):
        """One measurement: the JSON lines that the program printed."""
        command = [str(self.programs / f"bench-{program}"), *map(str, options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        if done.returncode:
            raise Failed(f"bench-{program} {' '.join(command[1:])}: {done.stderr.strip()}")
        results = [json.loads(line) for line in done.stdout.splitlines()]
        self.raw += [{"program": program, "options": command[1:], **r} for r in results]
        return results

    def has(self, program):
        """Whether there was what it takes to build a peer's program."""
        return (self.programs / f"bench-{program}").exists()

    def rounds(self, contenders):
        """{name: [result per round]} of {name: (program, options..)}, interleaved."""
        results = {name: [] for name in contenders}
        for _ in range(self.args.rounds):
            wait_for_quiet(1.0)
            for name, (program, *options) in contenders.items():
                results[name] += self.run(program, *options)
        return results

    def figure(self, *args, **more):
        self.figures.append(Figure(*args, **more))


def values(results, key):
    return [r[key] for r in results]


def ratios(above, below, key):
    return [a[key] / b[key] for a, b in zip(above, below)]


# --- the comparisons -------------------------------------------------------------

class Broker:
    """A mosquitto of our own: nothing kept on disk, nothing dropped, the window of the comparison."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        conf = Path(self.folder.name) / "mosquitto.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                        "max_inflight_messages 100\nmax_queued_messages 0\nset_tcp_nodelay true\n"
                        "log_dest none\n", encoding="ascii")
        path = os.environ["PATH"] + ":/usr/sbin"
        self.process = subprocess.Popen(["mosquitto", "-c", str(conf)], env={**os.environ, "PATH": path},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise Failed("mosquitto did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def lines(bench):
    place = "split" if bench.args.pin else "free"
    group = "Pipelined lines, qos without wait, 64 bytes" + (", one core each" if bench.args.pin else "")
    common = ["-d", bench.args.seconds, "-p", place]
    with Broker() as broker:
        r = bench.rounds({
            "mosquitto": ("mqtt", "-P", broker.port, *common),
            "bare": ("frames", *common),
            "to server": ("lines", *common),
            "to client": ("lines", "-x", *common),
            "bare 16": ("frames", "-w", 16, *common),
            "to client 16": ("lines", "-x", "-w", 16, *common),
        })
    for key, name in (("to server", "lanyard, client to server, window 100"),
                      ("to client", "lanyard, server to client, window 100"),
                      ("bare", "bare framed stream with acks, window 100"),
                      ("mosquitto", "mosquitto QoS 1, in flight 100"),
                      ("to client 16", "lanyard, server to client, window 16"),
                      ("bare 16", "bare framed stream with acks, window 16")):
        cpu = [round(sum(values(r[key], side)) / len(r[key])) for side in CPU]
        bench.figure(group, name, "lines/s", values(r[key], "rate"),
                     note=f"CPU {cpu[0]} + {cpu[1]} ns/line" + (" + broker" if key == "mosquitto" else ""))
    bench.figure(group, "original, bursts of 100", "lines/s", [1150], note=ORIGINAL)
    bench.figure(group, "lanyard / mosquitto", "x", ratios(r["to server"], r["mosquitto"], "rate"), goal=(">=", 20))
    bench.figure(group, "lanyard / bare stream", "x", ratios(r["to server"], r["bare"], "rate"), goal=(">=", 0.3))
    bench.figure(group, "the same, by processor time of both ends", "x",
                 [sum(b[k] for k in CPU) / sum(a[k] for k in CPU) for a, b in zip(r["to server"], r["bare"])])
    bench.figure(group, "lanyard / bare stream, server to client", "x", ratios(r["to client"], r["bare"], "rate"))
    bench.figure(group, "lanyard / bare stream, server to client, 16", "x",
                 ratios(r["to client 16"], r["bare 16"], "rate"))


PLACES = {"free": "where the scheduler likes", "same": "both on one core", "split": "one core each"}


def wait(bench):
    contenders = {}
    for place in PLACES:
        common = ["-d", bench.args.seconds, "-p", place]
        contenders |= {("bare", place): ("pingpong", *common), ("to server", place): ("wait", *common),
                       ("epoll", place): ("pingpong", "-e", *common), ("to client", place): ("wait", "-x", *common)}
    r = bench.rounds(contenders)
    for place, where in PLACES.items():
        group = f"Round trip, qos with wait, 64 bytes; {where}"
        for key, name in (("to server", "lanyard, client to server"), ("to client", "lanyard, server to client"),
                          ("bare", "bare ping-pong, blocking"), ("epoll", "bare ping-pong, epoll")):
            p99 = sorted(values(r[key, place], "p99"))[len(r[key, place]) // 2]
            bench.figure(group, name, "us", values(r[key, place], "p50"), note=f"p99 {p99:.0f} us")
        bench.figure(group, "lanyard / bare blocking", "x", ratios(r["to server", place], r["bare", place], "p50"),
                     goal=("<=", 1.3))
        bench.figure(group, "lanyard / bare epoll", "x", ratios(r["to server", place], r["epoll", place], "p50"))
    bench.figure(group, "original", "us", [50900], note=f"19.5 lines/s; {ORIGINAL}")


def recovery(bench):
    group = f"Recovery after a cut, {bench.args.cuts} cuts: until the pending line is acknowledged"
    wait_for_quiet()
    for how, options in (("FIN", ()), ("RST", ("-r",))):
        for r in bench.run("recovery", "-n", bench.args.cuts, *options, limit=400):
            bench.figure(group, f"{how}, {r['what']}, median", "ms", [r["p50"] / 1e3], goal=("<=", 100))
            bench.figure(group, f"{how}, {r['what']}, longest", "ms", [r["max"] / 1e3], goal=("<=", 100))
    bench.figure(group, "original", "ms", [7510], note=ORIGINAL)


def one_storm(bench, kind, timeout, *options):
    # Clients that came together are due together: take whole periods of the keepalives.
    seconds = max(1, round(bench.args.storm_seconds / (timeout / 4))) * timeout / 4
    server = subprocess.Popen([str(bench.programs / f"bench-storm_{kind}"), "-t", str(timeout * 1000)],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        return bench.run("storm", "-n", CLIENTS, "-t", timeout * 1000, "-P", port, "-B", server.pid,
                         "-d", seconds, *options)[0]
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def storm(bench):
    results, timeouts = {}, (2, 20) if bench.args.quick else (2, 20, 60)
    cases = [(kind, t, ()) for t in timeouts for kind in ("lanyard", "bare")]
    cases += [("lanyard", t, ("-g",)) for t in (2, 20)]
    for case in cases:
        wait_for_quiet()
        kind, timeout, options = case
        results[case] = one_storm(bench, kind, timeout, *options)
    for kind, title in (("lanyard", "lanyard"), ("bare", "bare epoll loop, keepalives only")):
        for hostile in ((), ("-g",)):
            mine = {t: r for (k, t, g), r in results.items() if k == kind and g == hostile}
            if not mine:
                continue
            goals = kind == "lanyard"
            group = f"Storm of {CLIENTS} clients, {title}"
            group += "; one silent connection, 500 with garbage" if hostile else ""
            bench.figure(group, "all admitted", "s", values(mine.values(), "seconds"),
                         goal=("<=", 1) if goals else None, judge="max")
            bench.figure(group, "resident memory a client", "B", values(mine.values(), "rss_each"),
                         goal=("<=", 600) if goals else None, judge="max")
            bench.figure(group, "still connected at the end", "clients", values(mine.values(), "left"),
                         goal=(">=", CLIENTS) if goals else None, judge="min")
            for t, r in mine.items():
                bench.figure(group, f"one core, timeout {t} s", "%", [r["cpu_percent"]],
                             goal=("<=", 1) if goals else None)
    group = "Storm, the original"
    bench.figure(group, "one core at 2000 clients, timeout 2 s", "%", [97], note=ORIGINAL)
    bench.figure(group, "resident memory a client", "B", [6300], note=ORIGINAL)


GROUPS = {"lines": lines, "wait": wait, "recovery": recovery, "storm": storm, "channels": channels.rates,
          "reliable": channels.reliable, "streams": streams.streams, "frames": frames,
          "neighbors": neighbors.neighbors, "liveness": liveness.liveness,
          "coap": sensors.coap, "sensors": sensors.sensors}


# --- all of it -------------------------------------------------------------------

def build(folder):
    steps = [["ninja", "-C", folder, "bench-programs", "lanyard"]]
    if not (ROOT / folder / "build.ninja").exists():
        steps.insert(0, ["meson", "setup", folder, "-Dtests=false"])
    for step in steps:
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(step)} failed:\n{done.stdout}{done.stderr}")
    return ROOT / folder / "tests" / "bench"


def parse():
    p = argparse.ArgumentParser(description="Lanyard against its peers and against bare system calls")
    p.add_argument("--rounds", type=int, default=7, help="rounds of each comparison")
    p.add_argument("--seconds", type=float, default=0.4, help="length of one measurement")
    p.add_argument("--cuts", type=int, default=50, help="cuts of each kind")
    p.add_argument("--storm-seconds", type=float, default=10, help="how long processor time is taken")
    p.add_argument("--bulk-mb", type=int, default=100, help="size of the reliable transfers")
    p.add_argument("--blob-gb", type=int, default=10, help="size of the big blob")
    p.add_argument("--detections", type=int, default=300, help="neighbours killed to see how soon it is noticed")
    p.add_argument("--liveness-minutes", type=float, default=2, help="how long living neighbours are watched")
    p.add_argument("--pin", action="store_true", help="pipelined lines, channels: one end on each of two cores")
    p.add_argument("--only", default=",".join(GROUPS), help="comparisons, of: " + ",".join(GROUPS))
    p.add_argument("--quick", action="store_true", help="a look in a minute, not a measurement")
    p.add_argument("--build", default="build-bench", help="build directory")
    p.add_argument("--json", default="build/bench.json", help="where the results go")
    args = p.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.cuts, args.storm_seconds = 3, 0.3, 10, 2
        args.liveness_minutes = min(args.liveness_minutes, 0.2)
        args.bulk_mb, args.blob_gb = min(args.bulk_mb, 10), min(args.blob_gb, 1)
    unknown = set(args.only.split(",")) - set(GROUPS)
    if unknown:
        p.error(f"no such comparison: {', '.join(sorted(unknown))}")
    return args


def main():
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of whoever has something to remove
    os.chdir(ROOT)
    bench = Bench(build(args.build), args)
    share, load = wait_for_quiet(), os.getloadavg()
    machine = {"system": platform.platform(), "processors": os.cpu_count(), "load": load, "busy": round(share, 3)}
    say(f"{machine['system']}, {machine['processors']} processors, load {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}, "
        f"{share:.0%} busy with other things; median (min - max)")
    began, failures = time.time(), []
    for name in args.only.split(","):
        first = len(bench.figures)
        try:
            GROUPS[name](bench)
        except (Failed, RuntimeError, subprocess.TimeoutExpired) as why:
            failures.append(f"{name}: {why}")
        say(table(bench.figures[first:]))
    machine["load_after"] = os.getloadavg()
    out = Path(args.json)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({
        "schema": 1, "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)), "machine": machine,
        "rounds": args.rounds, "seconds": args.seconds, "pinned": args.pin,
        "failures": failures, "figures": [f.document() for f in bench.figures], "measurements": bench.raw}, indent=1) + "\n", encoding="utf-8")
    goals = [f for f in bench.figures if f.goal]
    say(f"\n{sum(f.met() for f in goals)} of {len(goals)} goals met; everything is in {args.json}; "
        f"load {machine['load_after'][0]:.2f}, took {time.time() - began:.0f} s")
    for why in failures:
        say(f"FAILED {why}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
