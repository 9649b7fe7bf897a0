"""test_daemon_control.py - the control protocol of lanyardd as docs/control.md has it, spoken over a plain socket."""
import contextlib
import json
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from daemon_test import ONE, Control, Daemon, grown
from lanyard_test import ROOT, wait_for

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
PEER = {"name", "id", "up", "expected", "peer", "connects", "since", "idle_ms", "queued", "unacked", "queued_bytes",
        "rx_lines", "tx_lines", "rx_dups", "tx_again", "tx_lost", "rtt_us"}
LINK = {"name", "role", "dialect", "security", "state", "address", "timeout_ms", "missing", "peers"}


@pytest.fixture
def daemon(lan):
    return Daemon(lan)


@pytest.fixture
def control(daemon):
    with daemon.control() as c:
        yield c


# --- framing -----------------------------------------------------------------------


def test_the_daemon_greets_first(daemon, control):
    assert control.greeting == {"lanyard": 1, "version": "0.1.0", "pid": daemon.proc.pid}


BAD_LINES = [
    (b"hello", None), (b"[]", None), (b'"x"', None), (b"7", None), (b"null", None), (b"{", None), (b"{}", None),
    (b'{"id":1,"verb":"status"} x', None), (b'{"id":1,"id":2,"verb":"status"}', None),
    (b'{"id":1,"verb":"status","verb":"status"}', None), (b'{"verb":"status"}', None),
    (b'{"id":-1,"verb":"status"}', None), (b'{"id":"1","verb":"status"}', None), (b'{"id":1.5,"verb":"status"}', None),
    (b'{"id":9007199254740992,"verb":"status"}', None), (b'{"id":1e400,"verb":"status"}', None),
    (b'{"id":99999999999999999999,"verb":"status"}', None), (b'\xff\xfe', None), (b'{"id":1,"verb":"\xc3"}', None),
    (b'{"id":1,"verb":"a\\u0000b"}', None), (b"\0", None), (b"{" * 3000, None),
    (b'{"id":1}', 1), (b'{"id":1,"verb":7}', 1), (b'{"id":1,"verb":"status","args":[]}', 1),
    (b'{"id":1,"verb":"status","args":null}', 1), (b'{"id":1,"verb":"status","name":"x"}', 1),
    (b'{"id":1,"verb":"stauts"}', 1), (b'{"id":1,"verb":""}', 1), (b'{"id":1,"verb":"status","args":{"x":1}}', 1),
    (b'{"id":1,"verb":"link.show"}', 1), (b'{"id":1,"verb":"link.show","args":{"name":7}}', 1),
    (b'{"id":1,"verb":"link.show","args":{"nmae":"x"}}', 1),
    (b'{"id":1,"verb":"link.send","args":{"name":"boards/1","line":["x"]}}', 1),
    (b'{"id":1,"verb":"link.send","args":{"name":"boards/1","line":"x","qos":1}}', 1),
    (b'{"id":1,"verb":"link.send","args":{"name":"boards/1","line":"x","timeout_ms":0}}', 1),
    (b'{"id":1,"verb":"link.send","args":{"name":"boards/1","line":"x","timeout_ms":3600001}}', 1),
    (b'{"id":1,"verb":"link.send","args":{"name":"boards/1","line":"x","timeout_ms":1.5}}', 1),
    (b'{"id":1,"verb":"event.list","args":{"n":-1}}', 1), (b'{"id":1,"verb":"event.list","args":{"since":"soon"}}', 1),
    (b'{"id":1,"verb":"event.list","args":{"since":true}}', 1),
]


