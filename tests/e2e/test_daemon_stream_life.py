"""test_daemon_stream_life.py - streams of lanyardd through outages, restarts of the peer, reloads and the drain."""
import signal
import socket
import time

import pytest
from daemon_stream import Host, StreamDaemon, client, config, entry, server, values
from daemon_test import Control, at, once, records
from lanyard_test import free_port, wait_for
from stream_peer import Listener, Peer, Serpy1, Serpy2

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
