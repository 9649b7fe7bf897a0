"""`lanyard stream serve` and `connect`: both dialects between two of our ends, and against programs of the original
libraries (serpy_peer.py) in both roles. What scripts rely on: which values go where, in what shape, and with what a
program ends.
"""
import base64
import contextlib
import json
import math
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from lanyard_test import SANITIZED, binary, free_port, wait_for
from serpy_peer import Peer1, Peer2, PeerServer, frame, frame_of

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


@pytest.fixture
def original(lan):
    """original(Peer2, ...): a server made of originals' connections, ended with the test."""
    servers = []

    def make(kind, **options):
        servers.append(PeerServer(kind, **options))
        return servers[-1]
    yield make
    for server in servers:
        server.close()


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


# ---- values and where they go ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
def test_lines_of_stdin_are_values_at_the_other_end_in_both_directions(lan, dialect):
    server = Server(lan, dialect=dialect, json=False)
    one, two = client(lan, server, dialect=dialect), client(lan, server, dialect=dialect)
    for proc in (one, two):
        proc.line("^lanyard: connected to", stream="err")
    server.proc.line("^lanyard: connection 2 from 127", stream="err")
    one.send("hello")
    server.proc.line("^hello$")
    server.proc.send("to everybody\tgrüße")
    for proc in (one, two):
        proc.line("^to everybody\tgrüße$")
        proc.close_stdin()
        assert proc.wait() == 0, proc.tail()
        assert proc.out == ["to everybody\tgrüße"]
    assert server.proc.stop() == 0
    assert server.proc.out == ["hello"]
    server.proc.line(r"^lanyard: connection 1 \(127\.0\.0\.1:\d+\) ended: closed by the peer$", stream="err")


@pytest.mark.parametrize("kind, line", [("str", "grüße 電気 \U0001f4a1"), ("int", "-9223372036854775808"), ("int", "42"),
                                        ("float", "0.1"), ("float", "-inf"), ("float", "1e+22"), ("bytes", "raw ü")])
def test_every_type_comes_back_from_an_echo_as_it_went(lan, kind, line):
    server = Server(lan, "--echo")
    done = connect(server.address, "--type", kind, "-n", "1", stdin=line + "\n")
    assert (done.returncode, done.stdout) == (0, line + "\n"), done.stderr
    assert server.proc.event("message")["type"] == kind


def test_json_has_each_type_in_its_own_shape(lan):
    server = Server(lan)
    peer = Peer2.connect(server.address)
    peer.send("two\nlines \"\\ \x00\x1b", 7, -1.5, math.inf, math.nan, b"text \xc3\xbc", b"\xff\x00", b"")
    peer.sock.sendall(frame(0x01, (2**100).to_bytes(16, "little")) + frame(0x01, (-2**70).to_bytes(9, "little", signed=True)))
    server.proc.event("message", nth=9)
    assert [bare(e) for e in server.proc.events("message")] == [{"event": "message", "conn": 1, **rest} for rest in (
        {"type": "str", "value": "two\nlines \"\\ \x00\x1b"},
        {"type": "int", "value": 7},
        {"type": "float", "value": -1.5},
        {"type": "float", "value": "inf"},
        {"type": "float", "value": "nan"},
        {"type": "bytes", "size": 7, "base64": "dGV4dCDDvA==", "text": "text ü"},
        {"type": "bytes", "size": 2, "base64": "/wA="},
        {"type": "bytes", "size": 0, "base64": "", "text": ""},
        {"type": "int", "value": str(2**100)},
        {"type": "int", "value": str(-2**70)})]
    up = bare(server.proc.events("up")[0])
    assert up == {"event": "up", "conn": 1, "peer": up["peer"], "connects": up["connects"]}
    assert up["peer"] == "127.0.0.1:%d" % peer.sock.getsockname()[1]
    peer.close()
    assert bare(server.proc.event("down")) == {"event": "down", "conn": 1, "peer": up["peer"], "cut": 0,
                                               "reason": "closed by the peer"}


