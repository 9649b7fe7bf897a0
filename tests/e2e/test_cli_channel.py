"""`lanyard channel send` and `recv` on a cable between two hosts: both dialects, all modes, what is refused."""
import base64
import json
import os
import re
import signal
import subprocess

import pytest

from lanyard_test import SANITIZED, binary, wait_for

GROUP = "239.77.1.2:5000"
KEYS = ("--key", "pwd", "--iv", "passphrase")
WAIT = 30 if SANITIZED else 10


class Hosts:
    """Two hosts; each has lan0. Channels are opened on it by name unless told otherwise."""

    def __init__(self, lan, two_hosts):
        self.lan = lan
        (self.a, self.address_a), (self.b, self.address_b) = two_hosts

    def recv(self, *options, ns=None, iface=("--iface", "lan0"), json=True, group=GROUP):
        """A receiver that has joined."""
        proc = self.lan.start("lanyard", "channel", "recv", group, *iface, *options, "-v", *(["-J"] if json else []),
                              ns=ns or self.b)
        proc.line("joined the group on", stream="err", timeout=WAIT)
        return proc

    def send(self, *words, ns=None, iface=("--iface", "lan0"), stdin=b"", group=GROUP):
        """`lanyard channel send` to its end."""
        command = ["ip", "netns", "exec", (ns or self.a).name, binary("lanyard"), "channel", "send", group, *iface, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=WAIT * 3, check=False)
        assert b"Sanitizer" not in done.stderr, done.stderr.decode()
        return done


@pytest.fixture
def hosts(lan, two_hosts):
    return Hosts(lan, two_hosts)


@pytest.fixture
def key(tmp_path):
    """A group key file."""
    path = str(tmp_path / "group.key")
    subprocess.run([binary("lanyard"), "key", "generate", path], check=True, capture_output=True)
    return path


def texts(proc, count):
    """The texts of `count` messages."""
    proc.event("message", nth=count - 1, timeout=WAIT)
    return [e["text"] for e in proc.events("message")]


def test_a_word_said_on_one_host_is_printed_on_the_other_and_both_say_that_it_is_insecure(hosts):
    receiver = hosts.recv("-n", "1", json=False)
    done = hosts.send("Hello world")
    assert done.returncode == 0 and done.stdout == b""
    assert receiver.wait() == 0
    assert receiver.out == ["Hello world"]
    for said in (done.stderr.decode(), "\n".join(receiver.err)):
        assert "multisock is insecure: plaintext, no integrity, replay" in said
    assert b"insecure" not in hosts.send("-q", "x").stderr


def test_lines_of_stdin_are_messages_and_all_of_them_arrive_in_order(hosts):
    receiver = hosts.recv("-n", "500")
    done = hosts.send("--rate", "1M", stdin=b"x")
    assert done.returncode == 2, "a rate is the sealed dialect's"
    assert hosts.send(stdin="".join(f"line {i}\n" for i in range(500)).encode()).returncode == 0
    assert texts(receiver, 500) == [f"line {i}" for i in range(500)]
    assert receiver.wait() == 0


def test_encrypted_messages_keep_text_and_binary_and_whoever_has_another_key_is_told_so(hosts):
    receiver, other = hosts.recv(*KEYS), hosts.recv("--key", "other", "--iv", "passphrase")
    binary_data = bytes(range(256))
    assert hosts.send(*KEYS, "ünï ☃", "").returncode == 0
    assert hosts.send(*KEYS, "--stdin-raw", stdin=binary_data).returncode == 0
    messages = [receiver.event("message", nth=n, timeout=WAIT) for n in range(3)]
    assert [m.get("text") for m in messages] == ["ünï ☃", "", None]
    assert base64.b64decode(messages[2]["base64"]) == binary_data and messages[2]["size"] == 256
    refused = other.event("refused", timeout=WAIT)
    assert refused["count"] >= 1 and refused["reason"]
    assert not other.events("message")


def test_key_and_passphrase_do_not_stay_in_the_list_of_processes(hosts):
    receiver = hosts.recv("--key", "geheim", "--iv", "losung")
    with open(f"/proc/{receiver.pid}/cmdline", "rb") as f:
        words = f.read()
    assert b"geheim" not in words and b"losung" not in words and b"--key" in words


def test_a_message_that_is_not_one_line_of_text_is_printed_escaped_and_raw_is_the_bytes_themselves(hosts, tmp_path):
    receiver = hosts.recv("-n", "2", json=False)
    raw = hosts.recv("-n", "2", "--raw", json=False)
    hosts.send("two\nlines\x1b[2J")
    hosts.send("--stdin-raw", stdin=b"\xff\x00\\z")
    assert receiver.wait() == 0 and raw.wait() == 0
    assert receiver.out == [r"two\nlines\x1b[2J", r"\xff\x00\x5cz"]
    assert "\n".join(raw.out).encode(errors="surrogateescape") == b"two\nlines\x1b[2J\xff\x00\\z"


