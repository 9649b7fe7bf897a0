"""The multisock dialect between two hosts, both ways: our command line and another implementation (multisock_peer.py).

In `make check` that is a second one made from the description of the wire; with MULTISOCK_REPO=DIR, a checkout of
strollo/multisock, it is the original: see README.md.
"""
import base64
import json
from pathlib import Path

import pytest

from lanyard_test import SANITIZED

HERE = Path(__file__).resolve().parent
GROUP, PORT = "224.1.1.1", 1234
KEYS = ("--key", "pwd", "--iv", "passphrase")
WAIT = 60 if SANITIZED else 20
TEXTS = ["a", "Hello world!", "x" * 15, "x" * 16, "x" * 17, "y" * 57, "z" * 1024, "w" * 3000]
FOREIGN = ["déjà vu", "日本語", "21,5 °C – 日本語"]  # what the original can read but not send
BINARY = [b"\xff", b"\xff\0\1", bytes(range(256)), b"\xfe" * 1500]
OBJECTS = {"None": None, "True": True, "-1": -1, "65536": 65536, "1099511627776": 1099511627776, "2.5": 2.5, "'héllo'": "héllo",
           "[1, 2, [3]]": [1, 2, [3]], "{'a': 1, 'b': [None, 'x']}": {"a": 1, "b": [None, "x"]},
           "(1, 'two')": {"tuple": [1, "two"]}, "b'\\x00\\xff'": {"base64": base64.b64encode(b"\0\xff").decode()},
           "{1: 'one'}": {"dict": [[1, "one"]]}, "18446744073709551617": {"int": "18446744073709551617"}}


class Ends:
    """Ours on one host, the other implementation on the other."""

    def __init__(self, lan, two_hosts):
        self.lan = lan
        (self.ours, self.our_address), (self.theirs, self.their_address) = two_hosts
        for ns in (self.ours, self.theirs):
            ns.run("ip", "route", "add", "224.0.0.0/4", "dev", "lan0")

    def peer(self, *options):
        proc = self.lan.run("/usr/bin/python3", HERE / "multisock_peer.py", GROUP, PORT, *options, ns=self.theirs)
        proc.line("ready", timeout=WAIT)
        return proc

    def recv(self, *options, group=GROUP):
        proc = self.lan.start("lanyard", "channel", "recv", f"{group}:{PORT}", *options, "-J", "-v", ns=self.ours)
        proc.line("joined the group on", stream="err", timeout=WAIT)
        return proc

    def send(self, *words, stdin=None):
        proc = self.lan.start("lanyard", "channel", "send", f"{GROUP}:{PORT}", *words, ns=self.ours)
        if stdin is not None:
            proc.popen.stdin.write(stdin)
        proc.close_stdin()
        assert proc.wait(WAIT) == 0, proc.tail()

    def heard(self, peer, count):
        """`count` lines of the peer about what came from our host."""
        def ours():
            lines = [json.loads(line) for line in peer.out]
            return [x for x in lines if x.get("from", "").startswith(self.our_address + ":") or "error" in x]
        peer.until(lambda: len(ours()) >= count, WAIT, f"{count} messages")
        return ours()


@pytest.fixture
def ends(lan, two_hosts):
    return Ends(lan, two_hosts)


def tell(peer, **what):
    peer.send(json.dumps(what) + "\n")


def messages(receiver, count):
    receiver.event("message", nth=count - 1, timeout=WAIT)
    return receiver.events("message")


def content(event):
    return event["text"].encode() if "text" in event else base64.b64decode(event["base64"])


@pytest.mark.limit(180)
def test_plain_bytes_arrive_as_they_are_both_ways(ends):
    peer, receiver = ends.peer(), ends.recv()
    everything = [t.encode() for t in TEXTS + FOREIGN] + BINARY + [b"m" * 4096]
    for data in everything:
        tell(peer, bytes=data.hex())
    assert [content(e) for e in messages(receiver, len(everything))] == everything
    assert all(e["from"] == f"{ends.their_address}:{PORT}" for e in receiver.events("message"))
    receiver.stop()
    for data in everything:
        ends.send("--stdin-raw", stdin=data)
    assert [bytes.fromhex(x["hex"]) for x in ends.heard(peer, len(everything))] == everything


