"""streams.py - the comparisons of the stream family, for run.py.

Dialect serpy2 through the public interface, over the loopback, where the
scheduler likes: small messages and blobs one way beside ZeroMQ PUSH/PULL (TCP,
not encrypted) and beside bare system calls, the round trip, many connections,
the checksum, and the memory that both ends of the command line need for a blob
of 10 GB. With SERPY_REPO=DIR, a checkout of ArthurLuciani/serpy, the original
is measured as well.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

CPU = ("cpu_tx_ns", "cpu_rx_ns")
UNPACED = 4000000000  # messages under way: TCP holds back by itself
BLOB = 1 << 20
WHERE = {"free": "where the scheduler likes", "same": "both on one core"}
CLIENTS = 10000
SUMS = {"64 B": 64, "4 KiB": 4 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20}


def contenders(bench):
    common = ["-d", bench.args.seconds, "-w", UNPACED]
    each = {}
    for size in (64, 1024):
        each["ours", size] = ("stream", *common, "-s", size)
        each["framed", size] = ("stream_bare", *common, "-s", size)
        each["zmq", size] = ("zmq", *common, "-s", size, "-f", "p")
    blob = [*common, "-s", BLOB]
    each |= {"bare": ("stream_bare", *blob, "-f", "s"), "ref": ("stream", *blob, "-f", "r"),
             "copy": ("stream", *blob), "ref pieces": ("stream", *blob, "-f", "rp"),
             "zmq": ("zmq", *blob, "-f", "p"), "zmq ref": ("zmq", *blob, "-f", "pr")}
    for place in WHERE:
        common = ["-d", bench.args.seconds, "-p", place]
        each["wait", place] = ("stream_wait", *common)
        each["pong", place] = ("pingpong", "-y", *common)
        each["pong epoll", place] = ("pingpong", "-y", "-e", *common)
    return {name: words for name, words in each.items() if words[0] != "zmq" or bench.has("zmq")}


def row(bench, group, name, results, size):
    rates = [r["rate"] for r in results]
    cpu = [round(median(r[side] for r in results)) for side in CPU]
    note = f"{median(rates) * size / 1e6:.0f} MB/s"
    bench.figure(group, name, "msg/s", rates, note=f"{note}, CPU {cpu[0]} + {cpu[1]} ns")


def compare(bench, group, name, above, below, bound=None, key="rate", less=False):
    """Ratios within a round; nothing where a contender could not be built."""
    if above and below:
        bench.figure(group, name, "x", [a[key] / b[key] for a, b in zip(above, below)],
                     goal=bound and ("<=" if less else ">=", bound))


def by_cpu(bench, group, above, below):
    bench.figure(group, "the same, by processor time of the busier end", "x",
                 [max(b[side] for side in CPU) / max(a[side] for side in CPU) for a, b in zip(above, below)])


def small_rows(bench, r):
    for size, name, zmq_goal, bare_goal in ((64, "64 bytes", 1, 0.2), (1024, "1 KiB", 2, None)):
        group = f"Stream, messages of {name}, one way"
        row(bench, group, "lanyard", r["ours", size], size)
        if ("zmq", size) in r:
            row(bench, group, "ZeroMQ PUSH/PULL", r["zmq", size], size)
        row(bench, group, "bare framed stream", r["framed", size], size)
        compare(bench, group, "lanyard / ZeroMQ", r["ours", size], r.get(("zmq", size)), zmq_goal)
        compare(bench, group, "lanyard / bare framed stream", r["ours", size], r["framed", size], bare_goal)
        by_cpu(bench, group, r["ours", size], r["framed", size])


def blob_rows(bench, r):
    group = "Stream, blobs of 1 MiB, one way"
    for key, name in (("ref", "lanyard, lent"), ("copy", "lanyard, copied"),
                      ("ref pieces", "lanyard, lent, received in pieces"), ("zmq", "ZeroMQ, copied"),
                      ("zmq ref", "ZeroMQ, lent"), ("bare", "bare send and recv")):
        if key in r:
            row(bench, group, name, r[key], BLOB)
    compare(bench, group, "lent / ZeroMQ, lent", r["ref"], r.get("zmq ref"), 1.5)
    compare(bench, group, "copied / ZeroMQ, copied", r["copy"], r.get("zmq"), 1.5)
    for key, name in (("ref", "lent"), ("ref pieces", "lent, in pieces"), ("copy", "copied")):
        compare(bench, group, f"{name} / bare send and recv", r[key], r["bare"], 0.8)
    by_cpu(bench, group, r["copy"], r["bare"])


def wait_rows(bench, r):
    for place, where in WHERE.items():
        group = f"Stream, round trip of 64 bytes; {where}"
        for key, name in (("wait", "lanyard"), ("pong", "bare ping-pong, blocking"),
                          ("pong epoll", "bare ping-pong, epoll")):
            p99 = median(x["p99"] for x in r[key, place])
            bench.figure(group, name, "us", [x["p50"] for x in r[key, place]], note=f"p99 {p99:.0f} us")
        compare(bench, group, "lanyard / bare blocking", r["wait", place], r["pong", place], 1.3, "p50", True)
        compare(bench, group, "lanyard / bare epoll", r["wait", place], r["pong epoll", place], None, "p50", True)


# --- many connections ----------------------------------------------------------------

def one_storm(bench, kind, *options):
    server = subprocess.Popen([str(bench.programs / f"bench-storm_{kind}"), "-t", "1000000000"],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        return bench.run("storm", "-y", "-n", CLIENTS, "-P", port, "-B", server.pid, "-d", 1, *options)[0]
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def storm(bench):
    cases = {"": ("stream",), ", silent": ("stream", "-x"), "; one silent connection, 500 with garbage": ("stream", "-g"),
             "; bare epoll loop": ("bare",)}
    results = {name: [] for name in cases}
    for _ in range(min(3, bench.args.rounds)):
        for name, words in cases.items():
            results[name].append(one_storm(bench, *words))
    for name, rs in results.items():
        group, ours = f"Stream, {CLIENTS} connections{name}", "bare" not in name
        if "silent" != name[2:]:
            bench.figure(group, "all accepted and answered", "s", [r["seconds"] for r in rs],
                         goal=("<=", 1) if ours else None)
            bench.figure(group, "processor time a connection", "us", [r["cpu_us_each"] for r in rs])
        bench.figure(group, "resident memory a connection", "B", [r["rss_each"] for r in rs],
                     goal=("<=", 700) if ours else None, judge="max")
        bench.figure(group, "still connected at the end", "clients", [r["left"] for r in rs],
                     goal=(">=", CLIENTS) if ours else None, judge="min")


# --- the rest ------------------------------------------------------------------------

def sums(bench):
    group = "Stream, checksum of serpy2"
    results = {name: [] for name in SUMS}
    for _ in range(bench.args.rounds):
        for name, size in SUMS.items():
            results[name] += bench.run("stream_sum", "-s", size, "-d", 0.05)
    for name, rs in results.items():
        bench.figure(group, name, "GB/s", [r["rate"] / 1e9 for r in rs],
                     goal=(">=", 10) if name in ("4 KiB", "1 MiB") else None,
                     note=f"merely reading the same: {median(r['bare'] for r in rs) / 1e9:.1f} GB/s")
    bench.figure(group, "from memory (64 MiB) / merely reading", "x",
                 [r["rate"] / r["bare"] for r in results["64 MiB"]], goal=(">=", 0.9))


def peak(pid):
    """Most memory that a process ever had resident, bytes; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found.group(1)) * 1024 if found else 0


