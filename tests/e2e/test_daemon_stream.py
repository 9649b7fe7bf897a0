"""test_daemon_stream.py - the streams of lanyardd: in both roles and dialects, against one another and plain sockets.

What a test knows of a stream it knows from the control socket, and from the
bytes that reached the other end.
"""
import base64
import json
import os
import pickle
import re
import signal
import socket
import threading
import time

import pytest
from daemon_test import Control, Daemon, at, once, records
from lanyard_test import free_port, wait_for
from stream_peer import Listener, Peer, Serpy1, Serpy2, base85

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
STREAM = {"name", "role", "dialect", "security", "legacy", "state", "address", "connections", "queued", "queued_bytes",
          "unacked", "rx_messages", "tx_messages", "lost", "doubled", "dropped"}
CONN = {"conn", "peer", "up", "closing", "since", "idle_ms", "connects", "rx_messages", "tx_messages", "rx_bytes",
        "tx_bytes", "queued", "queued_bytes", "unacked", "lost", "doubled"}
KINDS = {"serpy1": Serpy1, "serpy2": Serpy2}


class StreamDaemon(Daemon):
    def stream(self, name="lab"):
        return next((s for s in self.ask("stream.list")["streams"] if s["name"] == name), None)

    def show(self, name="lab"):
        return self.ask("stream.show", name=name)

    def conns(self, name="lab"):
        return self.show(name)["conns"]

    def counter(self, counter, name="lab"):
        return next(c["value"] for c in self.show(name)["counters"] if c["name"] == counter)

    def say(self, value, name="lab", **more):
        return self.ask("stream.send", name=name, value=value, **more)

    def events(self, kind=None, stream="lab"):
        return [e for e in self.ask("event.list", n=100000)["events"]
                if e.get("stream") == stream and kind in (None, e["event"])]

    def wait_events(self, kind, count=1, stream="lab", timeout=10):
        wait_for(lambda: len(self.events(kind, stream)) >= count, timeout=timeout, what=f"{count} events {kind}")
        return self.events(kind, stream)

    def watched(self, count):
        wait_for(lambda: self.ask("status")["control"]["watchers"] == count, what=f"{count} watchers")

    def peer(self, name="lab", **more):
        """A plain socket connected to a stream that serves, up as the daemon sees it."""
        stream = self.stream(name)
        before = stream["connections"]
        peer = KINDS[stream["dialect"]].to(stream["address"], **more)
        wait_for(lambda: self.stream(name)["connections"] > before, what="the connection")
        return peer

    def lanyard(self, *words, code=0, text=None):
        """The command line against this daemon: its lines."""
        proc = self.lan.start("lanyard", "-s", self.socket, *words)
        if text is not None:
            proc.popen.stdin.write(text if isinstance(text, bytes) else text.encode())
        proc.close_stdin()
        assert proc.wait() == code, proc.tail()
        return proc.out


def entry(name="lab", dialect="serpy2", **keys):
    """One stream as YAML flow, which is JSON."""
    return json.dumps({"name": name, "dialect": dialect, **keys})


def config(*entries):
    return "daemon: {name: hub, events: 100000}\nlink: []\nstream:\n" + "".join(f"- {e}\n" for e in entries)


def server(lan, dialect="serpy2", **keys):
    return StreamDaemon(lan, config(entry(dialect=dialect, serve="127.0.0.1:0", **keys)))


def client(lan, listener, dialect="serpy2", **keys):
    return StreamDaemon(lan, config(entry(dialect=dialect, connect=listener.address, retry_max="50ms", **keys)))


def values(events):
    return [e.get("value", e.get("text", e.get("base64"))) for e in events]


# --- the daemon with itself ------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["serpy1", "serpy2"])
def test_two_streams_of_one_daemon_talk_to_each_other(lan, dialect):
    address = f"127.0.0.1:{free_port()}"
    daemon = StreamDaemon(lan, config(entry("a", dialect, serve=address), entry("b", dialect, connect=address)))
    wait_for(lambda: daemon.stream("b")["state"] == "connected", what="the connection")
    texts = [f"message {i}" for i in range(200)]
    with daemon.control() as c:
        for text in texts:
            assert c.ask("stream.send", name="b", value=text)["sent"] == 1
    assert values(daemon.wait_events("message", 200, "a")) == texts
    conn = daemon.conns("a")[0]
    assert daemon.say("to all", "a") == {"schema": 1, "sent": 1, "full": []}
    assert daemon.say("to one", "a", conn=conn["conn"])["sent"] == 1
    assert values(daemon.wait_events("message", 2, "b")) == ["to all", "to one"]
    assert conn["peer"] == daemon.events("up", "a")[0]["peer"] and conn["up"] and TIME.match(conn["since"])
    assert set(conn) == CONN | ({"in_mode", "out_mode"} if dialect == "serpy1" else set())
    a, b = daemon.stream("a"), daemon.stream("b")
    assert set(a) == STREAM | ({"encoding"} if dialect == "serpy1" else set())
    assert (a["role"], a["state"], a["connections"], a["rx_messages"], a["tx_messages"]) == (
        "server", "listening", 1, 200, 2)
    assert (b["role"], b["state"], b["connections"], b["rx_messages"], b["tx_messages"]) == (
        "client", "connected", 1, 2, 200)
    assert a["address"] == b["address"] == address and a["lost"] == b["lost"] == 0
    assert daemon.ask("status")["streams"] == {"total": 2, "failed": 0, "connections": 2, "queued": 0}


