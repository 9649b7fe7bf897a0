"""test_daemon.py - lanyardd from its start to its end: options, configuration, reload, signals, log."""
import os
import signal
import socket
import stat
import time

import pytest
from daemon_test import ONE, Control, Daemon, at, grown, once, records
from lanyard_test import binary, for_anybody, free_port, wait_for


def server(name, address, more=""):
    return f"- {{name: {name}, role: server, listen: '{address}', timeout: 20s, hold_off: 0{more}}}\n"


@pytest.fixture
def daemon(lan):
    return Daemon(lan)


def test_help_and_version_are_data_and_succeed(lan):
    code, out, err = once(lan, "--help")
    assert (code, err) == (0, "") and out.startswith("Usage: lanyardd ") and "--check" in out
    assert once(lan, "--version") == (0, "lanyardd 0.1.0", "")


@pytest.mark.parametrize("words", [["--nonsense"], ["serve"], ["-c"]])
def test_wrong_usage_is_told_and_exits_2(lan, words):
    code, out, err = once(lan, *words)
    assert (code, out) == (2, "") and "Try: lanyardd --help" in err


def test_check_accepts_a_good_file(lan):
    path = at(lan.folder, "good.yaml", ONE)
    assert once(lan, "--check", "-c", path) == (0, f"{path}: ok, 1 link", "")
    assert once(lan, "--check", "-q", "-c", path) == (0, "", "")


def test_check_shows_every_error_at_its_place_and_opens_nothing(lan):
    path = at(lan.folder, "bad.yaml", "daemon: {nmae: x}\nlink:\n- {name: a, role: server, listen: 127.0.0.1}\n")
    code, out, err = once(lan, "--check", "-c", path)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f'{path}:1:10: unknown key "nmae" (did you mean "name"?)',
        f'{path}:3:35: bad listen "127.0.0.1": expected ADDRESS:PORT, e.g. 127.0.0.1:8123']


def test_check_warns_of_what_is_allowed_but_odd(lan):
    path = at(lan.folder, "odd.yaml", "daemon: {name: x}\n")
    path.chmod(0o666)
    code, _, err = once(lan, "--check", "-c", path)
    assert code == 0
    assert f"warning: {path}: anybody may write to this file (chmod o-w)" in err
    assert f"warning: {path}: no link, no channel, no stream, no neighbor and no sensor is configured" in err


def test_the_printed_configuration_is_complete_and_reads_back_as_itself(lan):
    path = at(lan.folder, "a.yaml", ONE + "- {name: up, role: client, connect: h, id: 7, retry_max: 1m}\n")
    code, first, err = once(lan, "--print-config", "-c", path)
    assert (code, err) == (0, "") and "window: 16" in first and "retry_max: 1m" in first
    again = at(lan.folder, "b.yaml", first)
    assert once(lan, "--check", "-c", again)[0] == 0
    assert once(lan, "--print-config", "-c", again)[1] == first


def test_without_a_file_one_link_on_loopback_is_configured(lan):
    """Whatever this machine has in /etc/lanyard is hidden from it in a mount namespace."""
    proc = lan.run("unshare", "-m", "sh", "-c", '[ ! -d /etc/lanyard ] || mount -t tmpfs none /etc/lanyard; exec "$@"',
                   "sh", binary("lanyardd"), "--print-config", env={"LANYARD_CONFIG": ""})
    code, out = proc.wait(), "\n".join(proc.out)
    assert code == 0 and "name: boards" in out and "listen: 127.0.0.1:8123" in out


def test_the_environment_names_the_file_and_an_option_wins(lan):
    one = at(lan.folder, "one.yaml", "daemon: {name: one}\n" + ONE)
    two = at(lan.folder, "two.yaml", "daemon: {name: two}\n" + ONE)
    env = {"LANYARD_CONFIG": str(one)}
    assert "name: one" in once(lan, "--print-config", env=env)[1]
    assert "name: two" in once(lan, "--print-config", "-c", two, env=env)[1]