@pytest.mark.limit(180)
def test_encrypted_text_and_binary_arrive_whole_both_ways(ends):
    peer, receiver = ends.peer(*KEYS), ends.recv(*KEYS)
    for text in TEXTS:
        tell(peer, str=text)
    for text in FOREIGN:
        tell(peer, bytes=text.encode().hex())
    for data in BINARY:
        tell(peer, bytearray=data.hex())
    everything = [t.encode() for t in TEXTS + FOREIGN] + BINARY
    got = messages(receiver, len(everything))
    assert [content(e) for e in got] == everything
    assert ["text" in e for e in got] == [True] * len(TEXTS + FOREIGN) + [False] * len(BINARY)
    receiver.stop()
    for data in everything:
        ends.send(*KEYS, "--stdin-raw", stdin=data)
    back = ends.heard(peer, len(everything))
    assert [bytes.fromhex(x["hex"]) for x in back] == everything
    assert [x["type"] for x in back] == ["str"] * len(TEXTS + FOREIGN) + ["bytes"] * len(BINARY)


@pytest.mark.limit(180)
@pytest.mark.parametrize("keys", [(), KEYS], ids=["plain", "encrypted"])
def test_objects_arrive_with_their_values_both_ways(ends, keys):
    peer, receiver = ends.peer(*keys, "--objects"), ends.recv(*keys, "--object")
    for literal in OBJECTS:
        tell(peer, object=literal)
    assert [e["json"] for e in messages(receiver, len(OBJECTS))] == list(OBJECTS.values())
    receiver.stop()
    for value in OBJECTS.values():
        ends.send(*keys, "--object", stdin=json.dumps(value).encode() + b"\n")
    assert [x["object"] for x in ends.heard(peer, len(OBJECTS))] == list(OBJECTS)


@pytest.mark.limit(180)
@pytest.mark.parametrize("keys", [(), KEYS], ids=["plain", "encrypted"])
def test_ten_thousand_messages_arrive_each_way_without_a_loss(ends, keys):
    """Best effort has no way to slow a sender, so the test does: at most 100 are on their way at a time
    (some 190 fit into the small buffer the original lives with)."""
    peer, receiver = ends.peer(*keys), ends.recv(*keys, "-n", "10000")
    expected = [f"message {i}" for i in range(10000)]
    for at in range(0, 10000, 50):
        tell(peer, numbers=50, first=at)
        if at >= 50:
            messages(receiver, at - 50)
    assert [e["text"] for e in messages(receiver, 10000)] == expected
    assert receiver.wait(WAIT) == 0
    sender = ends.lan.start("lanyard", "channel", "send", f"{GROUP}:{PORT}", *keys, ns=ends.ours)
    peer.kill()
    peer = ends.peer(*keys)  # one that has not its own messages to listen to
    for at in range(0, 10000, 50):
        sender.send("".join(f"{text}\n" for text in expected[at:at + 50]))
        peer.until(lambda: len(peer.out) > at - 50, WAIT, f"{at - 50} messages")
    sender.close_stdin()
    assert sender.wait(WAIT) == 0
    assert [bytes.fromhex(x["hex"]).decode() for x in ends.heard(peer, 10000)] == expected


@pytest.mark.limit(120)
def test_what_ends_a_receiver_of_the_original_is_refused_with_a_reason_and_ours_goes_on(ends):
    peer, receiver = ends.peer(*KEYS), ends.recv(*KEYS)
    for raw, reason in (("", "empty"), ("41", "base64_length"), ("4141", "base64_padding"), ("0a", "no_ciphertext"),
                        ("41414141", "block_length"), (b"A" * 4100, "oversize")):
        tell(peer, raw=raw if isinstance(raw, str) else raw.hex())
        receiver.event("refused", reason=reason, timeout=WAIT)
    tell(peer, bytes="ff")
    receiver.event("refused", reason="short_binary", timeout=WAIT)
    tell(peer, str="still here")
    assert [e["text"] for e in messages(receiver, 1)] == ["still here"]


@pytest.mark.limit(120)
def test_another_group_on_the_same_port_is_not_heard(ends):
    peer = ends.peer()
    ours, other = ends.recv(), ends.recv(group="224.1.1.2")
    tell(peer, bytes=b"for the first".hex())
    assert messages(ours, 1)[0]["text"] == "for the first"
    ends.lan.start("lanyard", "channel", "send", f"224.1.1.2:{PORT}", "for the second", ns=ends.theirs).wait(WAIT)
    assert messages(other, 1)[0]["text"] == "for the second"
    assert len(ours.events("message")) == 1 and len(other.events("message")) == 1


@pytest.mark.limit(120)
def test_an_empty_plain_datagram_is_an_empty_message(ends):
    peer, receiver = ends.peer(), ends.recv()
    tell(peer, raw="")
    tell(peer, bytes="61")
    assert [content(e) for e in messages(receiver, 2)] == [b"", b"a"]
    proc = ends.lan.start("lanyard", "channel", "send", f"{GROUP}:{PORT}", "", ns=ends.ours)
    assert proc.wait(WAIT) != 0  # it would stop receivers of the original
