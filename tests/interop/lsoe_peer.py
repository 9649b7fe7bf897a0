"""lsoe_peer.py - a neighbour on a raw socket, made of the second codec (lsoe_second.py), that can be told to misbehave.

A `Peer` lives in a namespace and speaks one dialect with whoever is first heard there. It is a thread; tests look at
it under its lock by `wait`, and change how it acts by setting its options at any moment. By default it behaves as
docs/protocols/lsoe.md asks; with `original=True` where the original differs it does as the original does: no ACK of
an OPEN that came again, a new nonce for each new nonce, and all four types in a row as soon as it is open.
"""
import contextlib
import os
import selectors
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass

import lsoe_second as wire
from lsoe_second import (ACK, ENCAPS, HELLO, KEEPALIVE, LSOE, NEWKEY, OPEN, ULPC, VENDOR, Ack, Encaps, Hello, Keepalive,
                         Open)

OUTGOING = 4  # PACKET_OUTGOING
PATIENCE = 10.0


@dataclass
class Outstanding:
    pdu: object
    datagrams: list
    due: float
    pause: float
    left: int


@dataclass
class Heard:
    at: float
    pdu: object
    behind: bytes = b""  # padding of its last datagram


class Wire:
    """A raw socket on an interface: whole frames of one EtherType, out and in."""

    def __init__(self, ns, ifname, ethertype):
        with ns or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.bind((ifname, ethertype))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
        self.mac = self.sock.getsockname()[4]
        self.type = ethertype.to_bytes(2, "big")

    def send(self, to, content, source=None):
        self.sock.send(to + (source or self.mac) + self.type + content)

    def receive(self):
        """(destination, source, content) of a frame of others, or None."""
        try:
            frame, where = self.sock.recvfrom(65535)
        except OSError:  # the interface went down
            return None
        return None if where[2] == OUTGOING else (frame[:6], frame[6:12], frame[14:])


