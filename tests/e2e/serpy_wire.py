"""serpy_wire.py - programs of serpy and serpy2 as they are on the wire, written from docs/protocols/serpy.md alone.

They are what the command line is tested against besides itself: plain sockets,
in both roles, with the habits of the originals. `Peer2` takes its input as
serpy2 does: it waits for 14 bytes, and throws away all it has if they do not
begin a frame; `resets` counts how often that happened. `Peer1` answers mode
changes and messages at once, as serpy does, and puts what it gets into `got`.
"""
import base64
import contextlib
import select
import socket
import struct
import threading
import time

MAGIC = bytes.fromhex("decafecafe")
ASK = b"lanyard-blob?"  # docs/protocols/serpy-blob.md
INT, FLOAT, STR, BYTES = 0x01, 0x11, 0x21, 0x81


def frame(kind, payload, checksum=None):
    """One frame of serpy2."""
    checksum = sum(payload) & 0xffffffff if checksum is None else checksum
    return MAGIC + struct.pack("<BII", kind, checksum, len(payload)) + payload


def frame_of(value):
    if isinstance(value, int):
        return frame(INT, value.to_bytes(8, "little", signed=True))
    if isinstance(value, float):
        return frame(FLOAT, value.hex().encode())
    if isinstance(value, str):
        return frame(STR, value.encode())
    return frame(BYTES, bytes(value))


def value_of(kind, payload):
    if kind == INT:
        return int.from_bytes(payload, "little", signed=True)
    if kind == FLOAT:
        return float.fromhex(payload.decode())
    return payload.decode() if kind == STR else payload


class Peer:
    """A connection: one thread reads, whoever wants something waits for it."""

    def __init__(self, sock):
        self.sock = sock
        self.got, self.ended = [], False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @classmethod
    def connect(cls, address, **options):
        host, port = address.rsplit(":", 1)
        return cls(socket.create_connection((host, int(port)), timeout=10), **options)

    def _read(self):
        self.sock.settimeout(None)
        with contextlib.suppress(OSError, ValueError):
            while data := self.sock.recv(65536):
                with self.changed:
                    self.take(data)
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, predicate, timeout=10):
        with self.changed:
            assert self.changed.wait_for(predicate, timeout), f"not in {timeout} s; so far {str(self.got)[:300]}"

    def values(self, count, timeout=10):
        """The first `count` values received."""
        self.wait(lambda: len(self.got) >= count, timeout)
        return self.got[:count]

    def end(self, timeout=10):
        """Wait until the other end has closed."""
        self.wait(lambda: self.ended, timeout)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.reader.join(5)

    def take(self, data):
        raise NotImplementedError


class Peer2(Peer):
    def __init__(self, sock, echo=False):
        self.buffer, self.resets, self.bad, self.echo = b"", 0, 0, echo
        super().__init__(sock)

    def send(self, *values):
        self.sock.sendall(b"".join(map(frame_of, values)))

    def take(self, data):
        self.buffer += data
        while len(self.buffer) >= 14:
            if not self.buffer.startswith(MAGIC):
                self.buffer, self.resets = b"", self.resets + 1
                return
            kind, checksum, length = struct.unpack("<BII", self.buffer[5:14])
            if len(self.buffer) < 14 + length:
                return
            payload, self.buffer = self.buffer[14:14 + length], self.buffer[14 + length:]
            if sum(payload) & 0xffffffff != checksum:
                self.bad += 1
                continue
            self.got.append(value_of(kind, payload))
            if self.echo:
                self.sock.sendall(frame(kind, payload))


class Peer1(Peer):
    """got: (mode, bytes)."""

    def __init__(self, sock, silent=False):
        self.buffer, self.part, self.in_mode, self.out_mode = b"", b"", 0, 0
        self.acks = self.mode_acks = 0
        self.silent = silent  # acknowledges no message
        super().__init__(sock)

    def take(self, data):
        self.buffer += data
        *blocks, self.buffer = self.buffer.split(b"\x1f")
        for block in filter(None, blocks):
            self.block(block)

    def block(self, block):
        if block == b"\x01ACKEOT!!":
            self.acks += 1
        elif block == b"\x01ACKMODCG":
            self.mode_acks += 1
        elif block.startswith(b"\x01SETMODE"):
            self.in_mode = int(block[-1:])
            self.sock.sendall(b"\x01ACKMODCG\x1f")
        elif self.in_mode in (0, 2, 4):
            self.got.append((self.in_mode, self.decode(block)))
        else:
            self.part += block
            if b"\x04" in self.part:
                whole, self.part = self.part.split(b"\x04")
                if not self.silent:
                    self.sock.sendall(b"\x01ACKEOT!!\x1f")
                self.got.append((self.in_mode, self.decode(whole)))

    def decode(self, body):
        return body if self.in_mode < 2 else base64.b85decode(body)

    def send(self, *bodies, mode=0):
        """Each body in a mode, as sendData does it: one after the other, waiting for acknowledgements."""
        for body in bodies:
            if mode != self.out_mode:
                before = self.mode_acks
                self.sock.sendall(b"\x01SETMODE%d\x1f" % mode)
                self.wait(lambda: self.mode_acks > before)
                self.out_mode = mode
            acks = self.acks
            coded = body if mode < 2 else base64.b85encode(body)
            self.sock.sendall(coded + (b"\x04" if mode % 2 else b"") + b"\x1f")
            if mode % 2:
                self.wait(lambda: self.acks > acks)


class PeerServer:
    """Accepts connections and makes each a peer."""

    def __init__(self, kind, host="127.0.0.1", port=0, **options):
        self.listener = socket.create_server((host, port))
        self.address = "%s:%d" % self.listener.getsockname()
        self.kind, self.options, self.peers = kind, options, []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                if select.select([self.listener], [], [], 0.1)[0]:
                    self.peers.append(self.kind(self.listener.accept()[0], **self.options))

    def peer(self, number=0, timeout=10):
        end = time.monotonic() + timeout
        while len(self.peers) <= number:
            assert time.monotonic() < end, "nobody connected"
            time.sleep(0.01)
        return self.peers[number]

    def close(self):
        self.listener.close()
        for peer in self.peers:
            peer.close()