def test_numbers_are_printed_as_python_prints_them(lan):
    chance = random.Random(4)
    floats = [chance.choice((chance.uniform(-1e3, 1e3), struct.unpack("<d", chance.randbytes(8))[0]))
              for _ in range(400)]
    floats += [2.0**k for k in range(-1074, 1024, 7)] + [0.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 5e-324, math.inf, math.nan]
    server = Server(lan, json=False)
    peer = Peer2.connect(server.address)
    peer.send(*floats, -5)
    peer.sock.sendall(frame(0x01, (10**40).to_bytes(32, "little")))
    assert server.proc.lines(len(floats) + 2, timeout=WAIT) == [repr(f) for f in floats] + ["-5", str(10**40)]
    peer.close()


def test_what_is_not_one_line_of_text_is_printed_escaped(lan):
    server = Server(lan, json=False)
    peer = Peer2.connect(server.address)
    peer.send("two\nlines\x1b[2J\ttab \\n", b"text \xe2\x98\x83", b"\xff\x00\\z\r", "")
    assert server.proc.lines(4) == [r"two\nlines\x1b[2J" + "\ttab \\n", "text ☃", r"\xff\x00\x5cz\x0d", ""]
    peer.close()


@pytest.mark.parametrize("form, line, value", [
    ("text", b"a \\x\xff\r", b"a \\x\xff\r"), ("hex", b"00ff1E", b"\x00\xff\x1e"), ("base64", b"AP8e", b"\x00\xff\x1e"),
    ("hex", b"", b""), ("text", b"", b"")])
def test_bytes_are_typed_as_text_hex_or_base64(lan, form, line, value):
    server = Server(lan)
    assert connect(server.address, "--type", "bytes", "--bytes", form, stdin=line + b"\n").returncode == 0
    assert base64.b64decode(server.proc.event("message")["base64"]) == value


def test_numbered_lines_are_for_and_from_one_connection(lan):
    server = Server(lan, "--numbered", json=False)
    one, two = Peer2.connect(server.address), Peer2.connect(server.address)
    server.proc.line("connection 2 from", stream="err")
    two.send("from two\twith tab")
    server.proc.line("^2\tfrom two\twith tab$")
    server.proc.send("1\tfor one\n2\tfor two\n3\tfor nobody\nx\ty\nno number")
    assert (one.values(1), two.values(1)) == (["for one"], ["for two"])
    server.proc.line("stdin line 3: no connection 3", stream="err")
    server.proc.line("stdin line 5: no number of a connection and TAB", stream="err")
    assert server.proc.stop() == 7
    one.close()
    two.close()


def test_what_is_said_to_nobody_waits_for_the_first_connection(lan):
    server = Server(lan)
    server.proc.send("early")
    server.proc.close_stdin()
    assert connect(server.address, "-n", "1").stdout == "early\n"
    assert connect(server.address).stdout == ""


def test_a_hundred_thousand_values_go_through_in_order(lan):
    server = Server(lan, json=False)
    lines = [str(i) for i in range(100000)]
    done = connect(server.address, "--type", "int", "-q", stdin="\n".join(lines), timeout=WAIT * 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.proc.stop() == 0
    assert server.proc.out == lines


def test_an_echo_to_one_that_does_not_read_holds_up_nobody_else(lan):
    server = Server(lan, "--echo", json=False)
    deaf = socket.create_connection(server.address.split(":"))
    deaf.settimeout(0.5)
    block = frame_of("x" * 50) * 20000
    with pytest.raises(TimeoutError):
        while True:
            deaf.sendall(block)
    assert connect(server.address, "-n", "3", stdin="a\nb\nc\n").stdout.split() == ["a", "b", "c"]
    if not SANITIZED:
        assert server.proc.rss() < 24 << 20
    deaf.close()


# ---- serpy1: modes, objects, acknowledgements -----------------------------------------------------------------------

@pytest.mark.parametrize("mode", range(6))
def test_each_mode_of_serpy1_carries_text_and_is_told(lan, mode):
    server = Server(lan, "--echo", dialect="serpy1")
    done = connect(server.address, "--mode", str(mode), "-n", "2", "-J", dialect="serpy1", stdin="one\ntwo ü\n")
    assert done.returncode == 0, done.stderr
    got = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "message"]
    assert [e["mode"] for e in got] == [mode, mode]
    server.proc.event("message", nth=1)
    assert [e["mode"] for e in server.proc.events("message")] == [mode, mode]
    if mode < 4:
        assert [bare(e) for e in got] == [
            {"event": "message", "conn": 0, "mode": mode, "type": "bytes", "size": 3, "base64": "b25l", "text": "one"},
            {"event": "message", "conn": 0, "mode": mode, "type": "bytes", "size": 6, "base64": "dHdvIMO8", "text": "two ü"}]


