"""daemon_test.py - what the tests of lanyardd share: the daemon, its control socket, a board.

`Control` speaks docs/control.md over a plain socket, nothing of ours in between.
`Board` is the other end of a line link written with a plain socket: its id, one
line feed, then numbered lines and acknowledgements as a test wants them.
"""
import json
import re
import socket
from pathlib import Path

from lanyard_test import SANITIZED, binary, wait_for

TIMEOUT = 10.0
ONE = "link:\n- {name: boards, role: server, listen: '127.0.0.1:0', timeout: 20s, hold_off: 0}\n"


class Control:
    """A connection to the control socket."""

    def __init__(self, path, greet=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.input = self.socket.makefile("rb")
        self.last = 0
        self.greeting = self.read() if greet else None

    def raw(self, data):
        self.socket.sendall(data)

    def read(self):
        """The next line as JSON; None at the end."""
        line = self.input.readline()
        return json.loads(line) if line else None

    def send(self, verb, **args):
        """A request; its id."""
        self.last += 1
        request = {"id": self.last, "verb": verb}
        if args:
            request["args"] = args
        self.raw(json.dumps(request).encode() + b"\n")
        return self.last

    def ask(self, verb, **args):
        """The result; the lines of streams in between are skipped."""
        answer = self.answer(self.send(verb, **args))
        assert "result" in answer, answer
        return answer["result"]

    def error(self, verb, **args):
        answer = self.answer(self.send(verb, **args))
        assert "error" in answer, answer
        return answer["error"]

    def answer(self, number):
        while True:
            line = self.read()
            assert line is not None, "the daemon closed the connection"
            if line.get("id") == number and ("result" in line or "error" in line):
                return line

    def event(self, kind=None):
        """The next event of any stream (of a kind)."""
        while True:
            line = self.read()
            assert line is not None, "the daemon closed the connection"
            if "event" in line and kind in (None, line["event"]["event"]):
                return line["event"]

    def close(self):
        self.input.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Board:
    """A client of a line link; every line it says gets the next number."""

    def __init__(self, address, name):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), TIMEOUT)
        self.input = self.socket.makefile("rb")
        self.number = 0
        self.raw(name.encode() + b"\n")
        self.first = self.input.readline()  # mostly a keepalive; a line if one was waiting
        assert self.first, "the server did not greet"
        self.raw(b"\n\n")

    def raw(self, data):
        self.socket.sendall(data)

    def say(self, text):
        self.raw(b"%02x" % self.number + text.encode() + b"\n")
        self.number = self.number % 255 + 1

    def line(self):
        """(number, text) of the next line that is neither a keepalive nor an acknowledgement."""
        while True:
            line, self.first = self.first or self.input.readline(), b""
            assert line, "the server closed the connection"
            if len(line) > 3:
                return line[:2], line[2:-1].decode()

    def acked(self):
        """The next acknowledgement."""
        while True:
            line = self.input.readline()
            assert line, "the server closed the connection"
            if len(line) == 3:
                return int(line, 16)

    def ack(self, number):
        self.raw(number + b"\n")

    def close(self):
        self.input.close()
        self.socket.close()


class Daemon:
    """lanyardd on its own configuration file and socket."""

    def __init__(self, lan, config=ONE, options=(), env=None, ready=True, wrap=None):
        self.lan = lan
        self.boards = []  # kept: a board nobody refers to any more would hang up
        self.config = lan.folder / "lanyard.yaml"
        self.socket = lan.folder / "control.sock"
        self.write(config)
        words = ["lanyardd", "-c", self.config, "-s", self.socket, *options]
        if wrap:
            self.proc = lan.run(*wrap, binary(words[0]), *words[1:], env=env)
        else:
            self.proc = lan.start(*words, env=env)
        if ready:
            wait_for(lambda: self.listens() or not self.proc.running(), what="the control socket")
            assert self.proc.running(), self.proc.tail()

    def write(self, text):
        self.config.write_text(text, encoding="utf-8")

    def listens(self):
        try:
            Control(self.socket).close()
        except OSError:
            return False
        return True

    def control(self):
        return Control(self.socket)

    def ask(self, verb, **args):
        with self.control() as c:
            return c.ask(verb, **args)

    def error(self, verb, **args):
        with self.control() as c:
            return c.error(verb, **args)

    def link(self, name="boards"):
        return next(k for k in self.ask("link.list")["links"] if k["name"] == name)

    def board(self, name="1", link="boards"):
        self.boards.append(Board(self.link(link)["address"], name))
        return self.boards[-1]

    def peer(self, name):
        return next((p for k in self.ask("link.list")["links"] for p in k["peers"] if p["name"] == name), None)

    def logged(self, pattern, timeout=TIMEOUT):
        return self.proc.line(pattern, stream="err", timeout=timeout)


def grown(proc, before):
    """Bytes of memory more than `before`; a sanitizer keeps what was freed, so under one this says nothing."""
    return 0 if SANITIZED else proc.rss() - before


def records(proc):
    """The log so far as dictionaries; every line must be a record."""
    word = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "=\\]+)(?: |$)')
    out = []
    for line in list(proc.err):
        assert "".join(m.group(0) for m in word.finditer(line)) == line, f"not a log record: {line!r}"
        out.append({m.group(1): m.group(2).strip('"') for m in word.finditer(line)})
    return out


def at(folder, name, text):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def once(lan, *options, env=None):
    """Run lanyardd to its end: exit code, stdout, stderr."""
    proc = lan.start("lanyardd", *options, env=env)
    code = proc.wait()
    return code, "\n".join(proc.out), "\n".join(proc.err)
