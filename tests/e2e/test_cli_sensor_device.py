"""`lanyard sensor device` over UDP, spoken to by coap-client of libcoap; its resources, its end, its errors."""
import json
import os
import signal
import socket
import time

import pytest

from lanyard_test import SANITIZED, wait_for

WAIT = 30 if SANITIZED else 10


class Device:
    def __init__(self, lan, *resources, options=()):
        words = [w for r in resources for w in ("--resource", r)]
        self.lan = lan
        self.proc = lan.start("lanyard", "sensor", "device", "--net", "udp:127.0.0.1:0", "-J", *words, *options)
        self.port = self.proc.event("net", WAIT, up=True)["port"]

    def client(self, path, *words, method="get"):
        return self.lan.run("coap-client-notls", "-B", "5", "-m", method, *words,
                            f"coap://127.0.0.1:{self.port}/{path}")

    def ask(self, path, *words, method="get"):
        """What coap-client printed: the body, or the code of an error."""
        done = self.client(path, *words, method=method)
        done.wait(WAIT)
        return "\n".join(done.out + [s for s in done.err if s[:2] in ("4.", "5.")])

    def requests(self):
        return [(e["method"], e["path"], e["code"]) for e in self.proc.events("request")]


def test_values_are_read_and_set_and_listed(lan):
    device = Device(lan, "t1;title=Desk temp;rt=celsius;obs=21.5", "a/b=x", r"at=\@home", "fixed;ro=1")
    assert device.ask(".well-known/core") == '</t1>;title="Desk temp";rt="celsius";obs,</a/b>,</at>,</fixed>'
    assert device.ask("t1") == "21.5"
    assert device.ask("a/b") == "x"
    assert device.ask("at") == "@home"
    assert device.ask("t1", "-e", "22", method="put") == ""
    assert device.ask("t1") == "22"
    assert device.ask("fixed", "-e", "22", method="put").startswith("4.05")
    assert device.ask("t1", method="delete").startswith("4.05")
    assert device.ask("nothing").startswith("4.04")
    assert ("PUT", "t1", "2.04") in device.requests() and ("DELETE", "t1", "4.05") in device.requests()


def test_long_values_go_by_blocks_both_ways(lan, tmp_path):
    device = Device(lan, "big=", options=["--max-body", "64K"])
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(bytes(range(256)) * 150)
    for size in ("1024", "64"):
        assert device.ask("big", "-b", size, "-f", str(there), method="put") == ""
        device.ask("big", "-b", size, "-o", str(back))
        assert back.read_bytes() == there.read_bytes()
        there.write_bytes(there.read_bytes()[::-1])
    there.write_bytes(bytes(70000))
    assert device.ask("big", "-f", str(there), method="put").startswith("4.13")


def test_an_observer_is_told_of_what_others_set(lan):
    device = Device(lan, "led;obs=off")
    watcher = device.client("led", "-s", "20", "-w")
    watcher.line("^off$")
    for value in ("on", "dim", "off again"):
        assert device.ask("led", "-e", value, method="put") == ""
        watcher.line(f"^{value}$")


def test_who_has_the_value_is_told_so_and_nobody_overwrites_what_he_has_not_seen(lan, tmp_path):
    (tmp_path / "value").write_text("one")
    device = Device(lan, "v=one", f"f=@{tmp_path}/value")

    def ask(path, *words, method="get"):
        proc = lan.start("lanyard", "coap", method, f"coap://127.0.0.1:{device.port}/{path}", "-j", *words)
        proc.wait(10)
        answer = json.loads("\n".join(proc.out))
        return answer["code"], answer.get("etag"), answer.get("payload")

    for path in ("v", "f"):
        code, etag, value = ask(path)
        assert (code, value) == ("2.05", "one") and etag
        assert ask(path, "--option", f"4=0x{etag}")[0] == "2.03"
        assert ask(path, "-e", "two", "--option", f"1=0x{etag}", method="put")[0] == "2.04"
        code, other, value = ask(path)
        assert (code, value) == ("2.05", "two") and other != etag
        assert ask(path, "-e", "three", "--option", f"1=0x{etag}", method="put")[0] == "4.12"
        assert ask(path, "-e", "three", "--option", "5=", method="put")[0] == "4.12"
        assert ask(path)[2] == "two"
        assert ask(path, "--option", f"4=0x{etag}")[:1] == ("2.05",)
        assert ask(path, "-a", "application/json")[0] == "4.06"
        assert ask(path, "-a", "text/plain")[0] == "2.05"


def test_a_file_is_read_watched_and_written(lan, tmp_path):
    path = tmp_path / "value"
    path.write_text("1\n")
    device = Device(lan, f"v;obs=@{path}", f"r;ro=@{path}", f"gone=@{tmp_path}/none", options=["--poll", "50ms"])
    watcher = device.client("v", "-s", "20", "-w")
    watcher.line("^1$")
    path.write_text("2\n")
    watcher.line("^2$")
    assert device.ask("v", "-e", "3", method="put") == ""
    assert path.read_text() == "3"
    watcher.line("^3$")
    assert device.ask("r", "-e", "4", method="put").startswith("4.05")
    assert device.ask("gone").startswith("4.04")
    assert device.ask("gone", "-e", "4", method="put").startswith("4.04")  # not made
    assert not (tmp_path / "none").exists()