def test_bytes_change_to_a_mode_that_can_carry_them_as_the_original_does(lan):
    server = Server(lan, dialect="serpy1")
    for mode, becomes in ((0, 2), (1, 3), (4, 2), (5, 3)):
        assert connect(server.address, "--mode", str(mode), "--type", "bytes", "--bytes", "hex", dialect="serpy1",
                       stdin="1f0401\n").returncode == 0
        event = server.proc.event("message", mode=becomes)
        assert base64.b64decode(event["base64"]) == b"\x1f\x04\x01"


def test_objects_are_json_both_ways_and_what_would_run_code_is_not_run(lan):
    server = Server(lan, "--echo", dialect="serpy1")
    values = ['{"a":[1,2.5,null,true,{"tuple":["x"]}]}', '"ü"', "[]"]
    done = connect(server.address, "--type", "object", "--mode", "5", "-n", "3", dialect="serpy1",
                   stdin="\n".join(values))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(v) for v in values]
    event = server.proc.event("message")
    assert (event["type"], event["mode"], event["value"]) == ("object", 5, json.loads(values[0]))
    peer = Peer1.connect(server.address)
    peer.send(b"cos\nsystem\n(S'true'\ntR.", mode=4)
    shown = server.proc.event("message", nth=3)
    assert "opaque" in json.dumps(shown) and shown["type"] == "object"
    peer.close()


def test_acknowledgements_are_events_and_their_absence_ends_with_7(lan, original):
    server = Server(lan, dialect="serpy1")
    done = connect(server.address, "--mode", "1", "-J", "-v", dialect="serpy1", stdin="a\nb\n")
    assert done.returncode == 0
    acked = [bare(e) for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "acked"]
    assert acked == [{"event": "acked", "conn": 0, "token": 1}, {"event": "acked", "conn": 0, "token": 2}]
    mute = original(Peer1, silent=True)
    done = connect(mute.address, "--mode", "3", "--ack-timeout", "200ms", dialect="serpy1", stdin="a\n")
    assert done.returncode == 7, done
    assert "message 1 was not acknowledged in time; it may still arrive" in done.stderr
    assert mute.peer().values(1) == [(3, b"a")]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_text_of_serpy1_goes_in_its_encoding(lan, original, encoding):
    server = original(Peer1)
    done = connect(server.address, "--encoding", encoding, dialect="serpy1", stdin="ü\n€\n" if encoding == "utf-8" else "ü\n")
    assert done.returncode == 0, done.stderr
    assert server.peer().values(1)[0] == (0, "ü".encode(encoding))
    done = connect(server.address, "--encoding", "ascii", dialect="serpy1", stdin="plain\nü\n")
    assert done.returncode == 7 and "stdin line 2: " in done.stderr
    assert server.peer(1).values(1) == [(0, b"plain")]


# ---- originals at the other end -------------------------------------------------------------------------------------

def test_an_original_server_of_serpy2_gets_frames_and_its_values_are_printed(lan, original):
    server = original(Peer2, echo=True)
    for kind, line, value in (("int", "-3", -3), ("float", "2.5", 2.5), ("str", "ü", "ü"), ("bytes", "b", b"b")):
        count = len(server.peers)
        done = connect(server.address, "--type", kind, "-n", "1", stdin=line)
        assert (done.returncode, done.stdout) == (0, line + "\n"), done.stderr
        peer = server.peer(count)
        assert peer.values(1) == [value] and peer.resets == 0


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_an_original_server_of_serpy1_gets_messages_of_each_mode(lan, original, mode):
    server = original(Peer1)
    proc = client(lan, server, "--mode", str(mode), dialect="serpy1")
    proc.send("one\ntwo")
    peer = server.peer()
    assert peer.values(2) == [(mode, b"one"), (mode, b"two")]
    peer.send(b"an answer", mode=mode)
    proc.line("^an answer$")
    proc.close_stdin()
    assert proc.wait() == 0, proc.tail()


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_an_original_client_of_serpy1_is_answered(lan, mode):
    server = Server(lan, "--echo", dialect="serpy1", json=False)
    peer = Peer1.connect(server.address)
    peer.send(b"one", b"two", mode=mode)
    assert peer.values(2) == [(mode, b"one"), (mode, b"two")]
    server.proc.send("from the server")
    peer.wait(lambda: (0, b"from the server") in peer.got)
    assert server.proc.lines(2) == ["one", "two"]
    peer.close()