def test_acknowledged_messages_of_two_streams_are_told_by_their_tokens(lan):
    address = f"127.0.0.1:{free_port()}"
    daemon = StreamDaemon(lan, config(entry("a", "serpy1", serve=address), entry("b", "serpy1", connect=address)))
    for mode in (1, 3, 1):
        daemon.say(f"mode {mode}", "b", mode=mode)
    assert [e["token"] for e in daemon.wait_events("acked", 3, "b")] == [1, 2, 3]
    heard = daemon.wait_events("message", 3, "a")
    assert [(e["mode"], e["text"], e["type"]) for e in heard] == [
        (1, "mode 1", "bytes"), (3, "mode 3", "bytes"), (1, "mode 1", "bytes")]
    assert daemon.conns("b")[0]["out_mode"] == 1 and daemon.conns("a")[0]["in_mode"] == 1


# --- what values look like ---------------------------------------------------------------

VALUES2 = [
    ("µ text", {"type": "str", "value": "µ text"}),
    ("", {"type": "str", "value": ""}),
    (-7, {"type": "int", "value": -7}),
    (2**63 - 1, {"type": "int", "value": 2**63 - 1}),
    (0.1, {"type": "float", "value": 0.1}),
    (-1e300, {"type": "float", "value": -1e300}),
    (float("inf"), {"type": "float", "value": "inf"}),
    (float("nan"), {"type": "float", "value": "nan"}),
    (b"ab\xff", {"type": "bytes", "size": 3, "base64": "YWL/"}),
    (b"text", {"type": "bytes", "size": 4, "base64": "dGV4dA==", "text": "text"}),
    (b"", {"type": "bytes", "size": 0, "base64": "", "text": ""}),
]


def test_values_of_serpy2_keep_their_types_in_events(lan):
    daemon = server(lan)
    peer = daemon.peer()
    for value, _ in VALUES2:
        peer.say(value)
    peer.frame(0x01, (2**90).to_bytes(16, "little"))
    peer.frame(0x01, (-(2**64)).to_bytes(9, "little", signed=True))
    heard = daemon.wait_events("message", len(VALUES2) + 2)
    common = {"schema", "seq", "time", "event", "stream"}
    for event, (value, expected) in zip(heard, VALUES2):
        assert {k: v for k, v in event.items() if k not in common} == {"conn": 1, "peer": peer.name, **expected}, value
    assert [e["value"] for e in heard[-2:]] == [str(2**90), str(-(2**64))]


def test_values_are_sent_with_the_type_that_was_asked_for(lan):
    daemon = server(lan)
    peer = daemon.peer()
    for args, arrived in [({"value": "µ"}, "µ"), ({"value": 7}, 7), ({"value": 7.5}, 7.5),
                          ({"value": 7, "type": "float"}, 7.0), ({"value": "-inf", "type": "float"}, float("-inf")),
                          ({"base64": "AAH/"}, b"\0\1\xff"), ({"base64": "", "type": "bytes"}, b"")]:
        assert daemon.ask("stream.send", name="lab", **args)["sent"] == 1
        got = peer.value()
        assert got == arrived and type(got) is type(arrived), args