def test_a_command_gets_the_payload_and_says_the_answer(lan, tmp_path):
    device = Device(lan, "echo=!printf '%s %s %s:' $LANYARD_METHOD $LANYARD_PATH \"$LANYARD_QUERY\"; cat",
                    "bad=!echo oops; exit 3", "slow=!sleep 30", f"n;obs=!cat {tmp_path}/n",
                    options=["--command-timeout", "500ms", "--poll", "50ms"])
    assert device.ask("echo") == "GET echo :"
    assert device.ask("echo?a=1&b", "-e", "hello", method="post") == "POST echo a=1&b:hello"
    assert device.ask("echo", "-e", "x" * 2000, method="put") == "PUT echo :" + "x" * 2000
    assert device.ask("bad") == "5.00 the command failed"
    assert device.ask("slow") == "5.03 the command took too long"
    (tmp_path / "n").write_text("1\n")
    watcher = device.client("n", "-s", "20", "-w")
    watcher.line("^1$")
    (tmp_path / "n").write_text("2\n")
    watcher.line("^2$")


def test_a_long_answer_of_a_command_is_one_answer(lan, tmp_path):
    device = Device(lan, f"n=!echo run >> {tmp_path}/runs; seq 1 2000", options=["--max-body", "64K"])
    assert device.ask("n") == "\n".join(map(str, range(1, 2001)))
    assert (tmp_path / "runs").read_text() == "run\n"


def test_many_slow_commands_hold_nobody_up_and_too_many_are_refused(lan):
    device = Device(lan, "slow=!sleep 2; echo done", "t1=1")
    clients = [device.client("slow") for _ in range(17)]
    wait_for(lambda: ("GET", "slow", "5.03") in device.requests(), WAIT, "a refusal")
    begin = time.monotonic()
    assert device.ask("t1") == "1"
    assert time.monotonic() - begin < 1.5
    for client in clients:
        client.wait(WAIT)
    assert sum(client.out == ["done"] for client in clients) == 16


def test_a_ping_is_answered(lan):
    device = Device(lan, "t1=1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(WAIT)
        s.sendto(bytes([0x40, 0, 0x12, 0x34]), ("127.0.0.1", device.port))
        assert s.recv(100) == bytes([0x70, 0, 0x12, 0x34])


def test_with_echo_a_long_answer_is_for_who_proved_its_address(lan):
    device = Device(lan, "long=" + "x" * 500, "short=1", options=["--echo"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(WAIT)
        s.sendto(bytes([0x40, 1, 0, 1]) + b"\xb4long", ("127.0.0.1", device.port))
        reply = s.recv(2000)
        assert reply[1] == 0x81 and len(reply) < 40  # 4.01, with an Echo option to be sent back
    assert device.ask("short") == "1"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_finishes_what_runs(lan, how):
    device = Device(lan, "slow=!sleep 0.7; echo done")
    client = device.client("slow")
    time.sleep(0.3)
    os.kill(device.proc.popen.pid, how)
    client.wait(WAIT)
    assert client.out == ["done"]
    assert device.proc.wait() == 0


def test_it_ends_after_so_many_requests_or_so_long(lan):
    device = Device(lan, "t1=1", options=["-n", "2"])
    assert [device.ask("t1"), device.ask("t1")] == ["1", "1"]
    assert device.proc.wait() == 0
    assert Device(lan, "t1=1", options=["--for", "300ms"]).proc.wait() == 0


@pytest.mark.parametrize("words, what", [
    (["--net", "udp:127.0.0.1:0"], "no --resource"),
    (["--resource", "t1=1"], "no --net"),
    (["--net", "udp:127.0.0.1:0", "--resource", "t1"], "there is no '='"),
    (["--net", "udp:127.0.0.1:0", "--resource", "t1;color=red=1"], "one is wrong"),
    (["--net", "udp:127.0.0.1:0", "--resource", 't1;title="a=1'], "does not end"),
    (["--net", "udp:127.0.0.1:0", "--resource", "t1=@"], "no file"),
    (["--net", "udp:127.0.0.1:0", "--resource", "t 1=1"], "a resource's path"),
    (["--net", "udp:127.0.0.1:0", "--resource", "a=1", "--resource", "a=2"], "given twice"),
    (["--net", "udp:127.0.0.1:0", "--resource", "t1=1", "--compat"], "no master over UDP"),
    (["--net", "ethernet:lan0", "--resource", "t1=1"], "id 0"),
    (["--net", "ethernet:lan0", "--id", "1", "--mtu", "2000", "--resource", "t1=1"], "mtu 2000"),
    (["--net", "carrier:pigeon", "--resource", "t1=1"], "carrier:pigeon"),
])
def test_what_is_wrong_is_said(lan, words, what):
    done = lan.start("lanyard", "sensor", "device", *words)
    assert done.wait() == 2
    assert what in "\n".join(done.err)
