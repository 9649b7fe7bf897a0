"""test_bridge.py - a board without a network, on a pseudo terminal, with the real bridge and the real server."""
import json
import os
import random
import signal
import time

import pytest

from bridge_board import Board
from lanyard_test import free_port, wait_for


class Chain:
    """Board, bridge and server."""

    def __init__(self, lan):
        self.lan = lan
        self.boards = []
        self.path = lan.folder / "board"
        self.address = f"127.0.0.1:{free_port()}"
        self.server = self.bridge = self.board = None

    def serve(self, *options):
        self.server = self.lan.start("lanyard", "link", "serve", "--listen", self.address, "--timeout", "1s", "-J",
                                     *options)
        self.server.event("link-opened")
        return self.server

    def config(self, ident="7", report=0, timeout=1000):
        host, port = self.address.rsplit(":", 1)
        return [ident + "\n", int(port), host, timeout, report, "my wlan", "its password", "cfg"]

    def plug_board(self, config=None, period=0.0):
        self.board = Board(self.path, self.config() if config is None else config, period)
        self.boards.append(self.board)
        return self.board

    def start_bridge(self, *options):
        self.bridge = self.lan.start("lanyard", "link", "bridge", "--serial", self.path, "-J", "-v", *options)
        return self.bridge

    def up(self, **board):
        self.serve()
        self.plug_board(**board)
        self.start_bridge()
        self.server.event("up", id="7")
        wait_for(lambda: self.board.kinds()[:1] == "u", what="the board hears that the server is up")
        return self

    def say(self, *texts, ident="7"):
        self.server.send("".join(f"{ident}\t{text}\n" for text in texts))

    def received(self, ident="7"):
        return [e["line"] for e in self.server.events("message", id=ident)]

    def server_has(self, wanted, timeout=20.0):
        self.server.until(lambda: len(self.received()) >= len(wanted), timeout, f"{len(wanted)} lines")
        assert self.received() == wanted

    def board_has(self, wanted, timeout=20.0):
        wait_for(lambda: len(self.board.lines) >= len(wanted), timeout,
                 f"{len(wanted)} lines, {len(self.board.lines)} are there")
        assert self.board.lines == wanted

    def close(self):
        for board in self.boards:
            board.finish()


@pytest.fixture
def chain(lan):
    it = Chain(lan)
    yield it
    it.close()


def numbered(what, count):
    return [f"{what} {n}" for n in range(count)]


def test_a_board_on_a_serial_line_is_a_client_like_any_other(chain):
    chain.up()
    chain.board.say("[1, 2, 3]", "größer als ASCII")
    chain.server_has(["[1, 2, 3]", "größer als ASCII"])
    chain.say("to the board", "[4, 5]")
    chain.board_has(["to the board", "[4, 5]"])
    configured = chain.bridge.event("configured")
    assert (configured["id"], configured["server"]) == ("7", chain.address)
    kinds = [e["event"] for e in chain.bridge.events()]
    assert kinds[:3] == ["synced", "configured", "up"]
    assert chain.bridge.event("from-board")["line"] == "[1, 2, 3]"
    assert chain.bridge.event("to-board")["line"] == "to the board"


def test_the_board_is_told_of_life_and_gets_its_reports(chain):
    chain.up(config=chain.config(report=1), period=0.02)
    wait_for(lambda: chain.board.kinds().count("k") >= 2 and chain.board.kinds().count("r") >= 3)
    reports = [json.loads(text) for kind, text in chain.board.control if kind == "r"]
    assert [r[:2] for r in reports[:3]] == [[1, 0], [1, 1], [1, 2]]
    assert all(isinstance(r[2], int) and r[2] > 0 for r in reports)


def test_at_the_originals_pace_lines_pass_ten_a_second(chain):
    chain.up(period=0.1)
    began = time.monotonic()
    chain.board.say(*numbered("up", 30))
    chain.say(*numbered("down", 30))
    chain.server_has(numbered("up", 30))
    chain.board_has(numbered("down", 30))
    assert 2.5 < time.monotonic() - began < 10


def test_a_thousand_lines_each_way_arrive_once_and_in_order(chain, figure):
    chain.up()
    began = time.monotonic()
    chain.board.say(*numbered("up", 1000))
    chain.say(*numbered("down", 1000))
    chain.server_has(numbered("up", 1000), timeout=40)
    chain.board_has(numbered("down", 1000), timeout=40)
    figure("both ways", f"{1000 / (time.monotonic() - began):.0f} exchanges/s")


def test_lines_without_wait_are_under_way_together(chain):
    chain.up()
    # A server that does not answer for a while: lines with wait would go one by one.
    chain.server.send_signal(signal.SIGSTOP)
    chain.board.say(*numbered("up", 50), wait=False)
    chain.bridge.until(lambda: len(chain.bridge.events("from-board", wait=False)) == 50, what="50 lines taken")
    chain.server.send_signal(signal.SIGCONT)
    chain.server_has(numbered("up", 50))


