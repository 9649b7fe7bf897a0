"""test_daemon_service.py - lanyardd under a service manager: sd_notify, the watchdog, the journal."""
import os
import signal
import socket
import struct
import time

import pytest
from daemon_test import ONE, Daemon


class Notices:
    """The manager's end of $NOTIFY_SOCKET; each datagram a dictionary."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.bind(address)

    def next(self):
        text = self.socket.recv(65536).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def until(self, key):
        while True:
            notice = self.next()
            if key in notice:
                return notice


@pytest.fixture(params=["path", "abstract"])
def notices(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@lanyard-test-{os.getpid()}"
    it = Notices(name.replace("@", "\0", 1))
    it.name = name
    yield it
    it.socket.close()


def test_the_manager_is_told_of_readiness_reload_and_end(lan, notices):
    d = Daemon(lan, env={"NOTIFY_SOCKET": notices.name})
    assert notices.next() == {"READY": "1", "STATUS": "1 link"}
    d.proc.send_signal(signal.SIGHUP)
    begun = notices.next()
    assert begun["RELOADING"] == "1" and int(begun["MONOTONIC_USEC"]) > 0
    assert notices.next() == {"READY": "1", "STATUS": "1 link"}
    d.write("nonsense\n")
    d.proc.send_signal(signal.SIGHUP)
    assert notices.next()["RELOADING"] == "1"
    again = notices.next()
    assert again["READY"] == "1" and "last reload refused" in again["STATUS"]
    d.proc.send_signal(signal.SIGTERM)
    assert notices.next()["STOPPING"] == "1"
    assert d.proc.wait() == 0


def test_the_manager_is_not_told_of_readiness_before_the_socket_answers(lan, tmp_path):
    manager = Notices(str(tmp_path / "notify"))
    d = Daemon(lan, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}, ready=False)
    manager.until("READY")
    assert d.listens()


def test_a_failed_start_never_says_ready(lan, tmp_path):
    manager = Notices(str(tmp_path / "notify"))
    d = Daemon(lan, "nonsense\n", env={"NOTIFY_SOCKET": str(tmp_path / "notify")}, ready=False)
    assert d.proc.wait() == 1
    manager.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        manager.next()


def test_the_watchdog_is_fed_at_half_its_period(lan, tmp_path):
    manager = Notices(str(tmp_path / "notify"))
    d = Daemon(lan, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
    manager.until("WATCHDOG")
    begun = time.monotonic()
    for _ in range(10):
        manager.until("WATCHDOG")
    assert 0.8 < time.monotonic() - begun < 4
    os.kill(d.proc.pid, signal.SIGSTOP)
    manager.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            manager.next()
    os.kill(d.proc.pid, signal.SIGCONT)
    manager.until("WATCHDOG")


def test_a_watchdog_meant_for_another_process_is_not_fed(lan, tmp_path):
    manager = Notices(str(tmp_path / "notify"))
    Daemon(lan, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    manager.until("READY")
    manager.socket.settimeout(0.4)
    with pytest.raises(TimeoutError):
        manager.until("WATCHDOG")


@pytest.mark.parametrize("address", ["relative", "/nowhere/at/all", "@", "", "x" * 200])
def test_a_manager_that_cannot_be_reached_is_no_reason_to_fail(lan, address):
    d = Daemon(lan, env={"NOTIFY_SOCKET": address})
    assert d.ask("status")["links"]["total"] == 1


# --- the journal -------------------------------------------------------------------


def fields(datagram):
    """journald's native protocol, as systemd.io/JOURNAL_NATIVE_PROTOCOL has it."""
    out = []
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            (size,) = struct.unpack_from("<Q", rest)
            name, value, rest = line, rest[8:8 + size], rest[8 + size:]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        assert name.isupper() or b"_" in name
        out.append((name.decode(), value.decode()))
        datagram = rest
    return out


# In a mount namespace of its own the daemon sees our socket as journald's; stderr is
# "connected to the journal" because $JOURNAL_STREAM names it.
UNDER_JOURNAL = ["unshare", "-m", "sh", "-c",
                 'mount --bind "$0" /run && export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) && exec "$@"']


@pytest.fixture
def journal(tmp_path):
    folder = tmp_path / "run"
    (folder / "systemd/journal").mkdir(parents=True)
    path = folder / "systemd/journal/socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.bind(str(path))
        yield s, folder, path


def test_under_systemd_records_go_to_the_journal_with_their_fields(lan, journal):
    s, folder, _ = journal
    d = Daemon(lan, wrap=[*UNDER_JOURNAL, folder])
    board = d.board("x y")
    board.close()
    rows = []
    while not any(r.get("LANYARD_EVENT") == "peer-state" and "to=down" in r["MESSAGE"] for r in rows):
        rows.append(dict(fields(s.recv(65536))))
    up = next(r for r in rows if r["LANYARD_EVENT"] == "peer-state")
    assert up["PRIORITY"] == "6" and up["SYSLOG_IDENTIFIER"] == "lanyardd"
    assert (up["LANYARD_LINK"], up["LANYARD_PEER"], up["LANYARD_REASON"]) == ("boards", "x y", "connected")
    assert up["MESSAGE"].startswith('event=peer-state link=boards id="x y" from=down to=up')
    assert d.proc.err == []


def test_when_the_journal_does_not_answer_stderr_gets_records_with_their_priority(lan, journal):
    _, folder, path = journal
    path.unlink()
    d = Daemon(lan, wrap=[*UNDER_JOURNAL, folder])
    d.logged("^<6>event=daemon-state from=starting to=running")


def test_text_asked_for_goes_to_stderr_even_under_systemd(lan, journal):
    s, folder, _ = journal
    d = Daemon(lan, "daemon: {log: {format: text}}\n" + ONE, wrap=[*UNDER_JOURNAL, folder])
    d.logged("^<6>event=daemon-state")
    s.settimeout(0.1)
    with pytest.raises(TimeoutError):
        s.recv(65536)


def test_a_journal_stream_that_is_not_our_stderr_does_not_count(lan):
    d = Daemon(lan, env={"JOURNAL_STREAM": "1:2"})
    d.logged("^time=20.* level=info event=daemon-state")
