"""serpy_second.py - a second implementation of both serpy wires, written from docs/protocols/serpy.md alone.

`serpy1` and `serpy2` have the classes Connection and Server of the original, as far as serpy_peer.py uses them, and
nothing of its threads and queues: one thread reads a connection, whoever sends writes. What the original does wrong
and a peer has to live with is done here as well: modes outlive a reconnection, text is not checked.
"""
import base64
import contextlib
import pickle
import queue
import socket
import struct
import threading
import time
from types import SimpleNamespace

CONTROL, END, STOP = b"\x01", b"\x1f", b"\x04"
MODE_CHANGED, RECEIVED = b"ACKMODCG", b"ACKEOT!!"


class Endpoint:
    """A connection: reading, breaking, connecting again."""

    def __init__(self, sock=None, auto_restart=False):
        self.sock, self.auto_restart, self.address = sock, auto_restart, None
        self.closed, self.connected = False, sock is not None
        self.arrived = queue.Queue()
        self.sending = threading.Lock()

    def connect(self, host, port):
        self.address = (host, port)
        self.sock = socket.create_connection(self.address)
        self.connected = True
        self.start()
        return self

    def start(self):
        threading.Thread(target=self.read_all, daemon=True).start()

    def read_all(self):
        while not self.closed:
            self.begin()
            try:
                while data := self.sock.recv(65536):
                    self.take(data)
            except OSError:
                pass
            self.connected = False
            self.broken()
            if not self.auto_restart or self.closed:
                self.sock.close()
                return
            self.connect_again()

    def connect_again(self):
        self.sock.close()
        while not self.closed:
            try:
                self.sock = socket.create_connection(self.address)
                self.connected = True
                return
            except OSError:
                time.sleep(0.1)

    def put(self, data):
        """To a connection that broke: lost, as with the original."""
        with contextlib.suppress(OSError), self.sending:
            self.sock.sendall(data)

    def broken(self):
        pass

    def getData(self, timeout=None):
        return self.arrived.get(timeout=timeout)

    def isConnected(self):
        return self.connected

    def close(self):
        self.closed, self.connected = True, False
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class First(Endpoint):
    """Section 1: blocks that end in 1F, six modes, acknowledgements."""

    def __init__(self, sock=None, encoding="ascii", auto_restart=False, allow_unpickle=True):
        super().__init__(sock, auto_restart)
        self.encoding, self.allow_unpickle = encoding, allow_unpickle
        self.out_mode = self.in_mode = 0
        self.changed, self.received = threading.Event(), threading.Event()

    def begin(self):
        self.rest, self.unfinished = b"", b""

    def take(self, data):
        *blocks, self.rest = (self.rest + data).split(END)
        for block in filter(None, blocks):
            if block.startswith(CONTROL):
                self.control(block[1:])
            elif self.in_mode in (1, 3, 5):
                self.acknowledged(block)
            else:
                self.deliver(block)

    def control(self, word):
        if word.startswith(b"SETMODE"):
            self.in_mode = int(word[-1:])
            self.put(CONTROL + MODE_CHANGED + END)
        elif word == RECEIVED:
            self.received.set()
        elif word == MODE_CHANGED:
            self.changed.set()
        else:
            self.deliver(word)

    def acknowledged(self, block):
        self.unfinished += block
        if STOP in self.unfinished:
            message, self.unfinished = self.unfinished.split(STOP)
            self.put(CONTROL + RECEIVED + END)
            self.deliver(message)

    def deliver(self, message):
        if self.in_mode >= 2:
            message = base64.b85decode(message)
        if self.in_mode >= 4 and self.allow_unpickle:
            message = pickle.loads(message)  # of the tests' own making
        self.arrived.put(message)

    @staticmethod
    def choose(data, mode):
        """The mode that a type of data needs, with or without acknowledgement as asked for."""
        if type(data) in (str, int, float):
            return mode
        if type(data) is bytes:
            return {0: 2, 4: 2, 1: 3, 5: 3}.get(mode, mode)
        return {0: 4, 2: 4, 1: 5, 3: 5}.get(mode, mode)

    def encode(self, data, mode):
        if type(data) in (int, float):
            data = str(data)
        if type(data) is str:
            data = data.encode(self.encoding)
        if mode >= 4:
            data = pickle.dumps(data, pickle.HIGHEST_PROTOCOL)
        return base64.b85encode(data) if mode >= 2 else data

    def sendData(self, data, mode=0, timeout=None, *, force_mode=False):
        needed = self.choose(data, mode)
        block = self.encode(data, needed)
        mode = mode if force_mode else needed
        if mode != self.out_mode:
            self.changed.clear()
            self.put(CONTROL + b"SETMODE" + str(mode).encode() + END)
            self.changed.wait()
            self.out_mode = mode
        if mode in (0, 2, 4):
            return self.put(block + END)
        self.received.clear()
        self.put(block + STOP + END)
        return self.received.wait(timeout)

    def broken(self):
        self.changed.set()
        self.received.set()


class Second(Endpoint):
    """Section 2: a header of 14 bytes with type, checksum and length."""
    MAGIC = bytes.fromhex("decafecafe")
    TYPES = {int: 0x01, float: 0x11, str: 0x21, bytes: 0x81}
    HEADER = struct.Struct("<5sBII")

    def begin(self):
        self.rest = bytearray()

    def take(self, data):
        self.rest += data
        while len(self.rest) >= self.HEADER.size:
            magic, kind, checksum, length = self.HEADER.unpack_from(self.rest)
            if magic != self.MAGIC:
                self.rest.clear()  # whatever came with it
                return
            if len(self.rest) < self.HEADER.size + length:
                return
            payload = bytes(self.rest[self.HEADER.size:self.HEADER.size + length])
            del self.rest[:self.HEADER.size + length]
            if self.checksum(payload) == checksum:
                self.arrived.put(self.decode(kind, payload))

    @staticmethod
    def checksum(payload):
        return sum(payload) & 0xFFFFFFFF

    def decode(self, kind, payload):
        if kind == self.TYPES[int]:
            return int.from_bytes(payload, "little", signed=True)
        if kind == self.TYPES[float]:
            return float.fromhex(payload.decode("ascii"))
        if kind == self.TYPES[str]:
            return payload.decode("utf-8")
        if kind == self.TYPES[bytes]:
            return payload
        raise TypeError(kind)

    def sendData(self, data, timeout=None):
        kind = self.TYPES[type(data)]
        if type(data) is int:
            payload = data.to_bytes(8, "little", signed=True)
        elif type(data) is float:
            payload = data.hex().encode()
        else:
            payload = data.encode() if type(data) is str else data
        self.put(self.HEADER.pack(self.MAGIC, kind, self.checksum(payload), len(payload)) + payload)


class Listener:
    def __init__(self, make, host, port, nb_conn, options):
        self.make, self.options = make, options
        self.serv = socket.create_server((host, port), backlog=nb_conn)
        self.connections = []

    def start(self):
        threading.Thread(target=self.accept_all, daemon=True).start()
        return self

    def accept_all(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.make(self.serv.accept()[0], **self.options)
                connection.start()
                self.connections.append(connection)

    def getConnectionsList(self):
        return list(self.connections)

    def close(self):
        self.serv.shutdown(socket.SHUT_RDWR)
        self.serv.close()
        for connection in self.connections:
            connection.close()


def server_of(make):
    def server(host, port, nb_conn=5, **options):
        return Listener(make, host, port, nb_conn, options)
    return server


serpy1 = SimpleNamespace(Connection=First, Server=server_of(First))
serpy2 = SimpleNamespace(Connection=Second, Server=server_of(Second))