def test_unplugging_and_replugging_loses_no_line(chain):
    chain.up()
    up, down = numbered("up", 400), numbered("down", 400)
    for n in range(8):
        chain.board.say(*up[n * 50:n * 50 + 50])
        chain.say(*down[n * 50:n * 50 + 50])
        # In the middle of the traffic, whatever is under way.
        wait_for(lambda: len(chain.board.lines) > n * 50 + 5)
        chain.board.port.unplug()
        chain.bridge.event("unplugged", nth=n)
        chain.board.port.plug()
        chain.bridge.event("plugged", nth=n)
    chain.server_has(up)
    chain.board_has(down)
    assert chain.board.starts == 1, "the session outlived the cable"
    assert len(chain.server.events("up")) == 1, "the server noticed nothing"


def test_noise_and_partial_frames_delay_lines_and_lose_none(chain):
    chain.up()
    chain.board.port.every, chain.board.port.hurt = 200, random.Random(7)
    chain.board.say(*numbered("up", 120))
    chain.say(*numbered("down", 120))
    chain.server_has(numbered("up", 120), timeout=45)
    chain.board_has(numbered("down", 120), timeout=45)
    chain.board.port.hurt = None
    assert chain.bridge.events("error"), "some of it was noticed"


def test_garbage_before_and_between_frames_is_skipped(chain):
    chain.up()
    dice = random.Random(3)
    for n in range(20):
        garbage = bytes(dice.randrange(255) for _ in range(300))  # 255 begins a start
        with chain.board.port.lock:
            os.write(chain.board.port.master, garbage)
        chain.board.say(f"up {n}")
        chain.server_has(numbered("up", n + 1))
    assert chain.board.starts == 1


def test_a_board_that_loses_power_in_any_phase_is_back_after_one_start(chain):
    chain.up()
    said = []
    for n in range(60):
        before = chain.board.starts
        said.append(f"up {n}")
        chain.board.say(said[-1])
        chain.board.crash_after(n % 30 + 1)
        wait_for(lambda: chain.board.starts > before and chain.board.link.configured, what="the board is back")
    chain.server.until(lambda: f"up {59}" in chain.received(), 20, "the last line")
    # A line whose answer the board did not live to see is written again by the application.
    seen = list(dict.fromkeys(chain.received()))
    assert seen == said
    assert chain.board.starts == chain.board.crashes + 1, "one start for each crash"
    assert len(chain.server.events("up")) == 1, "the server noticed nothing"


def test_twenty_resets_in_a_row_leave_a_working_chain(chain):
    chain.up()
    for n in range(20):
        chain.board.crash_after(1 + 7 * n)
    chain.board.say("still there")
    chain.server_has(["still there"])
    chain.say("so am I")
    chain.board_has(["so am I"])


def test_a_silent_board_is_reported_and_costs_nothing(chain):
    chain.up(period=0.01)
    chain.board.frozen.set()
    chain.bridge.event("silent", timeout=8)
    before = chain.bridge.cpu_seconds()
    time.sleep(1)
    assert chain.bridge.cpu_seconds() - before < 0.1
    chain.board.frozen.clear()
    chain.bridge.event("heard")
    chain.board.say("awake")
    chain.server_has(["awake"])
    assert chain.board.starts == 1


def test_while_the_server_is_away_the_board_is_held_off_and_nothing_is_lost(chain):
    chain.plug_board()
    chain.start_bridge()
    chain.bridge.event("configured")
    lines = [f"{n} " + "x" * 190 for n in range(600)]
    chain.board.say(*lines)
    wait_for(lambda: chain.board.link.peer_full, timeout=20, what="the board is told to wait")
    assert 100 < len(chain.board.link.queue) < 500, "the bridge took a bounded part of them"
    chain.serve()
    chain.server_has(lines, timeout=40)


def test_a_server_that_restarts_loses_nothing_it_was_not_given(chain):
    chain.up()
    for n in range(5):
        chain.board.say(*numbered(f"round {n}", 20))
        chain.server_has(numbered(f"round {n}", 20))
        chain.server.stop()
        chain.bridge.event("down", nth=n)
        chain.serve()
    # What the board heard: each end and each new beginning.
    wait_for(lambda: chain.board.kinds().replace("k", "") == "u" + "du" * 5, what=chain.board.kinds())


def test_a_board_that_does_not_read_holds_the_server_back(chain):
    chain.up()
    chain.board.link.full = True
    lines = [f"{n} " + "y" * 150 for n in range(500)]
    chain.say(*lines)
    taken = chain.bridge.until(lambda: len(chain.bridge.events("to-board")) >= 60, what="a full queue")
    time.sleep(0.5)
    assert taken and len(chain.bridge.events("to-board")) < 120, "the rest waits at the server"
    assert len(chain.board.lines) <= 1
    chain.board.link.full = False
    chain.board_has(lines)


def test_a_line_too_long_for_the_board_is_dropped_and_said_so(chain):
    chain.up()
    chain.say("a" * 198, "b" * 199, "c")
    chain.board_has(["a" * 198, "c"])
    error = chain.bridge.event("error")
    assert "too long" in error["reason"] and error["line"] == "b" * 199


