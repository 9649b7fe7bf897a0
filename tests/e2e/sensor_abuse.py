"""sensor_abuse.py - what the tests of abused sensor masters share: a plant of a master and real devices on one Ethernet,
each with an address of its own, clients that go on asking meanwhile, and a look at memory, counters and descriptors."""
import contextlib
import http.client
import json
import re
import sys
import threading
import time
from pathlib import Path

from daemon_sensor import WAIT, device
from lanyard_test import SANITIZED

FLOOD = Path(__file__).with_name("sensor_flood.py")
SLAVES = (169, 170, 171)
# A sanitizer keeps what was freed, up to 256 MiB, and twice that with what it writes beside: flatness is for the plain
# build to show.
ROOM = (1 << 30) if SANITIZED else (2 << 20)
RATE = 20000 if SANITIZED else 0  # frames a second; 0: at full speed


def memory_of(proc):
    """Its own, without the pages of programs and libraries, which come in when they are first run."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{proc.pid}/status").read_text(encoding="ascii"))[1]) << 10


def mac_of(ns):
    return re.search(r"link/ether (\S+)", ns.run("ip", "link", "show", "lan0").stdout)[1]


class Asker(threading.Thread):
    """A good client: asks for one page every 100 ms on one connection, until it is told to end."""

    def __init__(self, ns, port, path, address="127.0.0.2"):
        super().__init__(daemon=True)
        self.ns, self.port, self.path, self.address = ns, port, path, address
        self.over, self.took, self.bad = threading.Event(), [], []
        self.start()

    def run(self):
        with self.ns, contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=30, source_address=(self.address, 0))) as c:
            while not self.over.is_set():
                begin = time.monotonic()
                try:
                    c.request("GET", self.path)
                    r = c.getresponse()
                    if (r.status, r.read()) != (200, b"21.5"):
                        self.bad.append(r.status)
                except OSError as e:
                    self.bad.append(e)
                    c.close()
                self.took.append(time.monotonic() - begin)
                self.over.wait(max(0, begin + 0.1 - time.monotonic()))

    def end(self):
        self.over.set()
        self.join(WAIT)
        return self


@contextlib.contextmanager
def asking(plant, slaves=SLAVES):
    """Each slave is asked meanwhile; afterwards every question has been answered, and rightly."""
    askers = [Asker(plant.here, plant.port, f"/casan/{s}/t1") for s in slaves]
    try:
        yield askers
    finally:
        for a in askers:
            a.end()
    assert not any(a.bad for a in askers), [a.bad[:5] for a in askers]


class Plant:
    """Settings of HTTP that `limits` changes want a file; what is not said there is as by options."""

    def __init__(self, lan, *words, slaves=SLAVES, limits=None, networks=("ethernet:lan0",)):
        self.lan = lan
        self.here, self.there = lan.net.namespace(), lan.net.namespace()
        lan.net.cable(self.here, self.there)
        self.mac, self.macs = mac_of(self.here), [self.add(s) for s in slaves]
        if limits:
            listed = ", ".join(f"{{id: {s}}}" for s in slaves)
            (lan.folder / "lanyard.yaml").write_text(
                f"sensor:\n- {{name: a, networks: {json.dumps(networks)}, slaves: [{listed}], cache: false, "
                f"timers: {{first_hello: 100ms, hello: 1s}}, "
                f"http: {{listen: ['127.0.0.1:0'], namespaces: {{casan: /casan}}, limits: {limits}}}}}\n", encoding="ascii")
            words = ("-c", lan.folder / "lanyard.yaml", *words)
        else:
            words = (*(w for n in networks for w in ("--net", n)), *(w for s in slaves for w in ("--slave", s)), "--http",
                     "127.0.0.1:0", "--no-cache", "--first-hello", "100ms", "--hello", "1s", *words)
        self.master = lan.start("lanyard", "sensor", "master", "-J", *words, ns=self.here)
        self.port = self.master.event("http", WAIT)["port"]
        for s in slaves:
            self.master.event("slave", WAIT, slave=s, state="running")
        self.stats()

    def add(self, ident):
        """A device with an address of its own on the same cable; its address."""
        ns = self.lan.net.namespace()
        self.there.run("ip", "link", "add", f"m{ident}", "link", "lan0", "type", "macvlan", "mode", "bridge")
        self.there.run("ip", "link", "set", f"m{ident}", "netns", ns.name)
        ns.run("ip", "link", "set", f"m{ident}", "name", "lan0")
        ns.link("lan0", True)
        device(self.lan, ns, ident)
        return mac_of(ns)

    def get(self, path, address="127.0.0.2"):
        with self.here, contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=WAIT, source_address=(address, 0))) as c:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()

    def stats(self):
        status, body = self.get("/api/v1/sensor/stats")
        assert status == 200
        return json.loads(body)

    def lost(self):
        """Whoever did not go on running."""
        return [e for e in self.master.events("slave") if e["slave"] in SLAVES and e["was"] == "running"
                and e["state"] != "running"]


def flood(lan, ns, proc, mac, kind, seconds, whose=()):
    """At `mac` from the other end of its cable: frames sent, and the most memory of `proc` meanwhile."""
    run = lan.run(sys.executable, FLOOD, "lan0", mac, kind, seconds, RATE, ",".join(map(str, whose)), ns=ns)
    memory = memory_of(proc)
    while run.running():
        time.sleep(0.1)
        memory = max(memory, memory_of(proc))
    assert run.wait() == 0, run.tail()
    return json.loads(run.out[0])["sent"], memory


def grown(before, after, names, part="master"):
    return sum(after[part][n] - before[part][n] for n in names)


class Fresh(Asker):
    """Like Asker, but who comes anew for each question."""

    def run(self):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                with self.ns, contextlib.closing(http.client.HTTPConnection(
                        "127.0.0.1", self.port, timeout=30, source_address=(self.address, 0))) as c:
                    c.request("GET", self.path)
                    r = c.getresponse()
                    if (r.status, r.read()) != (200, b"21.5"):
                        self.bad.append(r.status)
            except (OSError, http.client.HTTPException) as e:
                self.bad.append(e)
            self.took.append(time.monotonic() - begin)
            self.over.wait(max(0, begin + 0.1 - time.monotonic()))