def test_python_objects_are_json_both_ways_and_what_would_run_code_is_shown_and_not_run(hosts):
    receiver = hosts.recv("--object", *KEYS)
    values = ['{"a":[1,2.5,null,true,{"tuple":["x"]}]}', '{"int":"1267650600228229401496703205376"}',
              '{"base64":"AP8="}', '{"dict":[["int",5]]}', '"ü"', "-7"]
    assert hosts.send("--object", *KEYS, "--", *values).returncode == 0
    receiver.event("message", nth=len(values) - 1, timeout=WAIT)
    assert [e["json"] for e in receiver.events("message")] == [json.loads(v) for v in values]
    evil = base64.b64encode(b"cos\nsystem\n(S'true'\ntR.")
    assert hosts.send(*KEYS, evil.decode()).returncode == 0
    shown = receiver.event("message", nth=len(values), timeout=WAIT)
    assert "system" in shown["json"]["opaque"] and shown["reason"]


def test_a_json_text_that_is_no_object_is_refused_with_a_sentence_and_the_others_go(hosts):
    done = hosts.send("--object", "{", '{"int":5}', "1")
    assert done.returncode == 7
    said = done.stderr.decode()
    assert "message 1: not JSON" in said and '{"dict":[["int",..]]}' in said


def test_count_and_timeout_decide_how_it_ends(hosts):
    assert hosts.recv("--timeout", "300ms").wait() == 6
    receiver = hosts.recv("-n", "2", "--timeout", "1500ms")
    hosts.send("one")
    assert receiver.wait() == 6
    assert "1 of 2 messages" in "\n".join(receiver.err)
    receiver = hosts.recv("--timeout", "1500ms")
    hosts.send("one")
    assert receiver.wait() == 0
    receiver = hosts.recv()
    assert receiver.stop(signal.SIGINT) == 130


@pytest.mark.parametrize("mode", ["best-effort", "ordered", "reliable"])
def test_a_sealed_channel_carries_messages_in_every_mode_with_sender_and_number(hosts, key, mode):
    receiver = hosts.recv("--key-file", key, "--mode", mode, "--name", "ear")
    done = hosts.send("--key-file", key, "--mode", mode, "--name", "mouth", *"abcde")
    assert done.returncode == 0 and b"insecure" not in done.stderr
    assert texts(receiver, 5) == list("abcde")
    messages = receiver.events("message")
    assert [m["number"] for m in messages] == [1, 2, 3, 4, 5]
    assert len({m["sender"] for m in messages}) == 1 and re.fullmatch("[0-9a-f]{16}", messages[0]["sender"])
    assert messages[0]["from"] == f"{hosts.address_a}:5000"


def test_a_message_of_a_mebibyte_arrives_whole_and_a_longer_one_is_refused(hosts, key):
    data = os.urandom(1 << 20)
    receiver = hosts.recv("--key-file", key, "--mode", "reliable", "-n", "1")
    assert hosts.send("--key-file", key, "--mode", "reliable", "--stdin-raw", stdin=data).returncode == 0
    assert base64.b64decode(receiver.event("message", timeout=WAIT)["base64"]) == data
    done = hosts.send("--key-file", key, "--stdin-raw", stdin=data + b"x")
    assert done.returncode == 2 and b"more than 1048576 bytes" in done.stderr


def test_reliable_delivers_everything_in_order_though_a_third_of_it_is_lost(hosts, key):
    hosts.b.loss("lan0", 30)
    receivers = [hosts.recv("--key-file", key, "--mode", "reliable", "-n", "3000") for _ in range(2)]
    lines = [f"{i} " + "x" * 300 for i in range(3000)]
    done = hosts.send("--key-file", key, "--mode", "reliable", "-J", "--linger", "10s", stdin="\n".join(lines).encode())
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["unconfirmed"] == 0
    for receiver in receivers:
        assert texts(receiver, 3000) == lines
        assert receiver.wait() == 0


def test_a_reliable_sender_that_nobody_hears_says_so_and_ends_with_7(hosts, key):
    done = hosts.send("--key-file", key, "--mode", "reliable", "--linger", "300ms", "x")
    assert done.returncode == 7
    assert b"nobody else is on the channel" in done.stderr


def test_a_late_receiver_gets_the_last_messages_it_asked_for(hosts, key):
    sealed = ("--key-file", key, "--mode", "reliable")
    sender = hosts.lan.start("lanyard", "channel", "send", GROUP, "--iface", "lan0", *sealed, ns=hosts.a)
    early = hosts.recv(*sealed)
    sender.send("\n".join(f"m{i}" for i in range(10)))
    assert texts(early, 10)[-1] == "m9"
    late = hosts.recv(*sealed, "--late", "3")
    assert texts(late, 3) == ["m7", "m8", "m9"]
    sender.close_stdin()
    assert sender.wait() == 0