def test_modes_of_serpy1_are_told_and_obeyed(lan):
    daemon = server(lan, "serpy1", objects=True)
    peer = daemon.peer()
    peer.say(b"bare")
    peer.mode(2)
    peer.say(base85(b"\0\xff"))
    peer.mode(4)
    peer.say(base85(pickle.dumps({"a": [1, None]}, 5)))
    assert [peer.block() for _ in range(2)] == [b"\x01ACKMODCG"] * 2
    heard = daemon.wait_events("message", 3)
    assert [(e["type"], e["mode"]) for e in heard] == [("bytes", 0), ("bytes", 2), ("object", 4)]
    assert heard[0]["text"] == "bare" and base64.b64decode(heard[1]["base64"]) == b"\0\xff"
    assert heard[2]["value"] == {"a": [1, None]} and "opaque" not in heard[2]
    daemon.say("plain")
    assert peer.block() == b"plain"
    daemon.say({"b": 2.5}, mode=4)
    assert peer.answer() == 4
    assert pickle.loads(base64.b85decode(peer.block())) == {"b": 2.5}
    daemon.ask("stream.send", name="lab", base64="AP8=")
    assert peer.answer() == 2 and base64.b85decode(peer.block()) == b"\0\xff"


def test_an_object_nobody_asked_for_is_shown_as_it_came(lan):
    daemon = server(lan, "serpy1")
    peer = daemon.peer()
    peer.mode(4)
    peer.say(base85(pickle.dumps([1], 5)))
    event = daemon.wait_events("message")[0]
    assert event["type"] == "object" and "value" not in event
    assert base64.b64decode(event["opaque"]) == pickle.dumps([1], 5) and event["size"] == len(pickle.dumps([1], 5))


def test_text_goes_in_the_encoding_of_the_stream(lan):
    daemon = server(lan, "serpy1", encoding="latin-1")
    peer = daemon.peer()
    daemon.say("µ")
    assert peer.block() == b"\xb5"
    error = daemon.error("stream.send", name="lab", value="€")
    assert error["code"] == "usage" and 'stream "lab" cannot carry this message: ' in error["what"]


# --- a server and its connections -----------------------------------------------------------


def test_a_message_goes_to_one_connection_or_to_all_of_them(lan):
    daemon = server(lan)
    peers = [daemon.peer() for _ in range(3)]
    assert daemon.say("all")["sent"] == 3
    assert [p.value() for p in peers] == ["all"] * 3
    assert daemon.say("second", conn=2)["sent"] == 1
    assert daemon.say("end")["sent"] == 3
    assert [p.value() for p in (peers[1], peers[0], peers[1], peers[2])] == ["second", "end", "end", "end"]
    peers[0].close()
    daemon.wait_events("down")
    assert [c["conn"] for c in daemon.conns()] == [2, 3]
    error = daemon.error("stream.send", name="lab", value="x", conn=1)
    assert (error["code"], error["what"]) == ("not-found", 'stream "lab" has no connection 1')
    down = daemon.events("down")[0]
    assert down["conn"] == 1 and down["cut"] == 0 and down["reason"]


@pytest.mark.parametrize("dialect", ["serpy1", "serpy2"])
def test_an_echo_answers_with_what_came(lan, dialect):
    daemon = server(lan, dialect, echo=True)
    peer = daemon.peer()
    if dialect == "serpy2":
        for value, _ in VALUES2[:6] + VALUES2[8:]:
            peer.say(value)
            assert peer.value() == value
    else:
        peer.say("bare µ".encode())
        assert peer.block() == "bare µ".encode()
        peer.mode(2)
        peer.say(base85(b"\0\xff"))
        assert peer.block() == b"\x01ACKMODCG"
        assert peer.answer() == 2 and base64.b85decode(peer.block()) == b"\0\xff"
        pickled = pickle.dumps({"a": (1, 2)}, 4)
        peer.mode(4)
        peer.say(base85(pickled))
        assert peer.block() == b"\x01ACKMODCG"
        assert peer.answer() == 4 and base64.b85decode(peer.block()) == pickled


def test_what_ends_a_connection_is_said_counted_and_harms_no_other(lan):
    daemon = server(lan, max_message="1K")
    good, bad, long = (daemon.peer() for _ in range(3))
    bad.raw(b"GET / HTTP/1.1\r\n\r\n")
    assert bad.ended()
    long.raw(b"\xde\xca\xfe\xca\xfe" + b"\x81" + b"\0" * 4 + b"\0\x08\0\0")
    assert long.ended()
    downs = {e["conn"]: e["reason"] for e in daemon.wait_events("down", 2)}
    assert set(downs) == {2, 3} and all(downs.values()) and downs[2] != downs[3]
    assert (daemon.counter("end_garbage"), daemon.counter("end_too_long")) == (1, 1)
    good.say("still here")
    assert values(daemon.wait_events("message")) == ["still here"]
    stats = [s for s in daemon.ask("stats.list")["stats"] if s["object"] == "stream"]
    assert {s["name"] for s in stats} == {c["name"] for c in daemon.show()["counters"]}
    assert all(s["stream"] == "lab" and s["help"] for s in stats)
    assert next(s["value"] for s in stats if s["name"] == "end_garbage") == 1