def test_an_original_client_of_serpy2_is_answered_type_by_type(lan):
    server = Server(lan, "--echo")
    peer = Peer2.connect(server.address)
    values = [123, "hello", 12.35, -1e6, 600000, "yes µù", b"\x00\xff", ""]
    peer.send(*values)
    assert peer.values(len(values)) == values
    peer.close()


# ---- --dir ----------------------------------------------------------------------------------------------------------

def test_bytes_become_files_that_overwrite_nothing_and_everything_else_stays_a_line(lan, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "blob-000001").write_bytes(b"was here")
    server = Server(lan, "--dir", str(folder), json=False)
    peer = Peer2.connect(server.address)
    small, large = os.urandom(10), os.urandom(3 << 20)
    peer.send("text", small, 5, large, b"")
    lines = server.proc.lines(5, timeout=WAIT)
    assert lines == ["text", f"{folder}/blob-000002", "5", f"{folder}/blob-000003", f"{folder}/blob-000004"]
    assert (folder / "blob-000001").read_bytes() == b"was here"
    assert [(folder / f"blob-00000{n}").read_bytes() for n in (2, 3, 4)] == [small, large, b""]
    assert len(list(folder.iterdir())) == 4, "nothing else is left"
    peer.close()


def test_a_file_in_json_has_its_size_and_a_damaged_one_is_not_kept(lan, tmp_path):
    server = Server(lan, "--dir", str(tmp_path))
    peer = Peer2.connect(server.address)
    large = os.urandom(300000)
    peer.send(large)
    event = bare(server.proc.event("message", timeout=WAIT))
    assert event == {"event": "message", "conn": 1, "type": "bytes", "size": 300000, "file": f"{tmp_path}/blob-000001"}
    peer.sock.sendall(frame(0x81, large, checksum=1))
    failed = server.proc.event("failed", timeout=WAIT)
    assert failed["conn"] == 1 and "checksum" in failed["reason"]
    peer.sock.sendall(frame(0x81, large)[:200000])
    peer.close()
    server.proc.event("failed", nth=1, timeout=WAIT)
    assert [p.name for p in tmp_path.iterdir()] == ["blob-000001"]
    assert server.proc.stop() == 7


def test_text_of_serpy1_stays_a_line_beside_files(lan, tmp_path):
    server = Server(lan, "--dir", str(tmp_path), dialect="serpy1", json=False)
    peer = Peer1.connect(server.address)
    peer.send(b"a line")
    peer.send(b"\x00" * 200000, b"x", mode=2)
    assert server.proc.lines(3, timeout=WAIT) == ["a line", f"{tmp_path}/blob-000001", f"{tmp_path}/blob-000002"]
    assert (tmp_path / "blob-000001").read_bytes() == b"\x00" * 200000
    peer.close()


# ---- --exec ---------------------------------------------------------------------------------------------------------

def test_a_command_answers_each_connection_and_knows_which(lan):
    command = 'echo "$LANYARD_CONN $LANYARD_PEER"; while read x; do echo "$LANYARD_CONN: $x"; done; echo never heard'
    server = Server(lan, "--exec", command, json=False)
    one, two = Peer2.connect(server.address), Peer2.connect(server.address)
    first = {peer.values(1)[0].split()[0]: peer for peer in (one, two)}
    assert sorted(first) == ["1", "2"]
    for number, peer in first.items():
        assert peer.got[0] == "%s 127.0.0.1:%d" % (number, peer.sock.getsockname()[1])
        peer.send("a b", 7)
        assert peer.values(3)[1:] == [f"{number}: a b", f"{number}: 7"]
        peer.close()
    assert server.proc.stop() == 0
    assert server.proc.out == []


