"""stream_cli.py - what the tests of `lanyard stream` share: a server and clients of the command line."""
import subprocess

from lanyard_test import SANITIZED, binary

DIALECTS = ["serpy1", "serpy2"]
WAIT = 60 if SANITIZED else 20


class Server:
    """`lanyard stream serve` on a port of its own."""

    def __init__(self, lan, *options, dialect="serpy2", json=True, address="127.0.0.1:0"):
        self.proc = lan.start("lanyard", "stream", "serve", address, "--dialect", dialect, *options,
                              *(["-J"] if json else []))
        if json:
            self.address = self.proc.event("stream-opened")["peer"]
        else:
            self.address = self.proc.line(r"listening on (\S+)", stream="err").group(1)


def connect(address, *options, dialect="serpy2", stdin=b"", timeout=WAIT * 2):
    """`lanyard stream connect` to its end."""
    done = subprocess.run([binary("lanyard"), "stream", "connect", address, "--dialect", dialect, *options],
                          input=stdin if isinstance(stdin, bytes) else stdin.encode(), capture_output=True,
                          timeout=timeout, check=False)
    assert b"Sanitizer" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def client(lan, server, *options, dialect="serpy2"):
    return lan.start("lanyard", "stream", "connect", server.address, "--dialect", dialect, *options)


def bare(event):
    """An event without what is there in every one."""
    assert event["schema"] == 1 and event["time"].endswith("Z")
    return {k: v for k, v in event.items() if k not in ("schema", "time")}