def test_another_key_hears_nothing_and_the_count_of_forgeries_grows(hosts, key, tmp_path):
    other = str(tmp_path / "other.key")
    subprocess.run([binary("lanyard"), "key", "generate", other], check=True, capture_output=True)
    receiver = hosts.recv("--key-file", other, "--timeout", "1500ms")
    assert hosts.send("--key-file", key, "a", "b").returncode == 0
    assert receiver.event("refused", timeout=WAIT)["reason"] == "forged"
    assert receiver.wait() == 6 and not receiver.events("message")


def test_a_key_file_that_others_may_read_is_refused_with_5_and_the_remedy(hosts, key):
    os.chmod(key, 0o640)
    done = hosts.send("--key-file", key, "x")
    assert done.returncode == 5 and b"chmod 600" in done.stderr
    assert hosts.send("--key-file", key + ".not", "x").returncode == 3


def test_signed_senders_are_verified_and_a_members_list_keeps_all_others_out(hosts, key, tmp_path):
    identity, members = str(tmp_path / "id"), tmp_path / "members"
    subprocess.run([binary("lanyard"), "key", "identity", identity], check=True, capture_output=True)
    public = subprocess.run([binary("lanyard"), "key", "public", identity, "mouth"], check=True, capture_output=True, text=True)
    members.write_text(public.stdout)
    receiver = hosts.recv("--key-file", key, "--members", str(members))
    assert hosts.send("--key-file", key, "forged").returncode == 0
    assert receiver.event("refused", timeout=WAIT)["reason"] == "member"
    assert hosts.send("--key-file", key, "--identity", identity, "genuine").returncode == 0
    message = receiver.event("message", timeout=WAIT)
    assert message["text"] == "genuine" and message["verified"] is True and message["sender"][0] in "89abcdef"


def test_with_a_state_directory_a_restart_keeps_its_name_and_goes_on_counting(hosts, key, tmp_path):
    receiver = hosts.recv("--key-file", key)
    state = str(tmp_path / "state")
    for word in "abc":
        assert hosts.send("--key-file", key, "--state", state, word).returncode == 0
    assert texts(receiver, 3) == list("abc")
    assert len({m["sender"] for m in receiver.events("message")}) == 1
    file, = (f for f in os.listdir(state) if f.endswith(".state"))
    with open(os.path.join(state, file), "a", encoding="ascii") as f:
        f.write("x")
    done = hosts.send("--key-file", key, "--state", state, "d")
    assert done.returncode == 1 and b"is damaged" in done.stderr


def test_one_state_directory_is_for_one_process(hosts, key, tmp_path):
    state = str(tmp_path / "state")
    hosts.recv("--key-file", key, "--state", state, ns=hosts.a)
    done = hosts.send("--key-file", key, "--state", state, "x")
    assert done.returncode == 1 and b"in use by another process" in done.stderr


def test_two_receivers_on_one_host_share_the_port_and_the_sender_s_own_host_hears_it_too(hosts):
    receivers = [hosts.recv("-n", "1"), hosts.recv("-n", "1"), hosts.recv("-n", "1", ns=hosts.a)]
    assert hosts.send("x").returncode == 0
    for receiver in receivers:
        assert receiver.wait() == 0


def test_an_interface_may_be_named_by_its_address_and_what_comes_by_another_one_is_not_heard(hosts):
    receiver = hosts.recv("-n", "1", iface=("--iface", hosts.address_b))
    assert hosts.send("x", iface=("--iface", hosts.address_a)).returncode == 0
    assert receiver.wait() == 0
    elsewhere = hosts.lan.start("lanyard", "channel", "recv", GROUP, "--iface", "lo", "--timeout", "800ms", ns=hosts.b)
    hosts.send("x")
    assert elsewhere.wait() == 6 and elsewhere.out == []


def test_a_group_nobody_routes_and_an_address_that_is_no_group_are_said_with_a_remedy(hosts):
    done = hosts.send("x", iface=())
    assert done.returncode == 1 and b"route" in done.stderr
    for wrong, said in (("10.1.2.3:5000", b"not a multicast group"), ("239.1.2.3", b"GROUP:PORT"),
                        ("[ff02::1]:0", b"port 0"), ("group:5", b"GROUP:PORT")):
        done = hosts.send("x", group=wrong)
        assert done.returncode == 2 and said in done.stderr, done.stderr