def test_the_end_of_a_command_ends_its_connection_after_its_last_line(lan):
    server = Server(lan, "--exec", "read x; seq 1 $x; printf last; exit 3", "--type", "str")
    peer = Peer2.connect(server.address)
    peer.send(5000)
    peer.end(WAIT)
    assert peer.got == [str(i) for i in range(1, 5001)] + ["last"]
    server.proc.event("down")
    peer.close()
    again = Peer2.connect(server.address)
    again.send(1)
    assert again.values(2) == ["1", "last"]
    again.close()


def test_a_command_that_does_not_read_stops_its_peer_and_grows_no_memory(lan):
    server = Server(lan, "--exec", "read first; echo started; exec sleep 60", json=False)
    flood = socket.create_connection(server.address.split(":"))
    flood.settimeout(1)
    block = frame_of("y" * 1000) * 1000
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            sent += flood.send(block)
    assert sent < 64 << 20
    if not SANITIZED:
        assert server.proc.rss() < 32 << 20
    other = Peer2.connect(server.address)
    other.send("x")
    assert other.values(1) == ["started"], "another connection is served all the same"
    other.close()
    flood.close()
    assert server.proc.stop(timeout=WAIT) == 0


def test_commands_end_with_the_server_and_their_lines_have_a_type(lan):
    server = Server(lan, "--exec", "echo $$; echo word; sleep 1000 & wait", "--type", "int")
    peer = Peer2.connect(server.address)
    pid = peer.values(1)[0]
    assert isinstance(pid, int)
    wait_for(lambda: any(e for e in server.proc.events() if "command of connection 1, line 2: not a whole number" in
                         e.get("error", {}).get("what", "")), what="the error about the word")
    assert server.proc.stop(timeout=WAIT) == 7
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of the command")
    peer.close()


def test_there_are_never_more_commands_than_connections_may_be(lan):
    server = Server(lan, "--exec", "trap '' HUP; exec sleep 60", "--max-conns", "2")
    peers = [Peer2.connect(server.address) for _ in range(2)]
    server.proc.event("up", conn=2)
    third = Peer2.connect(server.address)
    third.end()
    for peer in (*peers, third):
        peer.close()
    wait_for(lambda: len(server.proc.events("down")) >= 2, what="the ends of the connections")
    late = Peer2.connect(server.address)  # two commands outlive their connections
    late.end()
    late.close()
    children = subprocess.run(["ps", "--ppid", str(server.proc.pid), "-o", "pid="], capture_output=True, text=True,
                              check=False).stdout.split()
    assert len(children) == 2
    server.proc.stop(timeout=WAIT)


# ---- when it ends, and with what ------------------------------------------------------------------------------------

def test_after_the_end_of_stdin_what_comes_is_still_printed_for_a_while(lan, original):
    server = original(Peer2)
    proc = client(lan, server, "--linger", "3s")
    proc.send("question")
    proc.close_stdin()
    peer = server.peer()
    assert peer.values(1) == ["question"]
    time.sleep(0.2)
    peer.send("late answer")
    proc.line("^late answer$")
    began = time.monotonic()
    assert proc.wait() == 0
    assert time.monotonic() - began > 1.5, "it lingered"
    peer.end()


def test_n_values_are_waited_for_beyond_the_end_of_stdin_and_no_more_are_printed(lan, original):
    server = original(Peer2)
    proc = client(lan, server, "-n", "2", "--linger", "10ms")
    proc.close_stdin()
    peer = server.peer()
    time.sleep(0.5)
    peer.send("one", "two", "three")
    assert proc.wait() == 0
    assert proc.out == ["one", "two"]


def test_without_a_server_it_ends_with_1_and_says_where_and_what_to_try(lan):
    address = f"127.0.0.1:{free_port()}"
    done = connect(address, stdin="x\n")
    assert done.returncode == 1 and done.stdout == ""
    assert f"cannot connect to {address}: " in done.stderr and "--reconnect" in done.stderr
    done = connect(address, "-J", stdin="x\n")
    errors = [e["error"] for e in map(json.loads, done.stdout.splitlines()) if "error" in e]
    assert done.returncode == 1 and errors[0]["code"] == "failed" and address in errors[0]["what"]