def test_the_start_says_what_was_opened_and_how_to_look(daemon):
    daemon.logged("event=daemon-state from=starting to=running")
    log = records(daemon.proc)
    opened = next(r for r in log if r["event"] == "link-state")
    assert (opened["link"], opened["from"], opened["to"]) == ("boards", "closed", "open")
    assert opened["address"] == daemon.link()["address"]
    running = next(r for r in log if r["event"] == "daemon-state")
    assert running["socket"] == str(daemon.socket) and running["look"] == "lanyard link list"
    assert daemon.proc.out == []


def test_an_unusable_configuration_ends_the_start_with_1(lan):
    d = Daemon(lan, "link:\n- {nmae: x}\n", ready=False)
    assert d.proc.wait() == 1
    assert any('unknown key "nmae"' in line for line in d.proc.err)
    assert not d.socket.exists()


def test_a_port_in_use_ends_the_start_with_1_and_says_which(lan):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        d = Daemon(lan, "link:\n" + server("free", "127.0.0.1:0") + server("boards", address), ready=False)
        assert d.proc.wait() == 1
    assert any("is another program, or another lanyardd, using it? lanyard status" in line for line in d.proc.err)
    assert f'cannot listen on {address}: address in use' in d.proc.err[-1].replace('\\"', '"') or \
        any(f"cannot listen on {address}: address in use" in line for line in d.proc.err)
    assert not d.socket.exists()


def test_sigterm_with_nothing_left_ends_at_once_with_0_and_removes_the_socket(daemon):
    begun = time.monotonic()
    assert daemon.proc.stop() == 0
    assert time.monotonic() - begun < 2
    assert sorted(os.listdir(daemon.socket.parent)) == ["lanyard.yaml"]
    last = [r for r in records(daemon.proc) if r["event"] == "daemon-state"][-1]
    assert (last["from"], last["to"], last["cause"], last["unacknowledged"]) == ("draining", "ended", "drained", "0")


def test_a_daemon_started_with_its_standard_input_closed_and_few_descriptors_serves(lan):
    d = Daemon(lan, wrap=["sh", "-c", 'ulimit -S -n 64; exec "$@" <&-', "sh"])
    boards = [d.board(str(i)) for i in range(100)]
    assert len(d.link()["peers"]) == 100
    for board in boards:
        board.close()
    assert d.proc.stop() == 0


def test_sigint_drains_as_sigterm_does(daemon):
    assert daemon.proc.stop(signal.SIGINT) == 0
    assert any(r.get("cause") == "SIGINT" for r in records(daemon.proc))


def test_a_line_acknowledged_while_draining_is_answered_and_ends_the_drain(daemon):
    board, control = daemon.board(), daemon.control()
    number = control.send("link.send", name="boards/1", line="last words")
    mid, text = board.line()
    assert text == "last words"
    daemon.proc.send_signal(signal.SIGTERM)
    daemon.logged("to=draining .*pending=1")
    board.ack(mid)
    assert control.answer(number)["result"]["acked"] is True
    assert daemon.proc.wait() == 0
    assert control.read() is None


def test_the_drain_ends_after_5_seconds_and_says_what_is_left(daemon):
    board, control = daemon.board(), daemon.control()
    number = control.send("link.send", name="boards/1", line="never acknowledged")
    board.line()
    begun = time.monotonic()
    daemon.proc.send_signal(signal.SIGTERM)
    answer = control.answer(number)
    assert answer["error"]["code"] == "failed"
    assert daemon.proc.wait() == 0
    assert 4.5 < time.monotonic() - begun < 8
    last = [r for r in records(daemon.proc) if r["event"] == "daemon-state"][-1]
    assert (last["level"], last["cause"], last["unacknowledged"]) == ("warn", "drain limit", "1")


