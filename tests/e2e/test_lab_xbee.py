"""test_lab_xbee.py - the simulated radio modules, judged by octets written here by hand (no codec of ours), and a
master and a device of sensors over them while sticks are pulled and the air loses a tenth."""
import os
import time
import tty
import urllib.request

import pytest

from lanyard_test import free_port, wait_for

GUARD = 1.05


def frame(data):
    return b"\x7e" + len(data).to_bytes(2, "big") + data + bytes([0xff - sum(data) & 0xff])


class Stick:
    """A module as its host sees it."""

    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)

    def close(self):
        os.close(self.fd)

    def write(self, data):
        assert os.write(self.fd, data) == len(data)

    def read(self, count, timeout=3):
        data = b""

        def more():
            nonlocal data
            try:
                data += os.read(self.fd, count - len(data))
            except BlockingIOError:
                pass
            return len(data) >= count
        wait_for(more, timeout, f"{count} octets")
        return data

    def silent(self, seconds):
        time.sleep(seconds)
        try:
            return os.read(self.fd, 1000)
        except BlockingIOError:
            return b""

    def command(self, text, answer=b"OK\r"):
        self.write(text)
        assert self.read(len(answer)) == answer

    def begin(self, *commands):
        """Into command mode, the settings, and out of it."""
        time.sleep(GUARD)
        self.command(b"+++")
        for c in commands:
            self.command(c + b"\r")
        self.command(b"ATCN\r")


@pytest.fixture
def sticks(lan, tmp_path):
    made = []

    def make(count=2, *options):
        links = [tmp_path / f"stick{i}" for i in range(count)]
        proc = lan.start("lanyard", "lab", "xbee", "-J", "--seed", "1", *options,
                         *(w for link in links for w in ("--link", link)))
        for i in range(count):
            assert proc.event("plugged", stick=i)["path"] == str(links[i])
        made.extend(Stick(link) for link in links)
        return proc, *made
    yield make
    for stick in made:
        stick.close()


def api(my, pan=b"cafe", mode=b"1"):
    return b"ATRE", b"ATMY" + my, b"ATID" + pan, b"ATMM2", b"ATAP" + mode


def test_command_mode_wants_silence(sticks):
    _, a = sticks(1)
    a.write(b"+++")  # too early: it has just got its power
    assert a.silent(1.3) == b""
    a.write(b"+")
    time.sleep(GUARD)
    a.write(b"++x")
    assert a.silent(1.3) == b""
    a.command(b"+++")
    a.command(b"AT\r")
    a.command(b"ATMY\r", b"0\r")
    a.command(b"ATMY 3412\r")
    a.command(b"atmy\r", b"3412\r")
    a.command(b"ATCH1b\r", b"ERROR\r")
    a.command(b"ATXX\r", b"ERROR\r")
    a.command(b"hello\r", b"ERROR\r")
    a.command(b"ATRE\r")
    a.command(b"ATMY\r", b"0\r")
    a.command(b"ATID\r", b"3332\r")


def test_packets_pass_between_those_who_are_meant(sticks):
    proc, a, b, c = sticks(3, "--baud", "0")
    for stick, my, pan in ((a, b"3412", b"cafe"), (b, b"6745", b"cafe"), (c, b"6745", b"beef")):
        stick.begin(*api(my, pan))
    a.write(frame(b"\x01\x41\x67\x45\x00hello"))
    assert a.read(7) == frame(b"\x89\x41\x00")
    got = b.read(14)
    assert got[:6] == b"\x7e\x00\x0a\x81\x34\x12" and 40 <= got[6] < 70 and got[7:13] == b"\x00hello"
    a.write(frame(b"\x01\x42\xff\xff\x00all"))
    assert a.read(7) == frame(b"\x89\x42\x00")
    assert b.read(12) == frame(b"\x81\x34\x12" + got[6:7] + b"\x02all")
    a.write(frame(b"\x01\x43\x99\x99\x00nobody"))
    assert a.read(7) == frame(b"\x89\x43\x01")
    a.write(frame(b"\x01\x00\x67\x45\x00quiet"))  # number 0: no status is wanted
    assert b.read(14)[8:13] == b"quiet"
    a.write(frame(b"\x01\x44\x67\x45\x00" + bytes(101)))
    assert a.read(7) == frame(b"\x89\x44\x03")
    assert a.silent(0.1) == b"" and b.silent(0) == b"" and c.silent(0) == b""
    a.write(frame(b"\x08\x07MY"))
    assert a.read(11) == frame(b"\x88\x07MY\x00\x34\x12")
    a.write(frame(b"\x08\x08XX"))
    assert a.read(9) == frame(b"\x88\x08XX\x02")
    proc.send("loss 100%")
    proc.event("control", command="loss 100%", ok=True)
    a.write(frame(b"\x01\x45\x67\x45\x00lost"))
    assert a.read(7) == frame(b"\x89\x45\x01")
    proc.send("quit")
    assert proc.wait() == 0
    counts = proc.event("summary")
    assert counts["said"] == 5 and counts["unanswered"] == 2 and counts["heard"] == 3


