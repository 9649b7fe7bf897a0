"""liveness.py - how soon a dead neighbour is noticed, and how seldom a living one is called dead, for run.py.

Pairs of `lanyard neighbor run` in network namespaces, KEEPALIVEs each 50 ms, dead after 150 ms, while as many
processes as there are cores do nothing but compute. Detection: from kill -9 of one end to the time that stands in the
other end's event. False downs: nobody is killed; then the same while either end is stopped for 100 ms again and again.
"""
import os
import signal
import subprocess
import sys
import time

from channels import do, places
from neighbors import Process

KEEPALIVE, DEAD = 0.05, 0.15
PAIRS = 4


class Burner:
    """Keeps every core busy while it lasts."""

    def __enter__(self):
        self.burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
        return self

    def __exit__(self, *_):
        for b in self.burners:
            b.kill()
            b.wait()


class Watched:
    """A pair of ours with fast timers. `watch` says when its neighbour is up or down, by its own clock."""
    OPTIONS = ("-J", "--hello", "500ms", "--keepalive", f"{KEEPALIVE}s", "--dead", f"{DEAD}s")

    def __init__(self, bench, p, number):
        self.command = bench.programs.parents[1] / "lanyard"
        self.a, self.b = p.make(f"a{number}"), p.make(f"b{number}")
        do("ip", "-n", self.a, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", self.b)
        for ns, end in ((self.a, 1), (self.b, 2)):
            do("ip", "-n", ns, "addr", "add", f"10.99.0.{end}/24", "dev", "v0")
            do("ip", "-n", ns, "link", "set", "v0", "up")
        self.watch, self.peer = self.run(self.a, 10), self.run(self.b, 11)

    def run(self, ns, number):
        return Process(ns, self.command, "neighbor", "run", "v0", "--id", f"{number:020x}", *self.OPTIONS)

    def state(self, state, limit=10):
        """When the watcher next says so (seconds since the epoch), or None."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            said = self.watch.line(max(0, end - time.monotonic()))
            if said and said["event"] == "neighbor" and said["state"] == state:
                return epoch(said["time"])
        return None

    def close(self):
        for process in (self.watch, self.peer):
            process.__exit__()


def epoch(text):
    """Of "2026-01-31T12:00:00.123Z"."""
    whole, rest = text.rstrip("Z").split(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + int(rest) / 10 ** len(rest)


def detections(pairs, wanted):
    """Seconds from kill -9 of a neighbour to its being down, over all pairs in turn."""
    found, number = [], 0
    while len(found) < wanted:
        pair = pairs[number % len(pairs)]
        number += 1
        time.sleep(0.02 + (number * 37 % 100) / 1000)  # anywhere between two KEEPALIVEs
        at = time.time()
        pair.peer.popen.send_signal(signal.SIGKILL)
        down = pair.state("down")
        if down is None:
            raise RuntimeError("a killed neighbour was never noticed")
        found.append(down - at)
        pair.peer.__exit__()
        pair.peer = pair.run(pair.b, 11)
        if pair.state("up") is None:
            raise RuntimeError("a neighbour did not come back")
    return found


def false_downs(pairs, seconds, stop):
    """How often a living neighbour was called dead, at either end; with `stop`, ends are stopped for 100 ms."""
    end, number, pauses = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        pair = pairs[number % len(pairs)]
        process = (pair.watch, pair.peer)[number // len(pairs) % 2]
        number += 1
        if stop:
            process.popen.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            process.popen.send_signal(signal.SIGCONT)
            pauses += 1
        time.sleep(0.15 + (number * 31 % 100) / 1000)
    time.sleep(0.5)
    downs = 0
    for process in (x for pair in pairs for x in (pair.watch, pair.peer)):
        while (said := process.line(0)) is not None:
            downs += said["event"] == "neighbor" and said["state"] == "down"
    return downs, pauses


def share(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))]


def liveness(bench):
    group = f"Neighbours, KEEPALIVE {KEEPALIVE * 1e3:.0f} ms, dead after {DEAD * 1e3:.0f} ms, all cores busy"
    # What measures is not what is measured: it runs when it wants to, and what it starts does not.
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    try:
        measure(bench, group)
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def measure(bench, group):
    wanted = 60 if bench.args.quick else bench.args.detections
    minutes = bench.args.liveness_minutes
    with places() as p, Burner():
        pairs = [Watched(bench, p, i) for i in range(PAIRS)]
        try:
            for pair in pairs:
                if pair.state("up") is None:
                    raise RuntimeError("no session under load")
            times = sorted(detections(pairs, wanted))
            time.sleep(1)
            for pair in pairs:
                forget(pair)
            quiet, _ = false_downs(pairs, minutes * 60, False)
            stopped, pauses = false_downs(pairs, minutes * 60, True)
        finally:
            for pair in pairs:
                pair.close()
    bench.raw.append({"program": "liveness", "options": [wanted], "seconds": times})
    for name, part in (("median", 0.5), ("99 %", 0.99)):
        bench.figure(group, f"kill -9 to down, {name}", "ms", [share(times, part) * 1e3])
    bench.figure(group, f"kill -9 to down, 99.9 % of {len(times)}", "ms", [share(times, 0.999) * 1e3],
                 goal=("<=", 200))
    bench.figure(group, f"false downs in {minutes:g} minutes, {PAIRS} pairs", "", [quiet], goal=("<=", 0))
    bench.figure(group, f"the same with {pauses} stops of 100 ms", "", [stopped], goal=("<=", 0))


def forget(pair):
    """What was said until now is not looked at again."""
    for process in (pair.watch, pair.peer):
        while process.line(0) is not None:
            pass
