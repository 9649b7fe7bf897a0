"""test_cli_daemon_stream.py - `lanyard stream list|show|watch|send` against a daemon with streams."""
import base64
import json
import os
import pickle
import re
import signal
import socket
import threading

from daemon_stream import StreamDaemon, client, config, entry, server
from lanyard_test import wait_for
from stream_peer import Listener, Serpy1

def test_the_command_line_sends_values_of_each_type(lan):
    daemon = server(lan)
    peer = daemon.peer()
    daemon.lanyard("stream", "send", "lab", "one", "two words", "µ")
    daemon.lanyard("stream", "send", "lab", text="three\nfour")
    daemon.lanyard("stream", "send", "lab", "--type", "int", "--", "7", "-8")
    daemon.lanyard("stream", "send", "lab", "--type", "float", "1.5", "nan", "1e3")
    daemon.lanyard("stream", "send", "lab", "--type", "bytes", "--stdin-raw", text=b"5\xff\n\0")
    got = [peer.value() for _ in range(11)]
    assert got[:7] == ["one", "two words", "µ", "three", "four", 7, -8]
    assert got[7] == 1.5 and got[8] != got[8] and got[9] == 1000.0 and got[10] == b"5\xff\n\0"
    assert json.loads(" ".join(daemon.lanyard("stream", "send", "lab", "-j", "six"))) == {
        "schema": 1, "stream": "lab", "sent": 1, "failed": 0}


def test_the_command_line_sends_to_one_connection_and_in_a_mode(lan):
    daemon = server(lan, "serpy1")
    first, second = daemon.peer(), daemon.peer()
    daemon.lanyard("stream", "send", "lab", "--conn", "2", "--mode", "1", "x")
    daemon.lanyard("stream", "send", "lab", "y")
    assert second.answer() == 1 and second.block() == b"x\x04"
    # A server that has told one client a mode announces mode 0 to the others, too.
    assert first.answer() == 0 and first.block() == b"y"
    daemon.lanyard("stream", "send", "lab", "--conn", "1", "--type", "object", "--mode", "4", '{"a": [1]}')
    assert first.answer() == 4 and pickle.loads(base64.b85decode(first.block())) == {"a": [1]}


def test_the_command_line_waits_for_room_and_nobody_gets_anything_twice(lan):
    daemon = server(lan, max_queue="64K")
    reads, sleeps = daemon.peer(), daemon.peer(receive_buffer=4096)
    lines = [f"{i:04d}" + "z" * 30000 for i in range(300)]
    proc = lan.start("lanyard", "-s", daemon.socket, "stream", "send", "lab")
    heard = []
    threads = [threading.Thread(target=lambda: (proc.send("\n".join(lines)), proc.close_stdin())),
               threading.Thread(target=lambda: heard.extend(reads.value() for _ in lines))]
    for thread in threads:
        thread.start()
    wait_for(lambda: daemon.conns()[1]["queued_bytes"] > 30000, what="a full queue")
    assert proc.running() and len(heard) < len(lines)
    late = [sleeps.value() for _ in lines]
    for thread in threads:
        thread.join()
    assert proc.wait() == 0, proc.tail()
    assert heard == lines and late == lines


CLI_ERRORS = [
    (["nope", "x"], 3, 'no stream named "nope"'),
    (["lab", "--conn", "9", "x"], 3, 'stream "lab" has no connection 9'),
    (["lab", "--type", "int", "1.5"], 2, "message 1 is not a whole number"),
    (["lab", "--type", "int", "9223372036854775808"], 2, "message 1 is a whole number that is too large"),
    (["lab", "--type", "float", "1,5"], 2, "message 1 is not a number"),
    (["lab", "--type", "object", "{"], 2, "message 1 is not JSON"),
    (["lab", "--type", "object", "{}"], 2, 'stream "lab" cannot carry this message: '),
    (["lab", b"\xff"], 2, "message 1 is not text"),
    (["lab", "--type", "number", "1"], 2, "not one of str|int|float|bytes|object"),
    (["lab", "--mode", "6", "1"], 2, "not one of 0|1|2|3|4|5"),
    (["lab", "x" * 2000], 2, "(max_message: 1K)"),
]


def test_what_the_command_line_cannot_send_is_an_error_with_its_code(lan):
    daemon = server(lan, max_message="1K")
    proc = lan.start("lanyard", "-s", daemon.socket, "stream", "send", "lab", "x")
    assert proc.wait() == 3 and 'nobody is connected to stream "lab"' in proc.err[0]
    peer = daemon.peer()
    for words, code, what in CLI_ERRORS:
        proc = lan.start("lanyard", "-s", daemon.socket, "stream", "send", *map(os.fsdecode, words))
        assert proc.wait() == code and what in proc.err[0], (words, proc.tail())
    out = daemon.lanyard("stream", "send", "lab", "-j", "--type", "int", "1", "two", "3", code=7)
    document = json.loads("\n".join(out))
    assert (document["sent"], document["failed"]) == (2, 1) and document["error"]["code"] == "usage"
    assert [peer.value(), peer.value()] == [1, 3]
    error = json.loads("\n".join(daemon.lanyard("stream", "show", "nope", "-j", code=3)))["error"]
    assert error["code"] == "not-found"
    daemon.proc.stop()
    assert lan.start("lanyard", "-s", daemon.socket, "stream", "list").wait() == 4