def test_a_connection_that_ends_early_is_an_error(lan, original):
    server = original(Peer2)
    proc = client(lan, server)
    server.peer().close()
    assert proc.wait() == 1
    proc.line("the connection to .* ended: closed by the peer", stream="err")
    proc.line("ended before all was done .*--reconnect", stream="err")
    proc = client(lan, server, "-n", "5")
    proc.close_stdin()
    server.peer(1).close()
    assert proc.wait() == 1


def test_with_reconnect_a_server_that_comes_late_and_comes_again_is_found(lan):
    port = free_port()
    address = f"127.0.0.1:{port}"
    proc = lan.start("lanyard", "stream", "connect", address, "--dialect", "serpy2", "--reconnect")
    proc.line(f"cannot connect to {address}: .*trying again", stream="err")
    proc.send("early")
    first = Server(lan, address=address)
    assert first.proc.event("message", timeout=WAIT)["value"] == "early"
    assert first.proc.stop() == 0
    proc.line("the connection to .* ended", stream="err")
    second = Server(lan, address=address)
    second.proc.event("up", timeout=WAIT)
    proc.send("late")
    assert second.proc.event("message", timeout=WAIT)["value"] == "late"
    proc.close_stdin()
    proc.wait()
    assert [e["value"] for e in second.proc.events("message")] == ["late"]


def test_what_was_lost_in_a_break_is_counted_in_a_sentence_and_the_exit_status_is_7(lan, original):
    server = original(Peer1, silent=True)
    sentences = []
    for options in ([], ["-J"]):
        number = len(server.peers)
        proc = client(lan, server, "--mode", "1", "--reconnect", *options, dialect="serpy1")
        proc.send("a\nb\nc")
        peer = server.peer(number)
        peer.values(3, WAIT)
        peer.close()
        if options:
            lost = bare(proc.event("lost", timeout=WAIT))
            assert lost == {"event": "lost", "conn": 0, "lost": 3, "doubled": 0, "unreached": 0, "reason": lost["reason"]}
        else:
            sentences.append(proc.line("may be lost", stream="err").string)
        proc.close_stdin()
        assert proc.wait(WAIT) == 7, proc.tail()
    assert sentences == ["lanyard: 3 messages may be lost, 0 doubled"]


def test_with_resend_nothing_is_lost_and_what_may_be_doubled_is_counted(lan, original):
    server = original(Peer1, silent=True)
    proc = client(lan, server, "--mode", "1", "--reconnect", "--resend", dialect="serpy1")
    proc.send("a\nb")
    server.peer().values(2, WAIT)
    server.options["silent"] = False
    server.peer().close()
    proc.line("^lanyard: 0 messages may be lost, 2 doubled$", stream="err", timeout=WAIT)
    assert server.peer(1, WAIT).values(2, WAIT) == [(1, b"a"), (1, b"b")]
    proc.close_stdin()
    assert proc.wait(WAIT) == 0, proc.tail()


@pytest.mark.parametrize("dialect, options, line, said", [
    ("serpy2", ["--type", "int"], "12x", "not a whole number"),
    ("serpy2", ["--type", "int"], "", "not a whole number"),
    ("serpy2", ["--type", "int"], "9223372036854775808", "a whole number that is too large"),
    ("serpy2", ["--type", "float"], "1,5", "not a number"),
    ("serpy2", ["--type", "bytes", "--bytes", "hex"], "00f", "not hexadecimal at character 4"),
    ("serpy2", ["--type", "bytes", "--bytes", "hex"], "0g", "not hexadecimal at character 2"),
    ("serpy2", ["--type", "bytes", "--bytes", "base64"], "A", "not base64"),
    ("serpy2", ["--max-message", "4"], "12345", "longer than 4 bytes"),
    ("serpy1", ["--type", "object"], "{", ""),
    ("serpy1", [], "", "")])
