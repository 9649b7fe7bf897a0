"""daemon_sensor.py - what the tests of sensors share: a daemon with a master at one end of a cable, devices at the other."""
import json

from daemon_neighbor import Host
from daemon_test import Daemon
from lanyard_test import SANITIZED, wait_for

WAIT = 30 if SANITIZED else 12
TIMERS = "{first_hello: 100ms, hello: 500ms, ttl: 1m, give_up: 3s}"


def entry(*slaves, name="lab", networks="[ethernet:lan0]", **more):
    """One entry of `sensor:`; slaves are numbers, or texts of mappings."""
    listed = ", ".join(s if isinstance(s, str) else f"{{id: {s}}}" for s in slaves)
    keys = "".join(f", {k}: {v}" for k, v in more.items())
    return f"{{name: {name}, networks: {networks}, timers: {TIMERS}, slaves: [{listed}]{keys}}}"


def config(*entries):
    return "sensor:\n" + "".join(f"- {e}\n" for e in entries)


class Master(Daemon):
    """A daemon in a namespace, with a folder of its own."""

    def __init__(self, lan, ns, *entries, name="master", **more):
        self.host = Host(lan, ns, lan.folder / name)
        super().__init__(self.host, config(*entries), **more)
        self.lan = lan

    def restart(self):
        self.proc = self.host.start("lanyardd", "-c", self.config, "-s", self.socket)
        wait_for(lambda: self.listens() or not self.proc.running(), WAIT, "the control socket")

    def slave(self, ident, name="lab"):
        masters = [m for m in self.ask("sensor.list")["sensors"] if m["name"] == name]
        return next((s for s in masters[0]["slaves"] if s["id"] == ident), None)

    def running(self, *idents, timeout=WAIT):
        for ident in idents:
            wait_for(lambda: (self.slave(ident) or {}).get("state") == "running", timeout, f"slave {ident} runs")
        return self.slave(idents[0])

    def events(self, kind=None, **fields):
        return [e for e in self.ask("event.list", n=100000)["events"]
                if e.get("sensor") and kind in (None, e["event"]) and all(e.get(k) == v for k, v in fields.items())]

    def cli(self, *words):
        """`lanyard` against this daemon, running."""
        return self.lan.start("lanyard", "-s", self.socket, *words)

    def done(self, *words, code=0):
        """stdout and stderr of it."""
        proc = self.cli(*words)
        assert proc.wait(WAIT) == code, proc.tail()
        return "\n".join(proc.out), "\n".join(proc.err)

    def json(self, *words, code=0):
        return json.loads(self.done(*words, "-j", code=code)[0])

    def reload(self, *entries):
        self.write(config(*entries))
        return self.ask("config.reload")


def device(lan, ns, ident, *resources, options=()):
    """`lanyard sensor device` on lan0."""
    words = [w for r in resources or ("t1;title=Desk temp;rt=celsius;obs=21.5", "led=off") for w in ("--resource", r)]
    return lan.start("lanyard", "sensor", "device", "--net", "ethernet:lan0", "--id", ident, *words, "-J", *options, ns=ns)
