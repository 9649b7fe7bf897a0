"""original_streams.py - the stream examples against those of serpy and serpy2, in both roles: see README.md.

The originals' examples know one port and one address, so each test has a network namespace of its own.
"""
import os
import re
import sys
from pathlib import Path

import pytest

REPO = Path(os.environ["SERPY_REPO"])
PORT = "127.0.0.1:8000"


@pytest.fixture
def host(lan):
    return lan.net.namespace()


@pytest.fixture
def original(lan, host):
    """A program of the originals' folder of examples."""
    path = os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])

    def start(name):
        return lan.run(sys.executable, REPO / "examples" / f"{name}.py", ns=host,
                       env={"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"})
    return start


@pytest.fixture
def ours(lan, host):
    def start(name, *words):
        return lan.start(f"examples/stream_{name}", *words, ns=host)
    return start


def test_their_ping_pong_client_finds_no_error_at_our_server(ours, original):
    server = ours("pingpong_server")
    server.line("^listening on ")
    client = original("test_serpy2_1_pingpongClient")
    client.line("^0 ping-pong errors$", timeout=30)
    assert client.wait() == 0 and server.wait() == 0


def test_our_ping_pong_client_finds_no_error_at_their_server(ours, original):
    server = original("test_serpy2_1_pingpongServer")
    server.line("^Server started")
    client = ours("pingpong_client", PORT)
    client.line("^0 ping-pong errors$", timeout=30)
    assert client.wait() == 0 and server.wait() == 0


def test_their_instrument_client_finds_every_pixel_of_ours(ours, original):
    server = ours("instrument_server")
    server.line("^listening on ")
    client = original("test_serpy2_2_instrumentClient")
    client.line("^0 errors$", timeout=40)
    assert sum(line.endswith("DATA OK") for line in client.out) == 30
    assert client.wait() == 0 and server.wait() == 0


def test_our_instrument_client_finds_every_pixel_of_theirs(ours, original):
    server = original("test_serpy2_2_instrumentServer")
    server.line("^Server started")
    client = ours("instrument_client", PORT)
    client.line("^0 errors$", timeout=40)
    assert client.wait() == 0 and server.wait() == 0


@pytest.mark.parametrize("number, dialect", [("2", []), ("", ["serpy1"])], ids=["serpy2", "serpy1"])
def test_chats_of_both_kinds_talk_over_our_server(ours, original, number, dialect):
    server = ours("broadcast", "0.0.0.0:8000", *dialect)
    server.line("^listening on ")
    theirs, mine = original(f"simpleChat{number}"), ours("chat", PORT, *dialect)
    theirs.line("^-+ Connected -+$"), mine.line("^-+ Connected -+$")
    server.until(lambda: sum(line.endswith(" has come") for line in server.out) == 2, what="two connections")
    mine.send("/name=ann\nhello, µ\n")
    theirs.line("^>>> ann : hello, µ$")
    theirs.send("hi, µ\n")
    mine.line("^>>> .* : hi, µ$")
    theirs.send("/KTHXBYE\n")
    assert server.wait() == 0
    theirs.kill()


@pytest.mark.parametrize("number, dialect", [("2", []), ("", ["serpy1"])], ids=["serpy2", "serpy1"])
def test_our_chats_talk_over_their_server(ours, original, number, dialect):
    server = original(f"simpleBroadcast{number}")
    server.line("^Server started$")
    ann, bob = ours("chat", PORT, *dialect), ours("chat", PORT, *dialect)
    ann.line("^-+ Connected -+$"), bob.line("^-+ Connected -+$")
    heard = "^>>> .* : hello, µ$" if number else r"^>>> [^ ]+$"  # theirs makes base85 of serpy's text
    bob.until(lambda: (ann.send("hello, µ\n"), any(re.search(heard, line) for line in bob.out))[1], what="heard")
    ann.send("/KTHXBYE\n")
    server.line("^Server closed$")
