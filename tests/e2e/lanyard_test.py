"""lanyard_test.py - what the end-to-end tests stand on.

The programs under test come from $LANYARD_BUILD (default: build/ of this tree).
A `Proc` is one of them with its output read as it comes; `wait_for` polls a
condition until a deadline, so no test sleeps and hopes. A `Net` is a set of
network namespaces joined by veth pairs, with packet loss and cable pulling.

A `Lan` (the fixture `lan`) owns everything a test starts: it ends its own
processes by pid, takes its namespaces away, and fails the test if any process
said something that only a sanitizer says.
"""
import atexit
import shutil
import tempfile
import contextlib
import ctypes
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LANYARD_BUILD", ROOT / "build")).resolve()
SANITIZED = "asan" in BUILD.name
SANITIZER_EXIT = 99
SANITIZER_TEXT = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|: runtime error: ")
TIMEOUT = 10.0
KEEP = 200  # lines of output shown when something fails


class Timeout(AssertionError):
    """Something that should have happened did not, in the time it was given."""


def wait_for(predicate, timeout=TIMEOUT, what="", poll=0.01):
    """The first true value of predicate(); Timeout after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not in {timeout:g} s: {what or predicate}")
        time.sleep(poll)


def binary(name):
    path = BUILD / name
    if not path.exists():
        raise AssertionError(f"{path} is not there: build first (make), or set LANYARD_BUILD")
    return str(path)


def for_anybody(name):
    """A copy of a program where every user can run it: the tree may stand in a private folder."""
    folder = Path(tempfile.mkdtemp(prefix="lanyard-bin-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    return shutil.copy(binary(name), folder)


def free_port(host="127.0.0.1"):
    """A port nobody listens on. Others may take it first: where a program can say its own, prefer port 0."""
    with socket.create_server((host, 0)) as s:
        return s.getsockname()[1]


LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In the child: should the test run be killed, nothing it started lives on."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Proc:
    """A running program. Lines are str without their end; bytes that are no UTF-8 are kept as surrogates."""

    def __init__(self, words, env=None, ns=None, name=None):
        self.words = [str(w) for w in words]
        self.name = name or " ".join([Path(self.words[0]).name, *self.words[1:4]])
        if ns:
            self.words = ["ip", "netns", "exec", ns.name, *self.words]
        full = {**os.environ, **(env or {})}
        for option in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            full[option] = ":".join(filter(None, [full.get(option), f"exitcode={SANITIZER_EXIT}"]))
        self.out, self.err = [], []
        self.parsed, self.looked = [], 0  # the JSON objects of self.out, and how far it was looked at
        self.changed = threading.Condition()  # its lock may be taken twice by one thread
        self.popen = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=full, start_new_session=True,
                                      preexec_fn=die_with_parent)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.popen.stdout, self.out), (self.popen.stderr, self.err))]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe, lines):
        for raw in pipe:
            with self.changed:
                lines.append(raw.rstrip(b"\n").decode(errors="surrogateescape"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def until(self, predicate, timeout=TIMEOUT, what=""):
        """Wait for predicate(), looked at again whenever a line came; fails early when the program has ended."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                value = predicate()
                if value:
                    return value
                over = not self.running() and not any(r.is_alive() for r in self.readers)
                left = end - time.monotonic()
                if over or left <= 0:
                    why = f"it ended with {self.popen.returncode}" if over else f"not in {timeout:g} s"
                    raise Timeout(f"{self.name}: {why}: {what or predicate}\n{self.tail()}")
                self.changed.wait(min(left, 0.05))

    def line(self, pattern, timeout=TIMEOUT, stream="out"):
        """The first match of a regular expression in a line of stdout (or stream="err")."""
        lines = getattr(self, stream)
        return self.until(lambda: next(filter(None, (re.search(pattern, s) for s in lines)), None),
                          timeout, f"a line on std{stream} matching {pattern!r}")

    def lines(self, count, timeout=TIMEOUT):
        """stdout once it has at least `count` lines."""
        return self.until(lambda: len(self.out) >= count and list(self.out), timeout, f"{count} lines on stdout")

    def events(self, kind=None, **fields):
        """The JSON lines of stdout so far that have these fields."""
        with self.changed:
            for text in self.out[self.looked:]:
                if text.startswith("{"):
                    self.parsed.append(json.loads(text))
            self.looked = len(self.out)
        return [e for e in self.parsed if (kind is None or e.get("event") == kind)
                and all(e.get(k) == v for k, v in fields.items())]

    def event(self, kind, timeout=TIMEOUT, nth=0, **fields):
        """The first (or nth) such JSON line."""
        found = self.until(lambda: (lambda e: e if len(e) > nth else None)(self.events(kind, **fields)),
                           timeout, f"event {kind} {fields} number {nth}")
        return found[nth]

    def send(self, text):
        """Lines to stdin."""
        data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        self.popen.stdin.write(data if data.endswith(b"\n") else data + b"\n")
        self.popen.stdin.flush()

    def close_stdin(self):
        with contextlib.suppress(OSError):
            self.popen.stdin.close()

    def send_signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def kill(self):
        self.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout=TIMEOUT):
        """The exit code, with all output read."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.name}: still running after {timeout:g} s\n{self.tail()}") from None
        for reader in self.readers:
            reader.join(timeout)
        return code

    def stop(self, number=signal.SIGTERM, timeout=TIMEOUT):
        """Ask it to end; its exit code."""
        self.send_signal(number)
        return self.wait(timeout)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text()).group(1)) * 1024

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def tail(self):
        return "\n".join([f"--- stderr of {self.name}", *self.err[-KEEP:], f"--- stdout of {self.name}",
                          *self.out[-20:]])

    def complaint(self):
        """What a sanitizer said, or None."""
        text = "\n".join(self.err)
        if SANITIZER_TEXT.search(text) or self.popen.returncode == SANITIZER_EXIT:
            return f"{self.name} (exit {self.popen.returncode}):\n{text[-6000:]}"
        return None

    def finish(self):
        """End it whatever it does; only ever this pid."""
        self.close_stdin()
        self.send_signal(signal.SIGTERM)
        try:
            self.wait(5)
        except Timeout:
            self.kill()
        self.popen.stdout.close()
        self.popen.stderr.close()


class Relay:
    """`lanyard lab impair LISTEN TARGET` with its events."""

    def __init__(self, proc):
        self.proc = proc
        self.address = proc.event("listening")["address"]
        self.seed = proc.event("listening")["seed"]
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)
        self.asked = 0

    def command(self, text):
        """A live command; returns when it is done."""
        self.proc.send(text)
        answer = self.proc.event("control", nth=self.asked)
        self.asked += 1
        assert answer["ok"], answer
        return answer

    def faults(self, fault=None):
        return [e for e in self.proc.events("fault") if fault in (None, e["fault"])]

    def stop(self):
        """Its summary."""
        assert self.proc.stop() == 0, self.proc.tail()
        return self.proc.events("summary")[-1]


class Namespace:
    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.ways_back = threading.local()

    def run(self, *words, check=True, text=None):
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, words)], input=text,
                              capture_output=True, text=True, timeout=20)
        if check and done.returncode:
            raise AssertionError(f"in {self.name}: {' '.join(map(str, words))}: {done.stderr}")
        return done

    def loss(self, ifname, percent):
        """Lose this share of what comes into an interface; 0 ends it."""
        table = f"loss_{ifname}"
        script = f"add table netdev {table}\ndelete table netdev {table}\n"
        # nft refuses a comparison that is always true
        chance = f"numgen random mod 10000 < {round(percent * 100)} " if percent < 100 else ""
        if percent:
            script += (f"add table netdev {table}\nadd chain netdev {table} ingress "
                       f"{{ type filter hook ingress device \"{ifname}\" priority 0; }}\n"
                       f"add rule netdev {table} ingress {chance}counter drop\n")
        self.run("nft", "-f", "-", text=script)

    def link(self, ifname, up):
        self.run("ip", "link", "set", ifname, "up" if up else "down")

    def __enter__(self):
        """This thread makes its sockets in here; they stay here. Threads may do so at once, and one within another."""
        self.ways_back.__dict__.setdefault("fds", []).append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        inside = os.open(self.path, os.O_RDONLY)
        setns(inside)
        os.close(inside)
        return self

    def __exit__(self, *_):
        back = self.ways_back.fds.pop()
        setns(back)
        os.close(back)


def setns(fd):
    if LIBC.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class Net:
    """Namespaces and the cables between them, all gone after close()."""
    numbers = itertools.count()

    def __init__(self):
        self.namespaces = []

    def namespace(self):
        name = f"lt{os.getpid()}-{next(self.numbers)}"
        done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise AssertionError("network namespaces cannot be made here; run the tests as root "
                                 f"(sudo make check) with iproute2 installed: {done.stderr.strip()}")
        ns = Namespace(name)
        self.namespaces.append(ns)
        ns.link("lo", True)
        return ns

    def cable(self, a, b, subnet="10.77.0"):
        """A veth pair: `lan0` in a with SUBNET.1, `lan0` in b with SUBNET.2."""
        temporary = f"v{os.getpid() % 100000}x{next(self.numbers)}"
        a.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", temporary)
        a.run("ip", "link", "set", temporary, "netns", b.name, "name", "lan0")
        for ns, host in ((a, 1), (b, 2)):
            ns.run("ip", "addr", "add", f"{subnet}.{host}/24", "dev", "lan0")
            ns.link("lan0", True)
        return f"{subnet}.1", f"{subnet}.2"

    @staticmethod
    def apart():
        """This process, and what it starts from now on, gets a network of its own: no port is anybody else's."""
        if LIBC.unshare(0x40000000) == 0:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=20)

    @staticmethod
    def sweep():
        """Take away what test runs left behind that were killed."""
        for path in Path("/run/netns").glob("lt*-*"):
            owner = re.fullmatch(r"lt(\d+)-\d+", path.name)
            if owner and not Path(f"/proc/{owner[1]}").exists():
                subprocess.run(["ip", "netns", "del", path.name], capture_output=True, timeout=20)

    def close(self):
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns.name], capture_output=True, timeout=20)


class Lan:
    """One test's programs and namespaces."""

    def __init__(self, folder):
        self.folder = folder
        self.procs = []
        self.net = Net()

    def start(self, *words, **options):
        """A program of the build: lan.start("lanyard", "link", "serve", ...)."""
        return self.run(binary(words[0]), *words[1:], **options)

    def run(self, *words, **options):
        """Any program."""
        proc = Proc(words, **options)
        self.procs.append(proc)
        return proc

    def relay(self, target, *options, listen="127.0.0.1:0", **more):
        return Relay(self.start("lanyard", "lab", "impair", listen, target, "-J", *options, **more))

    def close(self):
        try:
            for proc in reversed(self.procs):
                proc.finish()
        finally:
            self.net.close()
        complaints = list(filter(None, (p.complaint() for p in self.procs)))
        assert not complaints, "a sanitizer complained:\n" + "\n".join(complaints)
