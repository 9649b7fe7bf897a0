"""The example programs do what their opening comments say, against each other on loopback."""
import json
import re
import signal
import socket

import pytest

from lanyard_test import wait_for


@pytest.fixture
def example(lan):
    def start(name, *words, **options):
        return lan.start(f"examples/{name}", *words, **options)
    return start


@pytest.fixture
def serve(example):
    """A server example on a free port: (process, address)."""
    def start(name, *before, address="127.0.0.1:0", after=()):
        proc = example(name, *before, address, *after)
        return proc, proc.line(r"^listening on (\S+)$").group(1)
    return start


def test_four_boards_and_their_server_exchange_lists(example, serve):
    server, address = serve("four_clients_server", after=["0.1"])
    boards = {name: example("board", address, name, "0.1") for name in "1234"}
    server.line("^all boards have connected$")
    for name, board in boards.items():
        sent = json.loads(server.line(rf"^board {name}: (\[\d+, 2, \d+\])$").group(1))
        assert sent[0] == 1 and sent[2] > 0, "connected once, with memory left"
        # what it sent comes back behind the server's own count
        board.line(r"^server: \[\d+, [1-9]\d*, [1-9]\d*\]$")
    boards["3"].stop(signal.SIGKILL)
    server.line("^board 3 is down: ")
    again = example("board", address, "3", "0.1")
    server.line(r"^board 3 is up, connection 2$")
    again.line("^server: ")


def test_a_board_waits_for_a_server_that_comes_later_and_keeps_its_lines(example, serve):
    with socket.create_server(("127.0.0.1", 0)) as s:
        address = "127.0.0.1:%d" % s.getsockname()[1]
    board = example("board", address, "1", "0.1")
    board.line("^down: ")
    server, _ = serve("four_clients_server", address=address)
    counts = [int(server.line(rf"^board 1: \[\d+, ({n}), \d+\]$").group(1)) for n in range(5)]
    assert counts == [0, 1, 2, 3, 4], "also those written while nobody listened"


def test_the_remote_control_switches_the_lamp(example, serve):
    server, address = serve("remote_server")
    lamp = example("remote_rx", address)
    switch = example("remote_tx", address)
    server.line("^both are there$")
    lamp.line("^link up$")
    for position, state in ((1, "on"), (0, "off"), (1, "on")):
        seen = len(lamp.out)
        switch.send(f"{position}\n")
        lamp.until(lambda: len(lamp.out) > seen, what="the lamp changes")
        assert lamp.out[-1] == f"lamp {state}"
    switch.close_stdin()
    assert switch.wait() == 0


def test_a_bouncing_switch_is_one_change(example, serve):
    server, address = serve("remote_server")
    lamp = example("remote_rx", address)
    switch = example("remote_tx", address)
    server.line("^both are there$")
    switch.send("1\n0\n1\n0\n1\n")
    lamp.line("^lamp on$")
    switch.send("0\n")
    lamp.line("^lamp off$")
    assert [s for s in lamp.out if s.startswith("lamp")] == ["lamp on", "lamp off"]


def test_the_checkers_find_nothing_wrong_across_an_outage(lan, example, serve):
    server, address = serve("qos_check_server", after=["0.05"])
    relay = lan.relay(address)
    client = example("qos_check_client", relay.address, "0.07")
    client.line(r"^got \[5, 5\]$")
    relay.command("cut now")
    server.line("^client is up, connection 2$")
    report = r"^received (\d+): duplicates (\d+) missing (\d+) out-of-order (\d+) reboots (\d+)$"
    last = wait_for(lambda: next((m for m in map(lambda s: re.search(report, s), reversed(server.out))
                                  if m and int(m.group(1)) >= 25), None), 20, "a report of 25 lines")
    assert [int(n) for n in last.groups()[1:]] == [0, 0, 0, 0]
    server.line(r"^the client after \d+ s, 2 connections: duplicates 0 missing 0 out-of-order 0$")


def test_the_checker_sees_a_client_that_starts_again(example, serve):
    server, address = serve("qos_check_server", after=["0.05"])
    first = example("qos_check_client", address, "0.05")
    server.line(r"^received [1-9]\d*: ")
    first.stop(signal.SIGKILL)
    example("qos_check_client", address, "0.05")
    server.line(r" reboots 1$")


def test_bursts_of_four_arrive_complete(example, serve):
    server, address = serve("qos_fast", "serve", after=["0.04"])
    client = example("qos_fast", "connect", address, "0.05")
    for proc in (server, client):
        found = proc.line(r"^sent \d{2,} received [3-9]\d duplicates (\d+) missing (\d+) out-of-order (\d+)")
        assert found.groups() == ("0", "0", "0")


def test_a_blocking_program_ends_when_its_lines_have_arrived(example, serve):
    server, address = serve("four_clients_server")
    client = example("embed_blocking", address, "2", "[1, 10, 100]", "[1, 11, 99]")
    assert client.wait() == 0
    assert server.line(r"^board 2: \[1, 11, 99\]$")
    assert example("embed_blocking", address, "2", "two\nlines").wait() == 1


def test_a_poll_loop_carries_stdin_and_leaves_at_its_end(example, serve):
    server, address = serve("embed_uv", after=["0.05"])
    client = example("embed_poll", address, "term")
    client.send("hello\nworld\n")
    client.line("^hello$"), client.line("^world$")
    client.line(r"^it is \d\d:\d\d:\d\d$")
    client.send("the end")
    client.close_stdin()
    assert client.wait() == 0
    server.line("^term is down: ")
    assert server.stop() == 0


@pytest.mark.parametrize("name, words", [
    ("board", []), ("board", ["127.0.0.1:1"]), ("embed_blocking", []), ("embed_poll", ["x"]), ("qos_fast", ["x"]),
    ("qos_check_client", []), ("remote_rx", []), ("remote_tx", [])])
def test_wrong_usage_is_explained(example, name, words):
    proc = example(name, *words)
    assert proc.wait() == 2
    assert any(s.startswith("usage: ") for s in proc.err)