@pytest.mark.parametrize("line, number", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_wrong_request_is_a_usage_error_and_the_connection_goes_on(control, line, number):
    control.raw(line + b"\n")
    answer = control.read()
    assert answer["id"] == number
    assert answer["error"]["code"] == "usage" and answer["error"]["what"], answer
    assert control.ask("status")["schema"] == 1


def test_misspelt_verbs_and_arguments_get_a_hint(control):
    assert control.error("link.lst")["hint"] == 'did you mean "link.list"?'
    assert control.error("link.show", nmae="x")["hint"] == 'did you mean "name"?'


def test_blanks_empty_lines_and_carriage_returns_are_ignored(control):
    control.raw(b'\n\r\n  \n {"id" : 5, "verb":"status" }\r\n')
    assert control.read()["id"] == 5


def test_a_request_may_come_byte_by_byte_and_many_in_one_piece(control):
    for byte in b'{"id":7,"verb":"status"}\n':
        control.raw(bytes([byte]))
    assert control.read()["id"] == 7
    control.raw(b"".join(b'{"id":%d,"verb":"link.list"}\n' % i for i in range(500)))
    assert [control.read()["id"] for _ in range(500)] == list(range(500))


def test_a_last_request_without_its_line_feed_is_answered(control):
    control.raw(b'{"id":7,"verb":"status"}')
    control.socket.shutdown(socket.SHUT_WR)
    assert control.read()["id"] == 7
    assert control.read() is None


def test_requests_before_the_end_of_input_are_answered_before_the_connection_closes(daemon):
    board = daemon.board()
    with daemon.control() as c:
        number = c.send("link.send", name="boards/1", line="x")
        c.socket.shutdown(socket.SHUT_WR)
        mid, _ = board.line()
        board.ack(mid)
        assert c.read()["id"] == number
        assert c.read() is None


def test_a_line_of_2_mib_is_taken_and_a_longer_one_ends_the_connection(daemon, control):
    head, tail = b'{"id":1,"verb":"link.show","args":{"name":"', b'"}}'
    fill = (2 << 20) - len(head) - len(tail)
    control.raw(head + b"x" * fill + tail + b"\n")
    answer = control.read()
    assert answer["id"] == 1 and answer["error"]["code"] == "not-found" and len(answer["error"]["what"]) < 500
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.raw(head + b"x" * (fill + 1) + tail + b"\n")
    answer = control.read()
    assert answer["id"] is None and answer["error"]["code"] == "usage" and "2097152" in answer["error"]["what"]
    with contextlib.suppress(ConnectionResetError):
        assert control.read() is None
    assert daemon.ask("status")["control"]["connections"] == 1


def test_an_endless_line_costs_bounded_memory(daemon, control):
    before = daemon.proc.rss()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(640):
            control.raw(b"x" * 65536)
    assert grown(daemon.proc, before) < (16 << 20)
    assert daemon.ask("status")["schema"] == 1


def test_random_bytes_never_harm_the_daemon(daemon):
    import random
    rng = random.Random(7)
    for _ in range(60):
        with Control(daemon.socket) as c, contextlib.suppress(OSError):
            c.raw(bytes(rng.choice(b'{}[]",:\n\\0123abc\x00\xff "id""verb"') for _ in range(rng.randrange(4000))))
    assert daemon.ask("status")["links"]["total"] == 1


def test_requests_not_read_from_slow_askers_do_not_pile_up(daemon, control):
    """Who asks and never reads is not read from either."""
    for _ in range(30):
        daemon.board(str(_)).close()
    before = daemon.proc.rss()
    control.socket.settimeout(1)
    with contextlib.suppress(TimeoutError):
        for i in range(200000):
            control.raw(b'{"id":%d,"verb":"event.list"}\n' % i)
    assert grown(daemon.proc, before) < (16 << 20)
    assert daemon.ask("status")["schema"] == 1


# --- connections -----------------------------------------------------------------------


def test_the_65th_connection_is_refused_in_words_and_the_others_live(daemon):
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(daemon.control()) for _ in range(64)]
        with Control(daemon.socket) as extra:
            assert extra.greeting == {"error": {"code": "failed", "what": "too many control connections (64)"}}
            assert extra.read() is None
        assert many[0].ask("status")["control"]["connections"] == 64
    wait_for(lambda: daemon.ask("status")["control"]["connections"] == 1)


