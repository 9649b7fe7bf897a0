"""test_cli_link.py - `lanyard link serve` and `lanyard link connect` as pipes: real processes over loopback.

What happens on bad networks is in test_link_faults.py; here it is what scripts
rely on: which lines go where, when a program ends and with what, and that
nothing piles up, breaks or hangs when a pipe does.
"""
import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import threading
import time

import pytest

from lanyard_test import SANITIZED, binary, for_anybody, free_port, wait_for

T = "500ms"
WAIT = 30 if SANITIZED else 10


class Server:
    """`lanyard link serve` on a port of its own."""

    def __init__(self, lan, *options, json=True, timeout=T):
        words = ["lanyard", "link", "serve", "--listen", "127.0.0.1:0", "--timeout", timeout, *options]
        self.proc = lan.start(*words, *(["-J"] if json else []))
        self.json = json
        if json:
            self.address = self.proc.event("link-opened")["peer"]
        else:
            self.address = self.proc.line(r"listening on (\S+)", stream="err").group(1)

    def lines(self):
        if self.json:
            return [e["line"] for e in self.proc.events("message")]
        return [line.split("\t", 1)[1] for line in self.proc.out]


@pytest.fixture
def server(lan):
    return Server(lan)


def connect(address, *options, name="1", stdin=b"", timeout=T, **more):
    """`lanyard link connect` to its end."""
    with subprocess.Popen([binary("lanyard"), "link", "connect", address, "--id", name, "--timeout", timeout, *options],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more) as process:
        out, err = process.communicate(stdin if isinstance(stdin, bytes) else stdin.encode(), WAIT * 2)
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())