def test_connections_beyond_the_limit_are_refused_and_told(lan):
    daemon = server(lan, max_conns=1)
    daemon.first = daemon.peer()
    second = Serpy2.to(daemon.stream()["address"])
    try:
        assert second.ended()
    except ConnectionResetError:
        pass
    refused = daemon.wait_events("refused")[0]
    assert refused["peer"] == second.name and refused["reason"] and "conn" not in refused
    assert daemon.counter("conns_full") == 1 and daemon.stream()["connections"] == 1


def test_long_bytes_come_in_pieces_that_say_where_they_belong(lan):
    daemon = server(lan, max_message="64K", pieces=True, piece="32K")
    peer = daemon.peer()
    peer.say(b"x" * 300000)
    peer.say("after")
    daemon.wait_events("message")
    pieces = daemon.events("piece")
    at_byte = 0
    for piece in pieces:
        assert piece["offset"] == at_byte and piece["total"] == 300000 and "base64" not in piece
        at_byte += piece["size"]
    assert at_byte == 300000 and [p["last"] for p in pieces] == [False] * (len(pieces) - 1) + [True]


def test_a_full_queue_is_said_and_which_connections_it_was(lan):
    daemon = server(lan, max_queue="64K")
    reads, sleeps = daemon.peer(), daemon.peer(receive_buffer=4096)
    data = base64.b64encode(b"y" * 60000).decode()
    answer = {"full": []}
    sent = 0
    while not answer["full"]:
        answer = daemon.ask("stream.send", name="lab", base64=data)
        assert reads.value() == b"y" * 60000
        sent += 1
        assert sent < 1000, "the queue never got full"
    assert answer == {"schema": 1, "sent": 1, "full": [2]}
    error = daemon.error("stream.send", name="lab", base64=data, conn=2)
    assert error["code"] == "failed" and error["full"] == [2] and "(max_queue: 64K)" in error["what"]
    assert daemon.conns()[1]["queued"] > 0 and daemon.stream()["queued_bytes"] >= 60000
    for _ in range(sent - 1):
        assert sleeps.value() == b"y" * 60000
    assert daemon.wait_events("writable")[0]["conn"] == 2
    assert daemon.ask("stream.send", name="lab", base64=data, conn=2)["sent"] == 1
    assert sleeps.value() == b"y" * 60000


BAD_SENDS = [
    ({"name": "nope", "value": "x"}, "not-found", 'no stream named "nope"'),
    ({"name": "lab"}, "usage", 'takes one of "value" and "base64"'),
    ({"name": "lab", "value": "x", "base64": "eA=="}, "usage", 'takes one of "value" and "base64"'),
    ({"name": "lab", "base64": "eA"}, "usage", "is not base64"),
    ({"name": "lab", "base64": "eA==", "type": "str"}, "usage", "of the type bytes"),
    ({"name": "lab", "value": "x", "type": "int"}, "usage", '"value" is not of the type "int"'),
    ({"name": "lab", "value": 1.5, "type": "int"}, "usage", '"value" is not of the type "int"'),
    ({"name": "lab", "value": "many", "type": "float"}, "usage", '"value" is not of the type "float"'),
    ({"name": "lab", "value": "x", "type": "text"}, "usage", '"value" is not of the type "text"'),
    ({"name": "lab", "value": "x", "mode": 6}, "usage", '"mode" is 0 to 5'),
    ({"name": "lab", "value": [1]}, "usage", 'stream "lab" cannot carry this message: '),
    ({"name": "lab", "value": "x" * 2000}, "usage", "(max_message: 1K)"),
    ({"name": "lab", "value": "x", "conn": 77}, "not-found", 'stream "lab" has no connection 77'),
    ({"name": "lab", "value": "x", "con": 1}, "usage", 'unknown argument "con"'),
    ({"name": 7, "value": "x"}, "usage", 'argument "name" must be a string'),
]


def test_what_cannot_be_sent_is_refused_with_a_sentence(lan):
    daemon = server(lan, max_message="1K")
    error = daemon.error("stream.send", name="lab", value="x")
    assert (error["code"], error["what"]) == ("not-found", 'nobody is connected to stream "lab"')
    daemon.other = daemon.peer()
    for args, code, what in BAD_SENDS:
        error = daemon.error("stream.send", **args)
        assert error["code"] == code and what in error["what"], (args, error)
    assert daemon.stream()["tx_messages"] == 0
    assert daemon.error("stream.show", name="nope")["code"] == "not-found"
    assert daemon.error("stream.watch", name="nope")["code"] == "not-found"


