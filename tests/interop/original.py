"""original.py - the line link against the originals, in both roles: see README.md."""
import os
import sys
from pathlib import Path

import pytest
from lanyard_test import free_port, wait_for

HERE = Path(__file__).resolve().parent
REPO = os.environ["IOT_REPO"]
MICROPYTHON = os.environ["MICROPYTHON"]
UASYNCIO = os.environ.get("UASYNCIO", "-")
TIMEOUT = 1000  # ms, T of the wire


def board(lan, port, count, wait=True, timeout=TIMEOUT):
    """The original's client."""
    return lan.run(MICROPYTHON, HERE / "board.py", REPO, HERE / "fakes", UASYNCIO, "b1", "127.0.0.1", str(port),
                   str(timeout), str(count), "1" if wait else "0")


def host(lan, port, count):
    """The original's server."""
    return lan.run("/usr/bin/python3", HERE / "host.py", REPO, str(port), str(TIMEOUT), "b1", str(count))


def received(proc):
    return [line[3:] for line in proc.out if line.startswith("RX ")]


def numbered(letter, count):
    return [f"{letter}{i}" for i in range(count)]


@pytest.mark.parametrize("wait", [True, False])
def test_an_original_client_exchanges_lines_with_our_server(lan, wait):
    port = free_port()
    serve = lan.start("lanyard", "link", "serve", "--listen", f"127.0.0.1:{port}", "--timeout", f"{TIMEOUT}ms",
                      "--expect", "b1")
    client = board(lan, port, 100, wait)
    for line in numbered("s", 100):
        serve.send(f"b1\t{line}\n")
    wait_for(lambda: len(serve.out) >= 100 and len(received(client)) >= 100, 40, what="100 lines each way")
    assert sorted(serve.out) == sorted(f"b1\t{line}" for line in numbered("c", 100))
    assert received(client) == numbered("s", 100)
    if wait:
        assert serve.out == [f"b1\t{line}" for line in numbered("c", 100)]


def test_our_client_exchanges_lines_with_an_original_server(lan):
    port = free_port()
    server = host(lan, port, 50)
    client = lan.start("lanyard", "link", "connect", f"127.0.0.1:{port}", "--id", "b1", "--timeout", f"{TIMEOUT}ms",
                       "--stay")
    for line in numbered("c", 100):
        client.send(f"{line}\n")
    wait_for(lambda: len(received(server)) >= 100 and len(client.out) >= 50, 40, what="lines both ways")
    assert received(server) == numbered("c", 100)
    assert client.out == numbered("s", 50)


def test_an_original_client_behind_a_relay_that_drops_doubles_and_cuts_loses_nothing(lan):
    port, relay = free_port(), free_port()
    serve = lan.start("lanyard", "link", "serve", "--listen", f"127.0.0.1:{port}", "--timeout", "500ms")
    lan.start("lanyard", "lab", "impair", f"127.0.0.1:{relay}", f"127.0.0.1:{port}", "--loss", "5%", "--dup", "3%",
              "--cut", "1%", "--seed", "3")
    board(lan, relay, 100, timeout=500)
    wait_for(lambda: len(serve.out) >= 100, 150, what="100 lines")
    assert serve.out == [f"b1\t{line}" for line in numbered("c", 100)]