@contextlib.contextmanager
def no_longer_than_this(*processes):
    """Whatever happens inside, these do not outlive it; a thread that writes to one of them ends with it."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


# ---- lines and where they go ----------------------------------------------------------------------------------------

def test_lines_go_both_ways_with_id_and_tab(lan):
    server = Server(lan, json=False)
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "board 1", "--timeout", T)
    client.send("[1, 2]\ttab")
    server.proc.line("^board 1\t\\[1, 2\\]\ttab$")
    server.proc.send("board 1\thello\tthere")
    client.line("^hello\tthere$")
    client.close_stdin()
    assert client.wait() == 0
    assert client.out == ["hello\tthere"]
    assert server.proc.stop() == 0
    assert server.proc.out == ["board 1\t[1, 2]\ttab"]


def test_connection_events_are_on_stderr_and_only_there(lan):
    server = Server(lan, "--expect", "1", json=False)
    assert connect(server.address, stdin="x\n").returncode == 0
    server.proc.line(r"client 1 is up from 127\.0\.0\.1:\d+ \(connection 1\)", stream="err")
    server.proc.line("all expected clients have connected", stream="err")
    server.proc.line("client 1 is down: ", stream="err")
    assert connect(server.address, name="2").returncode == 0
    assert server.proc.stop() == 0
    assert server.proc.out == ["1\tx"]


def test_quiet_says_nothing_and_verbose_more(lan):
    server = Server(lan, json=False)
    assert connect(server.address, "-q", stdin="x\n").stderr == ""
    assert "connected to" in connect(server.address, stdin="x\n").stderr
    acked = connect(server.address, "-v", "-J", stdin="x\n").stdout
    assert '"event":"acked"' in acked


def test_json_events_have_the_fields_of_the_control_protocol(lan):
    server = Server(lan, "--expect", "1,2")
    assert connect(server.address, stdin='quote " back \\ tab \t\n').returncode == 0
    server.proc.event("down")
    for event in server.proc.events():
        assert event["schema"] == 1
        assert time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S") and event["time"].endswith("Z")
        del event["schema"], event["time"]
    up, message, down = (server.proc.events(k)[0] for k in ("up", "message", "down"))
    peer = up["peer"]
    assert up == {"event": "up", "id": "1", "peer": peer, "connects": 1, "expected": True}
    assert message == {"event": "message", "id": "1", "line": 'quote " back \\ tab \t'}
    assert down == {"event": "down", "id": "1", "peer": peer, "connects": 1, "reason": down["reason"]}
    assert not server.proc.events("all-up")
    assert connect(server.address, name="2", stdin="x\n").returncode == 0
    server.proc.event("all-up")


def test_j_streams_lines_too(lan):
    server = lan.start("lanyard", "-j", "link", "serve", "--listen", "127.0.0.1:0", "--timeout", T)
    assert connect(server.event("link-opened")["peer"], stdin="a\nb\n").returncode == 0
    assert [server.event("message", nth=n)["line"] for n in (0, 1)] == ["a", "b"]


def test_a_refused_client_is_an_event_with_the_reason(lan):
    server = Server(lan, "--expect", "1", "--only-expected")
    connect(server.address, "--for", "300ms", "--stay", name="stranger")
    event = server.proc.event("refused")
    assert event["reason"] == "id_unexpected_refused" and event["peer"].startswith("127.0.0.1:")
    server = Server(lan, "--expect", "1", "--only-expected", json=False)
    connect(server.address, "--for", "300ms", "--stay", name="stranger")
    server.proc.line(r"refused 127\.0\.0\.1:\d+.*: id is not expected$", stream="err")


@pytest.mark.parametrize("policy, stays", [("refuse", "first"), ("replace", "second")])
def test_the_policy_for_a_second_client_with_the_same_id_holds(lan, policy, stays):
    server = Server(lan, "--duplicate", policy)
    first = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T, "--stay", "-J")
    first.event("up")
    second = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T, "--stay", "-J")
    if stays == "first":
        second.event("refused")
        assert not first.events("down")
    else:
        second.event("up")
        first.event("down")


def test_a_client_that_is_turned_away_says_so_once(lan):
    server = Server(lan, "--expect", "1", "--only-expected")
    done = connect(server.address, "--for", "1s", name="2", stdin="x\n")
    assert done.returncode == 6
    assert done.stderr.count("without a word") == 1
    assert "cannot connect" not in done.stderr


def test_echo_sends_everything_back_in_order(lan):
    server = Server(lan, "--echo")
    lines = [f"line {i}" for i in range(2000)]
    done = connect(server.address, "-n", "2000", "--no-wait", stdin="\n".join(lines))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == lines


def test_utf_8_passes_unchanged(lan):
    text = "grüße 電気 \U0001f4a1 e\u0301 \u2028 \u0085"
    server = Server(lan, "--echo")
    assert connect(server.address, "-n", "1", stdin=text + "\n").stdout == text + "\n"
    wait_for(lambda: server.lines() == [text], what="the line on the server's stdout")


def test_a_hundred_thousand_lines_arrive_in_order(lan):
    server = Server(lan, json=False)
    lines = [str(i) for i in range(100000)]
    done = connect(server.address, "--no-wait", "-q", stdin="\n".join(lines) + "\n", timeout="2s")
    assert (done.returncode, done.stderr) == (0, "")
    assert server.proc.stop() == 0
    assert server.lines() == lines


def test_a_hundred_thousand_lines_from_the_server_arrive_in_order(lan):
    server = Server(lan, "--expect", "1", "--no-wait", json=False)
    lines = [str(i) for i in range(100000)]
    with no_longer_than_this(server.proc.popen):
        writer = threading.Thread(target=server.proc.send, args=("".join(f"1\t{n}\n" for n in lines),), daemon=True)
        writer.start()
        done = connect(server.address, "-n", "100000", timeout="2s")
        writer.join()
        assert done.returncode == 0
        assert done.stdout.split() == lines


def test_lines_for_an_expected_client_wait_until_it_comes(lan):
    server = Server(lan, "--expect", "late")
    server.proc.send("late\thello")
    done = connect(server.address, "-n", "1", name="late")
    assert (done.returncode, done.stdout) == (0, "hello\n")


# ---- the end --------------------------------------------------------------------------------------------------------

def test_connect_ends_with_0_only_after_the_last_acknowledgement(lan):
    """The server answers after a while; its acknowledgements are what connect waits for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = lan.start("lanyard", "link", "connect", "127.0.0.1:%d" % listener.getsockname()[1], "--id", "1",
                           "--timeout", "2s")
        client.send("only line")
        client.close_stdin()
        board, _ = listener.accept()
        with board, board.makefile("rwb", buffering=0) as wire:
            assert wire.readline() == b"1\n"
            wire.write(b"\n")
            line = next(w for w in iter(wire.readline, b"") if len(w) > 1)
            assert line == b"00only line\n"
            assert client.running()
            wire.write(b"\n")
            assert client.running()
            wire.write(b"00\n")
            assert client.wait() == 0