def test_a_second_signal_ends_the_drain_at_once(daemon):
    board = daemon.board()
    assert daemon.ask("link.send", name="boards/1", line="x", qos=False)["sent"]
    control = daemon.control()
    control.send("link.send", name="boards/1", line="never acknowledged", wait=False)
    board.line()
    daemon.proc.send_signal(signal.SIGTERM)
    daemon.logged("to=draining")
    begun = time.monotonic()
    daemon.proc.send_signal(signal.SIGTERM)
    assert daemon.proc.wait() == 0
    assert time.monotonic() - begun < 2


def test_while_draining_nobody_can_connect_to_the_control_socket(daemon):
    board, control = daemon.board(), daemon.control()
    control.send("link.send", name="boards/1", line="never acknowledged")
    board.line()
    daemon.proc.send_signal(signal.SIGTERM)
    daemon.logged("to=draining")
    assert not daemon.socket.exists()
    assert control.error("status")["code"] == "failed"
    daemon.proc.send_signal(signal.SIGTERM)
    assert daemon.proc.wait() == 0


# --- the control socket as a file ------------------------------------------------


def test_the_socket_is_for_its_user_and_group(daemon):
    mode = daemon.socket.stat()
    assert stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o660


def test_a_second_daemon_on_the_same_socket_is_refused_and_the_first_lives(lan, daemon):
    both = "link:\n" + server("x", "127.0.0.1:0") + server("y", daemon.link()["address"])
    second = lan.start("lanyardd", "-c", at(lan.folder, "other.yaml", both), "-s", daemon.socket)
    assert second.wait() == 1
    assert any("another lanyardd is running" in line for line in second.err)
    assert not any("event=link-state" in line for line in second.err)  # it did not touch a port
    assert daemon.ask("status")["pid"] == daemon.proc.pid


def test_the_socket_of_a_daemon_that_was_killed_is_taken_over(lan, daemon):
    daemon.proc.kill()
    assert daemon.socket.exists()
    again = Daemon(lan)
    assert again.ask("status")["pid"] == again.proc.pid


def test_a_living_listener_that_is_no_daemon_keeps_its_socket(lan):
    path = lan.folder / "control.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        d = Daemon(lan, ready=False)
        assert d.proc.wait() == 1
        assert any("another lanyardd is running" in line for line in d.proc.err)
        assert path.exists()


def test_a_file_in_the_way_of_the_socket_is_never_removed(lan):
    path = at(lan.folder, "control.sock", "precious")
    d = Daemon(lan, ready=False)
    assert d.proc.wait() == 1
    assert any("exists and is not a socket" in line for line in d.proc.err)
    assert path.read_text() == "precious"


def test_two_daemons_started_at_the_same_moment_leave_exactly_one(lan):
    (lan.folder / "control.sock").touch()
    (lan.folder / "control.sock").unlink()
    config = at(lan.folder, "c.yaml", "link:\n" + server("x", "127.0.0.1:0"))
    procs = [lan.start("lanyardd", "-c", config, "-s", lan.folder / "race.sock") for _ in range(8)]
    wait_for(lambda: sum(p.running() for p in procs) == 1, what="exactly one daemon")
    alive = next(p for p in procs if p.running())
    wait_for((lan.folder / "race.sock").exists)
    with Control(lan.folder / "race.sock") as c:
        assert c.greeting["pid"] == alive.pid
    assert all(p.popen.returncode == 1 for p in procs if p is not alive)


def test_a_private_directory_in_tmp_that_is_not_ours_is_refused(lan):
    """As a user without XDG_RUNTIME_DIR the socket is in /tmp/lanyard-UID, which anybody could have made."""
    uid = 64999
    folder = f"/tmp/lanyard-{uid}"
    config = at(lan.folder, "c.yaml", "link: []\n")
    for parent in [lan.folder, *lan.folder.parents][:3]:
        parent.chmod(0o755)
    os.mkdir(folder, 0o700)  # ours, not theirs
    try:
        proc = lan.run("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "env", "-u",
                       "XDG_RUNTIME_DIR", "-u", "LANYARD_SOCKET", for_anybody("lanyardd"), "-c", config)
        assert proc.wait() == 1
        assert any("must be a directory of yours with mode 0700" in line or "Permission denied" in line
                   for line in proc.err), proc.tail()
    finally:
        os.rmdir(folder)


