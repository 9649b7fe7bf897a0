"""casan_master.py - a master as the originals are, on a raw socket, as a thread (docs/protocols/sos.md, sections 2.2, 4,
9): Hello to everybody, an AssocRequest for each Discover of a slave that is listed, one request after the other with
replies known by their MID, observation with a token that is text, no message of its own ever acknowledged."""
import selectors
import threading
import time
from dataclasses import dataclass, field

import casan_second as wire
from casan_second import ACK, CON, GET, NON, OBSERVE, POST, URI_PATH, Message
from lsoe_peer import OUTGOING, Wire

BROADCAST = b"\xff" * 6


@dataclass
class Known:
    """What the master knows of a slave; `answers`: when its AssocAnswers came."""
    ttl: int
    mac: bytes = b""
    mtu: int = 0
    resources: str = ""
    answers: list = field(default_factory=list)


@dataclass
class Heard:
    at: float
    to: bytes
    source: bytes
    message: Message


class Master:
    def __init__(self, ns, slaves, epoch="casan", ifname="lan0", mtu=1518, hello=0.5, hid=384, source=None):
        self.wire = Wire(ns, ifname, wire.ETHERTYPE)
        self.slaves = {ident: Known(ttl) for ident, ttl in slaves.items()}
        self.epoch, self.mtu, self.hello, self.hid, self.source = epoch, mtu, hello, hid, source
        self.lock = threading.Condition()
        self.mid, self.due, self.silent, self.closing = 100, 0.0, False, False
        self.heard, self.asked, self.wrong = [], {}, []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.closing = True
        self.thread.join(5)
        self.wire.sock.close()

    # ---- for tests ------------------------------------------------------------------------------------

    def wait(self, what, timeout=10):
        """The first true value of what()."""
        with self.lock:
            value = self.lock.wait_for(what, timeout)
            assert value, f"not in {timeout} s; heard {[h.message for h in self.heard[-5:]]}"
            return value

    def associated(self, ident, times=1, timeout=15):
        self.wait(lambda: len(self.slaves[ident].answers) >= times, timeout)
        return self.slaves[ident]

    def discovers(self):
        return [h for h in self.heard if wire.is_control(h.message, self.epoch) and "slave" in wire.queries(h.message)]

    def send(self, to, m):
        with self.lock:
            self.wire.send(to, wire.frame(wire.encode(m)), source=self.source)

    def next_mid(self):
        with self.lock:
            self.mid += 1
            return self.mid

    def ask(self, ident, path, code=GET, payload=b"", options=(), token=b"", kind=CON, timeout=5):
        """The reply with the request's MID; the request is sent again each second."""
        m = Message(kind, code, self.next_mid(), token,
                    [*((URI_PATH, p.encode()) for p in path.split("/")), *options], payload)

        def reply():
            return next((h.message for h in self.heard if h.message.mid == m.mid and h.message.kind == ACK
                         and h.source == self.slaves[ident].mac), None)
        for _ in range(timeout):
            self.send(self.slaves[ident].mac, m)
            with self.lock:
                if self.lock.wait_for(reply, 1):
                    return reply()
        raise AssertionError(f"no reply to {m}")

    def observe(self, ident, path, token):
        return self.ask(ident, path, options=[(OBSERVE, b"")], token=token)

    def notifications(self, token):
        """With this token, the reply to the registration included, in the order they came."""
        return [h.message for h in self.heard if h.message.token == token and h.message.all(OBSERVE)]

    # ---- the thread ----------------------------------------------------------------------------------

    def _run(self):
        with selectors.DefaultSelector() as sel:
            sel.register(self.wire.sock, selectors.EVENT_READ)
            while not self.closing:
                if sel.select(0.02):
                    self._receive()
                with self.lock:
                    if not self.silent and self.hello and time.monotonic() >= self.due:
                        self.due = time.monotonic() + self.hello
                        self.mid += 1
                        self.send(BROADCAST, wire.control(self.epoch, NON, self.mid, hello=self.hid))
                    self.lock.notify_all()

    def _receive(self):
        try:
            data, where = self.wire.sock.recvfrom(65535)
        except OSError:
            return
        if where[2] == OUTGOING or data[:6] not in (self.source or self.wire.mac, BROADCAST):
            return
        try:
            m = wire.decode(wire.unframe(data[14:]))
        except (ValueError, IndexError):
            self.wrong.append(data)
            return
        with self.lock:
            self.heard.append(Heard(time.monotonic(), data[:6], data[6:12], m))
            if not self.silent:
                self._message(data[6:12], m)
            self.lock.notify_all()

    def _message(self, source, m):
        if wire.is_control(m, self.epoch) and m.kind == NON and m.code == POST:
            q = wire.queries(m)
            known = self.slaves.get(int(q.get("slave", 0)))
            if known is None:
                return
            mtu = min(int(q["mtu"]), self.mtu)
            self.mid += 1
            self.asked[self.mid] = (known, source, mtu)
            self.send(source, wire.control(self.epoch, CON, self.mid, ttl=known.ttl, mtu=mtu))
        elif m.kind == ACK and m.mid in self.asked:
            known, source, known.mtu = self.asked.pop(m.mid)
            known.mac = source
            known.resources = m.payload.decode()
            known.answers.append(time.monotonic())