def test_a_line_that_cannot_be_sent_is_an_error_with_its_number_and_the_others_go_on(lan, dialect, options, line, said):
    good = {"int": "1", "float": "1", "bytes": "ff" if "hex" in options else "/w==", "object": "1"}.get(
        options[1] if "--type" in options else "", "good")
    server = Server(lan, dialect=dialect)
    done = connect(server.address, *options, dialect=dialect, stdin=f"{good}\n{line}\n{good}\n")
    assert done.returncode == 7, done
    assert f"lanyard: stdin line 2: {said}" in done.stderr
    server.proc.event("message", nth=1)
    done = connect(server.address, *options, "-J", dialect=dialect, stdin=f"{line}\n")
    errors = [e["error"] for e in map(json.loads, done.stdout.splitlines()) if "error" in e]
    assert done.returncode == 7 and errors[0]["what"].startswith("stdin line 1: ")


def test_text_that_is_not_utf_8_is_refused(lan):
    server = Server(lan)
    done = connect(server.address, stdin=b"ok\n\xff\n")
    assert done.returncode == 7 and "stdin line 2: " in done.stderr


@pytest.mark.parametrize("words, said", [
    (["stream", "serve", "127.0.0.1:0"], "--dialect is missing"),
    (["stream", "connect", "localhost:1"], "--dialect is missing"),
    (["stream", "serve", "nonsense", "--dialect", "serpy2"], "cannot listen on nonsense"),
    (["stream", "serve", "127.0.0.1:0", "--dialect", "serpy2", "--mode", "1"], "--mode: serpy2 has nothing of that kind"),
    (["stream", "connect", "localhost", "--dialect", "serpy1", "--resync"], "--resync: serpy1 has nothing of that kind"),
    (["stream", "connect", "localhost", "--dialect", "serpy1", "--mode", "6"], "0 to 5"),
    (["stream", "connect", "localhost", "--dialect", "serpy2", "--type", "object"], "serpy2 has no objects"),
    (["stream", "connect", "localhost", "--dialect", "serpy2", "--bytes", "hex"], "--type bytes"),
    (["stream", "connect", "localhost", "--dialect", "serpy2", "--rate", "fast"], "not a rate"),
    (["stream", "connect", "localhost", "--dialect", "serpy2", "--max-message", "2G"], "too large"),
    (["stream", "serve", "127.0.0.1:0", "--dialect", "serpy2", "--exec", "x", "--echo"], "leave one of them out")])
