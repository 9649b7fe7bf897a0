"""test_impair.py - the impairment relay against plain sockets: each fault does what it says, and no other."""
import contextlib
import json
import select
import signal
import socket
import time

import pytest

from lanyard_test import SANITIZED, free_port, wait_for


class Wire:
    """A relay with a client and a server socket at its ends."""

    def __init__(self, lan, *options):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.relay = lan.relay(f"127.0.0.1:{self.listener.getsockname()[1]}", *options)
        self.client, self.server = self.another()

    def another(self):
        client = socket.create_connection(("127.0.0.1", self.relay.port), timeout=10)
        server, _ = self.listener.accept()
        server.settimeout(10)
        return client, server

    def ends(self, direction):
        """(sender, receiver)"""
        return (self.client, self.server) if direction == "c2s" else (self.server, self.client)

    def close(self):
        for s in (self.client, self.server, self.listener):
            s.close()


@pytest.fixture
def wire(lan):
    with contextlib.ExitStack() as stack:
        def make(*options):
            w = Wire(lan, *options)
            stack.callback(w.close)
            return w
        yield make


def read_all(s):
    """Everything until the end of the stream."""
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    return data


def read_some(s, count):
    data = b""
    while len(data) < count:
        chunk = s.recv(count - len(data))
        assert chunk, f"the stream ended after {data!r}"
        data += chunk
    return data


def silent(s, seconds):
    """Nothing arrives for this long, not even an end."""
    return not select.select([s], [], [], seconds)[0]


def lines(n, start=0):
    return [b"%02xline %d" % (i % 256, i) for i in range(start, start + n)]


def pour(sender, receiver, what):
    """Send lines, close, and see what comes out."""
    sender.sendall(b"".join(line + b"\n" for line in what))
    sender.shutdown(socket.SHUT_WR)
    return read_all(receiver).split(b"\n")[:-1]


def test_passes_everything_unchanged_when_told_nothing(wire):
    w = wire()
    for direction in ("c2s", "s2c"):
        assert pour(*w.ends(direction), lines(1000) + [b"", b"\xff\x00\r", b"x" * 100000]) == \
            lines(1000) + [b"", b"\xff\x00\r", b"x" * 100000]
    summary = w.relay.stop()
    assert (summary["c2s"], summary["s2c"]) == (1003, 1003)
    assert not any(summary["faults"].values())


def test_passes_a_torn_last_line_and_then_the_end(wire):
    w = wire()
    w.client.sendall(b"1\n00abc")
    w.client.shutdown(socket.SHUT_WR)
    assert read_all(w.server) == b"1\n00abc"
    w.server.sendall(b"still open")
    w.server.close()
    assert read_all(w.client) == b"still open"


def test_loses_lines_at_the_rate_asked_and_the_same_ones_for_the_same_seed(wire):
    def survivors(seed):
        w = wire("--loss", "10%", "--seed", seed)
        got = pour(*w.ends("c2s"), lines(2000))
        wait_for(lambda: len(got) + len(w.relay.faults("drop")) == 2000, 5, "each lost line is told")
        assert got == sorted(got, key=lambda s: int(s.split()[1]))
        return got
    first = survivors(7)
    assert 1700 < len(first) < 1900
    assert survivors(7) == first
    assert survivors(8) != first


def test_a_seed_that_was_drawn_is_told_and_can_be_given_again(wire):
    w = wire("--loss", "20%")
    first = pour(*w.ends("c2s"), lines(300))
    again = wire("--loss", "20%", "--seed", w.relay.seed)
    assert pour(*again.ends("c2s"), lines(300)) == first


def test_chance_meets_one_direction_only_when_told_so(wire):
    w = wire("--loss", "100%", "--only", "s2c")
    assert pour(*w.ends("c2s"), lines(100)) == lines(100)
    assert pour(*w.ends("s2c"), lines(100)) == []


def test_the_first_line_of_a_client_is_spared_unless_told_otherwise(wire):
    assert pour(*wire("--loss", "100%").ends("c2s"), lines(10)) == lines(1)
    assert pour(*wire("--loss", "100%", "--spare", "0").ends("c2s"), lines(10)) == []
    assert pour(*wire("--loss", "100%", "--spare", "3").ends("c2s"), lines(10)) == lines(3)


def test_delay_and_jitter_keep_the_order_and_the_bounds(wire):
    w = wire("--delay", "150ms", "--jitter", "50ms", "--seed", "1")
    began = time.monotonic()
    w.client.sendall(b"".join(s + b"\n" for s in lines(50)))
    first = read_some(w.server, 1)
    assert 0.09 < time.monotonic() - began
    rest = read_some(w.server, sum(len(s) + 1 for s in lines(50)) - 1)
    assert (first + rest).split(b"\n")[:-1] == lines(50)
    assert SANITIZED or time.monotonic() - began < 1.0


