"""casan_slave.py - a slave as the original Arduino library makes one, on a raw socket, as a thread (docs/protocols/sos.md,
sections 2.1, 3.1, 4, 5, 9): answers in the ACK and always to its master, notifies in ACKs with MIDs of its own, ends an
observation at a plain GET, answers RST with ACK 4.04, remembers nothing across `reboot`."""
import selectors
import threading
import time

import casan_second as wire
from casan_second import (ACK, BAD_REQUEST, CON, CONTENT, CONTENT_FORMAT, GET, MAX_AGE, NON, NOT_FOUND, OBSERVE, POST,
                          URI_PATH, Message)
from lsoe_peer import OUTGOING, Wire

BROADCAST = b"\xff" * 6


class Resource:
    """What a name answers; `get` and `put` may be replaced by a test. Each call is remembered."""

    def __init__(self, value="0", title="", rt="", observable=False, max_age=0):
        self.value, self.title, self.rt, self.observable, self.max_age = value, title, rt, observable, max_age
        self.calls = []
        self.observer, self.serial = None, 0

    def answer(self, m):
        self.calls.append((m.code, m.payload, m.texts(wire.URI_QUERY)))
        if m.code == GET:
            return CONTENT, str(self.value).encode()
        if m.code in (wire.PUT, POST):
            self.value = m.payload.decode()
            return wire.CHANGED, b""
        return BAD_REQUEST, b""


class Slave:
    def __init__(self, ns, ident, resources, epoch="casan", ifname="lan0", mtu=1518, mac=None, comma=False):
        self.id, self.resources, self.epoch, self.mtu, self.comma = ident, resources, epoch, mtu, comma
        self.wire = Wire(ns, ifname, wire.ETHERTYPE)
        self.mac = mac
        self.lock = threading.Condition()
        self.heard, self.associations, self.silent = [], 0, False
        self.lose = 0  # so many answers are lost
        self.closing = False
        self.reboot()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def reboot(self, mac=None):
        """Everything is forgotten; its first Discover is the same octets as ever."""
        with self.lock:
            self.mac = mac or self.mac
            self.master, self.hello, self.ttl, self.mid = None, None, None, 0
            self.running, self.due, self.pause = False, 0.0, 0.0
            for r in self.resources.values():
                r.observer, r.serial = None, 0

    def change(self, name, value):
        """A new value; its observer is told."""
        with self.lock:
            r = self.resources[name]
            r.value = value
            if r.observer is not None:
                self._notify(r)

    def wait(self, what, timeout=10):
        with self.lock:
            if not self.lock.wait_for(what, timeout):
                raise AssertionError(f"slave {self.id}: not in {timeout} s; heard {self.heard[-5:]}")

    def wait_running(self, times=1, timeout=15):
        self.wait(lambda: self.running and self.associations >= times, timeout)

    def close(self):
        self.closing = True
        self.thread.join(5)
        self.wire.sock.close()

    # ---- the thread ----------------------------------------------------------------------------------

    def _run(self):
        with selectors.DefaultSelector() as sel:
            sel.register(self.wire.sock, selectors.EVENT_READ)
            while not self.closing:
                if sel.select(0.02):
                    self._receive()
                with self.lock:
                    self._tick()
                    self.lock.notify_all()

    def _receive(self):
        try:
            data, where = self.wire.sock.recvfrom(65535)
        except OSError:
            return
        mine = self.mac or self.wire.mac
        if where[2] == OUTGOING or data[:6] not in (mine, BROADCAST):
            return
        try:
            m = wire.decode(wire.unframe(data[14:]))
        except (ValueError, IndexError):
            return
        with self.lock:
            self.heard.append(m)
            if not self.silent:
                self._message(data[6:12], m)
            self.lock.notify_all()

    def _send(self, to, m):
        if self.lose:
            self.lose -= 1
        elif not self.silent:
            self.wire.send(to, wire.frame(wire.encode(m)), source=self.mac)

    def _tick(self):
        now = time.monotonic()
        if self.silent or now < self.due:
            return
        self.mid += 1
        self._send(self.master if self.master and self.running else BROADCAST,
                   wire.control(self.epoch, NON, self.mid, slave=self.id, mtu=self.mtu))
        if self.running and now >= self.expires:
            self.running, self.master, self.pause = False, None, 0.0
        if self.running:
            self.pause = max(self.pause / 2, 0.5)
        else:
            self.pause = min(self.pause + 1, 10)
        self.due = now + self.pause

    def _message(self, source, m):
        if wire.is_control(m, self.epoch):
            q = wire.queries(m)
            if m.kind == NON and "hello" in q:
                if self.running and q["hello"] != self.hello and self.hello is not None:
                    self.running, self.due, self.pause = False, time.monotonic() + 1, 1.0
                self.hello = q["hello"]
            elif m.kind == CON and "ttl" in q and "mtu" in q:
                self._associate(source, m, q)
        elif self.running:
            self._request(m)

    def _associate(self, source, m, q):
        self.master, self.running, self.ttl = source, True, int(q["ttl"])
        self.associations += 1
        now = time.monotonic()
        self.pause = self.ttl / 2
        self.due, self.expires = now + self.pause, now + self.ttl
        text = ",".join(f'<{n}>;title="{r.title}";rt="{r.rt}"' + (";obs" if r.observable else "")
                        for n, r in self.resources.items())
        self._send(source, Message(ACK, CONTENT, m.mid, m.token, [(CONTENT_FORMAT, b"")],
                                   (text + ("," if self.comma else "")).encode()))

    def _request(self, m):
        path = m.texts(URI_PATH)
        r = self.resources.get(path[0]) if path and m.code in (1, 2, 3, 4) else None
        if r is None:
            self._send(self.master, Message(ACK, NOT_FOUND, m.mid, m.token))
            return
        status, payload = r.answer(m)
        options = [(CONTENT_FORMAT, b"")]
        if m.code == GET and r.max_age is not None:
            options.append((MAX_AGE, wire.number(r.max_age)))
        if m.all(OBSERVE) and r.observable:
            r.observer, r.serial = m.token, 2
            options.append((OBSERVE, wire.number(r.serial)))
        else:
            r.observer = None
        self._send(self.master, Message(ACK, status, m.mid, m.token, options, payload))

    def _notify(self, r):
        r.serial += 1
        self.mid += 1
        self._send(self.master, Message(ACK, CONTENT, self.mid, r.observer,
                                        [(CONTENT_FORMAT, b""), (OBSERVE, wire.number(r.serial))],
                                        str(r.value).encode()))