@pytest.mark.limit(40)
def test_the_idlest_connection_makes_place_but_never_one_that_watches(daemon):
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(daemon.control())
        watcher.send("event.watch")
        watcher.ask("status")
        idlest = stack.enter_context(daemon.control())
        time.sleep(0.1)  # the others are younger: the claim of this test
        others = [stack.enter_context(daemon.control()) for _ in range(62)]
        for c in others:
            c.ask("status")
        def newcomer():
            c = stack.enter_context(Control(daemon.socket))
            return "lanyard" in c.greeting
        wait_for(newcomer, timeout=15, poll=0.5, what="a place for the newcomer")
        assert idlest.read() is None
        assert watcher.ask("status") and all(c.ask("status") for c in others)


def test_closed_connections_leave_no_descriptor_behind(daemon):
    daemon.ask("status")
    before = daemon.proc.fds()
    for i in range(300):
        with daemon.control() as c:
            if i % 2:
                c.send("event.watch")
            if i % 3 == 0:
                c.raw(b'{"id":')
    wait_for(lambda: daemon.ask("status")["control"]["connections"] == 1)
    assert daemon.proc.fds() <= before + 1


# --- who may do what ---------------------------------------------------------------------


STRANGER = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
print(f.readline(), end="")
for request in sys.argv[2:]:
    f.write(request + "\\n")
    f.flush()
    print(f.readline(), end="")
