"""Both serpy wires by the command line, and the other implementation (serpy_peer.py) at the other end; see README.md."""
import hashlib
import os
import random

import pytest

from serpy_ends import WAIT, Theirs

DIALECTS = ("serpy1", "serpy2")
BLOBS = [0, 1, 4096, 1 << 20] + ([64 << 20] if "SERPY_REPO" not in os.environ else [])


def theirs_to(lan, ours, dialect, *options, stream="err"):
    """A client of theirs at a server of ours that says where it listens: by a sentence, or as an event on stdout."""
    port = ours.line(r"127\.0\.0\.1:([1-9]\d*)", stream=stream, timeout=WAIT)[1]
    return Theirs(lan, "connect", dialect, port, *options)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def same(line, data):
    return line.get("sha256") == digest(data) if "sha256" in line else bytes.fromhex(line["hex"]) == data


def blob(tmp_path, size):
    file = tmp_path / "blob.bin"
    file.write_bytes(random.Random(size).randbytes(size))
    return file, file.read_bytes()


@pytest.mark.limit(120)
def test_a_server_that_echoes_serpy2_gives_every_type_back(lan):
    ours = lan.start("lanyard", "stream", "serve", "127.0.0.1:0", "--dialect", "serpy2", "--echo", "-J", "-v")
    theirs = theirs_to(lan, ours, "serpy2", stream="out")
    for item in ({"int": -2**63}, {"float": (0.1).hex()}, {"str": "yes éµù"}, {"bytes": "00ff"}, {"str": ""}):
        theirs.send(**item)
    back = theirs.got(5)
    assert [x["type"] for x in back] == ["int", "float", "str", "bytes", "str"]
    assert back[0]["value"] == -2**63 and float.fromhex(back[1]["value"]) == 0.1
    assert [bytes.fromhex(x["hex"]) for x in back[2:]] == ["yes éµù".encode(), b"\0\xff", b""]
    said = ours.events("message")
    assert [e["type"] for e in said] == ["int", "float", "str", "bytes", "str"]
    assert [e["value"] for e in said[:3]] == [-2**63, 0.1, "yes éµù"]


@pytest.mark.limit(120)
@pytest.mark.parametrize("mode", range(6))
def test_lines_of_a_client_arrive_in_every_mode_of_serpy1(lan, mode):
    theirs = Theirs(lan, "serve", "serpy1", 0, "--encoding", "utf-8")
    ours = lan.start("lanyard", "stream", "connect", f"127.0.0.1:{theirs.port}", "--dialect", "serpy1", "--mode", mode)
    lines = [f"line {i} é" for i in range(20)]
    for line in lines:
        ours.send(line)
    ours.close_stdin()
    assert theirs.data(20) == [line.encode() for line in lines]
    assert ours.wait(WAIT) == 0, ours.tail()


@pytest.mark.limit(120)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_client_prints_what_a_server_sends_and_ends_after_so_many(lan, dialect):
    theirs = Theirs(lan, "serve", dialect, 0)
    ours = lan.start("lanyard", "stream", "connect", f"127.0.0.1:{theirs.port}", "--dialect", dialect, "-n", 3)
    theirs.got(1, "up")
    for text in ("one", "two é", "three"):
        theirs.send(str=text, mode=0)
    assert ours.wait(WAIT) == 0, ours.tail()
    assert ours.out == ["one", "two é", "three"]


@pytest.mark.limit(120)
def test_integers_typed_at_a_client_arrive_as_integers(lan):
    theirs = Theirs(lan, "serve", "serpy2", 0)
    ours = lan.start("lanyard", "stream", "connect", f"127.0.0.1:{theirs.port}", "--dialect", "serpy2", "--type", "int")
    for number in (0, -1, 2**63 - 1):
        ours.send(str(number))
    ours.close_stdin()
    assert [x["value"] for x in theirs.got(3)] == [0, -1, 2**63 - 1]
    assert ours.wait(WAIT) == 0, ours.tail()


@pytest.mark.limit(300)
@pytest.mark.parametrize("size", BLOBS)
def test_a_file_sent_as_a_blob_arrives_with_the_same_hash(lan, tmp_path, size):
    file, data = blob(tmp_path, size)
    theirs = Theirs(lan, "serve", "serpy2", 0)
    ours = lan.start("lanyard", "blob", "send", file, f"127.0.0.1:{theirs.port}")
    assert ours.wait(240) == 0, ours.tail()
    line = theirs.got(1)[0]
    assert line["type"] == "bytes" and line["len"] == size and same(line, data)


@pytest.mark.limit(300)
@pytest.mark.parametrize("size", BLOBS)
def test_bytes_of_a_client_become_a_file_with_the_same_hash(lan, tmp_path, size):
    file, data = blob(tmp_path, size)
    folder = tmp_path / "incoming"
    folder.mkdir()
    ours = lan.start("lanyard", "blob", "recv", "127.0.0.1:0", "--dir", folder, "-n", 1, "-v")
    theirs = theirs_to(lan, ours, "serpy2")
    theirs.send(blob=str(file))
    assert ours.wait(240) == 0, ours.tail()
    stored = list(folder.iterdir())
    assert len(stored) == 1 and digest(stored[0].read_bytes()) == digest(data)
    assert ours.out == [str(stored[0])]