# --- a client and its server -----------------------------------------------------------------


def test_what_is_queued_while_nobody_listens_arrives_in_order(lan):
    listener = Listener(Serpy2)
    listener.close()
    daemon = client(lan, listener)
    assert daemon.stream()["state"] == "connecting"
    for i in range(20):
        daemon.say(i)
    assert daemon.stream()["queued"] == 20 and daemon.wait_events("retry")[0]["attempts"] == 1
    listener = Listener(Serpy2, listener.port)
    peer = listener.accept()
    assert [peer.value() for _ in range(20)] == list(range(20))
    up = daemon.wait_events("up")[0]
    assert up["conn"] == 0 and up["connects"] == 1 and up["peer"] == listener.address
    assert daemon.stream()["state"] == "connected" and daemon.events("lost") == []


def test_a_peer_that_comes_back_costs_exactly_what_it_did_not_acknowledge(lan):
    listener = Listener(Serpy1)
    daemon = client(lan, listener, "serpy1")
    peer = listener.accept()
    for i in range(5):
        daemon.say(f"m{i}", mode=1)
    assert peer.answer() == 1
    assert [peer.block() for _ in range(5)] == [b"m%d\x04" % i for i in range(5)]
    for _ in range(3):
        peer.ack()
    daemon.wait_events("acked", 3)
    peer.reset()
    peer = listener.accept()
    lost = daemon.wait_events("lost")
    assert [(e["conn"], e["lost"], e["doubled"]) for e in lost] == [(0, 2, 0)] and lost[0]["reason"]
    order = [e["event"] for e in daemon.events() if e["event"] in ("down", "lost")]
    assert order == ["down", "lost"]
    daemon.say("after", mode=1)
    assert peer.answer() == 1 and peer.block() == b"after\x04"
    stream, conn = daemon.stream(), daemon.conns()[0]
    assert (stream["lost"], stream["doubled"], conn["lost"], conn["connects"]) == (2, 0, 2, 2)
    assert daemon.counter("tx_lost") == 2 and daemon.events("up")[-1]["connects"] == 2
    daemon.logged(r"event=lost stream=lab conn=0 lost=2 doubled=0")


def test_with_resend_the_same_messages_come_again_and_are_told_as_doubled(lan):
    listener = Listener(Serpy1)
    daemon = client(lan, listener, "serpy1", resend=True)
    peer = listener.accept()
    for i in range(5):
        daemon.say(f"m{i}", mode=1)
    assert peer.answer() == 1
    assert [peer.block() for _ in range(5)] == [b"m%d\x04" % i for i in range(5)]
    for _ in range(3):
        peer.ack()
    daemon.wait_events("acked", 3)
    peer.reset()
    peer = listener.accept()
    assert peer.answer() == 1
    assert [peer.block() for _ in range(2)] == [b"m3\x04", b"m4\x04"]
    lost = daemon.wait_events("lost")[0]
    assert (lost["lost"], lost["doubled"]) == (0, 2)
    peer.ack()
    peer.ack()
    assert [e["token"] for e in daemon.wait_events("acked", 5)] == [1, 2, 3, 4, 5]
    assert daemon.stream()["unacked"] == 0 and daemon.stream()["doubled"] == 2


def test_without_acknowledgements_every_message_that_was_sent_may_be_lost_and_the_others_are_not(lan):
    listener = Listener(Serpy2)
    daemon = client(lan, listener)
    peer = listener.accept()
    for i in range(7):
        daemon.say(i)
    assert [peer.value() for _ in range(7)] == list(range(7))
    peer.reset()
    daemon.wait_events("down")
    lost = daemon.wait_events("lost")[0]
    assert (lost["lost"], lost["doubled"]) == (7, 0), lost
    peer = listener.accept()
    daemon.say("after")
    assert peer.value() == "after"
    assert len(daemon.events("lost")) == 1 and daemon.stream()["lost"] == 7


def test_a_client_that_gives_up_is_listed_as_ended(lan):
    listener = Listener(Serpy2)
    listener.close()
    daemon = client(lan, listener, retries=3)
    assert daemon.wait_events("gave-up")[0]["attempts"] == 3
    assert daemon.stream()["state"] == "ended" and len(daemon.events("retry")) == 2
    error = daemon.error("stream.send", name="lab", value="x")
    assert error["code"] == "failed" and "does not connect any more" in error["what"]
    daemon.logged(r"level=error event=gave-up stream=lab attempts=3 ")


