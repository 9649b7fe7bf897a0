"""bridge_board.py - a board on a pseudo terminal for test_bridge.py.

The board's program is examples/board_serial.py as it stands. A `Board` runs it
in a thread against a `Port`, the master side of a pty, which can be unplugged,
replugged (a new pty behind the same path), made to lose and add bytes, and can
crash the board's program after a number of bytes in either direction.
"""
import os
import random
import select
import sys
import threading
import tty

from lanyard_test import ROOT, wait_for

sys.path.insert(0, str(ROOT / "examples"))
import board_serial  # noqa: E402


class Crash(Exception):
    """The board lost power."""


class Stop(Exception):
    """The test is over."""


class Port:
    """What a MicroPython UART is to its program; the other end is at `path`."""

    def __init__(self, path):
        self.path = str(path)
        self.lock = threading.Lock()
        self.master = self.slave = None
        self.fuse = None  # bytes until the board crashes
        self.hurt = None  # a random.Random: one byte in `every` suffers
        self.every = 100
        self.stopping = False
        self.waiting = b""

    def plug(self):
        master, slave = os.openpty()
        tty.setraw(slave)  # before anybody reads: no echo
        os.set_blocking(master, False)
        temporary = self.path + ".new"
        os.symlink(os.ttyname(slave), temporary)
        with self.lock:
            self.master, self.slave = master, slave
        os.replace(temporary, self.path)

    def unplug(self):
        os.unlink(self.path)
        with self.lock:
            master, slave, self.master, self.slave = self.master, self.slave, None, None
            os.close(slave)
            os.close(master)

    def burn(self, data):
        """As much of data as the board still lives for."""
        if self.fuse is None:
            return data
        data = data[:self.fuse]
        self.fuse -= len(data)
        return data

    def injure(self, data):
        if not self.hurt:
            return data
        out = bytearray()
        for byte in data:
            if self.hurt.randrange(self.every):
                out.append(byte)
            else:
                out += self.hurt.choice((b"", bytes((self.hurt.randrange(256),)),
                                         bytes((byte, self.hurt.randrange(256)))))
        return bytes(out)

    def check(self):
        if self.stopping:
            raise Stop
        if self.fuse == 0:
            raise Crash

    def write(self, data):
        self.check()
        data = self.injure(self.burn(data))
        with self.lock:
            if self.master is not None:
                try:
                    os.write(self.master, data)
                except BlockingIOError:
                    pass  # nobody reads: a UART would not notice either
        self.check()

    def read(self, count):
        self.check()
        if not self.waiting:
            with self.lock:
                fd = self.master
                if fd is not None:
                    # a short wait in here instead of many sleeps in the program
                    if select.select([fd], [], [], 0.002)[0]:
                        try:
                            self.waiting = self.injure(os.read(fd, 4096))
                        except OSError:
                            pass
        data = self.burn(self.waiting[:count])
        self.waiting = self.waiting[len(data):]
        return data


class Board:
    def __init__(self, path, config, period=0.1):
        self.config, self.period = config, period
        self.port = Port(path)
        self.port.plug()
        self.lines, self.control = [], []  # ("n" texts), ((kind, text) of the others)
        self.starts = self.crashes = 0
        self.frozen = threading.Event()
        self.again = threading.Event()
        self.link = None
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.new_link()
        self.thread.start()

    def new_link(self):
        """The board's memory after power came."""
        queue = self.link.queue if self.link else []
        self.link = board_serial.Link(self.port, self.config, self.take, queue=10 ** 6)
        self.link.number = random.randrange(128)
        self.link.queue = queue  # what the application would write again
        start = self.link.start

        def counted():
            self.starts += 1
            start()
        self.link.start = counted

    def take(self, kind, text):
        if kind == "n":
            self.lines.append(text)
        else:
            self.control.append((kind, text))

    def run(self):
        try:
            while True:
                try:
                    self.link.exchange()
                    if self.period:
                        self.pause(self.period)
                    while self.frozen.is_set():
                        self.pause(0.01)
                except Crash:
                    self.crashes += 1
                    self.port.fuse = None
                    self.port.waiting = b""
                    self.new_link()
        except Stop:
            pass
        except Exception as problem:  # shown by the test that owns this board
            self.error = problem
            raise

    def pause(self, seconds):
        self.port.check()
        threading.Event().wait(seconds)

    def say(self, *texts, qos=True, wait=True):
        for text in texts:
            assert self.link.write(text, qos, wait)

    def crash_after(self, count):
        """Lose power when so many bytes went through, either way."""
        before = self.crashes
        self.port.fuse = count
        wait_for(lambda: self.crashes > before, what="the board's crash")

    def kinds(self):
        return "".join(kind for kind, _ in self.control)

    def finish(self):
        self.port.stopping = True
        self.thread.join(5)
        if self.port.master is not None:
            self.port.unplug()
        assert self.error is None, self.error