def test_doubles_and_reorders_but_invents_nothing(wire):
    got = pour(*wire("--dup", "10%", "--seed", "3").ends("c2s"), lines(500))
    assert 520 < len(got) < 590 and sorted(set(got)) == sorted(lines(500))
    got = pour(*wire("--reorder", "10%", "--seed", "3").ends("c2s"), lines(500))
    assert got != lines(500) and sorted(got) == sorted(lines(500))


def test_a_reordered_line_without_a_successor_is_not_lost(wire):
    w = wire("--rule", "c2s:msg:05:1:reorder")
    w.client.sendall(b"1\n05last\n")
    assert read_some(w.server, 9) == b"1\n05last\n"


RULES = [
    ("c2s:msg:03:1:drop", "00a 01b 02c 04e"),
    ("c2s:msg:*:2:drop", "02c 03d 04e"),
    ("c2s:any:*:*:drop", ""),
    ("c2s:ack:03:1:drop", "00a 01b 02c 03d 04e"),
    ("s2c:msg:03:1:drop", "00a 01b 02c 03d 04e"),
    ("c2s:msg:01:1:dup", "00a 01b 01b 02c 03d 04e"),
    ("c2s:msg:01:1:reorder", "00a 02c 01b 03d 04e"),
    ("c2s:msg:01:1:delay:100", "00a 02c 03d 04e 01b"),
    ("c2s:msg:01:1:hold:100", "00a 01b 02c 03d 04e"),
    ("c2s:msg:01:1:blackhole:100", "00a 01b 02c 03d 04e"),
    ("c2s:msg:03:1:swallowclose", "00a 01b 02c"),
]


@pytest.mark.parametrize("rule,expected", RULES)
def test_an_aimed_rule_hits_what_it_names(wire, rule, expected):
    w = wire("--rule", rule)
    w.client.sendall(b"1\n" if "any" not in rule else b"")
    sent = [b"00a", b"01b", b"02c", b"03d", b"04e"]
    got = pour(*w.ends("c2s"), sent)
    assert b" ".join(s for s in got if s != b"1").decode() == expected


def test_a_rule_for_acknowledgements_and_keepalives_spares_messages(wire):
    w = wire("--rule", "s2c:ack:02:1:drop", "--rule", "s2c:keepalive:*:1:drop", "--rule", "s2c:msg:*:*:pass",
             "--loss", "0")
    assert pour(*w.ends("s2c"), [b"", b"01", b"02", b"02x", b"02", b""]) == [b"01", b"02x", b"02", b""]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_leaves_the_bytes_before_it_and_ends_both_sides(wire, how):
    w = wire("--rule", f"c2s:msg:03:1:cut:4:{how}")
    w.server.sendall(b"\n")
    assert read_some(w.client, 1) == b"\n"
    w.client.sendall(b"1\n03abcdef\n04lost\n")
    assert read_some(w.server, 6) == b"1\n03ab"
    for end in (w.server, w.client):
        if how == "fin":
            assert end.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                end.recv(1)
    w.relay.proc.event("fault", fault="cut", how=how, passed=4)


def test_chance_cuts_inside_lines_in_both_manners(wire):
    w = wire("--cut", "100%", "--seed", "4")
    ways = set()
    for _ in range(12):
        client, server = w.another()
        with client, server:
            client.sendall(b"0123456789\n")
            with contextlib.suppress(ConnectionResetError):
                got = read_all(server)
                assert b"0123456789".startswith(got)
            with contextlib.suppress(ConnectionResetError):
                assert read_all(client) == b""
    ways = {e["how"] for e in wait_for(lambda: len(w.relay.faults("cut")) == 12 and w.relay.faults("cut"))}
    assert ways == {"fin", "rst"}


@pytest.mark.parametrize("closed", ["client", "server"])
def test_half_open_closes_one_side_and_tells_the_other_nothing(wire, closed):
    w = wire("--rule", f"c2s:msg:01:1:half-open:{closed}")
    gone, left = (w.client, w.server) if closed == "client" else (w.server, w.client)
    w.client.sendall(b"1\n01x\n")
    assert read_all(gone) == (b"" if closed == "client" else b"1\n")
    if closed == "client":
        assert read_some(left, 2) == b"1\n"
    for _ in range(20):  # a dead connection would answer these with a reset
        left.sendall(b"hello\n")
        assert silent(left, 0.02)
    left.close()
    w.relay.proc.event("close", conn=0)


