"""`lanyard stream serve` and `connect`: both dialects between two of our ends, and against programs of the original
libraries (serpy_wire.py) in both roles. Which values go where, in what shape. When a program ends, and with what, is in
test_cli_stream_ends.py; files and commands are in test_cli_stream_more.py.
"""
import base64
import json
import math
import random
import socket
import struct

import pytest

from lanyard_test import SANITIZED
from serpy_wire import Peer1, Peer2, frame, frame_of
from stream_cli import DIALECTS, WAIT, Server, bare, client, connect


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