"""


def as_stranger(daemon, *requests):
    for folder in [daemon.socket.parent, *daemon.socket.parent.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                           STRANGER, str(daemon.socket), *map(json.dumps, requests)],
                          capture_output=True, text=True, timeout=20)
    return done.returncode, [json.loads(s) for s in done.stdout.splitlines()], done.stderr


def test_a_stranger_cannot_open_the_socket(daemon):
    code, _, err = as_stranger(daemon)
    assert code and "PermissionError" in err


def test_a_member_of_the_group_may_ask_but_not_change(daemon):
    daemon.socket.chmod(0o666)  # as if the group were the stranger's
    daemon.board()
    code, lines, err = as_stranger(
        daemon, {"id": 1, "verb": "link.list"}, {"id": 2, "verb": "config.show"},
        {"id": 3, "verb": "link.send", "args": {"name": "boards/1", "line": "x"}}, {"id": 4, "verb": "config.reload"},
        {"id": 5, "verb": "channel.send", "args": {"name": "plant", "text": "x"}}, {"id": 6, "verb": "channel.list"},
        {"id": 7, "verb": "status"})
    assert code == 0, err
    assert "result" in lines[1] and "result" in lines[2]
    for answer in lines[3:6]:
        assert answer["error"]["code"] == "permission" and "65534" in answer["error"]["what"]
    assert "result" in lines[6]
    assert lines[7]["result"]["you"] == {"uid": 65534, "admin": False}
    assert daemon.peer("boards/1")["tx_lines"] == 0


# --- verbs -----------------------------------------------------------------------------


def test_status_tells_how_the_daemon_is(daemon, control):
    daemon.board()
    status = wait_for(lambda: (s := control.ask("status"))["links"]["up"] == 1 and s)
    assert set(status) == {"schema", "name", "version", "pid", "started", "uptime_ms", "socket", "config", "links",
                           "channels", "streams", "neighbors", "sensors", "privileges", "events", "control", "you"}
    assert TIME.match(status["started"]) and status["uptime_ms"] >= 0 and status["socket"] == str(daemon.socket)
    assert status["config"] == {"source": str(daemon.config), "files": [str(daemon.config)],
                                "loaded": status["config"]["loaded"], "reloads": 0, "error": None}
    assert status["links"] == {"total": 1, "failed": 0, "peers": 1, "up": 1, "missing": 0, "queued": 0}
    assert status["channels"] == {"total": 0, "failed": 0, "members": 0, "queued_bytes": 0}
    assert status["streams"] == {"total": 0, "failed": 0, "connections": 0, "queued": 0}
    assert status["neighbors"] == {"total": 0, "failed": 0, "links": 0, "peers": 0, "established": 0}
    assert status["privileges"] == ""
    assert status["events"] == {"kept": 2, "limit": 4096, "next": 3}
    assert status["control"] == {"connections": 1, "limit": 64, "watchers": 0}
    assert status["you"] == {"uid": 0, "admin": True}


def test_links_and_peers_are_listed_with_every_field(lan):
    d = Daemon(lan, ONE.replace("hold_off", "expect: [a, b], hold_off")
               + "- {name: up, role: client, connect: '127.0.0.1:1', id: me}\n")
    board = d.board("a")
    board.say("x")
    wait_for(lambda: d.peer("boards/a")["rx_lines"] == 1)
    links = d.ask("link.list")["links"]
    assert all(set(k) == LINK and set(p) == PEER for k in links for p in k["peers"])
    boards, up = links
    assert (boards["role"], boards["dialect"], boards["security"]) == ("server", "micropython-iot", "insecure")
    assert (boards["state"], boards["timeout_ms"], boards["missing"]) == ("open", 20000, 1)
    a, b = boards["peers"]
    assert a["up"] and a["expected"] and a["connects"] == 1 and a["peer"].startswith("127.0.0.1:")
    assert TIME.match(a["since"]) and a["idle_ms"] >= 0 and a["rtt_us"] is None
    assert not b["up"] and b["expected"] and (b["peer"], b["since"], b["idle_ms"]) == ("", None, None)
    assert (up["role"], up["address"], [p["name"] for p in up["peers"]]) == ("client", "127.0.0.1:1", ["up/me"])


def test_a_link_or_peer_is_shown_by_any_of_its_names(lan):
    d = Daemon(lan, ONE + "- {name: lab, role: server, listen: '127.0.0.1:0', timeout: 20s}\n")
    boards = [d.board("1"), d.board("2"), d.board("2", "lab"), d.board("a/b")]
    boards[0].say("hello")
    wait_for(lambda: d.peer("boards/1")["rx_lines"] == 1)
    shown = d.ask("link.show", name="boards/1")
    assert [p["name"] for p in shown["link"]["peers"]] == ["boards/1"]
    assert [e["event"] for e in shown["recent"]] == ["up", "message"]
    assert next(c for c in shown["counters"] if c["name"] == "rx_lines")["value"] == 1
    assert [p["name"] for p in d.ask("link.show", name="1")["link"]["peers"]] == ["boards/1"]
    assert [p["id"] for p in d.ask("link.show", name="boards")["link"]["peers"]] == ["1", "2", "a/b"]
    assert d.ask("link.show", name="a/b")["link"]["peers"][0]["name"] == "boards/a/b"
    ambiguous = d.error("link.show", name="2")
    assert ambiguous["code"] == "usage" and "boards/2, lab/2" in ambiguous["what"]
    for name in ("nobody", "boards/9", "nowhere/1", ""):
        error = d.error("link.show", name=name)
        assert error["code"] == "not-found" and "lanyard link list" in error["hint"], name


def test_a_line_is_answered_when_it_is_acknowledged(daemon, control):
    board = daemon.board()
    number = control.send("link.send", name="boards/1", line='{"temp": 21.5, "é": "☃"}')
    mid, text = board.line()
    assert text == '{"temp": 21.5, "é": "☃"}'
    assert control.ask("status")["links"]["queued"] == 1  # answered while the line waits
    board.ack(mid)
    result = control.answer(number)["result"]
    assert result["acked"] is True and 0 < result["ms"] < 10000
    assert daemon.peer("boards/1")["queued"] == 0 and daemon.peer("boards/1")["rtt_us"] > 0


def test_a_line_without_acknowledgement_times_out_and_stays_queued(daemon, control):
    board = daemon.board()
    begun = time.monotonic()
    error = control.error("link.send", name="1", line="x", timeout_ms=300)
    assert error["code"] == "timeout" and error["queued"] is True and "300 ms" in error["what"]
    assert "do not send it again" in error["hint"]
    assert 0.25 < time.monotonic() - begun < 3
    assert daemon.peer("boards/1")["queued"] == 1
    mid, text = board.line()
    board.ack(mid)
    assert text == "x"
    wait_for(lambda: daemon.peer("boards/1")["queued"] == 0)


def test_a_line_without_qos_is_answered_at_once(daemon, control):
    board = daemon.board()
    assert control.ask("link.send", name="boards/1", line="x", qos=False) == {"schema": 1, "sent": True}
    assert board.line()[1] == "x"
    daemon.proc.kill()  # rather than wait for its drain


def test_with_wait_a_line_goes_out_only_after_the_one_before(daemon, control):
    board = daemon.board()
    first = control.send("link.send", name="boards/1", line="one")
    second = control.send("link.send", name="boards/1", line="two")
    mid, text = board.line()
    assert text == "one"
    board.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        while True:
            assert board.socket.recv(100).strip(b"\n") == b""
    board.socket.settimeout(10)
    board.input = board.socket.makefile("rb")
    board.ack(mid)
    mid, text = board.line()
    assert text == "two"
    board.ack(mid)
    assert control.answer(first)["result"]["acked"] and control.answer(second)["result"]["acked"]


def test_many_lines_without_wait_are_all_acknowledged_whatever_the_order(daemon, control):
    board = daemon.board()
    first = control.send("link.send", name="boards/1", line="number 00 travels alone", wait=False)
    board.ack(board.line()[0])
    assert control.answer(first)["result"]["acked"]
    numbers = [control.send("link.send", name="boards/1", line=f"line {i}", wait=False) for i in range(8)]
    mids = [board.line()[0] for _ in range(8)]
    for mid in reversed(mids):
        board.ack(mid)
    answers = [control.read() for _ in range(8)]
    assert sorted(a["id"] for a in answers) == numbers and all(a["result"]["acked"] for a in answers)


@pytest.mark.parametrize("line", ["", "a\nb", "a\rb", "\n", "a\n\n"])
def test_what_is_no_line_is_a_usage_error(daemon, line):
    daemon.board()
    assert daemon.error("link.send", name="boards/1", line=line)["code"] == "usage"


def test_one_line_feed_at_the_end_is_not_part_of_the_line(daemon, control):
    board = daemon.board()
    control.send("link.send", name="boards/1", line="x\n")
    assert board.line()[1] == "x"
    daemon.proc.kill()  # rather than wait for its drain


def test_a_line_over_max_line_is_refused_with_the_limit(daemon):
    daemon.board()
    error = daemon.error("link.send", name="boards/1", line="x" * ((1 << 20) + 1))
    assert error["code"] == "usage" and "max_line" in error["what"] and "1M" in error["what"]


def test_a_full_queue_is_an_error_and_not_a_loss(lan):
    d = Daemon(lan, ONE.replace("hold_off", "max_line: 1K, max_queue: 2K, hold_off"))
    d.board()
    with d.control() as c:
        sent = 0
        while sent < 100:
            c.send("link.send", name="boards/1", line="x" * 500)
            sent += 1
        first = c.read()
        assert first["error"]["code"] == "failed" and "full" in first["error"]["what"]
        queued = d.peer("boards/1")["queued"]
        assert 2 <= queued <= 4
        assert first["id"] == queued + 1
    d.proc.kill()  # rather than wait for its drain


def test_sending_to_nobody_is_not_found(daemon):
    for name in ("boards/9", "9", "boards", "nowhere/1"):
        assert daemon.error("link.send", name=name, line="x")["code"] == "not-found", name


def test_a_link_with_one_peer_stands_for_it_and_with_two_does_not(daemon, control):
    board = daemon.board("1")
    number = control.send("link.send", name="boards", line="to the only one")
    board.ack(board.line()[0])
    assert control.answer(number)["result"]["acked"]
    daemon.board("2")
    error = control.error("link.send", name="boards", line="x")
    assert error["code"] == "usage" and "2 peers" in error["what"]


def test_an_expected_peer_gets_its_line_when_it_comes(lan):
    d = Daemon(lan, ONE.replace("hold_off", "expect: [late], hold_off"))
    with d.control() as c:
        number = c.send("link.send", name="late", line="welcome")
        c.ask("status")
        board = d.board("late")
        mid, text = board.line()
        assert text == "welcome"
        board.ack(mid)
        assert c.answer(number)["result"]["acked"]


def test_an_id_in_use_is_refused_until_its_request_is_done(daemon, control):
    board = daemon.board()
    control.raw(b'{"id":5,"verb":"link.send","args":{"name":"1","line":"x"}}\n{"id":5,"verb":"status"}\n')
    answer = control.read()
    assert answer["id"] == 5 and "in use" in answer["error"]["what"]
    board.ack(board.line()[0])
    assert control.read()["result"]["acked"]
    control.raw(b'{"id":5,"verb":"status"}\n')
    assert control.read()["result"]["schema"] == 1


def test_more_than_256_open_sends_are_refused(lan):
    d = Daemon(lan, ONE)
    d.board()
    with d.control() as c:
        for i in range(257):
            c.send("link.send", name="boards/1", line=f"{i}")
        answer = c.read()
        assert answer["id"] == 257 and "256 lines" in answer["error"]["what"]
    d.proc.kill()  # rather than wait for its drain


def test_an_asker_that_leaves_does_not_take_its_line_along(daemon):
    board = daemon.board()
    with daemon.control() as c:
        c.send("link.send", name="boards/1", line="orphan", timeout_ms=60000)
        c.ask("status")
    wait_for(lambda: daemon.ask("status")["control"]["connections"] == 1)
    mid, text = board.line()
    assert text == "orphan"
    board.ack(mid)
    wait_for(lambda: daemon.peer("boards/1")["queued"] == 0)


def test_statistics_name_explain_and_count(daemon):
    board = daemon.board()
    board.say("x")
    board.acked()
    stats = daemon.ask("stats.list")["stats"]
    assert all(set(s) >= {"object", "name", "help", "value"} and s["help"] for s in stats)
    value = {(s["object"], s.get("link"), s["name"]): s["value"] for s in stats}
    assert len(value) == len(stats)
    assert value["link", "boards", "rx_lines"] == 1 and value["link", "boards", "admitted"] == 1
    assert value["daemon", None, "control_requests"] > 0


def test_the_configuration_is_shown_as_objects_and_as_yaml(lan, daemon):
    shown = daemon.ask("config.show")
    assert shown["source"] == str(daemon.config) and shown["files"] == [str(daemon.config)]
    link = shown["config"]["link"][0]
    assert (link["name"], link["window"], link["echo"], link["timeout"]) == ("boards", 16, False, "20s")
    assert shown["config"]["daemon"]["events"] == 4096
    path = lan.folder / "shown.yaml"
    path.write_text(shown["yaml"], encoding="utf-8")
    assert lan.start("lanyardd", "--check", "-c", path).wait() == 0


def test_a_reload_with_errors_lists_them_all(daemon):
    daemon.write("daemon: {nmae: x}\nlink:\n- {name: a, role: server}\n")
    error = daemon.error("config.reload")
    assert error["code"] == "failed" and len(error["details"]) == 2
    assert error["what"] == error["details"][0] and "lanyardd --check" in error["hint"]


# --- the page ----------------------------------------------------------------------------


def test_the_page_names_every_verb_and_the_daemon_knows_every_verb_of_the_page(control):
    page = Path(ROOT, "docs/control.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^### ([a-z.]+)", page, re.M))
    source = Path(ROOT, "src/daemon/control_request.c").read_text(encoding="utf-8")
    assert headings == set(re.findall(r'^\t\{"([a-z.]+)", verb_', source, re.M))
    for verb in headings:
        control.raw(json.dumps({"id": 1, "verb": verb, "args": {"no-such-argument": 1}}).encode() + b"\n")
        assert "unknown argument" in control.read()["error"]["what"], verb
