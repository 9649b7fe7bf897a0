"""noisy_stick.py - a serial line with noise on it: what a simulated radio module says goes on to a terminal of ours, frame by
frame, and noise between the frames; what comes back is passed on."""
import os
import select
import threading
import tty

from lanyard_test import wait_for

PIECE = 4096


def frame(data, wrong=0):
    """Of API mode 1."""
    return b"\x7e" + len(data).to_bytes(2, "big") + data + bytes([(0xff - sum(data) + wrong) & 0xff])


class NoisyStick(threading.Thread):
    """`path` is for whoever uses the module at `stick`."""

    def __init__(self, stick):
        super().__init__(daemon=True)
        self.stick = os.open(stick, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.line, self.end = os.openpty()
        tty.setraw(self.stick), tty.setraw(self.end)
        os.set_blocking(self.line, False)
        self.path = os.ttyname(self.end)
        self.noise, self.heard, self.said, self.over = b"", b"", b"", False
        self.start()

    def make_noise(self, noise):
        """All of it, until it is written."""
        self.noise = noise
        wait_for(lambda: not self.noise and not self.said, 30, "the noise is written")

    def take_frames(self):
        """What the module has said that is whole, or is no frame (it is in command mode)."""
        while self.heard:
            n = 4 + int.from_bytes(self.heard[1:3], "big") if self.heard[:1] == b"\x7e" else 1
            if len(self.heard) < n:
                return
            self.said, self.heard = self.said + self.heard[:n], self.heard[n:]

    def run(self):
        while not self.over:
            busy = self.said or self.noise
            readable, writable, _ = select.select([self.stick, self.line], [self.line] if busy else [], [], 0.01)
            if self.stick in readable:
                self.heard += os.read(self.stick, PIECE)
                self.take_frames()
            if self.line in readable:
                os.write(self.stick, os.read(self.line, PIECE))
            if writable:
                if not self.said:
                    self.said, self.noise = self.noise[:PIECE], self.noise[PIECE:]
                self.said = self.said[os.write(self.line, self.said):]

    def close(self):
        self.over = True
        self.join()
        for fd in (self.stick, self.line, self.end):
            os.close(fd)
