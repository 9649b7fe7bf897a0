"""When `lanyard stream serve` and `connect` end and with what; lines that cannot be sent, losses, bad company."""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time

import pytest

from lanyard_test import SANITIZED, binary, free_port
from serpy_wire import Peer1, Peer2, frame, frame_of
from stream_cli import WAIT, Server, bare, client, connect


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
            assert lost == {"event": "lost", "conn": 0, "lost": 3, "doubled": 0, "unreached": 0, "orderly": False, "reason": lost["reason"]}
        else:
            sentences.append(proc.line("may be lost", stream="err").string)
        proc.close_stdin()
        assert proc.wait(WAIT) == 7, proc.tail()
    assert sentences == ["lanyard: 3 messages may be lost"]


def test_with_resend_nothing_is_lost_and_what_may_be_doubled_is_counted(lan, original):
    server = original(Peer1, silent=True)
    proc = client(lan, server, "--mode", "1", "--reconnect", "--resend", dialect="serpy1")
    proc.send("a\nb")
    server.peer().values(2, WAIT)
    server.options["silent"] = False
    server.peer().close()
    proc.line("^lanyard: 0 messages may be lost, 2 may be doubled$", stream="err", timeout=WAIT)
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
    before = proc.cpu_seconds()
    time.sleep(1)
    assert proc.cpu_seconds() - before < 0.5, "it waits for room without turning in circles"
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
