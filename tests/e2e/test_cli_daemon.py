"""test_cli_daemon.py - the verbs that ask the daemon: list, show, watch, send, events, stats, status, config.

A real lanyardd on a socket of its own, with a link and a client. The other half
of the control protocol is played by scripted daemons where a healthy one cannot
be made to misbehave.
"""
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from lanyard_test import SANITIZED, binary, for_anybody, wait_for

WAIT = 30 if SANITIZED else 10
CONFIG = """
daemon:
  name: plant-7
link:
  - name: boards
    role: server
    listen: 127.0.0.1:0
    timeout: 500ms
    expect: [a, b]
"""


class Daemon:
    def __init__(self, lan, folder):
        self.lan, self.socket, self.config = lan, str(folder / "l.sock"), folder / "lanyard.yaml"
        self.config.write_text(CONFIG)
        self.proc = lan.start("lanyardd", "-c", self.config, "-s", self.socket)
        wait_for(lambda: self.lanyard("status").returncode == 0, what="the daemon answers")
        self.address = self.json("link", "list")["links"][0]["address"]

    def words(self, words):
        return [binary("lanyard"), "-s", self.socket, *words]

    def lanyard(self, *words, stdin=b"", **options):
        words = self.words(words)
        if "user" in options:
            words[0] = for_anybody("lanyard")
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=WAIT, **options)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def ok(self, *words, **options):
        done = self.lanyard(*words, **options)
        assert done.returncode == 0, done
        return done.stdout

    def json(self, *words):
        return json.loads(self.ok("-j", *words))

    def board(self, name="a"):
        board = self.lan.start("lanyard", "link", "connect", self.address, "--id", name, "--timeout", "500ms", "--stay")
        wait_for(lambda: any(p["id"] == name and p["up"] for p in self.json("link", "list")["links"][0]["peers"]),
                 what=f"board {name} is up")
        return board

    def watch(self, *words):
        """A verb that streams, once the daemon has counted its connection."""
        before = self.json("status")["control"]["connections"]
        proc = self.lan.start("lanyard", "-s", self.socket, *words)
        wait_for(lambda: self.json("status")["control"]["connections"] > before or not proc.running(),
                 what="the stream is open")
        return proc


@pytest.fixture
def daemon(lan, tmp_path):
    return Daemon(lan, tmp_path)


def test_status_is_one_screen_also_when_lanyard_stands_alone(daemon):
    daemon.board()
    text = daemon.ok()
    assert text.startswith("plant-7  lanyardd ")
    assert "1 of 2 peers up, 1 expected never seen" in text
    assert "boards/a" in text and "insecure" in text
    assert len(text.splitlines()) < 24
    assert daemon.json("status")["name"] == daemon.json()["name"] == "plant-7"


def test_list_is_an_aligned_table_with_dialect_and_security(daemon):
    daemon.board()
    lines = daemon.ok("link", "list").splitlines()
    assert lines[0].split() == ["NAME", "STATE", "PEER", "CONNECTS", "QUEUED", "RX", "TX", "IDLE"]
    assert lines[1].split()[:3] == ["boards", "open", daemon.address]
    assert lines[1].endswith("server, micropython-iot, insecure")
    assert lines[2].split()[:2] == ["boards/a", "up"] and lines[3].split()[:2] == ["boards/b", "unseen"]
    column = lines[0].index("STATE")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_list_as_json_is_the_document_of_the_protocol_and_as_lines_one_link_each(daemon):
    document = daemon.json("link", "list")
    assert document["schema"] == 1
    assert [p["name"] for p in document["links"][0]["peers"]] == ["boards/a", "boards/b"]
    lines = daemon.ok("link", "list", "-J").splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["schema"] == 1 and json.loads(lines[0])["name"] == "boards"


def test_show_tells_everything_about_a_link_or_a_peer(daemon):
    daemon.board()
    text = daemon.ok("link", "show", "boards")
    for part in (f"micropython-iot server at {daemon.address}, timeout 500ms", "insecure", "boards/a: up since",
                 "1 expected client has never connected", "counters", "connections whose id was accepted", "recent"):
        assert part in text
    assert "end_timeout" not in text and "end_timeout" in daemon.ok("link", "show", "boards", "-v")
    assert daemon.json("link", "show", "a")["link"]["peers"][0]["name"] == "boards/a"


