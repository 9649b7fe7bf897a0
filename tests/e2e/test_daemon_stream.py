"""test_daemon_stream.py - the streams of lanyardd: with one another and with plain sockets, in both dialects."""
import base64
import pickle
import re

import pytest
from daemon_stream import StreamDaemon, config, entry, server, client, values
from lanyard_test import free_port, wait_for
from stream_peer import Listener, Serpy2, base85

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
STREAM = {"name", "role", "dialect", "security", "legacy", "state", "address", "connections", "queued", "queued_bytes",
          "unacked", "rx_messages", "tx_messages", "lost", "doubled", "dropped"}
CONN = {"conn", "peer", "up", "closing", "since", "idle_ms", "connects", "rx_messages", "tx_messages", "rx_bytes",
        "tx_bytes", "queued", "queued_bytes", "unacked", "lost", "doubled"}

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


def test_a_queue_that_drops_the_oldest_says_how_many_and_keeps_the_newest(lan):
    listener = Listener(Serpy2)
    listener.close()
    daemon = client(lan, listener, max_queue="1K", full="drop-old")
    for i in range(10):
        assert daemon.say(f"{i}" + "x" * 299)["sent"] == 1
    stream = daemon.stream()
    kept = stream["queued"]
    assert 0 < kept < 5 and stream["dropped"] == 10 - kept
    assert sum(e["lost"] for e in daemon.events("lost")) == 10 - kept
    peer = Listener(Serpy2, listener.port).accept()
    assert [peer.value()[0] for _ in range(kept)] == [str(i) for i in range(10 - kept, 10)]


def test_pieces_that_will_not_be_completed_say_so(lan):
    daemon = server(lan, max_message="64K", pieces=True)
    peer = daemon.peer()
    peer.raw(b"\xde\xca\xfe\xca\xfe\x81" + b"\0" * 4 + (300000).to_bytes(4, "little") + b"x" * 100000)
    wait_for(lambda: sum(e["size"] for e in daemon.events("piece")) == 100000, what="what came")
    peer.close()
    daemon.wait_events("down")
    pieces = daemon.events("piece")
    assert [p["last"] for p in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1]["size"] == 0 and pieces[-1]["reason"] and not any("reason" in p for p in pieces[:-1])


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