@pytest.mark.parametrize("config, says", [
    ([], "not a JSON list"), (["7", 8123], "fewer than seven"), (["7", 0, "h", 2000, 0, "", "", "cfg"], "port"),
    (["", 1, "h", 2000, 0, "", "", "cfg"], "id is empty"), ({"id": "7"}, "no configuration yet")])
def test_a_bad_configuration_is_refused_with_a_reason_and_a_good_one_taken_later(chain, config, says):
    chain.serve()
    chain.plug_board(config=config)
    chain.start_bridge()
    chain.bridge.until(lambda: any(says in e["reason"] for e in chain.bridge.events("error")), what=says)
    chain.board.say("too early")
    chain.bridge.until(lambda: any("no configuration" in e["reason"] for e in chain.bridge.events("error")))
    wait_for(lambda: not chain.board.link.queue)
    chain.board.config = chain.config()
    chain.board.crash_after(10)
    chain.board.say("now")
    chain.server_has(["now"])
    assert not chain.bridge.events("configured")[1:]


def test_another_id_is_another_client(chain):
    chain.up()
    chain.board.config = chain.config(ident="8")
    chain.board.crash_after(5)
    chain.server.event("up", id="8")
    chain.server.event("down", id="7")
    chain.board.say("from eight")
    chain.server.event("message", id="8", line="from eight")


def test_id_and_server_can_be_given_on_this_side(chain):
    chain.serve()
    chain.plug_board(config=["x", 1, "192.0.2.1", 1000, 0, "", "", "cfg"])
    chain.start_bridge("--server", chain.address, "--id", "board in the cellar")
    chain.server.event("up", id="board in the cellar")


def test_with_give_up_the_board_hears_that_there_is_no_server_and_may_try_again(chain):
    chain.plug_board()
    chain.start_bridge("--give-up")
    chain.bridge.event("gave-up")
    wait_for(lambda: chain.board.kinds() == "s", what="the board is told")
    chain.serve()
    chain.board.crash_after(10)
    chain.server.event("up", id="7")
    wait_for(lambda: chain.board.kinds() == "su")


def test_a_bridge_that_was_killed_is_replaced_and_the_board_starts_once(chain):
    chain.up()
    chain.board.say(*numbered("up", 10))
    chain.server_has(numbered("up", 10))
    chain.bridge.kill()
    chain.board.say("while it was dead")
    chain.start_bridge()
    chain.server_has([*numbered("up", 10), "while it was dead"])
    assert chain.board.starts == 2


def test_a_device_that_is_not_there_yet_can_be_waited_for(chain):
    chain.serve()
    chain.start_bridge("--wait-device")
    time.sleep(0.3)
    assert chain.bridge.running()
    chain.plug_board()
    chain.bridge.event("plugged")
    chain.server.event("up", id="7")


def test_it_ends_in_good_order_when_asked(chain):
    chain.up()
    chain.board.say("the last one")
    chain.bridge.event("from-board")
    assert chain.bridge.stop() == 0, chain.bridge.tail()
    chain.server_has(["the last one"])


def test_lines_are_printed_as_text_too(chain, lan):
    chain.serve()
    chain.plug_board()
    chain.bridge = lan.start("lanyard", "link", "bridge", "--serial", chain.path, "-n", "2")
    chain.server.event("up", id="7")
    chain.board.say("to the server")
    chain.say("to the board")
    assert chain.bridge.wait() == 0
    assert sorted(chain.bridge.out) == ["board\tto the server", "server\tto the board"]
    assert any("the board is client 7 of" in line for line in chain.bridge.err)


@pytest.mark.parametrize("options, code, says", [
    (["--serial", "/dev/no-such-device"], 3, "no such device"),
    (["--serial", "/dev/null"], 1, "not a serial device"),
    (["--serial", "/dev/ptmx", "--baud", "12345"], 2, "no such speed"),
    ([], 2, "either a serial device or an I2C bus"),
    (["--serial", "/dev/null", "--i2c", "1"], 2, "either a serial device or an I2C bus"),
    (["--i2c", "1"], 2, "syn and ack"),
    (["--i2c", "4242", "--syn", "0:1", "--ack", "0:2"], 3, "no such I2C bus"),
    (["--i2c", "/dev/null", "--syn", "0:1", "--ack", "0:2"], 1, "not an I2C bus"),
    (["--serial", "/dev/null", "--server", "a b c"], 2, "not HOST:PORT")])
def test_what_cannot_be_opened_is_said_with_what_and_why(lan, options, code, says):
    bridge = lan.start("lanyard", "link", "bridge", *options)
    assert bridge.wait() == code
    assert any(says in line for line in bridge.err), bridge.err


def test_a_serial_line_in_use_is_left_alone(chain, lan):
    chain.up()
    second = lan.start("lanyard", "link", "bridge", "--serial", chain.path)
    assert second.wait() == 1
    assert any("another program uses the device" in line for line in second.err), second.err
    chain.board.say("undisturbed")
    chain.server_has(["undisturbed"])
