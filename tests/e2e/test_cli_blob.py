"""`lanyard blob send` and `recv`: files whole or not at all, under the right names, in constant memory, between two of
our ends and with programs of the original libraries (serpy_wire.py).
"""
import hashlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from lanyard_test import SANITIZED, binary, free_port, wait_for
from serpy_wire import ASK, Peer1, Peer2, frame, frame_of

WAIT = 60 if SANITIZED else 20
MIB = 1 << 20


class Receiver:
    """`lanyard blob recv` into a folder of its own."""

    def __init__(self, lan, folder, *options, json=True):
        self.folder = folder
        self.proc = lan.start("lanyard", "blob", "recv", "127.0.0.1:0", "--dir", str(folder), *options,
                              *(["-J"] if json else []))
        if json:
            self.address = self.proc.event("stream-opened")["peer"]
        else:
            self.address = self.proc.line(r"listening on (\S+)", stream="err").group(1)

    def names(self):
        return sorted(os.listdir(self.folder))


@pytest.fixture
def receiver(lan, tmp_path):
    return Receiver(lan, tmp_path / "in")


def send(path, address, *options, stdin=b"", timeout=WAIT * 2):
    """`lanyard blob send` to its end."""
    done = subprocess.run([binary("lanyard"), "blob", "send", str(path), address, *options], input=stdin,
                          capture_output=True, timeout=timeout, check=False)
    assert b"Sanitizer" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def make_file(folder, size, name="data.bin"):
    path = folder / name
    path.write_bytes(os.urandom(size))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def answer(text):
    return json.loads(text)


# ---- between two of ours --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("size", [0, 1, 65536, 65537, MIB, 64 * MIB])
def test_a_file_arrives_byte_for_byte_under_its_name_and_is_confirmed(tmp_path, receiver, size):
    path = make_file(tmp_path, size)
    done = send(path, receiver.address, "-J")
    assert done.returncode == 0, done.stderr
    event = answer(done.stdout)
    assert (event["schema"], event["event"], event["file"], event["size"], event["confirmed"], event["stored"]) == (
        1, "sent", str(path), size, True, "data.bin")
    got = receiver.proc.event("blob", timeout=WAIT)
    assert (got["file"], got["size"], got["conn"]) == (f"{receiver.folder}/data.bin", size, 1)
    assert got["peer"].startswith("127.0.0.1:")
    assert receiver.names() == ["data.bin"]
    assert digest(receiver.folder / "data.bin") == digest(path)


def test_the_path_is_printed_and_n_files_are_received(lan, tmp_path):
    receiver = Receiver(lan, tmp_path / "in", "-n", "2", json=False)
    path = make_file(tmp_path, 1000)
    for _ in range(2):
        done = send(path, receiver.address)
        assert (done.returncode, done.stdout) == (0, "")
        assert "stored as data" in done.stderr
    assert receiver.proc.wait() == 0
    assert receiver.proc.out == [f"{receiver.folder}/data.bin", f"{receiver.folder}/data-2.bin"]


def test_nothing_is_overwritten(tmp_path, receiver):
    taken = {"data.bin": b"1", "data-2.bin": b"2", "archive.tar.gz": b"3", ".hidden": b"4", "no-dot": b"5"}
    for name, content in taken.items():
        (receiver.folder / name).write_bytes(content)
    for name, becomes in (("data.bin", "data-3.bin"), ("archive.tar.gz", "archive.tar-2.gz"), (".hidden", ".hidden-2"),
                          ("no-dot", "no-dot-2"), ("x" * 255, "x" * 255), ("x" * 255, "x" * 253 + "-2")):
        done = send(make_file(tmp_path, 10, "source"), receiver.address, "--name", name, "-J")
        assert answer(done.stdout)["stored"] == becomes, done.stderr
    for name, content in taken.items():
        assert (receiver.folder / name).read_bytes() == content


