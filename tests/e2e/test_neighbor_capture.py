"""test_neighbor_capture.py - `lanyard neighbor capture`: what passes on a cable, in both directions."""
import json
import os
import signal
import stat
import subprocess
import time

import pytest

from lanyard_test import SANITIZED, binary, for_anybody, wait_for
from neighbor_frames import MAC_A, MAC_B, Sender, hello, keepalive, l3dl, lsoe


class Wire:
    """A cable between two namespaces; a is where we capture, b the other end."""

    def __init__(self, lan):
        self.lan = lan
        self.ns, other = lan.net.namespace(), lan.net.namespace()
        lan.net.cable(self.ns, other)
        self.here, self.there = Sender(self.ns), Sender(other)
        self.other = other

    def capture(self, *words, ready=True):
        """Started, and listening: it says so with -v."""
        words = words if "lan0" in words else ("lan0", *words)
        proc = self.lan.start("lanyard", "neighbor", "capture", *words, "-v", ns=self.ns)
        if ready:
            proc.line("capturing on", stream="err")
        return proc

    def close(self):
        self.here.close()
        self.there.close()


@pytest.fixture
def wire(lan):
    it = Wire(lan)
    yield it
    it.close()


def decode(file, *words):
    done = subprocess.run([binary("lanyard"), "neighbor", "decode", file, "-J", *words], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def captured(proc, count):
    assert proc.line(rf"^lanyard: {count} frames? captured, 0 dropped by the kernel$", stream="err")


def test_frames_of_both_directions_are_written_with_time_and_direction(wire, tmp_path):
    file = tmp_path / "lan.pcapng"
    before = time.time_ns()
    proc = wire.capture("-w", file)
    assert " promiscuity 1 " in wire.ns.run("ip", "-d", "link", "show", "lan0").stdout
    wire.there.send(hello(source=MAC_B))
    wait_for(lambda: file.stat().st_size > 150)  # the order on the wire is that of sending
    wire.here.send(keepalive())
    wait_for(lambda: len(decode(file)) == 2)
    wire.there.send(l3dl(2, to=bytes.fromhex("020000000077")))  # for another host
    wait_for(lambda: len(decode(file)) == 3)
    assert proc.stop(signal.SIGINT) == 0
    captured(proc, 3)
    got = decode(file)
    assert [(f["direction"], f["dialect"], f["pdu"]["name"], f["ifname"]) for f in got] == [
        ("in", "lsoe", "HELLO", "lan0"), ("out", "lsoe", "KEEPALIVE", "lan0"), ("in", "l3dl", "KEEPALIVE", "lan0")]
    times = [f["time"] for f in got]
    assert times == sorted(times) and len(set(times)) == 3
    seconds = time.strptime(times[0][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.mktime(seconds) - time.timezone - before / 1e9) < 30
    assert any(len(t.split(".")[1].rstrip("0Z")) > 6 for t in times)  # nanoseconds
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_it_writes_is_pcapng_to_others(wire, tmp_path):
    file = tmp_path / "lan.pcapng"
    proc = wire.capture("-w", file, "-n", "2")
    wire.there.send(hello())
    wire.here.send(keepalive())
    assert proc.wait() == 0
    done = subprocess.run(["tshark", "-r", file, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.packet_flags_direction",
                           "-e", "frame.len"], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["lan0\t0x00000001\t25", "lan0\t0x00000002\t25"], done
    info = subprocess.run(["capinfos", "-M", file], capture_output=True, text=True, timeout=60).stdout
    assert "lanyard neighbor capture" in info and "Number of stat entries = 1" in info, info


def test_a_pipe_gets_each_frame_as_it_comes_and_decode_shows_it(wire):
    program = binary("lanyard")
    proc = wire.lan.run("bash", "-c", f"exec {program} neighbor decode - < <({program} neighbor capture lan0 -v)", ns=wire.ns)
    proc.line("capturing on", stream="err")
    for n, frame in enumerate((hello(source=MAC_B), keepalive(source=MAC_B, to=MAC_A), lsoe(3, b"\4\0\0\0\0")), 1):
        wire.there.send(frame)
        assert len(proc.lines(n)) == n
    assert [line.split(" lsoe ")[1] for line in proc.out] == ["HELLO", "KEEPALIVE", "ACK of IPV4"]
    assert " lan0 in 02:00:00:00:00:0b > 01:80:c2:00:00:0e " in proc.out[0]


def test_print_and_json_show_frames_at_once(wire, tmp_path):
    text, objects = wire.capture("--print", "-w", tmp_path / "lan.pcapng"), wire.capture("-J")
    wire.there.send(hello())
    text.line(" lan0 in .* lsoe HELLO$")
    assert objects.event("frame", direction="in")["pdu"]["name"] == "HELLO"
    assert text.stop(signal.SIGTERM) == 0 and objects.stop(signal.SIGINT) == 0
    assert len(decode(tmp_path / "lan.pcapng")) == 1


def test_a_terminal_gets_lines(wire):
    command = f"{binary('lanyard')} neighbor capture lan0 -v -n 1"
    proc = wire.lan.run("script", "-qec", command, "/dev/null", ns=wire.ns)
    proc.line("capturing on")
    wire.there.send(hello())
    assert proc.line(r" lsoe HELLO")
    assert proc.wait() == 0


def test_only_the_family_is_captured_and_other_ethertypes_if_asked_for(wire, tmp_path):
    usual, asked = tmp_path / "usual.pcapng", tmp_path / "asked.pcapng"
    first, second = wire.capture("-w", usual), wire.capture("-w", asked, "--ethertype", "0x9999", "--ethertype", "0x88b5")
    wire.there.send(keepalive(ethertype=0x9999), keepalive(ethertype=0x0800), hello(), l3dl(2))
    for proc, file, types in ((first, usual, ["0x8885", "0x88b5"]), (second, asked, ["0x9999", "0x88b5"])):
        wait_for(lambda: len(decode(file, "--ethertype", "0x9999,0x8885,0x88b5")) == 2)
        assert proc.stop(signal.SIGINT) == 0
        assert [f["ethertype"] for f in decode(file, "--ethertype", "0x9999,0x8885,0x88b5")] == types


def test_vlan_tags_stay_in_the_frame(wire, tmp_path):
    file = tmp_path / "lan.pcapng"
    proc = wire.capture("-w", file, "-n", "2")
    wire.there.send(hello(vlan=5 | 3 << 13))
    wait_for(lambda: len(decode(file)) == 1)
    wire.here.send(hello(vlan=7))
    assert proc.wait() == 0
    assert [(f["vlan"], f["priority"], f["size"], f["pdu"]["name"]) for f in decode(file)] == [
        (5, 3, 29, "HELLO"), (7, 0, 29, "HELLO")]


def test_several_interfaces_go_into_one_file(lan, tmp_path):
    a, b = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(a, b)
    a.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    for name in ("one", "two"):
        a.link(name, True)
    file = tmp_path / "both.pcapng"
    proc = lan.start("lanyard", "neighbor", "capture", "lan0", "two", "-w", file, "-v", "-n", "3", ns=a)
    proc.line("capturing on 2 interfaces", stream="err")
    for sender, ready in ((Sender(a, "one"), 1), (Sender(b), 2), (Sender(a, "two"), 3)):
        sender.send(hello())
        wait_for(lambda: len(decode(file)) == ready)
        sender.close()
    assert proc.wait() == 0
    assert [(f["ifname"], f["direction"]) for f in decode(file)] == [("two", "in"), ("lan0", "in"), ("two", "out")]
    proc.line(r"^lanyard: two: 2 frames, 0 dropped$", stream="err")


def test_the_end_says_what_there_was(wire):
    nothing = wire.capture("--timeout", "200ms", "-J")
    assert nothing.wait() == 6
    captured(nothing, 0)
    some = wire.capture("--timeout", "600ms", "-J")
    few = wire.capture("--timeout", "600ms", "-J", "-n", "5")
    wire.there.send(hello(), keepalive())
    assert some.wait() == 0 and few.wait() == 6
    captured(some, 2)
    assert few.line("2 frames within --timeout 600ms", stream="err")


def test_who_waits_for_a_number_of_frames_and_interrupts_ends_with_130(wire):
    proc = wire.capture("-J", "-n", "2")
    wire.there.send(hello())
    proc.event("frame")
    assert proc.stop(signal.SIGINT) == 130
    captured(proc, 1)


def test_a_file_that_is_there_and_a_link_are_left_alone(wire, tmp_path):
    there, link, target = tmp_path / "there", tmp_path / "link", tmp_path / "target"
    there.write_text("precious")
    link.symlink_to(target)
    for name in (there, link):
        proc = wire.capture("-w", name, ready=False)
        assert proc.wait() == 1
        assert proc.line("it is not overwritten", stream="err")
    assert there.read_text() == "precious" and not target.exists()
    proc = wire.capture("-w", tmp_path / "none" / "file", ready=False)
    assert proc.wait() == 1 and proc.line("cannot write", stream="err")


def test_a_named_pipe_can_be_written_to(wire, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = wire.lan.start("lanyard", "neighbor", "decode", pipe, "--timeout", "20s")
    proc = wire.capture("-w", pipe)
    wire.there.send(hello())
    reader.line("HELLO")
    assert proc.stop(signal.SIGINT) == 0 and reader.wait() == 0


@pytest.mark.parametrize("words,code,what", [
    (["nothere0"], 3, "there is no interface 'nothere0' here"),
    (["lan0", "lan0"], 2, "named twice"),
    (["lan0", "a-name-that-is-far-too-long-for-one"], 3, "there is no interface"),
    (["lan0", "--print", "-w", "-"], 2, "stdout cannot take both"),
    (["lan0", "--ethertype", "12"], 2, "'12' is none"),
    (["lan0", "-n", "0"], 2, "count"),
    ([], 2, "IFACE"),
])
def test_a_wrong_command_line_says_what_is_wrong(wire, words, code, what):
    proc = wire.lan.start("lanyard", "neighbor", "capture", *words, ns=wire.ns)
    assert proc.wait() == code
    assert what in "\n".join(proc.err)
    proc = wire.lan.start("lanyard", "neighbor", "capture", *words, "-J", ns=wire.ns)
    assert proc.wait() == code
    assert what in json.loads(proc.out[-1])["error"]["what"] or code == 2


def test_without_the_right_to_it_says_so(wire):
    program = for_anybody("lanyard")
    proc = wire.lan.run("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", program,
                        "neighbor", "capture", "lan0", "-J", ns=wire.ns)
    assert proc.wait() == 5
    assert "CAP_NET_RAW" in "\n".join(proc.err)
    assert json.loads(proc.out[0])["error"]["code"] == "permission"


def test_an_interface_that_goes_is_told_and_the_rest_goes_on(wire, tmp_path):
    wire.ns.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    wire.ns.link("one", True)
    wire.ns.link("two", True)
    file = tmp_path / "lan.pcapng"
    proc = wire.capture("lan0", "two", "-w", file)
    wire.ns.run("ip", "link", "del", "one")
    proc.line("interface 'two' is gone", stream="err", timeout=10)
    wire.there.send(hello())
    wait_for(lambda: len(decode(file)) == 1)
    wire.ns.link("lan0", False)
    wire.ns.link("lan0", True)
    wire.here.send(hello())
    wait_for(lambda: len(decode(file)) == 2)  # down and up again is no end
    wire.other.run("ip", "link", "del", "lan0")
    assert proc.wait() == 1
    assert proc.line("no interface is left", stream="err")
    assert len(decode(file)) == 2


def test_a_reader_that_sleeps_costs_frames_that_are_counted_and_no_memory(wire, tmp_path):
    command = f"exec {binary('lanyard')} neighbor capture lan0 -v -w - > >(sleep 4; cat > {tmp_path}/file)"
    proc = wire.lan.run("bash", "-c", command, ns=wire.ns)
    proc.line("capturing on", stream="err")
    frame = lsoe(255, b"\0\0\0\1\7" + bytes(1480))
    for _ in range(30000):
        wire.there.send(frame)
    assert proc.rss() < (300 if SANITIZED else 16) << 20
    assert proc.stop(signal.SIGINT) == 0
    text = proc.line(r"(\d+) frames captured, (\d+) dropped by the kernel", stream="err")
    frames, drops = int(text[1]), int(text[2])
    assert drops > 10000 and frames + drops == 30000
    done = subprocess.run([binary("lanyard"), "neighbor", "decode", tmp_path / "file", "-j"], capture_output=True, text=True,
                          timeout=60)
    assert len(json.loads(done.stdout)["frames"]) == frames
    assert f"{drops} frames were dropped while it was captured" in done.stderr
