"""`lanyard stream serve` with --dir and --exec: bytes that become files, and a command for each connection."""
import os
import socket
import subprocess

import pytest

from lanyard_test import SANITIZED, wait_for
from serpy_wire import Peer1, Peer2, frame, frame_of
from stream_cli import WAIT, Server, bare


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