def test_pipes_at_both_ends(lan, tmp_path):
    data = os.urandom(3 * MIB)
    with subprocess.Popen([binary("lanyard"), "blob", "recv", "127.0.0.1:0", "--stdout", "-n", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as receiving:
        address = re.search(r"listening on (\S+)", receiving.stderr.readline().decode()).group(1)
        with subprocess.Popen([binary("lanyard"), "blob", "send", "-", address], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE) as sending:
            threading.Thread(target=lambda: (sending.stdin.write(data), sending.stdin.close())).start()
            assert receiving.stdout.read() == data
            assert receiving.wait(WAIT) == 0
            assert b"stored as -" in sending.stderr.read()
            assert sending.wait(WAIT) == 0


def test_nothing_follows_a_broken_file_on_standard_output():
    with subprocess.Popen([binary("lanyard"), "blob", "recv", "127.0.0.1:0", "--stdout", "-n", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as receiving:
        host, port = re.search(r"listening on (\S+):(\d+)", receiving.stderr.readline().decode()).groups()
        with socket.create_connection((host, int(port))) as peer:
            peer.sendall(frame(0x81, b"x" * 300000, checksum=1) + frame(0x81, b"whole"))
            assert b"whole" not in receiving.stdout.read()
            assert receiving.wait(WAIT) == 7
        assert b"not kept: checksum" in receiving.stderr.read()


def test_a_pipe_gets_its_name_from_the_command_line_or_from_the_receiver(tmp_path, receiver):
    assert send("-", receiver.address, "--name", "results.tar", stdin=b"abc").returncode == 0
    assert send("-", receiver.address, stdin=b"def").returncode == 0
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(b"x" * MIB,))
    writer.start()
    assert send(fifo, receiver.address).returncode == 0
    writer.join()
    assert receiver.names() == ["blob-000001", "fifo", "results.tar"]
    assert (receiver.folder / "fifo").read_bytes() == b"x" * MIB
    assert (receiver.folder / "blob-000001").read_bytes() == b"def"


def test_what_stdin_is_kept_in_has_no_name_and_full_folders_are_said(tmp_path, receiver):
    folder = tmp_path / "tmp"
    folder.mkdir()
    env = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen([binary("lanyard"), "blob", "send", "-", receiver.address], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env) as sending:
        sending.stdin.write(b"x" * MIB)
        sending.stdin.flush()
        time.sleep(0.2)
        assert not list(folder.iterdir())
        sending.stdin.close()
        assert sending.wait(WAIT) == 0
    env["TMPDIR"] = str(tmp_path / "not there")
    done = subprocess.run([binary("lanyard"), "blob", "send", "-", receiver.address], input=b"x", env=env,
                          capture_output=True, timeout=WAIT, check=False)
    assert done.returncode == 1 and b"set TMPDIR" in done.stderr


def test_serpy1_carries_a_file_and_its_acknowledgement(lan, tmp_path):
    receiver = Receiver(lan, tmp_path / "in", "--dialect", "serpy1")
    for size in (0, 1000, 3 * MIB):
        path = make_file(tmp_path, size)
        done = send(path, receiver.address, "--dialect", "serpy1", "-J")
        assert done.returncode == 0, done.stderr
        event = answer(done.stdout)
        assert event["confirmed"] and "stored" not in event
        got = receiver.proc.event("blob", timeout=WAIT, size=size)
        assert hashlib.sha256(open(got["file"], "rb").read()).hexdigest() == digest(path)
    assert receiver.names() == ["blob-000001", "blob-000002", "blob-000003"]


def test_several_senders_at_once_get_a_file_each(tmp_path, receiver):
    paths = [make_file(tmp_path, 2 * MIB, f"file{i}") for i in range(8)]
    senders = [subprocess.Popen([binary("lanyard"), "blob", "send", str(p), receiver.address, "-q"]) for p in paths]
    assert [s.wait(WAIT) for s in senders] == [0] * 8
    assert receiver.names() == [p.name for p in paths]
    for path in paths:
        assert digest(receiver.folder / path.name) == digest(path)


@pytest.mark.limit(240)
def test_memory_stays_small_during_a_large_file_at_both_ends(lan, tmp_path):
    receiver = Receiver(lan, tmp_path / "in", json=False)
    path = tmp_path / "large"
    with open(path, "wb") as f:
        for _ in range(300):
            f.write(os.urandom(4096) * 256)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "150M")
    peaks = {}

    def finished():
        for proc in (sender, receiver.proc):
            status = open(f"/proc/{proc.pid}/status", encoding="ascii").read() if proc.running() else ""
            found = re.search(r"VmHWM:\s+(\d+)", status)
            if found:
                peaks[proc] = int(found.group(1)) * 1024
        return not sender.running()
    wait_for(finished, timeout=120, what="the end of the sender")
    assert sender.wait() == 0, sender.tail()
    assert digest(receiver.folder / "large") == digest(path)
    if not SANITIZED:
        assert max(peaks.values()) < 24 * MIB, peaks
    path.unlink()
    (receiver.folder / "large").unlink()


def test_the_rate_is_limited(tmp_path, receiver):
    path = make_file(tmp_path, 2 * MIB)
    began = time.monotonic()
    done = send(path, receiver.address, "--limit", "1M/s", "-J")
    assert done.returncode == 0
    assert time.monotonic() - began > 1.5
    assert answer(done.stdout)["seconds"] > 1.5


# ---- what is seen meanwhile -----------------------------------------------------------------------------------------

def test_progress_is_a_line_each_tenth_and_nothing_with_q(tmp_path, receiver):
    path = make_file(tmp_path, 10 * MIB)
    lines = [line for line in send(path, receiver.address).stderr.splitlines() if " % of " in line]
    assert 1 <= len(lines) <= 10 and "100 % of 10.0 MiB" in lines[-1]
    assert send(path, receiver.address, "-q").stderr == ""


def test_on_a_terminal_progress_is_a_bar_with_rate_and_time_left(tmp_path, receiver):
    path = make_file(tmp_path, 4 * MIB)
    main, side = pty.openpty()
    with subprocess.Popen([binary("lanyard"), "blob", "send", str(path), receiver.address, "--limit", "4M"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=side) as sending:
        os.close(side)
        seen = b""
        while True:
            try:
                seen += os.read(main, 65536)
            except OSError:
                break
        assert sending.wait(WAIT) == 0
    os.close(main)
    assert re.search(rb"\r\x1b\[K\[#+\.+\] +\d+ %  [\d.]+ MiB  [\d.]+ .iB/s  ETA \d+:\d\d", seen), seen
    assert b"stored as data.bin" in seen.rsplit(b"\r\x1b[K", 1)[1]


# ---- what goes wrong ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, code, said", [
    (["blob", "send", "/nonexistent", "127.0.0.1:1"], 3, "cannot open /nonexistent"),
    (["blob", "send", "/tmp", "127.0.0.1:1"], 2, "is a folder"),
    (["blob", "send", "/etc/passwd", "nonsense:x"], 2, "cannot connect to"),
    (["blob", "send", "/etc/passwd", "127.0.0.1:1", "--name", "a/.."], 2, "a name that is a folder"),
    (["blob", "send", "/etc/passwd", "127.0.0.1:1", "--limit", "-1"], 2, "not a rate"),
    (["blob", "recv", "127.0.0.1:0"], 2, "--dir is missing"),
    (["blob", "recv", "127.0.0.1:0", "--stdout", "--dir", "/tmp"], 2, "leave one of them out"),
    (["blob", "recv", "127.0.0.1:0", "-o", "file"], 2, "-o takes - alone"),
    (["blob", "recv", "127.0.0.1:0", "--dir", "/proc/nonexistent/x"], 1, "cannot use the folder")])
def test_errors_say_what_and_have_their_codes(words, code, said):
    done = subprocess.run([binary("lanyard"), *words], capture_output=True, text=True, timeout=WAIT, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == code and said in done.stderr, done


def test_without_a_receiver_it_ends_with_1(tmp_path):
    done = send(make_file(tmp_path, 10), f"127.0.0.1:{free_port()}")
    assert done.returncode == 1 and "cannot connect to" in done.stderr and "lanyard blob recv" in done.stderr


def test_a_sender_that_is_killed_leaves_no_file_and_the_receiver_goes_on(lan, tmp_path, receiver):
    path = make_file(tmp_path, 8 * MIB)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "1M")
    wait_for(lambda: any(n.startswith(".lanyard-") for n in receiver.names()), what="the temporary file")
    sender.kill()
    failed = receiver.proc.event("failed", timeout=WAIT)
    assert failed["size"] > 0 and failed["reason"]
    assert receiver.names() == []
    assert send(path, receiver.address).returncode == 0
    assert receiver.proc.stop() == 7


def test_a_receiver_that_ends_fails_the_sender_and_leaves_no_file(lan, tmp_path, receiver):
    path = make_file(tmp_path, 8 * MIB)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "1M")
    wait_for(lambda: any(n.startswith(".lanyard-") for n in receiver.names()), what="the temporary file")
    receiver.proc.stop()
    assert sender.wait(WAIT) == 1
    sender.line(r"the connection to .* ended after .* of 8\.0 MiB: ", stream="err")
    assert receiver.names() == []