def test_connect_with_empty_stdin_ends_at_once(server):
    assert connect(server.address).returncode == 0


def test_stay_goes_on_after_the_end_of_stdin(lan):
    server = Server(lan)
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T, "--stay")
    client.close_stdin()
    server.proc.event("up")
    server.proc.send("1\tlate news")
    client.line("^late news$")
    assert client.stop(signal.SIGINT) == 130


def test_the_last_line_needs_no_lf_and_crlf_is_a_line_end(server):
    assert connect(server.address, stdin="one\r\ntwo\r\nthree").returncode == 0
    wait_for(lambda: server.lines() == ["one", "two", "three"], what="three lines")


def test_serve_goes_on_after_the_end_of_stdin(lan):
    server = Server(lan)
    server.proc.close_stdin()
    assert connect(server.address, stdin="x\n").returncode == 0
    server.proc.event("message")
    assert server.proc.running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_told_to_end_drains_and_ends_with_0(lan, number):
    server = Server(lan, "--expect", "1")
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T, "--stay")
    server.proc.event("up")
    server.proc.send("\n".join(f"1\t{i}" for i in range(500)))
    client.line("^499$")
    assert server.proc.stop(number) == 0
    assert client.out == [str(i) for i in range(500)]


def test_serve_does_not_wait_for_clients_that_are_away(lan):
    server = Server(lan, "--expect", "away", json=False)
    server.proc.send("away\tnever")
    connect(server.address, stdin="x\n")  # by now the line for the other is queued
    server.proc.line("^1\tx$")
    assert server.proc.stop(timeout=3) == 0
    server.proc.line("1 line was not acknowledged", stream="err")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_connect_interrupted_ends_with_130(lan, server, number):
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T)
    client.send("a")
    server.proc.event("message")
    assert client.stop(number) == 130


def test_connect_interrupted_without_a_server_gives_up_soon_and_says_what_is_left(lan):
    client = lan.start("lanyard", "link", "connect", f"127.0.0.1:{free_port()}", "--id", "1", "--timeout", T)
    client.send("never")
    client.line("trying again until it answers", stream="err")
    assert client.stop(signal.SIGINT, timeout=5) == 130
    client.line("1 line was not acknowledged", stream="err")


def test_n_ends_serve_after_exactly_n_lines(lan):
    server = Server(lan, "-n", "3", json=False)
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", T, "--no-wait", "-v", "-J")
    client.send("\n".join("abcdefgh"))
    assert server.proc.wait() == 0
    assert server.lines() == ["a", "b", "c"]
    client.event("down")
    assert len(client.events("acked")) == 3, "a line that was not printed was acknowledged"


def test_n_makes_connect_wait_for_answers_and_end_with_them(lan):
    server = Server(lan, "--echo")
    done = connect(server.address, "-n", "1", stdin="ping\n")
    assert (done.returncode, done.stdout) == (0, "ping\n")


def test_for_ends_with_6_if_something_was_left_to_do_else_with_0(lan):
    server = Server(lan)
    assert connect(server.address, "--for", "200ms", "--stay").returncode == 0
    done = connect(server.address, "--for", "200ms", "-n", "1")
    assert done.returncode == 6 and "--for 200ms was not enough" in done.stderr
    done = connect(f"127.0.0.1:{free_port()}", "--for", "200ms", "-J", stdin="x\n")
    assert done.returncode == 6
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] == "timeout"


def test_the_first_failure_is_said_once_and_tried_again(lan):
    port = free_port()
    client = lan.start("lanyard", "link", "connect", f"127.0.0.1:{port}", "--id", "1", "--timeout", T)
    client.send("patience")
    client.line("trying again until it answers", stream="err")
    server = lan.start("lanyard", "link", "serve", "--listen", f"127.0.0.1:{port}", "--timeout", T)
    server.line("^1\tpatience$")
    client.close_stdin()
    assert client.wait() == 0
    assert sum("cannot connect" in line for line in client.err) == 1


