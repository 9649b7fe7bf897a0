"""stream_peer.py - the other end of a stream, written with a plain socket: serpy1 and serpy2 as a test wants them.

Nothing of ours is in between. What an original would do by itself (answer a
change of mode, acknowledge) these ends do only when a test says so.
"""
import base64
import socket
import struct

TIMEOUT = 10.0
END, EOT = b"\x1f", b"\x04"
MAGIC = b"\xde\xca\xfe\xca\xfe"
INT, FLOAT, STR, BYTES = 0x01, 0x11, 0x21, 0x81


class Peer:
    """One connection."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(TIMEOUT)
        self.buffer = b""

    @classmethod
    def to(cls, address, receive_buffer=None):
        host, port = address.rsplit(":", 1)
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(TIMEOUT)
        sock.connect((host, int(port)))
        return cls(sock)

    @property
    def name(self):
        return "%s:%d" % self.socket.getsockname()

    def raw(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def ended(self):
        """Reads to the end of the connection."""
        while self.socket.recv(1 << 16):
            pass
        return True

    def close(self):
        self.socket.close()

    def reset(self):
        """Break the connection: what was not read is gone."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Serpy1(Peer):
    def say(self, data):
        self.raw(data + END)

    def mode(self, digit):
        self.raw(b"\x01SETMODE%d" % digit + END)

    def block(self):
        while END not in self.buffer:
            self.more()
        block, self.buffer = self.buffer.split(END, 1)
        return block

    def ack(self):
        self.raw(b"\x01ACKEOT!!" + END)

    def answer(self):
        """Answers a change of mode; which."""
        block = self.block()
        assert block[:-1] == b"\x01SETMODE", block
        self.raw(b"\x01ACKMODCG" + END)
        return int(block[-1:])


class Serpy2(Peer):
    def frame(self, kind, payload):
        self.raw(MAGIC + struct.pack("<BII", kind, sum(payload) & 0xFFFFFFFF, len(payload)) + payload)

    def say(self, value):
        if isinstance(value, int):
            self.frame(INT, struct.pack("<q", value))
        elif isinstance(value, float):
            self.frame(FLOAT, value.hex().encode())
        elif isinstance(value, str):
            self.frame(STR, value.encode())
        else:
            self.frame(BYTES, value)

    def value(self):
        while len(self.buffer) < 14:
            self.more()
        kind, checksum, n = struct.unpack("<BII", self.buffer[5:14])
        while len(self.buffer) < 14 + n:
            self.more()
        head, data, self.buffer = self.buffer[:5], self.buffer[14:14 + n], self.buffer[14 + n:]
        assert head == MAGIC and checksum == sum(data) & 0xFFFFFFFF
        return {INT: lambda: int.from_bytes(data, "little", signed=True), FLOAT: lambda: float.fromhex(data.decode()),
                STR: data.decode, BYTES: lambda: data}[kind]()


class Listener:
    """A server's port, closed and opened again as a test wants."""

    def __init__(self, kind, port=0, receive_buffer=None):
        self.kind = kind
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(16)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.port = self.socket.getsockname()[1]

    def accept(self):
        return self.kind(self.socket.accept()[0])

    def close(self):
        self.socket.close()


def base85(data):
    return base64.b85encode(data)