def test_a_command_line_that_is_wrong_ends_with_2(words, said):
    done = subprocess.run([binary("lanyard"), *words], capture_output=True, text=True, timeout=WAIT,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2 and said in done.stderr, done


def test_an_address_in_use_is_said(lan):
    server = Server(lan)
    done = subprocess.run([binary("lanyard"), "stream", "serve", server.address, "--dialect", "serpy2"],
                          capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 1 and "address in use" in done.stderr


def test_signals_and_the_time_limit_have_their_exit_codes(lan, original):
    server = original(Peer2)
    proc = client(lan, server)
    proc.line("connected", stream="err")
    assert proc.stop(signal.SIGINT) == 130
    proc = client(lan, server, "-n", "1", "--timeout", "300ms")
    assert proc.wait() == 6
    proc.line("0 of 1 values within --timeout 300ms", stream="err")
    ours = Server(lan)
    assert ours.proc.stop(signal.SIGINT) == 0
    proc = lan.start("lanyard", "stream", "serve", "127.0.0.1:0", "--dialect", "serpy2", "--timeout", "200ms")
    assert proc.wait() == 0


def test_lines_are_paced(lan):
    server = Server(lan)
    began = time.monotonic()
    done = connect(server.address, "--rate", "50/s", "--linger", "1ms", stdin="x\n" * 26)
    assert done.returncode == 0
    assert time.monotonic() - began > 0.45
    assert len(server.proc.events("message")) == 26 or server.proc.event("message", nth=25)


def test_quiet_says_nothing(lan, original):
    server = original(Peer2)
    assert connect(server.address, "-q", stdin="x\n").stderr == ""


# ---- bad company ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect, garbage", [
    ("serpy2", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("serpy2", frame(0x99, b"unknown type")),
    ("serpy2", frame(0x21, b"\xff\xfe")), ("serpy2", frame(0x11, b"no number")),
    ("serpy2", b"\xde\xca\xfe\xca\xfe\x21" + b"\xff" * 8), ("serpy1", b"\x01SETMODEx\x1f"),
    ("serpy1", b"\x01SETMODE2\x1f" + b"not base85 \xff\x1f"), ("serpy1", b"\x01SETMODE1\x1fa\x04b\x04\x1f")])
def test_garbage_ends_its_connection_with_a_reason_and_no_other(lan, dialect, garbage):
    server = Server(lan, "--echo", dialect=dialect)
    kind = Peer2 if dialect == "serpy2" else Peer1
    good = kind.connect(server.address)
    good.send("before" if dialect == "serpy2" else b"before")
    good.values(1)
    bad = socket.create_connection(server.address.split(":"))
    bad.settimeout(WAIT)
    bad.sendall(garbage)
    down = server.proc.event("down", conn=2, timeout=WAIT)
    assert down["reason"] and down["reason"] != "closed by the peer"
    with contextlib.suppress(OSError):
        while bad.recv(4096):
            pass
    good.send("after" if dialect == "serpy2" else b"after")
    assert len(good.values(2)) == 2
    good.close()
    bad.close()


def test_with_resync_garbage_is_skipped_and_told(lan):
    server = Server(lan, "--resync")
    peer = Peer2.connect(server.address)
    peer.sock.sendall(frame_of("a") + b"garbage" * 10 + frame_of("b") + frame(0x21, b"c", checksum=7) + frame_of("d"))
    server.proc.event("message", nth=2)
    assert [e["value"] for e in server.proc.events("message")] == ["a", "b", "d"]
    damaged = [bare(e) for e in server.proc.events("damaged")]
    assert {"event": "damaged", "conn": 1, "bytes": 70, "reason": "garbage"} in damaged
    assert "checksum" in [e["reason"] for e in damaged]
    peer.close()


def test_more_connections_than_allowed_are_refused_and_told(lan):
    server = Server(lan, "--max-conns", "1")
    one = Peer2.connect(server.address)
    server.proc.event("up")
    two = Peer2.connect(server.address)
    refused = bare(server.proc.event("refused"))
    assert refused["peer"] == "127.0.0.1:%d" % two.sock.getsockname()[1] and refused["reason"]
    two.end()
    one.send("still here")
    assert server.proc.event("message")["value"] == "still here"
    one.close()
    two.close()


def test_a_large_stdin_is_read_no_faster_than_the_other_end_reads(lan, original):
    listener = socket.create_server(("127.0.0.1", 0))
    proc = lan.start("lanyard", "stream", "connect", "127.0.0.1:%d" % listener.getsockname()[1], "--dialect", "serpy2")
    deaf = listener.accept()[0]
    os.set_blocking(proc.popen.stdin.fileno(), False)
    chunk, taken, idle = b"x" * 999 + b"\n", 0, 0
    while idle < 50 and taken < 300 << 20:
        wrote = os.write(proc.popen.stdin.fileno(), chunk * 60) if _writable(proc.popen.stdin) else 0
        taken, idle = taken + wrote, idle + 1 if not wrote else 0
        if not wrote:
            time.sleep(0.02)
    assert taken < 64 << 20, "it stopped reading"
    if not SANITIZED:
        assert proc.rss() < 24 << 20
    deaf.close()
    listener.close()
    os.set_blocking(proc.popen.stdin.fileno(), True)
    proc.close_stdin()
    assert proc.wait() == 1


def _writable(pipe):
    return bool(select.select([], [pipe], [], 0)[1])


def test_a_reader_of_stdout_that_goes_away_ends_it_quietly(lan):
    server = Server(lan, "--echo")
    done = subprocess.run(f"yes | {binary('lanyard')} stream connect {server.address} --dialect serpy2 -q | head -n 3",
                          shell=True, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.stdout == "y\ny\ny\n" and done.stderr == ""


def test_serve_ends_after_n_values_and_says_goodbye_in_good_order(lan):
    server = Server(lan, "-n", "2", json=False)
    peer = Peer2.connect(server.address)
    peer.send(1, 2, 3)
    assert server.proc.wait() == 0
    assert server.proc.out == ["1", "2"]
    peer.end()
    peer.close()