def big_blob(bench):
    gigabytes = bench.args.blob_gb
    group = f"Stream, a blob of {gigabytes} GB by the command line"
    command = bench.programs.parents[1] / "lanyard"
    with tempfile.NamedTemporaryFile() as sparse:
        sparse.truncate(gigabytes * 10**9)
        receiver = subprocess.Popen([command, "blob", "recv", "127.0.0.1:0", "--stdout", "-n", "1", "-v"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        address = None
        while address is None:
            line = receiver.stderr.readline()
            if not line:
                raise RuntimeError("lanyard blob recv did not listen")
            found = re.search(r"127\.0\.0\.1:[1-9]\d*", line)
            address = found and found.group()
        start, most = time.monotonic(), [0, 0]
        sender = subprocess.Popen([command, "blob", "send", sparse.name, address], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        while receiver.poll() is None and sender.poll() is None:
            most = [max(m, peak(p.pid)) for m, p in zip(most, (sender, receiver))]
            time.sleep(0.02)
        errors = [p.communicate()[1] for p in (sender, receiver)]
        took = time.monotonic() - start
    if sender.returncode or receiver.returncode:
        raise RuntimeError("lanyard blob: " + " / ".join(errors).strip())
    bench.raw.append({"program": "lanyard blob", "options": [gigabytes], "sender": most[0], "receiver": most[1],
                      "seconds": took})
    bench.figure(group, "time", "s", [took], note=f"{gigabytes * 1000 / took:.0f} MB/s, written to nowhere")
    for name, value in zip(("sender", "receiver"), most):
        bench.figure(group, f"most memory resident, {name}", "MiB", [value / 2**20], goal=("<=", 16))


def original(bench):
    group = "Stream, the original (Python, serpy2), one way"
    if not os.environ.get("SERPY_REPO"):
        bench.figure(group, "not measured: set SERPY_REPO to its source", "", [0])
        return
    for size, name, count in ((64, "64 bytes", 300), (BLOB, "1 MiB", 50), (16 * BLOB, "16 MiB", 1)):
        done = subprocess.run([sys.executable, str(Path(__file__).with_name("original_serpy.py")), "10", str(size),
                               str(count)], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise RuntimeError(f"original_serpy.py: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        bench.raw.append({"program": "original_serpy", "options": [size, count], **result})
        bench.figure(group, name, "msg/s", [result["rate"]], note=f"{result['rate'] * size / 1e6:.2g} MB/s")


def streams(bench):
    r = bench.rounds(contenders(bench))
    small_rows(bench, r)
    blob_rows(bench, r)
    wait_rows(bench, r)
    for part in (storm, sums, big_blob, original):
        part(bench)