def test_an_interrupted_sender_ends_with_130_and_a_late_one_with_6(lan, tmp_path, receiver):
    path = make_file(tmp_path, 8 * MIB)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "1M")
    sender.line("10 % of", stream="err")
    assert sender.stop(signal.SIGINT) == 130
    done = send(path, receiver.address, "--limit", "1M", "--timeout", "500ms")
    assert done.returncode == 6 and "--timeout 500ms was not enough" in done.stderr
    wait_for(lambda: receiver.names() == [], what="nothing left")


def test_a_file_that_is_too_large_is_refused_and_the_sender_told_why(lan, tmp_path):
    receiver = Receiver(lan, tmp_path / "in", "--max-size", "1M")
    done = send(make_file(tmp_path, MIB + 1), receiver.address)
    assert done.returncode == 1 and "refused it: larger than --max-size" in done.stderr
    assert receiver.proc.event("failed")["size"] == MIB + 1
    assert send(make_file(tmp_path, MIB), receiver.address).returncode == 0
    assert receiver.names() == ["data.bin"]


def test_a_full_disk_ends_the_file_and_not_the_program(lan, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
    try:
        receiver = Receiver(lan, small)
        done = send(make_file(tmp_path, 3 * MIB), receiver.address)
        assert done.returncode == 1 and "refused it: No space left on device" in done.stderr
        assert receiver.names() == []
        assert send(make_file(tmp_path, 1000), receiver.address).returncode == 0
        assert receiver.names() == ["data.bin"]
        receiver.proc.stop()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_file_that_shrinks_or_changes_while_it_is_sent_is_an_error(lan, tmp_path, receiver):
    path = make_file(tmp_path, 4 * MIB)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "2M")
    sender.line("10 % of", stream="err")
    os.truncate(path, MIB)
    assert sender.wait(WAIT) == 1
    sender.line("got shorter while it was sent", stream="err")
    path = make_file(tmp_path, 4 * MIB)
    sender = lan.start("lanyard", "blob", "send", path, receiver.address, "--limit", "2M")
    sender.line("10 % of", stream="err")
    with open(path, "r+b") as f:
        f.seek(3 * MIB + MIB // 2)
        f.write(bytes(1000))
    assert sender.wait(WAIT) == 1
    sender.line("was changed while it was sent", stream="err")
    wait_for(lambda: receiver.names() == [], what="nothing left")


# ---- originals, and what they never see -----------------------------------------------------------------------------

def test_an_original_gets_one_plain_message_and_13_bytes_it_never_looks_at(tmp_path, original):
    server = original(Peer2)
    path = make_file(tmp_path, 300000)
    done = send(path, server.address, "-v", "-J", "--linger", "300ms")
    assert done.returncode == 0, done.stderr
    peer = server.peer()
    assert peer.values(1) == [path.read_bytes()]
    peer.end()
    assert peer.got == [path.read_bytes()] and peer.resets == 0 and peer.buffer == ASK
    assert "cannot confirm" in done.stderr
    event = answer(done.stdout.splitlines()[-1])
    assert event["confirmed"] is False and "stored" not in event


def test_an_original_that_answers_something_else_is_no_lanyard(tmp_path, original):
    server = original(Peer2, echo=True)
    done = send(make_file(tmp_path, 100000), server.address, "-J")
    assert done.returncode == 0, done.stderr
    assert answer(done.stdout)["confirmed"] is False


def test_an_original_of_serpy1_gets_a_message_of_mode_3(tmp_path, original):
    server = original(Peer1)
    path = make_file(tmp_path, 100000)
    assert send(path, server.address, "--dialect", "serpy1").returncode == 0
    assert server.peer().got == [(3, path.read_bytes())]


def test_files_of_originals_get_names_of_the_receivers_own(receiver):
    peer = Peer2.connect(receiver.address)
    first, second = os.urandom(200000), b"small"
    peer.send(first, second, "a chat", 5)
    receiver.proc.line("", timeout=WAIT)
    receiver.proc.event("blob", nth=1, timeout=WAIT)
    assert [(receiver.folder / n).read_bytes() for n in receiver.names()] == [first, second]
    assert receiver.names() == ["blob-000001", "blob-000002"]
    peer.send(b"last")
    peer.close()
    receiver.proc.event("blob", nth=2)
    assert not peer.got, "an original is told nothing"


def test_files_of_originals_of_serpy1_too(lan, tmp_path):
    receiver = Receiver(lan, tmp_path / "in", "--dialect", "serpy1")
    peer = Peer1.connect(receiver.address)
    data = os.urandom(200000)
    peer.send(data, mode=2)
    peer.send(b"x", mode=3)
    peer.close()
    receiver.proc.event("blob", nth=1, timeout=WAIT)
    assert [(receiver.folder / n).read_bytes() for n in receiver.names()] == [data, b"x"]


def test_a_wrong_checksum_or_a_cut_leaves_nothing(receiver):
    peer = Peer2.connect(receiver.address)
    data = os.urandom(300000)
    peer.sock.sendall(frame(0x81, data, checksum=1) + frame(0x81, b"tiny", checksum=1) + frame_of(b"good"))
    receiver.proc.event("blob", timeout=WAIT)
    assert receiver.names() == ["blob-000001"]
    assert "checksum" in receiver.proc.events("failed")[0]["reason"]
    peer.sock.sendall(frame(0x81, data)[:150000])
    peer.close()
    assert receiver.proc.event("failed", nth=1, timeout=WAIT)["reason"] == "closed by the peer"
    assert receiver.proc.events("damaged")[0]["bytes"] == 4
    assert receiver.names() == ["blob-000001"]


def test_garbage_ends_one_connection_and_no_other(receiver):
    good = Peer2.connect(receiver.address)
    good.sock.sendall(frame(0x81, b"x" * 100000)[:50000])
    bad = socket.create_connection(receiver.address.split(":"))
    bad.sendall(b"\x00" * 10000)
    bad.settimeout(WAIT)
    try:
        assert bad.recv(1) == b""
    except ConnectionResetError:
        pass
    good.sock.sendall(frame(0x81, b"x" * 100000)[50000:])
    receiver.proc.event("blob", timeout=WAIT)
    good.close()
    bad.close()


# ---- what Lanyard ends say to each other ----------------------------------------------------------------------------

class Sender(Peer2):
    """Lanyard's part of the conversation, word by word."""

    def ask(self):
        count = len(self.got)
        self.sock.sendall(ASK)
        return json.loads(self.values(count + 1)[count])

    def say(self, **fields):
        self.send(json.dumps({"lanyard": "blob", **fields}, separators=(",", ":")))


def conversation(receiver, data=b"data", **fields):
    """One file with what is said about it; the receiver's last word."""
    peer = Sender.connect(receiver.address)
    peer.send(data)
    assert peer.ask() == {"lanyard": "blob?"}
    peer.say(**fields)
    word = json.loads(peer.values(2)[1])
    peer.close()
    return word


@pytest.mark.parametrize("name, stored", [("../../etc/passwd", "passwd"), ("/etc/shadow", "shadow"), ("a/b/c.txt", "c.txt"),
                                          ("ü \U0001f4a1", "ü \U0001f4a1"), (".profile", ".profile"), ("..x", "..x")])
def test_only_the_last_part_of_a_name_counts(receiver, name, stored):
    assert conversation(receiver, name=name, size=4) == {"lanyard": "stored", "name": stored, "size": 4}
    assert receiver.names() == [stored]


@pytest.mark.parametrize("name", ["", ".", "..", "x/", "x/..", "a\nb", "a\x1b[2Jb", "a\x7f", "a\x9b", "x" * 256, "ü" * 128,
                                  "y" * 5000])
def test_names_that_are_none_are_refused_and_nothing_is_left(receiver, name):
    word = conversation(receiver, name=name, size=4)
    assert word["lanyard"] == "refused" and "name" in word["why"]
    wait_for(lambda: receiver.names() == [], what="an empty folder")


def test_a_name_that_is_a_link_is_not_followed(tmp_path, receiver):
    target = tmp_path / "target"
    target.write_bytes(b"keep me")
    (receiver.folder / "link").symlink_to(target)
    assert conversation(receiver, name="link", size=4)["name"] == "link-2"
    assert target.read_bytes() == b"keep me"


def test_a_size_that_is_another_is_refused(receiver):
    assert conversation(receiver, name="x", size=5)["lanyard"] == "refused"
    assert receiver.names() == []


def test_a_damaged_file_is_refused_when_it_is_asked_about(receiver):
    for size in (100, 100000):
        peer = Sender.connect(receiver.address)
        peer.sock.sendall(frame(0x81, b"x" * size, checksum=1))
        word = peer.ask()
        assert word["lanyard"] == "refused" and "checksum" in word["why"]
        peer.close()
    assert receiver.names() == []


def test_a_file_in_parts_is_one_file(receiver):
    peer = Sender.connect(receiver.address)
    parts = [os.urandom(100000), os.urandom(100), os.urandom(70000)]
    assert peer.ask() == {"lanyard": "blob?"}
    peer.say(name="whole.bin", size=sum(map(len, parts)), parts=3)
    peer.send(*parts)
    assert json.loads(peer.values(2, WAIT)[1]) == {"lanyard": "stored", "name": "whole.bin", "size": 170100}
    assert receiver.names() == ["whole.bin"]
    assert (receiver.folder / "whole.bin").read_bytes() == b"".join(parts)
    peer.close()


def test_a_file_in_parts_that_is_damaged_or_cut_leaves_nothing(receiver):
    peer = Sender.connect(receiver.address)
    peer.ask()
    peer.say(name="x", size=200, parts=2)
    peer.send(b"a" * 100)
    peer.sock.sendall(frame(0x81, b"b" * 70000, checksum=1))
    receiver.proc.event("failed", timeout=WAIT)
    assert receiver.names() == []
    peer.close()
    peer = Sender.connect(receiver.address)
    peer.ask()
    peer.say(name="x", size=200, parts=2)
    peer.send(b"a" * 100)
    peer.close()
    receiver.proc.event("failed", nth=1, timeout=WAIT)
    assert receiver.names() == []


def test_a_name_that_does_not_come_is_not_waited_for(receiver):
    peer = Sender.connect(receiver.address)
    peer.send(b"one")
    receiver.proc.event("blob", timeout=WAIT)
    assert receiver.names() == ["blob-000001"]
    peer.send(b"two", b"three")
    receiver.proc.event("blob", nth=1, timeout=WAIT)
    peer.close()
    receiver.proc.event("blob", nth=2, timeout=WAIT)


def test_a_file_of_more_than_4_gib_goes_to_lanyard_only(tmp_path, original):
    path = tmp_path / "huge"
    with open(path, "wb") as f:
        f.truncate((4 << 30) + 1)
    server = original(Peer2)
    done = send(path, server.address)
    assert done.returncode == 1 and "others take at most 4 GiB" in done.stderr
    assert server.peer().got == []


def test_a_file_of_more_than_4_gib_is_announced_and_a_refusal_is_heard(lan, tmp_path):
    path = tmp_path / "huge"
    with open(path, "wb") as f:
        f.truncate((4 << 30) + 1)
    receiver = Receiver(lan, tmp_path / "in", "--max-size", "4G")
    done = send(path, receiver.address)
    assert done.returncode == 1 and "refused it: larger than --max-size" in done.stderr
    assert receiver.names() == []
    assert receiver.proc.event("failed")["size"] == (4 << 30) + 1