# --- reload ----------------------------------------------------------------------


def reload(daemon):
    daemon.proc.send_signal(signal.SIGHUP)


def test_a_reload_adds_and_removes_links_and_leaves_the_others_alone(lan):
    keep, gone = server("boards", "127.0.0.1:0"), server("gone", "127.0.0.1:0")
    d = Daemon(lan, "link:\n" + keep + gone)
    board, leaver = d.board(), d.board("2", "gone")
    address = d.link()["address"]
    d.write("link:\n" + server("new", "127.0.0.1:0") + keep)
    reload(d)
    d.logged("event=config-reloaded .*added=new removed=gone .*unchanged=boards")
    assert [k["name"] for k in d.ask("link.list")["links"]] == ["new", "boards"]
    assert d.link()["address"] == address
    board.say("still here")
    assert board.acked() == 0
    assert d.peer("boards/1")["connects"] == 1
    assert leaver.input.read() is not None  # the end of the stream


def test_a_queue_survives_a_reload_of_an_unchanged_link(daemon):
    board = daemon.board()
    control = daemon.control()
    number = control.send("link.send", name="boards/1", line="queued")
    mid, _ = board.line()
    reload(daemon)
    daemon.logged("config-reloaded")
    board.ack(mid)
    assert control.answer(number)["result"]["acked"] is True


def test_a_changed_link_is_opened_anew_on_the_same_port(lan):
    address = f"127.0.0.1:{free_port()}"
    d = Daemon(lan, "link:\n" + server("boards", address))
    d.board()
    d.write("link:\n" + server("boards", address, ", expect: [a]"))
    reload(d)
    d.logged("event=config-reloaded .*changed=boards")
    assert d.link()["address"] == address and d.link()["missing"] == 1
    d.board("a").say("hello")
    wait_for(lambda: d.peer("boards/a")["rx_lines"] == 1)


def unacknowledged(daemon, lines):
    daemon.board()
    control = daemon.control()
    for i in range(lines):
        control.send("link.send", name="boards/1", line=f"{i}", wait=False)
    wait_for(lambda: daemon.peer("boards/1")["queued"] == lines)
    return control


@pytest.mark.parametrize("lines, more, reason, words", [
    (2, ", expect: [a]", "changed", "2 lines that were not acknowledged yet were dropped (changed)"),
    (1, None, "removed", "1 line that was not acknowledged yet was dropped (removed)")])
def test_a_reload_says_how_many_queued_lines_it_dropped(lan, lines, more, reason, words):
    d = Daemon(lan, "link:\n" + server("boards", "127.0.0.1:0"))
    control = unacknowledged(d, lines)
    d.write("link:\n" + (server("boards", "127.0.0.1:0", more) if more else server("other", "127.0.0.1:0")))
    assert f'link "boards": {words}' in d.ask("config.reload")["warnings"]
    unsent = [e for e in d.ask("event.list")["events"] if e["event"] == "unsent"]
    assert [(e["link"], e["count"], e["reason"]) for e in unsent] == [("boards", lines, reason)]
    shown = lan.start("lanyard", "-s", d.socket, "event", "list")
    assert shown.wait() == 0
    assert any(f"unsent  {reason}  {lines} line" in text and "too slow" not in text for text in shown.out), shown.out
    assert d.ask("config.reload")["warnings"] == []
    control.close()