def test_a_black_hole_silences_both_directions_and_loses_nothing(wire):
    w = wire("--rule", "c2s:msg:01:1:blackhole:600")
    w.client.sendall(b"1\n00a\n")
    assert read_some(w.server, 6) == b"1\n00a\n"
    began = time.monotonic()
    w.client.sendall(b"01b\n02c\n")
    w.relay.proc.event("fault", fault="blackhole", ms=600)
    w.server.sendall(b"00\n")
    assert silent(w.server, 0.3) and silent(w.client, 0)
    assert read_some(w.server, 8) == b"01b\n02c\n"
    assert read_some(w.client, 3) == b"00\n"
    assert time.monotonic() - began > 0.55


def test_an_end_does_not_cross_a_black_hole(wire):
    w = wire()
    w.relay.command("blackhole 500ms")
    w.client.sendall(b"late\n")
    w.client.close()
    assert silent(w.server, 0.3)
    assert read_all(w.server) == b"late\n"


def test_a_connection_made_in_a_black_hole_waits_for_its_end(wire):
    w = wire()
    w.relay.command("pause")
    with socket.create_connection(("127.0.0.1", w.relay.port), timeout=10) as client:
        client.sendall(b"hello\n")
        assert silent(w.listener, 0.2)
        w.relay.command("resume")
        server, _ = w.listener.accept()
        with server:
            server.settimeout(10)
            assert read_some(server, 6) == b"hello\n"


def test_a_reader_that_stops_stops_the_writer_in_bounded_memory(wire):
    w = wire("--buffer", "64K")
    w.client.setblocking(False)
    sent, line = 0, b"x" * 999 + b"\n"
    before = w.relay.proc.rss()

    def stuck():
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += w.client.send((line * 64)[sent % 1000:])
        return not select.select([], [w.client], [], 0.3)[1]
    wait_for(stuck, 20, "the writer waits")
    assert w.relay.proc.rss() - before < (8 << 20) * (4 if SANITIZED else 1)
    cpu = w.relay.proc.cpu_seconds()
    assert not select.select([], [w.client], [], 0.5)[1]
    assert w.relay.proc.cpu_seconds() - cpu < 0.2, "waiting for a reader takes no processor time"
    w.client.shutdown(socket.SHUT_WR)
    got = read_all(w.server)
    assert len(got) == sent and set(got.split(b"\n")[:-1]) <= {b"x" * 999}


def test_lines_longer_than_the_buffer_pass_in_one_piece(wire):
    w = wire("--buffer", "4K")
    long = [b"1", b"y" * 50000, b"00a", b"z" * 5000]
    assert pour(*w.ends("c2s"), long) == long
    w = wire("--buffer", "4K", "--rule", "c2s:msg:yy:1:drop".replace("yy", "aa"))
    assert pour(*w.ends("c2s"), [b"1", b"a" * 50000, b"00a"]) == [b"1", b"00a"]


def test_chunks_pass_bytes_that_are_no_lines(wire):
    w = wire("--unit", "chunk", "--delay", "1ms")
    data = bytes(range(256)) * 1000
    w.client.sendall(data)
    w.client.shutdown(socket.SHUT_WR)
    assert read_all(w.server) == data
    assert w.relay.stop()["unit"] == "chunks"


def test_commands_break_and_heal_a_link_that_is_running(wire):
    w = wire()

    def echo(text):
        w.client.sendall(text)
        return silent(w.server, 0.15) or read_some(w.server, len(text)) == text
    w.client.sendall(b"1\n")
    assert read_some(w.server, 2) == b"1\n"
    for command, passes in (("loss 100%", False), ("loss 0", True), ("rule c2s:msg:00:1:drop", False),
                            ("loss 100%", False), ("clear", True)):
        w.relay.command(command)
        w.client.sendall(b"00abc\n")
        assert silent(w.server, 0.15) is not passes
        if passes:
            assert read_some(w.server, 6) == b"00abc\n"
    w.relay.command("stats")
    assert w.relay.proc.events("summary")[-1]["faults"]["drop"] == 3
    w.relay.proc.send("frobnicate 3")
    assert not w.relay.proc.event("control", command="frobnicate 3")["ok"]
    w.relay.asked += 1
    w.relay.command("cut now rst")
    for end in (w.client, w.server):
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    client, server = w.another()
    with client, server:
        w.relay.command("half-open now server")
        assert server.recv(1) == b"" and silent(client, 0.1)
    w.relay.command("quit")
    assert w.relay.proc.wait() == 0


