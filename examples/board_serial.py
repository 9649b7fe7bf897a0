"""board_serial.py - the board's side of `lanyard link bridge --serial`, for MicroPython; CPython runs it, too.

    uart = machine.UART(1, 115200, timeout=0)
    link = Link(uart, ["1", 8123, "192.168.0.42", 2000, 10, "", "", "cfg"], lambda kind, text: print(kind, text))
    link.write("hello")    # False: no room, try later
    link.exchange()        # every 100 ms or so: at most one line each way

kind is a header of docs/protocols/pblink.md: "n" a line of the server, "u" and "d" its connection, "k", "r", "b", "s".
`link.full = True` holds the other side off. A line is lost only if this board loses its memory.
"""
import json
import time

ticks = getattr(time, "ticks_ms", lambda: int(time.monotonic() * 1000))
since = getattr(time, "ticks_diff", lambda a, b: a - b)
START, SEEN, FRAME, REFUSED, MARK, ROOM = 0xFF, 0xFE, 0xFD, 0xFC, 0xF8, 200


def check(data):
    a, b = 1, 0
    for x in data:
        a = (a + x) % 248
        b = (b + a) % 248
    return bytes((a, b))


class Link:
    def __init__(self, port, config, on_line, queue=20):
        self.port, self.on_line, self.limit = port, on_line, queue
        self.config = (json.dumps(config) + "\n").encode()
        self.queue, self.number, self.seq, self.full = [], ticks() & 127, 0, False
        self.synced = self.configured = self.peer_full = False

    def write(self, text, qos=True, wait=True):
        line = (str(2 * qos + wait) + text + "\n").encode()
        if len(line) > ROOM or "\n" in text or not text:
            raise ValueError("a line has 1 to 198 bytes")
        if len(self.queue) < self.limit:
            return self.queue.append(line) is None
        return False

    def receive(self, patience):
        """The next frame, or b"" after so many ms."""
        began, got = ticks(), b""
        while since(ticks(), began) < patience:
            c = self.port.read(1)
            if not c:
                time.sleep(0.001)
            elif c[0] >= MARK or got:  # a mark starts anew, whatever came before
                got = c if c[0] >= MARK else got + c
                size = 3 if got[0] != FRAME else 6 + (got[2] | (got[3] & 127) << 8 if len(got) > 3 else ROOM)
                if len(got) == size and (size > 3 or got[1] ^ got[2] == 127):
                    return got
        return b""

    def start(self):
        self.number, self.configured, self.peer_full, got = (self.number + 1) & 127, False, False, None
        name = bytes((self.number, self.number ^ 127))
        while got != bytes((SEEN,)) + name:
            if not got:
                self.port.write(bytes((START,)) + name)
            got = self.receive(500)
        self.synced = True

    def exchange(self):
        if not self.synced:
            self.start()
        line = self.config if not self.configured else b"" if self.peer_full or not self.queue else self.queue[0]
        self.seq, got, held = (self.seq + 1) & 127, b"", 0x80 if self.full else 0
        data = bytes((self.seq, len(line), held)) + line
        while got[:2] != bytes((FRAME, self.seq)) or check(got[1:-2]) != got[-2:]:
            if not got or got[0] == REFUSED:
                self.port.write(bytes((FRAME,)) + data + check(data))  # the same again until it is answered
            got = self.receive(300)
            if got[:2] == bytes((REFUSED, 1)) or (got[:1] == bytes((SEEN,)) and got[1] != self.number):
                self.synced = False  # the bridge is a new one: start over, nothing was taken
                return
        if self.configured and line:
            self.queue.pop(0)
        self.configured, self.peer_full = True, bool(got[3] & 0x80)
        for text in got[4:-2].split(b"\n")[:-1]:
            self.on_line(chr(text[0]), text[1:].decode())