def test_show_of_a_client_link_says_nothing_of_being_expected(daemon):
    daemon.config.write_text(CONFIG + f"  - {{name: up, role: client, connect: '{daemon.address}', id: b, timeout: 500ms}}\n")
    daemon.ok("config", "reload")
    assert "up/b: " in daemon.ok("link", "show", "up") and "expected" not in daemon.ok("link", "show", "up")
    assert ", expected" in daemon.ok("link", "show", "boards")


def test_what_is_not_there_ends_with_3(daemon):
    for words in (["link", "show", "nobody"], ["link", "send", "nobody", "x"], ["link", "watch", "nobody", "-n", "1"]):
        done = daemon.lanyard(*words)
        assert done.returncode == 3, done
        assert "nobody" in done.stderr and "lanyard link list" in done.stderr
        done = daemon.lanyard("-j", *words)
        assert json.loads(done.stdout)["error"]["code"] == "not-found"


def test_an_answer_that_cannot_be_written_is_an_error(daemon):
    for words in ("status", "link list", "stats -j", "event list"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([binary("lanyard"), "-s", daemon.socket, *words.split()], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
        assert (done.returncode, done.stderr) == \
            (1, "lanyard: cannot write to standard output: No space left on device\n"), words


def test_colour_is_not_switched_on_for_nothing(daemon):
    for words in ("status", "link list", "stats"):
        assert "\033[2m\033[0m" not in daemon.ok(*words.split(), "--color", "always"), words


def test_send_returns_when_the_line_is_acknowledged(daemon):
    board = daemon.board()
    assert daemon.ok("link", "send", "boards/a", "one", "two words") == ""
    board.line("^two words$")
    assert board.out == ["one", "two words"]
    document = daemon.json("link", "send", "a", "three")
    assert document["acked"] == 1 and document["failed"] == 0 and document["schema"] == 1
    assert daemon.json("link", "send", "a", "four", "--no-qos")["sent"] == 1


def test_send_takes_the_lines_of_stdin_in_order(daemon):
    board = daemon.board()
    lines = [f"line {i}" for i in range(1000)]
    daemon.ok("link", "send", "a", stdin="\n".join(lines).encode())
    board.line("^line 999$")
    assert board.out == lines
    daemon.ok("link", "send", "a", "--no-wait", stdin="\r\n".join(lines).encode())
    board.lines(2000)
    assert board.out[1000:] == lines


def test_send_that_only_partly_works_ends_with_7(daemon):
    board = daemon.board()
    done = daemon.lanyard("link", "send", "a", stdin=b"good\n\nbad \xff\nlast")
    assert done.returncode == 7
    assert "line 3 is not UTF-8" in done.stderr
    board.line("^last$")
    assert board.out == ["good", "last"]
    done = daemon.lanyard("-j", "link", "send", "a", "good", "")
    document = json.loads(done.stdout)
    assert done.returncode == 7 and document["acked"] == 1 and document["failed"] == 1
    assert document["error"]["code"] == "usage" and document["error"]["what"] == "line 2 is empty"


def test_send_says_what_a_line_has_that_cannot_be_sent(daemon):
    daemon.board()
    done = daemon.lanyard("link", "send", "a", "", "x\ny", "x\ry")
    assert done.returncode == 2
    for said in ("line 1 is empty", "line 2 has a LF inside", "line 3 has a CR inside"):
        assert said in done.stderr
    done = daemon.lanyard("link", "send", "a", stdin=b"good\n\nx\0y\n")
    assert done.returncode == 7
    assert "line 2 is empty" in done.stderr and "line 3 has a NUL byte inside" in done.stderr


def test_send_that_is_not_acknowledged_in_time_ends_with_6_and_says_that_the_line_stays(daemon):
    done = daemon.lanyard("link", "send", "b", "wake up", "--timeout", "200ms")
    assert done.returncode == 6
    assert "queue" in done.stderr
    late = daemon.board("b")
    late.line("^wake up$")


def test_watch_streams_events_as_text_and_as_json(daemon):
    text = daemon.watch("link", "watch")
    lines = daemon.watch("link", "watch", "boards/a", "-J")
    board = daemon.board()
    assert lines.event("up")["id"] == "a"
    text.line(r"^\d\d:\d\d:\d\d\.\d{3}  boards/a  up  127\.0\.0\.1:\d+  \(connection 1\)$")
    board.send("hello 'there'")
    assert lines.event("message") == {"schema": 1, "seq": lines.event("message")["seq"], "event": "message",
                                      "time": lines.event("message")["time"], "link": "boards", "id": "a",
                                      "line": "hello 'there'"}
    text.line("  boards/a  message  hello 'there'$")
    assert text.stop(signal.SIGINT) == 130
    assert lines.stop(signal.SIGTERM) == 130


def test_watch_ends_after_n_events_or_with_6_after_its_time(daemon):
    watch = daemon.watch("link", "watch", "-n", "1", "-J")
    board = daemon.board()
    assert watch.wait() == 0 and len(watch.out) == 1
    assert daemon.lanyard("link", "watch", "b", "-n", "1", "--timeout", "200ms").returncode == 6
    board.stop()


def test_watch_without_a_daemon_any_more_ends_with_4(daemon):
    watch = daemon.watch("event", "watch", "--since", "0", "-J")
    watch.event("link-opened")
    daemon.proc.stop()
    assert watch.wait() == 4
    assert any("the daemon" in line for line in watch.err)


def test_a_reader_of_watch_that_goes_away_ends_it_quietly(daemon):
    reader, writer = os.pipe()
    with subprocess.Popen(daemon.words(["event", "watch", "--since", "0"]), stdout=writer, stderr=subprocess.PIPE) as watch:
        os.close(writer)
        assert os.read(reader, 1)
        os.close(reader)
        assert watch.wait(WAIT) == 0
        assert watch.stderr.read() == b""


def test_events_of_the_past_can_be_listed(daemon):
    daemon.board()
    events = daemon.json("event", "list", "--since", "1h")["events"]
    assert [e["event"] for e in events][:1] == ["link-opened"]
    assert [json.loads(line)["seq"] for line in daemon.ok("event", "list", "-J").splitlines()] == [e["seq"] for e in events]
    assert daemon.json("event", "list", "--since", str(events[-1]["seq"]))["events"] == []
    newest = daemon.lanyard("event", "list", "-n", "1")
    assert len(newest.stdout.splitlines()) == 1 and "ask with -n" in newest.stderr
    assert daemon.lanyard("event", "list", "--since", "yesterday").returncode == 2


def test_stats_show_counters_that_moved_and_all_of_them_when_asked(daemon):
    daemon.board()
    some, every = daemon.ok("stats"), daemon.ok("stats", "list", "-v")
    assert "connections whose id was accepted" in some and "end_timeout" not in some
    assert "end_timeout" in every and len(every) > len(some)
    assert any(s["name"] == "admitted" and s["value"] == 1 for s in daemon.json("stats")["stats"])


def test_config_show_is_a_configuration_that_checks(daemon, tmp_path):
    copy = tmp_path / "copy.yaml"
    copy.write_text(daemon.ok("config", "show"))
    assert daemon.lanyard("config", "check", str(copy)).returncode == 0
    assert daemon.json("config", "show")["config"]["daemon"]["name"] == "plant-7"


def test_config_reload_says_what_changed_or_what_is_wrong(daemon):
    daemon.config.write_text(CONFIG + "  - name: more\n    role: server\n    listen: 127.0.0.1:0\n")
    assert daemon.ok("config", "reload") == "the new configuration is in force\nadded: more\nunchanged: boards\n"
    daemon.config.write_text(CONFIG + "    timout: 3s\n    lissen: x\n")
    done = daemon.lanyard("config", "reload")
    assert done.returncode == 1
    assert "timout" in done.stderr and "lissen" in done.stderr
    assert daemon.json("status")["config"]["error"]
    assert "the last reload was refused" in daemon.ok("status")


def test_names_are_completed_from_the_daemon(daemon):
    offered = subprocess.run(
        [binary("lanyard"), "__complete", "words", "-s", daemon.socket, "link", "show", "boards/"], capture_output=True,
        text=True, timeout=WAIT).stdout
    assert offered == "boards/a\tdown\nboards/b\tdown\n"


def let_others_pass(daemon, mode):
    """Other users reach the socket, whose own mode decides then."""
    os.chmod(daemon.socket, mode)
    folder = os.path.dirname(daemon.socket)
    while folder not in ("/tmp", "/"):
        os.chmod(folder, 0o755)
        folder = os.path.dirname(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_who_may_not_open_the_socket_gets_5(daemon):
    let_others_pass(daemon, 0o600)
    done = daemon.lanyard("status", user=65534)
    assert done.returncode == 5, done
    assert "not allowed" in done.stderr and "sudo" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_who_may_only_read_gets_5_for_an_admin_verb(daemon):
    let_others_pass(daemon, 0o666)
    assert daemon.lanyard("status", user=65534).returncode == 0
    assert daemon.lanyard("config", "reload", user=65534).returncode == 5
    assert daemon.lanyard("link", "send", "a", "x", user=65534).returncode == 5


# ---- daemons that misbehave -----------------------------------------------------------------------------------------

class Scripted:
    """Answers the first connection with what it is told, then closes or waits."""

    def __init__(self, folder, *answers, close=True):
        self.path = str(folder / "scripted.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.answers, self.close_after = answers, close
        self.kept = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        connection, _ = self.listener.accept()
        self.kept.append(connection)
        for answer in self.answers:
            if answer is None:
                connection.recv(65536)
            else:
                connection.sendall(answer)
        if self.close_after:
            connection.close()

    def lanyard(self, *words):
        done = subprocess.run([binary("lanyard"), "-s", self.path, *words], capture_output=True, text=True, timeout=WAIT,
                              stdin=subprocess.DEVNULL)
        self.listener.close()
        for connection in self.kept:
            connection.close()
        return done


HELLO = b'{"lanyard":1,"version":"9.9","pid":1}\n'


@pytest.mark.parametrize("answers, code, said", [
    ([b'{"lanyard":2,"version":"9.9","pid":1}\n'], 1, "lanyardd 9.9 speaks version 2"),
    ([b'{"hello":"world"}\n'], 1, "is not lanyardd"),
    ([b"SSH-2.0-OpenSSH\n"], 4, "closed the connection"),
    ([b'{"error":{"code":"failed","what":"too many control connections (64)"}}\n'], 1, "too many control connections"),
    ([], 4, "closed the connection"),
    ([HELLO, None], 4, "closed the connection"),
    ([HELLO, None, b'{"id":1,"result":{"schema":1}'], 4, "closed the connection"),
    ([HELLO, None, b'{"id":1}\n'], 1, "not understood"),
    ([HELLO, None, b'{"id":1,"error":{"code":"newer-word","what":"something new"}}\n'], 1, "something new"),
])
def test_a_daemon_that_misbehaves_is_an_error_that_says_how(tmp_path, answers, code, said):
    done = Scripted(tmp_path, *answers).lanyard("status")
    assert done.returncode == code, done
    assert said in done.stderr


def test_a_daemon_that_hangs_is_left_after_the_timeout_with_6(tmp_path):
    done = Scripted(tmp_path, HELLO, None, close=False).lanyard("status", "--timeout", "300ms")
    assert done.returncode == 6 and "within --timeout 300ms" in done.stderr


def test_answers_with_fields_of_the_future_are_understood(tmp_path):
    answer = (b'{"id":1,"result":{"schema":1,"links":[{"name":"x","new":[1,{"a":null}],"peers":[{"name":"x/1","id":"1",'
              b'"up":true,"since":null,"idle_ms":null}]}],"more":{}},"also":1}\n')
    done = Scripted(tmp_path, HELLO, None, answer).lanyard("link", "list")
    assert done.returncode == 0 and "x/1" in done.stdout


def test_a_dropped_hint_of_the_daemon_is_shown(tmp_path):
    events = b'{"id":1,"event":{"schema":1,"time":"2026-03-01T12:00:00.123Z","event":"dropped","count":118}}\n' \
             b'{"id":1,"end":{"reason":"link-removed"}}\n'
    done = Scripted(tmp_path, HELLO, None, events).lanyard("link", "watch", "x")
    assert done.returncode == 3
    assert "dropped  118 events were dropped" in done.stdout and "link-removed" in done.stderr