def test_the_end_of_stdin_is_not_the_end_of_the_relay(wire):
    w = wire()
    w.relay.proc.close_stdin()
    assert pour(*w.ends("c2s"), lines(10)) == lines(10)
    assert w.relay.proc.running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_its_counts_and_exit_code_0(wire, number):
    w = wire("--dup", "100%", "-v")
    w.client.sendall(b"1\n00a\n")
    assert read_some(w.server, 10) == b"1\n00a\n00a\n"
    assert w.relay.proc.stop(number) == 0
    assert w.relay.proc.line(r"^1 connections; 2 lines c2s, 0 lines s2c; dup 1$", stream="err")
    assert w.relay.proc.line(r'^#0 c2s: dup: msg "00a"$', stream="err")


def test_a_target_that_is_not_there_resets_the_client(lan):
    relay = lan.relay(f"127.0.0.1:{free_port()}")
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as client:
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_thousand_connections_leave_nothing_behind(wire):
    w = wire("--cut", "30%", "--half-open", "20%", "--seed", "5")
    w.client.close()
    w.server.close()
    wait_for(lambda: len(w.relay.proc.events("close")) == 1)
    before = w.relay.proc.fds()
    for _ in range(10):
        pairs = [w.another() for _ in range(100)]
        for client, _ in pairs:
            client.sendall(b"1\n00abc\n01def\n")
        for client, server in pairs:
            client.close()
            server.close()
    wait_for(lambda: len(w.relay.proc.events("close")) == 1001, 20, "all are over")
    assert w.relay.proc.fds() == before


def test_over_the_bound_of_connections_the_newcomer_is_closed(wire):
    w = wire("--max-conns", "1")
    with socket.create_connection(("127.0.0.1", w.relay.port), timeout=10) as client:
        assert client.recv(1) == b""
    assert pour(*w.ends("c2s"), lines(3)) == lines(3)


@pytest.mark.parametrize("words,said", [
    ([], "ADDR:PORT HOST:PORT"),
    (["127.0.0.1:0"], "where should connections to 127.0.0.1:0 go"),
    (["127.0.0.1:0", "eth0"], "do not go together"),
    ([":0", "x:1", "--loss", "101%"], "loss wants a rate"),
    ([":0", "x:1", "--delay", "soon"], "delay wants a duration"),
    ([":0", "x:1", "--rule", "c2s:msg:03:1:cut"], "its action is"),
    ([":0", "x:1", "--rule", "c2s:msg:3:1:drop"], "two hex digits"),
    ([":0", "x:1", "--rule", "up:msg:03:1:drop"], "c2s, s2c or any"),
    ([":0", "x:1", "--only", "up"], "c2s|s2c"),
    (["lo", "--delay", "5ms"], "lanyard lab impair ADDR:PORT HOST:PORT"),
    (["lo", "--cut", "5%"], "--cut is not possible on one interface"),
])
def test_what_makes_no_sense_is_refused_with_the_reason(lan, words, said):
    proc = lan.start("lanyard", "lab", "impair", *words)
    assert proc.wait() == 2
    assert said in "\n".join(proc.err)


def test_a_port_that_is_taken_is_an_error_that_names_it(lan):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        proc = lan.start("lanyard", "lab", "impair", address, "127.0.0.1:1")
        assert proc.wait() == 1
        assert address in "\n".join(proc.err) and "in use" in "\n".join(proc.err)
    assert proc.err == [f"lanyard: cannot listen on '{address}': address in use (choose another port; 0 takes any free one)"]


@pytest.mark.parametrize("flag", ["-j", "-J"])
def test_errors_have_the_form_of_all_others(lan, flag):
    proc = lan.start("lanyard", "lab", "impair", "nosuch0", "nosuch1", flag)
    assert proc.wait() == 3
    error = json.loads(proc.out[0])["error"]
    assert error == {"code": "not-found", "what": "there is no interface 'nosuch0' here", "hint": "'ip link' lists them"}
    assert proc.err == ["lanyard: there is no interface 'nosuch0' here ('ip link' lists them)"]


@pytest.mark.parametrize("before", [True, False])
def test_after_its_time_it_ends_in_good_order_with_6(lan, before):
    limit = ["--timeout", "300ms"]
    words = ["lab", "impair", "127.0.0.1:0", "127.0.0.1:1", "-J"]
    began = time.monotonic()
    proc = lan.start("lanyard", *(limit + words if before else words + limit))
    assert proc.wait() == 6
    assert time.monotonic() - began >= 0.3
    assert len(proc.events("summary")) == 1
    assert json.loads(proc.out[-1])["error"]["code"] == "timeout"
    assert proc.err[-1] == "lanyard: --timeout 300ms is over"