def test_give_up_ends_with_1_when_nobody_listens_and_0_when_somebody_does(server):
    done = connect(f"127.0.0.1:{free_port()}", "--give-up")
    assert done.returncode == 1 and "cannot connect" in done.stderr
    assert connect(server.address, "--give-up").returncode == 0


def test_an_address_in_use_ends_with_1_and_what_to_do(server):
    done = subprocess.run([binary("lanyard"), "link", "serve", "--listen", server.address, "-J"], capture_output=True,
                          text=True, timeout=WAIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "address in use" in done.stderr and "choose another port" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "failed"


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_port_that_is_not_permitted_ends_with_5():
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii").read()) <= 1:
        pytest.skip("every port is permitted here")
    done = subprocess.run([for_anybody("lanyard"), "link", "serve", "--listen", "127.0.0.1:1"], capture_output=True,
                          text=True, timeout=WAIT, stdin=subprocess.DEVNULL, user=65534)
    assert done.returncode == 5 and "permission denied" in done.stderr


# ---- lines that cannot be sent --------------------------------------------------------------------------------------

BAD = [b"\n", b"\r\n", b"a\rb\n", b"a\0b\n", b"caf\xe9\n", b"x" * 200 + b"\n"]
SAID = ["line 2: empty", "line 3: empty", "line 4: a CR inside", "line 5: a NUL byte", "line 6: not UTF-8 at byte 4",
        "line 7: longer than 100 bytes"]


def test_a_line_that_cannot_be_sent_is_reported_and_the_rest_goes_on(server):
    done = connect(server.address, "--max-line", "100", stdin=b"first\n" + b"".join(BAD) + b"last\n")
    assert done.returncode == 7
    errors = [line for line in done.stderr.splitlines() if "stdin line" in line]
    assert len(errors) == len(SAID)
    for line, said in zip(errors, SAID):
        assert said in line and line.endswith(")"), line
    wait_for(lambda: server.lines() == ["first", "last"], what="the good lines")


def test_with_json_these_errors_are_objects_too(server):
    done = connect(server.address, "-J", stdin="a\n\nb\n")
    assert done.returncode == 7
    errors = [json.loads(line)["error"] for line in done.stdout.splitlines() if "error" in line]
    assert len(errors) == 1 and "stdin line 2" in errors[0]["what"] and errors[0]["code"] == "usage"


def test_a_line_without_end_is_not_kept_in_memory(server):
    """100 MB without LF: skipped, reported once."""
    client = subprocess.Popen([binary("lanyard"), "link", "connect", server.address, "--id", "1", "--timeout", "2s"],
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(100):
        client.stdin.write(b"x" * 1000000)
    peak = rss_peak(client.pid)
    _, err = client.communicate(b"\nok\n", WAIT)
    assert client.returncode == 7
    assert err.count(b"stdin line") == 1 and b"longer than 1048576 bytes" in err
    wait_for(lambda: server.lines() == ["ok"], what="the line behind it")
    if not SANITIZED:
        assert peak < 20e6


def test_lines_of_serve_need_an_id_a_tab_and_a_client(lan):
    server = Server(lan, "--expect", "soon", json=False)
    assert connect(server.address, stdin="x\n").returncode == 0
    server.proc.send("no tab here\n\tno id\nstranger\thello\nsoon\thello\n" + "9" * 300 + "\tx\n1\t")
    for said in ("line 1: no TAB", "line 2: no id in front", "line 3: no client 'stranger' has connected",
                 "line 5: no client has such an id", "line 6: empty"):
        server.proc.line(f"stdin {said}", stream="err")
    assert server.proc.stop() == 7
    assert not any("line 4" in line for line in server.proc.err)


# ---- pipes that break, block and fill -------------------------------------------------------------------------------

def rss_peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def test_a_slow_reader_of_stdout_holds_up_the_sender_and_nothing_grows(lan):
    """A stdout nobody reads: the sender stops, memory stays flat, the link stays up; then everything arrives."""
    reader, writer = os.pipe()
    server = subprocess.Popen([binary("lanyard"), "link", "serve", "--listen", "127.0.0.1:0", "--timeout", T],
                              stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    with no_longer_than_this(server):
        address = server.stderr.readline().split()[3]
        client = lan.start("lanyard", "link", "connect", address, "--id", "1", "--timeout", T, "--no-wait", "-v")
        lines = [f"{i:07d}" + "x" * 993 for i in range(20000)]
        with no_longer_than_this(client.popen):
            feed = threading.Thread(target=lambda: client.send("\n".join(lines)), daemon=True)
            feed.start()
            client.line("connected to", stream="err")
            # Twice the timeout with nothing moving: it must not be taken for an outage.
            used = client.cpu_seconds()
            still = time.monotonic() + 1.5
            wait_for(lambda: time.monotonic() > still, what="time passes")
            assert client.cpu_seconds() - used < 0.4, "it waits busily"
            assert feed.is_alive() and server.poll() is None, "20 MB went into a pipe nobody reads"
            if not SANITIZED:
                assert rss_peak(server.pid) < 20e6 and rss_peak(client.pid) < 20e6
            with os.fdopen(reader, encoding="ascii") as stdout:
                got = [next(stdout).rstrip("\n").split("\t")[1] for _ in lines]
            assert got == lines
            feed.join()
            client.close_stdin()
            assert client.wait() == 0
            assert sum("connected to" in line for line in client.err) == 1, "the link did not stay up"
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=WAIT)
        assert server.returncode == 0


def test_a_stdin_that_is_faster_than_the_link_is_not_read_ahead(lan):
    """Nobody listens: at most the queue and some buffers are read, the rest stays in the pipe."""
    client = lan.start("lanyard", "link", "connect", f"127.0.0.1:{free_port()}", "--id", "1", "--timeout", T)
    os.set_blocking(client.popen.stdin.fileno(), False)
    taken, quiet = 0, time.monotonic()
    while time.monotonic() < quiet + 0.5 and taken < 50e6:
        with contextlib.suppress(BlockingIOError):
            taken += os.write(client.popen.stdin.fileno(), b"y" * 999 + b"\n")
            quiet = time.monotonic()
    assert 0.5e6 < taken < 3e6
    used, still = client.cpu_seconds(), time.monotonic() + 0.6
    wait_for(lambda: time.monotonic() > still, what="time passes")
    assert client.cpu_seconds() - used < 0.2, "it waits busily"
    os.set_blocking(client.popen.stdin.fileno(), True)


def test_an_echo_waits_for_a_client_that_reads_slowly(lan):
    """The client's reader sleeps: echoes pile up to their bound, then everything stands still; nothing is dropped."""
    server = Server(lan, "--echo", "--no-wait", json=False)
    reader, writer = os.pipe()
    client = subprocess.Popen([binary("lanyard"), "link", "connect", server.address, "--id", "1", "--timeout", T,
                               "--no-wait", "-n", "8000", "-q"], stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    with no_longer_than_this(client):
        lines = [f"{i:07d}" + "x" * 993 for i in range(8000)]
        feed = threading.Thread(target=client.stdin.write, args=("\n".join(lines + [""]).encode(),), daemon=True)
        feed.start()
        still = time.monotonic() + 1.5
        wait_for(lambda: time.monotonic() > still, what="time passes")
        assert feed.is_alive(), "8 MB went to a reader that does not read"
        with os.fdopen(reader, encoding="ascii") as stdout:
            assert stdout.read().splitlines() == lines
        feed.join()
        assert client.wait(WAIT) == 0
        client.stdin.close()
        assert not any("dropped" in line for line in server.proc.err)


def test_waiting_costs_nothing(lan):
    server = Server(lan)
    client = lan.start("lanyard", "link", "connect", server.address, "--id", "1", "--timeout", "2s", "--stay")
    client.close_stdin()
    server.proc.event("up")
    used, still = client.cpu_seconds() + server.proc.cpu_seconds(), time.monotonic() + 1
    wait_for(lambda: time.monotonic() > still, what="time passes")
    assert client.cpu_seconds() + server.proc.cpu_seconds() - used < 0.15


@pytest.mark.parametrize("verb", ["serve", "connect"])
def test_a_reader_that_goes_away_ends_it_quietly(lan, verb):
    server = Server(lan)
    words = ["serve", "--listen", "127.0.0.1:0"] if verb == "serve" else ["connect", server.address, "--id", "1"]
    reader, writer = os.pipe()
    process = subprocess.Popen([binary("lanyard"), "link", *words, "-q"], stdin=subprocess.PIPE, stdout=writer,
                               stderr=subprocess.PIPE)
    os.close(writer)
    os.close(reader)
    with process:
        assert process.wait(WAIT) == 0
        assert process.stderr.read() == b""


def test_a_full_disk_is_an_error_and_not_quiet(lan):
    server = Server(lan, "--echo")
    with open("/dev/full", "wb") as full:
        process = subprocess.run([binary("lanyard"), "link", "connect", server.address, "--id", "1", "-n", "1", "--timeout", T],
                                 input=b"x\n", stdout=full, stderr=subprocess.PIPE, timeout=WAIT)
    assert process.returncode == 1
    assert b"No space left on device" in process.stderr


def test_a_stderr_nobody_reads_does_not_stop_the_link(lan):
    reader, writer = os.pipe()
    server = subprocess.Popen([binary("lanyard"), "link", "serve", "--listen", f"127.0.0.1:{(port := free_port())}",
                               "--timeout", T, "-v"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    os.set_blocking(reader, False)
    try:
        wait_for(lambda: connect(f"127.0.0.1:{port}", "--give-up").returncode == 0, what="the server is up")
        for i in range(900):  # two events each, some 80 bytes: more than a pipe holds
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(b"client with a long name %050d\n" % i)
                s.recv(1)
        assert connect(f"127.0.0.1:{port}", stdin="still there\n").returncode == 0
        assert server.stdout.readline() == b"1\tstill there\n"
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=WAIT)
        os.close(reader)
    assert server.returncode == 0


def test_stdin_may_be_a_file(server, tmp_path):
    file = tmp_path / "lines"
    file.write_text("a\nb\nc\n")
    with open(file, "rb") as stdin:
        done = subprocess.run([binary("lanyard"), "link", "connect", server.address, "--id", "1", "--timeout", T],
                              stdin=stdin, timeout=WAIT)
    assert done.returncode == 0
    wait_for(lambda: server.lines() == ["a", "b", "c"], what="the lines of the file")


def test_stdout_may_be_a_file(lan, tmp_path):
    server = Server(lan, "--echo")
    file = tmp_path / "out"
    with open(file, "wb") as stdout:
        done = subprocess.run([binary("lanyard"), "link", "connect", server.address, "--id", "1", "--timeout", T, "-n", "3"],
                              input=b"a\nb\nc\n", stdout=stdout, timeout=WAIT)
    assert done.returncode == 0
    assert file.read_text() == "a\nb\nc\n"


def test_a_closed_stdin_counts_as_its_end(server):
    done = subprocess.run(["sh", "-c", f"exec {binary('lanyard')} link connect {server.address} --id 1 <&-"], timeout=WAIT)
    assert done.returncode == 0


def test_a_closed_stdout_is_an_error_once_there_is_something_to_print(lan):
    server = Server(lan, "--echo")
    done = subprocess.run(["sh", "-c", f"echo x | {binary('lanyard')} link connect {server.address} --id 1 -n 1 >&-"],
                          timeout=WAIT, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"cannot write to standard output" in done.stderr


def test_lines_of_strangers_cannot_drive_the_terminal(lan):
    ours, theirs = pty.openpty()
    server = subprocess.Popen([binary("lanyard"), "link", "serve", "--listen", "127.0.0.1:0", "--timeout", T, "-n", "1"],
                              stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    address = server.stderr.readline().split()[3]
    assert connect(address, stdin="a\033[2Jb\x9bc \u009b tab\tend\n").returncode == 0
    text = b""
    while b"\n" not in text:
        text += os.read(ours, 4096)
    server.communicate(timeout=WAIT)
    os.close(ours)
    assert b"\033" not in text and b"\xc2\x9b" not in text
    assert b"a\\x1b[2Jb" in text and b"tab\tend" in text


def test_options_of_the_wire_reach_it(lan):
    """--timeout here is T: a silent server is left after it, not after the default of two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = lan.start("lanyard", "link", "connect", "127.0.0.1:%d" % listener.getsockname()[1], "--id", "1",
                           "--timeout", "300ms", "--stay", "-J")
        board, _ = listener.accept()
        with board:
            board.sendall(b"\n00hello\n")
            client.event("message", line="hello")
            start = time.monotonic()
            client.event("down")
            assert time.monotonic() - start < 1.5