def test_escaped_frames_and_settings_that_were_saved(sticks):
    proc, a, b = sticks(2, "--baud", "115200")
    a.begin(*api(b"1311", mode=b"2"), b"ATBD7", b"ATWR")
    b.begin(*api(b"6745"), b"ATBD7")
    a.write(b"\x7e\x00\x06\x01\x41\x67\x45\x00\x7d\x5e\x93")
    assert a.read(7) == frame(b"\x89\x41\x00")
    assert b.read(10)[4:6] == b"\x13\x11"
    for i in range(2):
        proc.send(f"unplug {i}")
        proc.event("pulled", stick=i)
        assert not os.path.lexists(a.path if i == 0 else b.path)
        proc.send(f"plug {i}")
        proc.event("plugged", stick=i, nth=1)
    assert os.read(a.fd, 1) == b""  # that terminal is gone
    again, lost = Stick(a.path), Stick(b.path)
    assert again.silent(0.2) in (b"", frame(b"\x8a\x00"))  # it has its power; who opens it may be late for that
    again.write(frame(b"\x08\x07AP"))
    assert again.read(10) == frame(b"\x88\x07AP\x00\x02")
    assert lost.silent(0.2) == b""  # transparent, as from the factory
    proc.send("reset 0")
    assert again.read(6) == frame(b"\x8a\x01")
    again.close()
    lost.close()


def test_a_line_takes_its_time_and_loses_what_is_too_fast(sticks):
    _, a, b = sticks(2)
    for stick, my in ((a, b"3412"), (b, b"6745")):
        stick.begin(*api(my))
    begin = time.monotonic()
    a.write(frame(b"\x01\x41\x67\x45\x00" + bytes(100)))
    b.read(109)
    took = time.monotonic() - begin
    assert 0.22 < took < 0.5, f"218 octets at 9600 took {took:.3f} s"


@pytest.mark.limit(90)
def test_sensors_live_through_sticks_that_are_pulled(lan, sticks, tmp_path, figure):
    proc, a, b = sticks(2, "--baud", "57600", "--loss", "10%")
    a.close(), b.close()
    for stick in (a, b):
        stick.fd = os.open(os.devnull, os.O_RDONLY)
    port = free_port()
    master = lan.start("lanyard", "sensor", "master", "-J", "--net", f"xbee:{a.path},addr=12:34,panid=ca:fe,baud=57600",
                       "--slave", "169,ttl=600", "--http", f"127.0.0.1:{port}", "--first-hello", "200ms", "--hello", "1s",
                       "--no-cache")
    device = lan.start("lanyard", "sensor", "device", "-J", "--net",
                       f"xbee:{b.path},addr=45:67,panid=ca:fe,baud=57600", "--id", "169", "--resource", "t1=21.5")

    def read():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/casan/169/t1", timeout=30) as r:
                return r.read()
        except OSError:
            return None
    wait_for(lambda: read() == b"21.5", 30, "the first answer", poll=0.2)

    def states():
        return [e["state"] for e in master.events(slave=169) if "state" in e]
    before = states()
    assert before[-1] == "running"
    for i in (0, 1):
        proc.send(f"unplug {i}")
        proc.event("pulled", stick=i)
        time.sleep(0.5)
        up = master.events("net", state="up")
        begin = time.monotonic()
        proc.send(f"plug {i}")
        if i == 0:
            master.event("net", timeout=2, nth=len(up), state="up")
        wait_for(lambda: read() == b"21.5", 10, "an answer", poll=0.02)
        took = time.monotonic() - begin
        figure(f"stick {i} back", f"{took:.2f} s")
        assert took < 2 + 3, "a confirmable message that was lost comes again after 2 to 3 s"
    assert master.running() and device.running()
    assert set(states()[len(before):]) <= {"running"}, "the slave had to begin anew"
    assert [e["state"] for e in master.events("net")][-2:] == ["down", "up"]