def test_a_failed_reload_says_what_it_dropped_on_the_way(lan):
    d = Daemon(lan, "link:\n" + server("boards", "127.0.0.1:0"))
    control = unacknowledged(d, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        d.write("link:\n" + server("boards", "127.0.0.1:%d" % taken.getsockname()[1]))
        details = d.error("config.reload")["details"]
    assert "address in use" in details[0] and "1 line that was not acknowledged yet was dropped" in details[1]
    control.close()


def test_echo_changes_without_closing_the_link(lan):
    d = Daemon(lan, "link:\n" + server("boards", "127.0.0.1:0"))
    board = d.board()
    d.write("link:\n" + server("boards", "127.0.0.1:0", ", echo: true"))
    result = d.ask("config.reload")
    assert (result["changed"], result["unchanged"]) == (["boards"], [])
    board.say("hello")
    assert board.line()[1] == "hello"
    assert d.peer("boards/1")["connects"] == 1
    assert d.ask("config.reload")["unchanged"] == ["boards"]


def test_a_changed_client_lets_go_before_it_connects_anew(lan, tmp_path):
    """Were both there at the same time, the server would see one id twice."""
    hub = Daemon(lan)
    text = "link:\n- {name: up, role: client, connect: '%s', id: me, timeout: 20s, window: %d}\n"
    config = at(tmp_path, "client.yaml", text % (hub.link()["address"], 5))
    client = lan.start("lanyardd", "-c", config, "-s", tmp_path / "client.sock")
    wait_for(lambda: (p := hub.peer("boards/me")) and p["up"], what="the client")
    config.write_text(text % (hub.link()["address"], 6))
    with Control(tmp_path / "client.sock") as c:
        assert c.ask("config.reload")["changed"] == ["up"]
        wait_for(lambda: hub.peer("boards/me")["connects"] == 2 and hub.peer("boards/me")["up"])
        assert c.ask("link.send", name="up", line="again")["acked"] is True
    kinds = [e["event"] for e in hub.ask("event.list")["events"] if e.get("id") == "me"]
    assert kinds == ["up", "down", "up", "message"]
    assert client.stop() == 0
    states = [(r["to"], r["cause"]) for r in records(client) if r["event"] == "link-state"]
    assert states == [("open", "start"), ("closed", "changed"), ("open", "reload"), ("closed", "shutdown")]


def test_addresses_can_be_swapped_between_links(lan):
    one, two = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    d = Daemon(lan, "link:\n" + server("a", one) + server("b", two))
    d.write("link:\n" + server("a", two) + server("b", one))
    assert sorted(d.ask("config.reload")["changed"]) == ["a", "b"]
    assert (d.link("a")["address"], d.link("b")["address"]) == (two, one)


def test_a_broken_file_keeps_the_old_configuration_and_says_why(daemon):
    board = daemon.board()
    daemon.write("link:\n- {name: boards, role: sever, listen: '127.0.0.1:0'}\n")
    reload(daemon)
    daemon.logged('event=config-refused reason=.*:2:24: bad role .*did you mean')
    daemon.logged("event=config-kept")
    board.say("unharmed")
    assert board.acked() == 0
    status = daemon.ask("status")
    assert "did you mean" in status["config"]["error"] and status["config"]["reloads"] == 0
    daemon.write(ONE)
    reload(daemon)
    daemon.logged("config-reloaded .*unchanged=boards")
    assert daemon.ask("status")["config"]["error"] is None


def test_an_address_that_cannot_be_opened_keeps_everything_as_it_was(lan, daemon):
    board = daemon.board()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        daemon.write(ONE + server("more", "127.0.0.1:0") + server("bad", "127.0.0.1:%d" % taken.getsockname()[1]))
        error = daemon.error("config.reload")
    assert error["code"] == "failed" and "address in use" in error["what"]
    assert [k["name"] for k in daemon.ask("link.list")["links"]] == ["boards"]
    board.say("unharmed")
    assert board.acked() == 0


def test_a_failed_swap_brings_the_closed_link_back(lan):
    """The new entry needs the old one's port, so the old one has to close first; then the second entry fails."""
    address = f"127.0.0.1:{free_port()}"
    d = Daemon(lan, "link:\n" + server("old", address))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        d.write("link:\n" + server("new", address) + f"- {{name: old, role: server, listen: '127.0.0.1:{port}'}}\n")
        assert d.error("config.reload")["code"] == "failed"
    assert [(k["name"], k["address"], k["state"]) for k in d.ask("link.list")["links"]] == [("old", address, "open")]
    d.board("x", "old").say("welcome back")
    wait_for(lambda: d.peer("old/x"))


def test_a_watcher_of_a_removed_link_is_told_the_end(lan):
    d = Daemon(lan, "link:\n" + server("boards", "127.0.0.1:0") + server("gone", "127.0.0.1:0"))
    control = d.control()
    number = control.send("link.watch", name="gone")
    control.ask("status")
    d.write("link:\n" + server("boards", "127.0.0.1:0"))
    assert d.ask("config.reload")["removed"] == ["gone"]
    assert control.event()["event"] == "link-closed"
    assert control.read() == {"id": number, "end": {"reason": "link-removed"}}
    assert control.ask("status")["links"]["total"] == 1


def test_the_socket_of_the_configuration_changes_only_with_a_restart(lan):
    config = at(lan.folder, "c.yaml", f"daemon: {{socket: {lan.folder}/a.sock}}\nlink: []\n")
    lan.start("lanyardd", "-c", config)
    wait_for((lan.folder / "a.sock").exists)
    config.write_text(f"daemon: {{socket: {lan.folder}/b.sock}}\nlink: []\n")
    with Control(lan.folder / "a.sock") as c:
        warnings = c.ask("config.reload")["warnings"]
        assert any("until the next start" in w for w in warnings)
    assert not (lan.folder / "b.sock").exists()


def test_the_log_level_and_the_number_of_events_follow_a_reload(daemon):
    daemon.write("daemon: {events: 16, log: {level: debug}}\n" + ONE)
    daemon.ask("config.reload")
    board = daemon.board()
    for i in range(30):
        board.say(f"line {i}")
    daemon.logged("level=debug event=message")
    wait_for(lambda: daemon.peer("boards/1")["rx_lines"] == 30)
    events = daemon.ask("event.list")
    assert (events["kept"], events["next"]) == (16, 34)
    assert events["events"][-1]["line"] == "line 29"


def test_reloading_again_and_again_leaks_nothing(lan):
    d = Daemon(lan, "link:\n" + server("a", "127.0.0.1:0") + server("b", "127.0.0.1:0"))
    both = ["link:\n" + server("a", "127.0.0.1:0") + server("b", "127.0.0.1:0"),
            "link:\n" + server("c", "127.0.0.1:0") + server("b", "127.0.0.1:0", ", echo: true")]
    with d.control() as control:
        for i in range(20):
            d.write(both[i % 2])
            control.ask("config.reload")
        fds, memory = d.proc.fds(), d.proc.rss()
        for i in range(300):
            d.write(both[i % 2] if i % 7 else "link: [nonsense]\n")
            control.send("config.reload")
            control.read()
    assert d.proc.fds() <= fds
    assert grown(d.proc, memory) < (8 << 20)


# --- the log ---------------------------------------------------------------------


def test_an_id_cannot_forge_log_records(daemon):
    board = daemon.board('x" level=error event="y\\')
    wait_for(lambda: any(r["event"] == "peer-state" for r in records(daemon.proc)))
    board.close()
    wait_for(lambda: sum(r["event"] == "peer-state" for r in records(daemon.proc)) == 2)
    states = [r for r in records(daemon.proc) if r["event"] == "peer-state"]
    assert [(r["from"], r["to"]) for r in states] == [("down", "up"), ("up", "down")]
    assert all(r["level"] == "info" and r["id"] == 'x\\" level=error event=\\"y\\\\' for r in states)


def test_an_id_with_tricky_characters_is_escaped_in_the_log_and_exact_in_json(daemon):
    name = "a\u202eb c é"
    daemon.board(name)
    wait_for(lambda: daemon.peer(f"boards/{name}"))
    line = daemon.logged(".*event=peer-state.*").group(0)
    assert 'id="a\\xe2\\x80\\xaeb c é"' in line


def test_a_log_record_has_no_fields_that_do_not_apply(daemon):
    host, port = daemon.link()["address"].split(":")
    with socket.create_connection((host, int(port))) as s:
        s.sendall(b"\x01bad\n")
        s.recv(10)
    daemon.logged("event=refused")
    refused = next(r for r in records(daemon.proc) if r["event"] == "refused")
    assert set(refused) == {"time", "level", "event", "link", "peer", "reason"}


def test_refusals_are_limited_in_the_log_and_counted_in_the_statistics(daemon):
    host, port = daemon.link()["address"].split(":")
    for _ in range(40):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(b"\x01bad\n")
            s.recv(10)
    def counter():
        return next(c["value"] for c in daemon.ask("stats.list")["stats"] if c["name"] == "id_bad")
    wait_for(lambda: counter() == 40)
    refused = wait_for(lambda: (r := [r for r in records(daemon.proc) if r["event"] == "refused"]) and len(r) > 4 and r)
    assert len(refused) == 5 and {r["reason"] for r in refused} == {"id_bad"}
    assert sum(e["event"] == "refused" for e in daemon.ask("event.list")["events"]) == 40
    daemon.proc.stop()
    suppressed = next(r for r in records(daemon.proc) if r["event"] == "suppressed")
    assert suppressed["count"] == "35" and "id_bad" in suppressed["records"]


def test_quiet_and_verbose_move_the_level(lan):
    quiet = Daemon(lan, options=["-q"])
    quiet.board()
    quiet.ask("status")
    assert quiet.proc.stop() == 0
    assert quiet.proc.err == []
    loud = Daemon(lan, options=["-v"])
    loud.board().say("x")
    loud.logged("level=debug event=message")


def test_the_json_log_is_one_object_a_line(lan):
    import json
    d = Daemon(lan, "daemon: {log: {format: json}}\n" + ONE)
    d.board('"\u001f'.replace("\u001f", "~"))
    d.logged('"event":"peer-state"')
    rows = [json.loads(s) for s in d.proc.err]
    assert rows[0]["level"] == "info" and rows[0]["event"] == "link-state"
    assert next(r for r in rows if r["event"] == "peer-state")["id"] == '"~'


# --- links as configured ---------------------------------------------------------


def test_echo_sends_each_line_back(lan):
    d = Daemon(lan, ONE.replace("hold_off: 0", "hold_off: 0, echo: true"))
    board = d.board()
    board.say("hello, world")
    mid, text = board.line()
    assert text == "hello, world"
    board.ack(mid)
    wait_for(lambda: d.peer("boards/1")["queued"] == 0)


def test_a_client_link_meets_a_server_link_of_another_daemon(lan, tmp_path):
    first = Daemon(lan)
    config = at(tmp_path, "client.yaml", "link:\n- {name: up, role: client, connect: '%s', id: node7}\n"
                % first.link()["address"])
    lan.start("lanyardd", "-c", config, "-s", tmp_path / "client.sock")
    wait_for(lambda: (p := first.peer("boards/node7")) and p["up"], what="the client")
    with Control(tmp_path / "client.sock") as c:
        wait_for(lambda: c.ask("link.show", name="up/node7")["link"]["peers"][0]["up"])
        assert c.ask("link.send", name="up", line="from below")["acked"] is True
        assert first.ask("link.send", name="node7", line="from above")["acked"] is True
        lines = [e["line"] for e in c.ask("event.list")["events"] if e["event"] == "message"]
        assert lines == ["from above"]
    lines = [e["line"] for e in first.ask("event.list")["events"] if e["event"] == "message"]
    assert lines == ["from below"]