def test_once_is_once(lan):
    listener = Listener(Serpy2)
    daemon = client(lan, listener, once=True)
    peer = listener.accept()
    peer.say("only this")
    peer.close()
    assert values(daemon.wait_events("message")) == ["only this"]
    wait_for(lambda: daemon.stream()["state"] == "ended", what="the end")
    listener.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        listener.accept()


# --- the life of a stream ---------------------------------------------------------------------


def test_a_stream_whose_port_is_taken_is_listed_with_the_reason_and_recovers(lan):
    taken = socket.create_server(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % taken.getsockname()[1]
    daemon = StreamDaemon(lan, config(entry(serve=address), entry("other", serve="127.0.0.1:0")))
    stream = daemon.stream()
    assert (stream["state"], stream["reason"], stream["address"]) == ("failed", "address in use", address)
    assert "connections" not in stream and daemon.stream("other")["state"] == "listening"
    assert daemon.ask("status")["streams"]["failed"] == 1 and daemon.conns() == []
    error = daemon.error("stream.send", name="lab", value="x")
    assert error["code"] == "failed" and error["what"] == 'stream "lab" is not open: address in use'
    daemon.ask("config.reload")
    assert len(daemon.events("stream-failed")) == 1  # no news
    taken.close()
    assert daemon.ask("config.reload")["streams"]["unchanged"] == ["lab", "other"]
    assert daemon.stream()["state"] == "listening" and daemon.events("stream-opened")[0]["reason"] == "retry"
    assert daemon.events("stream-failed")[0]["reason"] == "address in use"
    steps = [(r["from"], r["to"]) for r in records(daemon.proc) if r["event"] == "stream-state" and r["stream"] == "lab"]
    assert steps == [("closed", "failed"), ("failed", "up")]


def test_a_failed_stream_is_tried_again_by_itself(lan):
    taken = socket.create_server(("127.0.0.1", 0))
    daemon = StreamDaemon(lan, config(entry(serve="127.0.0.1:%d" % taken.getsockname()[1])))
    assert daemon.stream()["state"] == "failed"
    taken.close()
    wait_for(lambda: daemon.stream()["state"] == "listening", timeout=8, what="the retry")


def test_a_reload_opens_and_closes_streams_and_leaves_the_others_alone(lan):
    address = f"127.0.0.1:{free_port()}"
    keep, drop = entry("keep", serve="127.0.0.1:0"), entry("drop", serve="127.0.0.1:0")
    daemon = StreamDaemon(lan, config(keep, drop, entry("edit", serve=address)))
    kept, dropped, edited = (daemon.peer(name) for name in ("keep", "drop", "edit"))
    with daemon.control() as c, daemon.control() as d:
        c.send("stream.watch", name="drop")
        d.send("stream.watch", name="keep")
        c.ask("status")
        d.ask("status")
        daemon.write(config(keep, entry("edit", serve=address, max_message="2K"), entry("new", serve="127.0.0.1:0")))
        result = daemon.ask("config.reload")
        assert result["streams"] == {"added": ["new"], "removed": ["drop"], "changed": ["edit"], "unchanged": ["keep"]}
        assert result["warnings"] == []
        assert c.event("stream-closed")["reason"] == "removed"
        assert c.read()["end"] == {"reason": "stream-removed"}
        assert dropped.ended() and edited.ended()
        kept.say("still here")
        assert d.event("message")["value"] == "still here"
    assert daemon.say("and here", "keep")["sent"] == 1 and kept.value() == "and here"
    assert daemon.error("stream.show", name="drop")["code"] == "not-found"
    assert [s["name"] for s in daemon.ask("stream.list")["streams"]] == ["keep", "edit", "new"]
    assert len(daemon.events("stream-opened", "edit")) == 2 and len(daemon.events("stream-opened", "keep")) == 1
    daemon.logged(r"event=config-reloaded .*streams_added=new streams_removed=drop streams_changed=edit "
                  r"streams_unchanged=keep")


def test_a_reload_that_only_turns_the_echo_on_keeps_the_connections(lan):
    daemon = server(lan)
    peer = daemon.peer()
    daemon.write(config(entry(serve="127.0.0.1:0", echo=True)))
    assert daemon.ask("config.reload")["streams"]["changed"] == ["lab"]
    peer.say("hello")
    assert peer.value() == "hello" and len(daemon.events("stream-opened")) == 1


def test_a_wrong_configuration_leaves_the_streams_as_they_are(lan):
    daemon = server(lan)
    peer = daemon.peer()
    daemon.write(config(entry(serve="127.0.0.1:0", retries=3)))
    error = daemon.error("config.reload")
    assert '"retries" is for streams with "connect", this one has "serve"' in error["details"][0]
    peer.say("hello")
    assert values(daemon.wait_events("message")) == ["hello"]


def test_what_waits_on_a_stream_that_is_changed_is_dropped_and_told(lan):
    listener = Listener(Serpy2)
    listener.close()
    daemon = client(lan, listener)
    for i in range(3):
        daemon.say(i)
    daemon.write(config(entry(connect=listener.address, retry_max="60ms")))
    result = daemon.ask("config.reload")
    assert result["warnings"] == [
        'stream "lab": 3 messages not sent or not acknowledged yet were dropped (changed)']
    unsent = daemon.events("unsent")[0]
    assert (unsent["count"], unsent["reason"]) == (3, "changed")
    daemon.logged(r"level=warn event=stream-unsent stream=lab messages=3 cause=changed")


@pytest.mark.parametrize("dialect", ["serpy1", "serpy2"])
def test_the_drain_sends_what_is_queued_and_closes_in_good_order(lan, dialect):
    daemon = server(lan, dialect, max_queue="8M")
    slow = daemon.peer(receive_buffer=4096)
    for i in range(40):
        daemon.say(f"{i:03d}" + "x" * 100000)
    assert daemon.stream()["queued"] > 0
    address = daemon.stream()["address"]
    begun = time.monotonic()
    daemon.proc.send_signal(signal.SIGTERM)
    daemon.logged(r"event=daemon-state .*to=draining .* pending_messages=[1-9]\d* conns=1$")
    with pytest.raises(OSError):
        Peer.to(address)
    got = [slow.value() if dialect == "serpy2" else slow.block().decode() for _ in range(40)]
    assert [g[:3] for g in got] == [f"{i:03d}" for i in range(40)] and {len(g) for g in got} == {100003}
    assert slow.ended()
    slow.close()
    assert daemon.proc.wait() == 0, daemon.proc.tail()
    assert time.monotonic() - begun < 4  # the limit is 5 s
    daemon.logged(r"event=daemon-state .*to=ended cause=drained .*unsent_messages=0")


def test_the_drain_ends_after_five_seconds_with_a_peer_that_does_not_read(lan):
    daemon = server(lan, max_queue="8M")
    daemon.deaf = daemon.peer(receive_buffer=4096)
    for _ in range(60):
        daemon.say("x" * 100000)
    left = daemon.stream()["queued"]
    assert left > 0
    begun = time.monotonic()
    assert daemon.proc.stop() == 0
    assert 4.5 < time.monotonic() - begun < 7
    daemon.logged(rf"level=warn event=stream-unsent stream=lab messages={left} cause=shutdown")
    daemon.logged(rf"event=daemon-state .*cause=\"drain limit\" .*unsent_messages={left}")


def test_the_drain_of_a_client_waits_for_its_acknowledgements(lan):
    listener = Listener(Serpy1)
    daemon = client(lan, listener, "serpy1")
    peer = listener.accept()
    daemon.say("last words", mode=1)
    assert peer.answer() == 1 and peer.block() == b"last words\x04"
    begun = time.monotonic()
    daemon.proc.send_signal(signal.SIGTERM)
    daemon.logged(r"event=daemon-state .*to=draining .* pending_messages=1 conns=1$")
    peer.ack()
    assert peer.ended()
    peer.close()
    assert daemon.proc.wait() == 0
    assert time.monotonic() - begun < 4
    daemon.logged(r"event=daemon-state .*to=ended cause=drained .*unsent_messages=0")


def test_an_insecure_stream_says_so_everywhere(lan):
    daemon = StreamDaemon(lan, config(entry("old", "serpy1", serve="127.0.0.1:0"), entry("new", serve="127.0.0.1:0")))
    for name in ("old", "new"):
        assert daemon.stream(name)["security"] == "insecure" and daemon.stream(name)["legacy"] is True
    daemon.logged(r"event=stream-security stream=new")
    warned = {r["stream"]: (r["level"], r["security"], r["dialect"]) for r in records(daemon.proc)
              if r["event"] == "stream-security"}
    assert warned == {"old": ("warn", "insecure", "serpy1"), "new": ("warn", "insecure", "serpy2")}
    assert sum("insecure, legacy" in line for line in daemon.lanyard("stream", "list")) == 2
    assert any("insecure: not encrypted" in line for line in daemon.lanyard("stream", "show", "old"))


def test_strangers_cannot_fill_the_log(lan):
    daemon = server(lan)
    address = daemon.stream()["address"]
    for _ in range(20):
        Serpy2.to(address).close()
    daemon.wait_events("down", 20)
    assert len(daemon.events("up")) == 20
    assert daemon.proc.stop() == 0
    states = [(r["from"], r["to"]) for r in records(daemon.proc) if r["event"] == "conn-state"]
    assert states.count(("down", "up")) == 5 and states.count(("up", "down")) <= 10
    suppressed = {r["records"]: int(r["count"]) for r in records(daemon.proc) if r["event"] == "suppressed"}
    assert suppressed["up stream=lab"] == 15


def test_values_are_in_the_log_in_no_way(lan):
    daemon = StreamDaemon(lan, config(entry(serve="127.0.0.1:0")), options=["-v", "-v"])
    daemon.peer().say("open sesame")
    daemon.wait_events("message")
    daemon.logged(r"level=debug event=message stream=lab conn=1 bytes=11")
    assert not any("sesame" in line for line in daemon.proc.err)


def test_a_watcher_of_one_stream_sees_nothing_of_others(lan):
    daemon = StreamDaemon(lan, config(entry("a", serve="127.0.0.1:0"), entry("b", serve="127.0.0.1:0")))
    a, b = daemon.peer("a"), daemon.peer("b")
    with Control(daemon.socket) as one, Control(daemon.socket) as every, Control(daemon.socket) as links:
        one.send("stream.watch", name="b")
        every.send("stream.watch")
        links.send("link.watch")
        for c in (one, every, links):
            c.ask("status")
        a.say(1)
        assert every.event()["value"] == 1
        b.say(2)
        assert one.event()["value"] == 2 and every.event()["value"] == 2
        links.send("status")
        assert "result" in links.read()


def test_show_has_what_happened_last(lan):
    daemon = server(lan)
    peer = daemon.peer()
    for i in range(30):
        peer.say(i)
    daemon.wait_events("message", 30)
    shown = daemon.show()
    assert shown["schema"] == 1 and shown["stream"]["rx_messages"] == 30
    assert values(shown["recent"]) == list(range(10, 30))
    names = [c["name"] for c in shown["counters"]]
    assert len(names) == len(set(names)) and all(c["help"] for c in shown["counters"]) and "echo_lost" in names


def test_a_check_opens_nothing_and_counts_streams(lan):
    path = at(lan.folder, "lanyard.yaml", config(entry(serve="127.0.0.1:1"), entry("b", connect="nowhere.invalid")))
    assert once(lan, "--check", "-c", path) == (0, f"{path}: ok, 0 links, 2 streams", "")


# --- the command line ----------------------------------------------------------------------------


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
    assert second.answer() == 1 and [second.block(), first.block()] == [b"x\x04", b"y"]
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


def test_a_peer_that_lives_but_does_not_read_is_not_taken_for_dead(lan):
    daemon = server(lan, dead_after="1s", max_queue="64K")
    sleeps = daemon.peer(receive_buffer=4096)
    sent = 0
    while daemon.ask("stream.show", name="lab")["conns"][0]["queued"] == 0:
        daemon.say(f"{sent:04d}" + "x" * 30000)
        sent += 1
    asleep = time.monotonic() + 6  # the system asks a peer without room less and less often: soon not once in 2 s
    with pytest.raises(AssertionError, match="events down"):
        daemon.wait_events("down", timeout=asleep - time.monotonic())
    assert [sleeps.value()[:4] for _ in range(sent)] == [f"{i:04d}" for i in range(sent)]
    assert daemon.events("down") == [] and daemon.stream()["lost"] == 0


def test_a_peer_whose_system_is_gone_is_dead_after_the_time_given(lan, two_hosts):
    (left, address), (right, _) = two_hosts
    daemon = StreamDaemon(Host(lan, left), config(entry(serve="0.0.0.0:0", dead_after="1s")))
    port = daemon.stream()["address"].rsplit(":", 1)[1]
    with right:
        peer = Serpy2.to(f"{address}:{port}")
    daemon.wait_events("up")
    left.link("lan0", False)
    daemon.say("into the void")
    begun = time.monotonic()
    down = daemon.wait_events("down", timeout=6)[0]
    assert time.monotonic() - begun > 0.9 and down["reason"] == "timed out"
    lost = daemon.wait_events("lost")[0]
    assert (lost["lost"], lost["unreached"]) == (1, 1)
    peer.close()


class Host:
    """A Lan in a namespace of its own."""

    def __init__(self, lan, ns):
        self.lan, self.ns, self.folder = lan, ns, lan.folder

    def start(self, *words, **options):
        return self.lan.start(*words, ns=self.ns, **options)