def test_the_command_line_shows_streams_as_tables_and_as_json(lan):
    taken = socket.create_server(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % taken.getsockname()[1]
    daemon = StreamDaemon(lan, config(entry("plots", "serpy1", serve="127.0.0.1:0"), entry("gone", serve=address)))
    peer = daemon.peer("plots")
    peer.say(b"hello")
    daemon.wait_events("message", stream="plots")
    head, plots, gone = daemon.lanyard("stream", "list")
    assert head.split()[:5] == ["NAME", "STATE", "ADDRESS", "DIALECT", "CONNS"]
    assert plots.split()[:6] == ["plots", "listening", daemon.stream("plots")["address"], "serpy1", "1", "1"]
    assert gone.split()[:3] == ["gone", "failed", address] and gone.endswith("address in use")
    document = json.loads("\n".join(daemon.lanyard("stream", "list", "-j")))
    assert [s["name"] for s in document["streams"]] == ["plots", "gone"]
    assert [json.loads(line)["name"] for line in daemon.lanyard("stream", "list", "-J")] == ["plots", "gone"]
    shown = daemon.lanyard("stream", "show", "plots")
    assert shown[0].startswith("plots: serpy1 server at ") and shown[0].endswith(", listening, text is utf-8")
    row = next(line.split() for line in shown if peer.name in line and "up" in line.split())
    assert row[0] == "1" and row[2] == "up" and row[5:] == ["1", "0", "0/0", "0/0", "0/0"]
    assert any(line.endswith("  hello") for line in shown)
    assert "not open: address in use" in "\n".join(daemon.lanyard("stream", "show", "gone"))
    assert json.loads("\n".join(daemon.lanyard("stream", "show", "plots", "-j")))["conns"][0]["peer"] == peer.name
    screen = "\n".join(daemon.lanyard())
    assert "2 streams, 1 not open, 1 connection, 0 messages waiting" in screen and "insecure, legacy" in screen


def test_what_happens_on_a_stream_can_be_watched_as_lines_and_as_json(lan):
    daemon = server(lan)
    lines, objects = (lan.start("lanyard", "-s", daemon.socket, "stream", "watch", "lab", "-n", "8", *more)
                      for more in ((), ("-J",)))
    daemon.watched(2)
    peer = daemon.peer()
    for value in ("text", 7, 0.1, b"\0\1\2", b"words", "\x1b[2J"):
        peer.say(value)
    peer.close()
    assert lines.wait() == 0 and objects.wait() == 0, lines.tail()
    assert re.match(r"^\d\d:\d\d:\d\d\.\d+  lab/1  up  " + re.escape(peer_name(lines.out[0])), lines.out[0])
    ends = ["  text", "  7", "  0.1", "  3 bytes of binary data", "  words", "  \x1b[2J"]
    for line, end in zip(lines.out[1:], ends):
        assert "  lab/1  message  127.0.0.1:" in line and line.endswith(end), line
    assert "  lab/1  down  " in lines.out[7]
    events = [json.loads(line) for line in objects.out]
    assert [e["event"] for e in events] == ["up"] + ["message"] * 6 + ["down"]
    assert [e.get("type") for e in events[1:7]] == ["str", "int", "float", "bytes", "bytes", "str"]


def peer_name(line):
    return re.search(r"127\.0\.0\.1:\d+", line).group(0)


def test_losses_read_as_sentences(lan):
    listener = Listener(Serpy1)
    daemon = client(lan, listener, "serpy1")
    peer = listener.accept()
    watcher = lan.start("lanyard", "-s", daemon.socket, "stream", "watch", "lab")
    daemon.watched(1)
    daemon.say("x", mode=1)
    assert peer.answer() == 1 and peer.block() == b"x\x04"
    peer.reset()
    watcher.line(r"  lab  lost  .*  1 message\(s\) may be lost, 0 doubled, [01] of them did not reach the peer's system$")
    assert watcher.stop(signal.SIGINT) == 130


def test_names_of_streams_are_completed(lan):
    daemon = StreamDaemon(lan, config(entry("lab", serve="127.0.0.1:0"), entry("lab-b", serve="127.0.0.1:0")))
    for verb in ("show", "watch", "send"):
        offered = lan.start("lanyard", "__complete", "words", "-s", daemon.socket, "stream", verb, "la")
        assert offered.wait() == 0, offered.tail()
        assert [line.split("\t")[0] for line in offered.out] == ["lab", "lab-b"], verb