class Peer(threading.Thread):
    # How it acts; all may be set by keyword and later.
    hello, keepalive, dead = 2.0, 0.5, 5.0  # seconds; None: never
    retransmit, tries = 0.2, 5
    original = False
    lanyard = False  # say that it is Lanyard
    speaks_first = True  # HELLOs
    signer, certificate = None, b""
    attributes = b""
    mtu = wire.LONGEST
    serial_open = 0  # L3DL: Serial Number of the next OPEN
    swallow = staticmethod(lambda pdu: False)  # as if this had not come
    answer = staticmethod(lambda pdu: Ack(pdu.kind))  # the ACK of a PDU; None: none
    shape = staticmethod(lambda pdu, datagrams: datagrams)  # what is made of datagrams before they leave
    storm = False  # each OPEN of theirs is answered by a new nonce

    def __init__(self, ns, dialect=LSOE, ident=bytes(9) + b"\x0b", ifname="lan0", ethertype=None, announce=None,
                 **options):
        super().__init__(daemon=True)
        self.dialect, self.id = dialect, ident
        self.set(**options)
        self.announced = announce if announce is not None else {}
        self.lock = threading.Condition()
        self.heard, self.sent, self.wrong, self.restarts = [], Counter(), [], 0
        self.frames, self.parts, self.their_mac, self.tsn, self.opened_at = 0, {}, None, 7, 0.0
        self.serial, self.acked_serial, self.heard_serial, self.theirs = 0, 0, 0, {k: {} for k in ENCAPS}
        self.fresh()
        self.next_hello = self.next_keepalive = time.monotonic()
        self.wire = Wire(ns, ifname, ethertype or dialect.ethertype)
        self.wake, self.woken = socket.socketpair()
        self.over = False
        self.start()

    def set(self, **options):
        for name, value in options.items():
            if not hasattr(Peer, name):
                raise TypeError(f"a Peer has no option {name}")
            setattr(self, name, value)

    # ---- what tests ask and tell

    def wait(self, predicate, timeout=PATIENCE, what=""):
        with self.lock:
            value = self.lock.wait_for(predicate, timeout)
            if not value:
                raise AssertionError(f"not in {timeout:g} s: {what or predicate}\n{self.story()}")
            return value

    def wait_established(self, timeout=PATIENCE):
        self.wait(lambda: self.established, timeout, "session established")

    def of(self, *kinds):
        """PDUs of these types heard so far."""
        with self.lock:
            return [h for h in self.heard if h.pdu.kind in kinds]

    def story(self):
        lines = [f"{h.at:.3f} {h.pdu}"[:300] for h in self.heard[-40:]]
        return "\n".join([f"peer: nonce {self.nonce.hex()}, theirs {self.nonce_peer}, acked {self.open_acked}, "
                          f"outstanding {list(self.outstanding)}, sent {dict(self.sent)}", *self.wrong[-5:], *lines])

    @property
    def established(self):
        return self.open_acked and self.nonce_peer is not None

    def tell(self, pdu, acked=True):
        """Send a PDU now, or when its turn comes; with acked=False at once and without expecting an ACK."""
        with self.lock:
            if acked:
                self.enqueue(pdu)
            else:
                self.transmit(pdu, self.cut(pdu))
            self.wake.send(b"x")

    def announce(self, kind, entries):
        """LSOE: all that there is of a type. L3DL: changes."""
        with self.lock:
            if not self.dialect.incremental:
                self.announced[kind] = list(entries)
        self.tell(self.encaps(kind, entries))

    def put(self, *datagrams, source=None, to=None):
        """Datagrams as they are."""
        for datagram in datagrams:
            self.wire.send(to or self.their_mac, datagram, source)

    def forge(self, pdu, source, to=None):
        self.put(*self.dialect.datagrams(self.dialect.encode(pdu)), source=source, to=to)

    def restart(self, serial_open=0, **options):
        """As if the process had been killed and begun again, from nothing or after the PDU of that number."""
        with self.lock:
            self.set(serial_open=serial_open, **options)
            self.fresh()
            self.next_hello = time.monotonic()
            self.wake.send(b"x")

    def close(self):
        self.over = True
        self.wake.send(b"x")
        self.join(5)
        for s in (self.wire.sock, self.wake, self.woken):
            s.close()

    # ---- its life

    def run(self):
        with selectors.DefaultSelector() as ready:
            ready.register(self.wire.sock, selectors.EVENT_READ)
            ready.register(self.woken, selectors.EVENT_READ)
            while not self.over:
                found = ready.select(max(0.0, min(0.2, self.deadline() - time.monotonic())))
                with self.lock:
                    for key, _ in found:
                        if key.fileobj is self.woken:
                            self.woken.recv(64)
                        else:
                            self.take_frame()
                    self.tick(time.monotonic())
                    self.lock.notify_all()

    def deadline(self):
        with self.lock:
            times = [o.due for o in self.outstanding.values()]
            times += [self.next_hello] if self.hello and self.speaks_first else []
            times += [self.next_keepalive] if self.keepalive and self.established else []
        return min(times, default=time.monotonic() + 1)

    def tick(self, now):
        if self.hello and self.speaks_first and now >= self.next_hello:
            self.next_hello = now + self.hello
            self.transmit(Hello(), self.dialect.datagrams(self.dialect.encode(Hello()), self.new_tsn()),
                          wire.NEAREST_BRIDGE)
        if self.keepalive and self.established and now >= self.next_keepalive:
            self.next_keepalive = now + self.keepalive
            self.transmit(Keepalive(), self.cut(Keepalive()))
        if self.dead and self.established and now - self.alive > self.dead:
            self.lost("silence")
        for kind, o in list(self.outstanding.items()):
            if now >= o.due and self.outstanding.get(kind) is o:
                self.again(o, now)

    def again(self, o, now):
        o.left -= 1
        if o.left <= 0:
            self.lost(f"no ACK of type {o.pdu.kind}")
            return
        o.pause *= 2
        o.due = now + o.pause
        self.transmit(o.pdu, o.datagrams)

    def lost(self, why):
        self.wrong.append(f"session lost: {why}")
        self.restarts += 1
        self.fresh()

    def fresh(self):
        self.nonce, self.nonce_peer, self.open_acked = os.urandom(4), None, False
        self.outstanding, self.waiting = {}, []
        self.their_id, self.their_key, self.alive = None, (0, b""), time.monotonic()

    # ---- out

    def new_tsn(self):
        self.tsn = self.tsn + 1 & 0xFFFF
        return self.tsn

    def cut(self, pdu):
        return self.dialect.datagrams(self.dialect.encode(pdu, self.signer), self.new_tsn(), self.mtu)

    def transmit(self, pdu, datagrams, to=None):
        self.sent[pdu.kind] += 1
        if pdu.kind == OPEN and self.lanyard:
            datagrams = datagrams[:-1] + [datagrams[-1] + wire.LANYARD + bytes([1, 0, 0])]
        for datagram in self.shape(pdu, datagrams):
            with contextlib.suppress(OSError):  # the interface may be down
                self.wire.send(to or self.their_mac, datagram)

    def enqueue(self, pdu):
        """One outstanding of each type, or one in all."""
        busy = self.outstanding if self.dialect.one_in_flight else pdu.kind in self.outstanding
        if not busy:
            self.launch(pdu)
            return
        if not self.dialect.one_in_flight:
            self.waiting = [w for w in self.waiting if w.kind != pdu.kind]
        self.waiting.append(pdu)

    def launch(self, pdu):
        datagrams = self.cut(pdu)
        self.outstanding[pdu.kind] = Outstanding(pdu, datagrams, time.monotonic() + self.retransmit, self.retransmit,
                                                 self.tries)
        self.transmit(pdu, datagrams)

    def encaps(self, kind, entries):
        if self.dialect.incremental:
            self.serial += 1
            return Encaps(kind, list(entries), self.serial)
        return Encaps(kind, list(entries))

    def open_if_needed(self):
        if not self.open_acked and OPEN not in self.outstanding:
            self.opened_at = time.monotonic()
            self.launch(self.our_open())

    def our_open(self):
        alg, key = (self.signer.alg, self.signer.public) if self.signer else (0, b"")
        return Open(self.nonce, self.id, self.attributes, b"", alg, key, self.certificate, self.serial_open)

    def is_open(self):
        """The session has just become established."""
        self.alive = self.next_keepalive = time.monotonic()
        if self.serial_open:
            return  # they have it all
        for kind in ENCAPS:
            if kind in self.announced or not self.dialect.incremental:
                self.enqueue(self.encaps(kind, self.announced.get(kind, [])))

    # ---- in

    def take_frame(self):
        frame = self.wire.receive()
        if frame is None:
            return
        to, source, content = frame
        self.frames += 1
        try:
            d = self.dialect.read(content)
            pdu = self.joined(source, d)
            if pdu is None:
                return
        except wire.Wrong as why:
            self.wrong.append(f"{why}: {content.hex()}"[:200])
            return
        if (to == wire.NEAREST_BRIDGE) != (pdu.kind == HELLO):
            self.wrong.append(f"to {to.hex()}: {pdu}"[:200])
        self.heard.append(Heard(time.monotonic(), pdu, d.behind))
        if self.swallow(pdu):
            return
        self.their_mac = source
        self.take(pdu)

    def joined(self, source, d):
        """The PDU that this datagram makes whole, or None."""
        if d.number == 0 and d.last:
            return self.dialect.decode(d.payload)
        parts = self.parts.setdefault((source, d.tsn), {})
        parts[d.number] = d
        end = [n for n, part in parts.items() if part.last]
        if not end or len(parts) <= end[0]:
            return None
        del self.parts[source, d.tsn]
        return self.dialect.decode(b"".join(parts[n].payload for n in range(end[0] + 1)))

    def take(self, pdu):
        kind = pdu.kind
        if self.dialect.any_is_alive or kind in (KEEPALIVE, OPEN) or kind == ACK and pdu.of == OPEN:
            self.alive = time.monotonic()
        if kind == OPEN:
            self.take_open(pdu)
        elif kind == ACK:
            self.take_ack(pdu)
        elif kind in (HELLO, KEEPALIVE):
            if not self.established:
                self.open_if_needed()
        elif self.established:
            self.take_data(pdu)

    def take_open(self, pdu):
        if pdu.alg and not wire.signed_by(pdu, pdu.alg, pdu.key):
            self.wrong.append("OPEN that its own key did not sign")
            return
        if pdu.nonce == self.nonce_peer:
            if not self.original:
                self.acknowledge(pdu)
            return
        if self.storm or self.nonce_peer is not None:
            self.began_anew()
        if not self.goes_on(pdu) or not self.acknowledge(pdu):
            return
        self.nonce_peer, self.their_id, self.their_key = pdu.nonce, pdu.id, (pdu.alg, pdu.key)
        self.open_if_needed()
        if self.established:
            self.is_open()

    def goes_on(self, pdu):
        """Section 2.3: with its Serial Number the OPEN asks to go on after that one, or to begin at nothing."""
        if not pdu.serial:
            self.theirs, self.heard_serial = {k: {} for k in ENCAPS}, 0
            return True
        if pdu.serial == self.heard_serial:
            if not self.open_acked and OPEN not in self.outstanding:
                self.serial_open = self.acked_serial
            return True
        refusal = Ack(OPEN, 2, 2)
        self.transmit(refusal, self.cut(refusal))
        return False

    def began_anew(self):
        """A new nonce of theirs: the answer to an OPEN of ours just now, else they were reset (section 1.9)."""
        self.restarts += 1
        if self.storm or self.original or time.monotonic() - self.opened_at > 1:
            self.fresh()
        else:
            self.nonce_peer = None
            if self.open_acked:  # they may have been reset all the same: ours once more, without waiting for an ACK
                self.transmit(self.our_open(), self.cut(self.our_open()))

    def acknowledge(self, pdu):
        """Send what `answer` says; whether it says that all is well."""
        ack = self.answer(pdu)
        if ack is not None:
            self.transmit(ack, self.cut(ack))
        return ack is not None and ack.etype < 2

    def take_ack(self, pdu):
        o = self.outstanding.pop(pdu.of, None)
        if o is None:
            return
        if pdu.etype >= 2:
            self.wrong.append(f"error: {pdu}")
            if pdu.of == OPEN and pdu.etype == 2:
                self.serial_open = 0
            return
        self.acked_serial = getattr(o.pdu, "serial", 0) if pdu.of != OPEN else self.acked_serial
        if pdu.of == OPEN:
            was, self.open_acked = self.established, True
            if self.established and not was:
                self.is_open()
        for pending in self.waiting:
            if not (self.outstanding if self.dialect.one_in_flight else pending.kind in self.outstanding):
                self.waiting.remove(pending)
                self.launch(pending)
                break

    def take_data(self, pdu):
        alg, key = self.their_key
        if alg and not wire.signed_by(pdu, alg, key):
            self.wrong.append(f"not signed by its key: {pdu}"[:200])
            return
        if pdu.kind == VENDOR and self.dialect.incremental and pdu.serial == 0:
            return  # a measurement: nobody acknowledges those
        if pdu.kind == VENDOR and pdu.enterprise == wire.LANYARD_PEN:
            return
        if not self.acknowledge(pdu):
            return
        if pdu.kind == NEWKEY:
            self.their_key = pdu.alg, pdu.key
        elif pdu.kind in ENCAPS:
            self.heard_serial = pdu.serial
            self.apply(pdu)

    def apply(self, pdu):
        if not self.dialect.incremental:
            self.theirs[pdu.kind] = {e.prefix: e for e in pdu.entries}
            return
        for e in pdu.entries:
            known = self.theirs[pdu.kind].pop(e.prefix, None)
            if (known is None) == e.withdraw:
                self.wrong.append(f"announced twice or withdrawn without: {e}")
            if not e.withdraw:
                self.theirs[pdu.kind][e.prefix] = e

    @property
    def their_ulpc(self):
        found = self.of(ULPC)
        return found[-1].pdu if found else None