def test_ipv6_groups_work_alike(hosts, key):
    group = "[ff02::77:1]:5000"
    receiver = hosts.recv("--key-file", key, "-n", "1", group=group)
    wait_for(lambda: hosts.send("--key-file", key, "x", group=group).returncode == 0 and
             receiver.events("message"), WAIT)
    assert receiver.event("message")["from"].startswith("[fe80::")


def test_presence_tells_who_joined_and_who_left(hosts, key):
    receiver = hosts.recv("--key-file", key, "--presence", json=False)
    other = hosts.recv("--key-file", key, "--name", "kitchen", ns=hosts.a)
    receiver.line(r"^joined: [0-9a-f]{16}( \(kitchen\))? at " + hosts.address_a, timeout=WAIT)
    other.stop()
    receiver.line(r"^left: [0-9a-f]{16} \(kitchen\) at", timeout=WAIT)


def test_the_logger_of_the_original_writes_to_stderr_and_to_a_dated_file(hosts, tmp_path):
    prefix = str(tmp_path / "logs" / "talk")
    done = hosts.send("--component", "mycomponent", "--log-file", prefix, "x")
    assert done.returncode == 0
    file, = os.listdir(tmp_path / "logs")
    assert re.fullmatch(r"talk_\d{8}\.log", file)
    line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\|mycom\|INF\|Creating UDP Channel on 239\.77\.1\.2:5000"
    assert re.search(line, done.stderr.decode())
    assert re.search(line, (tmp_path / "logs" / file).read_text())


def test_a_sender_that_is_interrupted_or_out_of_time_ends_with_130_or_6(hosts):
    sender = hosts.lan.start("lanyard", "channel", "send", GROUP, "--iface", "lan0", ns=hosts.a)
    receiver = hosts.recv("-n", "1")
    sender.send("first")
    assert receiver.wait() == 0
    assert sender.stop(signal.SIGINT) == 130
    waiting = hosts.lan.start("lanyard", "channel", "send", GROUP, "--iface", "lan0", "--timeout", "300ms", ns=hosts.a)
    assert waiting.wait() == 6


def test_a_group_key_is_rotated_under_a_running_conversation_and_nothing_is_lost(hosts, key):
    receiver = hosts.recv("--key-file", key, "--mode", "reliable")
    sender = hosts.lan.start("lanyard", "channel", "send", GROUP, "--iface", "lan0", "--key-file", key,
                             "--mode", "reliable", "-v", ns=hosts.a)
    sender.send("before")
    assert texts(receiver, 1) == ["before"]
    subprocess.run([binary("lanyard"), "key", "rotate", key, "--lead", "1s"], check=True, capture_output=True)
    sender.line("key: epoch 2", stream="err", timeout=WAIT)
    sender.send("after")
    assert texts(receiver, 2) == ["before", "after"]
    sender.close_stdin()
    assert sender.wait() == 0


def test_messages_are_not_read_from_two_places(hosts):
    done = hosts.send("--stdin-raw", "x")
    assert done.returncode == 2 and b"leave one of them out" in done.stderr


def test_nothing_is_said_to_be_sent_on_an_interface_that_is_not_there(hosts):
    done = hosts.send("x", iface=("--iface", "lan9"))
    assert done.returncode == 1
    assert b"no interface of the channel" in done.stderr
    assert hosts.send("--timeout", "300ms", "x", iface=("--iface", "lan9")).returncode == 6


def test_a_sender_waits_for_an_interface_that_comes_up(hosts):
    hosts.b.run("ip", "link", "set", "lan0", "down")
    sender = hosts.lan.start("lanyard", "channel", "send", GROUP, "--iface", "lan0", "--timeout", "20s", "late", ns=hosts.b)
    sender.line("not joined on lan0", stream="err", timeout=WAIT)
    receiver = hosts.recv("-n", "1", ns=hosts.a)
    hosts.b.run("ip", "link", "set", "lan0", "up")
    assert texts(receiver, 1) == ["late"]
    assert sender.wait() == 0


@pytest.mark.parametrize("raw", [(), ("--stdin-raw",)])
def test_input_that_cannot_be_read_is_not_taken_for_the_end_of_it(hosts, raw):
    folder = os.open("/", os.O_RDONLY)
    try:
        done = subprocess.run(["ip", "netns", "exec", hosts.a.name, binary("lanyard"), "channel", "send", GROUP, "--iface",
                               "lan0", *raw], stdin=folder, capture_output=True, timeout=WAIT * 3, check=False)
    finally:
        os.close(folder)
    assert done.returncode == 1
    assert b"cannot read standard input: Is a directory" in done.stderr


def test_objects_on_a_sealed_channel_are_refused_before_anything_is_sent(hosts, key):
    done = hosts.send("--key-file", key, "--object", "1")
    assert done.returncode == 2
    assert b"--object is for" in done.stderr
