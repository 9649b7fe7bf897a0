"""sensors.py - the comparisons of the sensor family, for run.py.

`coap`: one resource over UDP on the loopback, a load with a window of requests on a bare server, libcoap's and ours.
`sensors`: the same over raw frames on a veth pair; then a master with its HTTP gateway and 100 slaves behind a cable,
asked by wrk with 64 connections, beside nginx answering from its configuration; then the memory of a master with
10,000 slaves. As root: everything is in network namespaces of its own.
"""
import os
import re
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from channels import do, places
from neighbors import Process

SLAVES, CONNECTIONS, MANY = 100, 64, 10000
WINDOWS = (16, 64)
FRAME_WINDOWS = (4, 16)  # a slave has room for 16 that are not answered yet; its master sends one at a time
SERVERS = {"bare": "coap_bare", "libcoap": "coap_libcoap", "lanyard": "coap_sensor"}
NAMES = {"bare": "bare server, recvmmsg and sendmmsg", "libcoap": "libcoap's server", "lanyard": "lanyard"}
CPU = ("cpu_tx_ns", "cpu_rx_ns")


def rates(bench, group, results, name):
    cpu = [round(sorted(r[side] for r in results)[len(results) // 2]) for side in CPU]
    bench.figure(group, name, "requests/s", [r["rate"] for r in results],
                 note=f"CPU {cpu[0]} + {cpu[1]} ns/request")


def ratio(bench, group, name, above, below, key="rate", **more):
    bench.figure(group, name, "x", [a[key] / b[key] for a, b in zip(above, below)], **more)


# --- CoAP over UDP ---------------------------------------------------------------------

@contextmanager
def server(bench, program, *options):
    process = subprocess.Popen([str(bench.programs / f"bench-{program}"), *options], stdout=subprocess.PIPE, text=True)
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"bench-{program} did not start")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def coap(bench):
    there = {kind: program for kind, program in SERVERS.items() if bench.has(program)}
    results = {(kind, window): [] for kind in there for window in WINDOWS}
    for _ in range(bench.args.rounds):
        for window in WINDOWS:
            for kind, program in there.items():
                with server(bench, program, "-p", "split") as (port, pid):
                    results[kind, window] += bench.run("coap_client", "-P", port, "-B", pid, "-w", window, "-p", "split",
                                                       "-d", bench.args.seconds)
    for window in WINDOWS:
        group = f"CoAP GET over UDP, {window} open, one core each"
        for kind in there:
            rates(bench, group, results[kind, window], NAMES[kind])
        for other, goal in (("libcoap", 2), ("bare", 0.85)):
            if "lanyard" not in there or other not in there:
                continue
            ours, theirs = results["lanyard", window], results[other, window]
            ratio(bench, group, f"lanyard / {other}", ours, theirs, goal=(">=", goal))
            ratio(bench, group, f"server's time, {other} / lanyard", theirs, ours, CPU[1])


# --- CoAP over Ethernet ----------------------------------------------------------------

def over_frames(bench):
    kinds = {"bare": ("-e",)} | ({"lanyard": ()} if bench.has("coap_sensor") else {})
    contenders = {(kind, window): ("coap_frames", *options, "-w", window, "-p", "split", "-d", bench.args.seconds)
                  for window in FRAME_WINDOWS for kind, options in kinds.items()}
    results = bench.rounds(contenders)
    for window in FRAME_WINDOWS:
        group = f"CoAP GET over Ethernet frames, veth, {window} open, one core each"
        for kind in kinds:
            rates(bench, group, results[kind, window], {"bare": "bare packet socket"}.get(kind, kind))
        if "lanyard" in kinds:
            ours = results["lanyard", window]
            if window == max(FRAME_WINDOWS):
                bench.figure(group, "lanyard, against the goal", "requests/s", [r["rate"] for r in ours],
                             goal=(">=", 150000))
            ratio(bench, group, "lanyard / bare", ours, results["bare", window])


# --- HTTP ------------------------------------------------------------------------------

def cable(p):
    """Namespaces of the master and of its slaves, joined by v0 in each."""
    a, b = p.make("a"), p.make("b")
    for ns in (a, b):
        do("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1",
           "net.ipv6.conf.all.disable_ipv6=1")
    do("ip", "-n", a, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", b)
    for ns in (a, b):
        do("ip", "-n", ns, "link", "set", "v0", "up")
    return a, b


class Master:
    """A master with its slaves; everything ends with it."""

    def __init__(self, bench, p, count):
        self.ns, far = cable(p)
        self.slaves = Process(far, bench.programs / "bench-sensor_slaves", "v0", count)
        self.process = Process(self.ns, bench.programs / "bench-sensor_master", "ethernet:v0", count)
        self.said = self.process.line(60)

    def __enter__(self):
        if not self.said:
            self.__exit__()
            raise RuntimeError("not all slaves run after 60 s")
        return self

    def __exit__(self, *_):
        self.process.__exit__()
        self.slaves.__exit__()


class Nginx:
    """One worker that answers from its configuration, without a log; its files in a folder of its own."""

    def __init__(self, ns, folder, port):
        conf = Path(folder) / "nginx.conf"
        conf.write_text(f"daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr crit;\n"
                        "events { worker_connections 1024; }\nhttp { access_log off; keepalive_requests 1000000000;\n"
                        + "".join(f"{w}_temp_path {folder}/{w};\n" for w in ("client_body", "proxy", "fastcgi", "uwsgi",
                                                                              "scgi"))
                        + f"server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; "
                        'return 200 "21.5"; } } }\n', encoding="ascii")
        path = os.environ["PATH"] + ":/usr/sbin"
        self.popen = subprocess.Popen(["ip", "netns", "exec", ns, "nginx", "-p", folder, "-c", str(conf)],
                                      env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.terminate()
        self.popen.wait()


LUA = """local n = 0
request = function()
	n = n % {slaves} + 1
	return wrk.format("GET", "/casan/" .. n .. "/{resource}")
end
"""


def wrk(ns, folder, port, seconds, resource):
    """Requests a second and latencies; dies over an answer that is not 200."""
    script = Path(folder) / f"{resource}.lua"
    script.write_text(LUA.format(slaves=SLAVES, resource=resource), encoding="ascii")
    text = do("ip", "netns", "exec", ns, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency",
              "-s", script, f"http://127.0.0.1:{port}/")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", text)
    if bad:
        raise RuntimeError(f"wrk, {resource}: {bad[0]}")
    unit = {"us": 1e-3, "ms": 1, "s": 1e3}
    p = {n: float(v) * unit[u] for n, v, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", text)}
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), "p50": p["50"], "p99": p["99"]}


def over_http(bench):
    seconds, group = max(1, bench.args.seconds * 3), f"HTTP to CoAP, {SLAVES} slaves, {CONNECTIONS} connections"
    names = {"u": "uncached, over Ethernet", "c": "cached", "nginx": "nginx, `return`, one worker"}
    results = {kind: [] for kind in names}
    with places() as p, tempfile.TemporaryDirectory() as folder, Master(bench, p, SLAVES) as master:
        with Nginx(master.ns, folder, 8081):
            for _ in range(bench.args.rounds):
                for kind in names:
                    port = 8081 if kind == "nginx" else master.said["port"]
                    cpu, since = master.process.cpu() + master.slaves.cpu(), master.process.cpu()
                    r = wrk(master.ns, folder, port, seconds, kind)
                    r["master"] = master.process.cpu() - since
                    r["slaves"] = master.process.cpu() + master.slaves.cpu() - cpu - r["master"]
                    r["us"] = r["master"] * 1e6 / (r["rate"] * round(seconds))
                    results[kind].append(r)
                    bench.raw.append({"program": "wrk", "options": [kind], **r})
    for kind, name in names.items():
        mid = sorted(r["us"] for r in results[kind])[len(results[kind]) // 2]
        p50, p99 = (sorted(r[k] for r in results[kind])[len(results[kind]) // 2] for k in ("p50", "p99"))
        bench.figure(group, name, "requests/s", [r["rate"] for r in results[kind]],
                     goal=(">=", 25000) if kind == "u" else None,
                     note=f"p50 {p50:.2f} ms, p99 {p99:.2f} ms" + (f", master {mid:.1f} us/request" if mid > 0.5 else ""))
    ratio(bench, group, "cached / nginx", results["c"], results["nginx"], goal=(">=", 0.8))


def memory(bench):
    group = f"A master with {MANY} slaves"
    with places() as p, Master(bench, p, MANY) as master:
        time.sleep(1)
        bench.figure(group, "resident memory", "MB", [master.process.status("VmRSS") / 1e6], goal=("<=", 20))
        bench.figure(group, "of that its own, without libraries' pages", "MB",
                     [master.process.status("RssAnon") / 1e6])
        bench.figure(group, "until all run", "s", [master.said["seconds"]])
        bench.figure(group, "processor time until then", "ms", [master.said["cpu_ms"]])


def sensors(bench):
    over_frames(bench)
    if bench.has("sensor_master"):
        over_http(bench)
        memory(bench)
