"""test_daemon_events.py - what lanyardd remembers and tells: event.list, event.watch, link.watch, slow consumers."""
import contextlib
import re
import threading

import pytest
from daemon_test import ONE, Daemon, grown
from lanyard_test import wait_for

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")


@pytest.fixture
def daemon(lan):
    return Daemon(lan)


@pytest.fixture
def control(daemon):
    with daemon.control() as c:
        yield c


def test_events_are_listed_in_order_with_exactly_the_fields_that_apply(daemon):
    board = daemon.board()
    board.say("hello")
    board.acked()
    board.close()
    wait_for(lambda: not daemon.peer("boards/1")["up"])
    events = daemon.ask("event.list")["events"]
    assert [e["event"] for e in events] == ["link-opened", "up", "message", "down"]
    assert [e["seq"] for e in events] == [1, 2, 3, 4]
    assert all(e["schema"] == 1 and TIME.match(e["time"]) and e["link"] == "boards" for e in events)
    base = {"schema", "seq", "time", "event", "link"}
    assert [set(e) - base for e in events] == [{"peer", "reason"}, {"id", "peer", "connects", "expected"},
                                               {"id", "line"}, {"id", "peer", "connects", "reason"}]


def test_since_takes_a_number_a_time_and_a_duration(daemon):
    board = daemon.board()
    for i in range(5):
        board.say(f"{i}")
        board.acked()
    wait_for(lambda: daemon.peer("boards/1")["rx_lines"] == 5)
    everything = daemon.ask("event.list")["events"]
    assert [e["seq"] for e in daemon.ask("event.list", since=4)["events"]] == [5, 6, 7]
    assert daemon.ask("event.list", since=7)["events"] == []
    assert daemon.ask("event.list", since="1h")["events"] == everything
    assert daemon.ask("event.list", since="2001-01-01T00:00:00Z")["events"] == everything
    assert daemon.ask("event.list", since="2999-01-01T00:00:00.000Z")["events"] == []
    newest = daemon.ask("event.list", n=2)
    assert newest["events"] == everything[-2:] and newest["left_out"] == len(everything) - 2
    assert daemon.ask("event.list", n=0)["events"] == []


def test_a_watch_of_a_peer_a_link_and_everything_see_what_concerns_them(lan):
    d = Daemon(lan, ONE + "- {name: lab, role: server, listen: '127.0.0.1:0', timeout: 20s}\n")
    with d.control() as c:
        ids = [c.send("link.watch", name="boards/1"), c.send("link.watch", name="lab"), c.send("link.watch"),
               c.send("event.watch")]
        c.ask("status")
        d.board("1")
        d.board("2")
        d.board("1", "lab")
        d.ask("config.reload")
        seen = {i: [] for i in ids}
        while not any(e["event"] == "reloaded" for e in seen[ids[3]]):
            line = c.read()
            seen[line["id"]].append(line["event"])
    names = [[f"{e['link']}/{e['id']}" if "link" in e else e["event"] for e in seen[i]] for i in ids]
    assert names == [["boards/1"], ["lab/1"], ["boards/1", "boards/2", "lab/1"],
                     ["boards/1", "boards/2", "lab/1", "reloaded"]]


def test_a_watch_that_begins_in_the_past_misses_and_repeats_nothing(daemon, control):
    board = daemon.board()
    for i in range(50):
        board.say(f"{i}")
    wait_for(lambda: daemon.peer("boards/1")["rx_lines"] == 50)
    control.send("event.watch", since=2)
    for i in range(50, 100):
        board.say(f"{i}")
    assert [control.event()["line"] for _ in range(100)] == [str(i) for i in range(100)]


def test_a_slow_watcher_is_told_exactly_how_much_it_missed(daemon):
    board = daemon.board()
    count, size = 300, 20000
    with daemon.control() as slow, daemon.control() as quick:
        slow.send("event.watch")
        slow.ask("status")
        before = daemon.proc.rss()
        for i in range(count):
            board.say(f"{i} " + "x" * size)
        wait_for(lambda: quick.ask("status")["links"] and daemon.peer("boards/1")["rx_lines"] == count)
        assert grown(daemon.proc, before) < (24 << 20)
        got, dropped, last = [], 0, -1
        while len(got) + dropped < count:
            event = slow.event()
            if event["event"] == "dropped":
                assert set(event) == {"schema", "time", "event", "count"}
                dropped += event["count"]
                last += event["count"]
            else:
                last += 1
                assert int(event["line"].split()[0]) == last  # the hole is where the count stands
                got.append(last)
        assert dropped > 0 and got[0] == 0
        stat = next(s for s in quick.ask("stats.list")["stats"] if s["name"] == "watch_dropped")
        assert stat["value"] == dropped


def test_one_event_longer_than_the_bound_still_arrives_whole(daemon, control):
    control.send("event.watch")
    control.ask("status")
    board = daemon.board()
    board.say("\\" * (1 << 20))  # twice as long in JSON
    assert control.event("message")["line"] == "\\" * (1 << 20)


def test_streams_end_with_a_word_when_the_daemon_does(daemon, control):
    numbers = [control.send("event.watch"), control.send("link.watch", name="boards")]
    control.ask("status")
    daemon.proc.send_signal(15)
    ends = []
    while len(ends) < 2:
        line = control.read()
        if "end" in line:
            ends.append((line["id"], line["end"]))
    assert ends == [(n, {"reason": "shutdown"}) for n in numbers]
    assert control.read() is None
    assert daemon.proc.wait() == 0


def test_a_17th_stream_on_one_connection_is_refused(control):
    for _ in range(16):
        control.send("event.watch")
    assert control.error("event.watch")["code"] == "failed"
    assert control.ask("status")["schema"] == 1


def test_many_watchers_all_see_every_line(daemon):
    count = 200
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(daemon.control()) for _ in range(20)]
        for w in watchers:
            w.send("link.watch", name="boards/1")
            w.ask("status")
        seen = [[] for _ in watchers]
        threads = [threading.Thread(target=lambda w, s: s.extend(w.event("message")["line"] for _ in range(count)),
                                    args=pair) for pair in zip(watchers, seen)]
        for t in threads:
            t.start()
        board = daemon.board()
        for i in range(count):
            board.say(f"{i}")
        for t in threads:
            t.join(20)
        assert all(s == [str(i) for i in range(count)] for s in seen)
