"""test_daemon_channel.py - the channels of lanyardd: two daemons in two namespaces, and one alone on its loopback.

What travels is real multicast over a veth pair. Keys are made and rotated with
`lanyard key`; what a test knows of a channel it knows from the control socket.
"""
import base64
import json
import re
import signal
import socket
import time

import pytest
from daemon_test import Control, Daemon, at, once, records
from lanyard_test import free_port, wait_for

TIME = re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
CHANNEL = {"name", "address", "dialect", "mode", "state", "encrypted", "security", "cipher", "sender", "epoch",
           "members", "tx_messages", "tx_bytes", "tx_datagrams", "rx_messages", "rx_bytes", "rx_datagrams",
           "tx_repairs", "tx_parity", "tx_feedback", "rx_refused", "rx_kernel_drops", "lost_messages", "queued_bytes",
           "unconfirmed", "ifaces"}
MEMBER = {"sender", "name", "from", "present", "verified", "since", "idle_ms", "epoch", "rx_messages", "rx_bytes",
          "rx_datagrams", "lost_datagrams", "repaired", "duplicates", "reordered", "lost_messages"}
KEY, IV = "open sesame 17", "abracadabra"
GROUP = "239.77.4.1"


class Host:
    """A Lan with a folder (and a namespace) of its own, for a second daemon in one test."""

    def __init__(self, lan, name, ns=None):
        self.lan, self.ns = lan, ns
        self.folder = lan.folder / name
        self.folder.mkdir()

    def start(self, *words, **options):
        return self.lan.start(*words, ns=self.ns, **options)


class ChannelDaemon(Daemon):
    def channel(self, name="plant"):
        return next((c for c in self.ask("channel.list")["channels"] if c["name"] == name), None)

    def show(self, name="plant"):
        return self.ask("channel.show", name=name)

    def member(self, who, name="plant"):
        return next((m for m in self.show(name)["members"] if m["name"] == who), None)

    def say(self, text, name="plant"):
        return self.ask("channel.send", name=name, text=text)

    def events(self, kind=None, channel="plant"):
        return [e for e in self.ask("event.list", n=100000)["events"]
                if e.get("channel") == channel and kind in (None, e["event"])]

    def texts(self, channel="plant"):
        return [e["text"] for e in self.events("message", channel)]

    def lanyard(self, *words, code=0, text=None):
        """The command line against this daemon: its lines."""
        proc = self.lan.start("lanyard", "-s", self.socket, *words)
        if text is not None:
            proc.popen.stdin.write(text if isinstance(text, bytes) else text.encode())
        proc.close_stdin()
        assert proc.wait() == code, proc.tail()
        return proc.out


def steps(daemon, event, count, **fields):
    """The changes of state in the log, once there are so many: (from, to)."""
    def found():
        return [(r["from"], r["to"]) for r in records(daemon.proc)
                if r["event"] == event and all(r.get(k) == v for k, v in fields.items())]
    wait_for(lambda: len(found()) >= count, what=f"{count} records {event}")
    return found()


def listening(daemon, *procs):
    """Say something until all of them have printed it: their streams are open then."""
    def said():
        daemon.say("ready?")
        return all(proc.out for proc in procs)
    wait_for(said, poll=0.05, what="a first line")


def heard(proc, count):
    """Its lines without those that made it ready, once there are so many."""
    def lines():
        return [line for line in list(proc.out) if "ready?" not in line]
    proc.until(lambda: len(lines()) >= count, what=f"{count} lines")
    return lines()


def key_file(lan, name="plant.key"):
    path = lan.folder / name
    proc = lan.start("lanyard", "key", "generate", path)
    assert proc.wait() == 0, proc.tail()
    return path


def rotate(lan, path, *options):
    proc = lan.start("lanyard", "key", "rotate", path, *options)
    assert proc.wait() == 0, proc.tail()


def entry(name="plant", **keys):
    """One channel as YAML flow, which is JSON."""
    return json.dumps({"name": name, **keys})


def config(*entries, name="hub"):
    return f"daemon: {{name: {name}, events: 100000}}\nlink: []\nchannel:\n" + "".join(f"- {e}\n" for e in entries)


def local(lan, port, **more):
    """A sealed channel on the loopback interface."""
    return dict(address=f"{GROUP}:{port}", key_file=str(lan.folder / "plant.key"), ifaces=["lo"], state="none",
                **more)


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def pair(lan, two_hosts, port):
    """Two daemons, "left" and "right", on one reliable channel; they have heard one another."""
    key = key_file(lan)
    daemons = []
    for (ns, _), name in zip(two_hosts, ("left", "right")):
        host = Host(lan, name, ns)
        text = config(entry(address=f"{GROUP}:{port}", key_file=str(key), mode="reliable", ifaces=["lan0"],
                            state=str(host.folder / "state"), presence="200ms"), name=name)
        daemons.append(ChannelDaemon(host, text))
    left, right = daemons
    wait_for(lambda: left.member("right") and right.member("left"), what="presence")
    return left, right, key


# --- two hosts -----------------------------------------------------------------------


def test_members_on_two_hosts_see_and_hear_one_another(pair):
    left, right, _ = pair
    assert left.say("hello")["number"] == 1
    assert left.ask("channel.send", name="plant", base64=base64.b64encode(b"\xff\0x").decode())["sent"] is True
    wait_for(lambda: len(right.events("message")) == 2, what="two messages")
    first, second = right.events("message")
    assert first["text"] == "hello" and first["size"] == 5 and first["number"] == 1
    assert first["name"] == "left" and first["sender"] == left.channel()["sender"]
    assert first["from"].startswith("10.77.0.1:") and first["ifname"] == "lan0"
    assert base64.b64decode(second["base64"]) == b"\xff\0x" and "text" not in second
    shown = right.show()
    assert set(shown["channel"]) == CHANNEL
    channel, member = shown["channel"], right.member("left")
    assert (channel["state"], channel["mode"], channel["dialect"]) == ("up", "reliable", "sealed")
    assert channel["security"].startswith("sealed: ") and channel["encrypted"] and channel["epoch"] == 1
    assert channel["rx_messages"] == 2 and channel["members"] == 2 and channel["lost_messages"] == 0
    assert [(f["name"], f["joined"]) for f in channel["ifaces"]] == [("lan0", True)]
    assert set(member) == MEMBER
    assert member["present"] and member["rx_messages"] == 2 and TIME.match(member["since"])
    assert member["lost_messages"] == 0 and member["idle_ms"] < 10000 and re.match(r"^[0-9a-f]{16}$", member["sender"])
    assert any(c["name"] == "replay" or "replay" in c["help"] for c in shown["counters"])
    assert left.texts() == []  # not what it said itself


def test_a_daemon_that_ends_says_goodbye(pair):
    left, right, _ = pair
    assert left.proc.stop() == 0, left.proc.tail()
    wait_for(lambda: right.events("left"), what="the goodbye")
    gone = right.events("left")[0]
    assert gone["name"] == "left" and gone["reason"] == "said goodbye"
    assert right.member("left")["present"] is False and right.channel()["members"] == 1
    assert steps(right, "member-state", 2) == [("absent", "present"), ("present", "absent")]


def test_what_the_network_loses_is_repaired_and_told_in_show(pair, two_hosts):
    left, right, _ = pair
    two_hosts[1][0].loss("lan0", 20)
    with left.control() as c:
        for i in range(400):
            c.ask("channel.send", name="plant", text=f"message {i}")
    wait_for(lambda: len(right.events("message")) == 400, timeout=20, what="all messages")
    two_hosts[1][0].loss("lan0", 0)
    assert right.texts() == [f"message {i}" for i in range(400)]
    member = right.member("left")
    assert member["repaired"] > 10 and member["lost_messages"] == 0
    assert left.channel()["tx_repairs"] > 10
    assert right.events("lost") == []


def test_a_key_is_rotated_while_messages_flow_and_none_is_lost(lan, pair):
    left, right, key = pair
    sender, sent = left.channel()["sender"], 0
    with left.control() as c:
        def talk(until):
            nonlocal sent
            end = time.monotonic() + 15
            while not until():
                assert time.monotonic() < end, "the new key did not come into use"
                c.ask("channel.send", name="plant", text=str(sent))
                sent += 1
                time.sleep(0.005)
        begun = time.monotonic()
        talk(lambda: time.monotonic() > begun + 0.3)
        rotate(lan, key, "--lead", "1s", "--overlap", "10s")
        left.proc.send_signal(signal.SIGHUP)
        right.proc.send_signal(signal.SIGHUP)
        talk(lambda: left.channel()["epoch"] == 2 and right.member("left")["epoch"] == 2)
        begun = time.monotonic()
        talk(lambda: time.monotonic() > begun + 0.3)
    wait_for(lambda: len(right.events("message")) >= sent, what="every message")
    assert right.texts() == [str(i) for i in range(sent)]
    assert left.channel()["sender"] == sender and right.channel()["rx_refused"] == 0
    for daemon in pair[:2]:
        assert daemon.events("channel-closed") == [] and len(daemon.events("channel-opened")) == 1
    assert left.events("key")[-1]["epoch"] == 2
    left.logged(r"event=key channel=plant epoch=2")


def test_a_cable_that_comes_back_is_joined_again(pair, two_hosts):
    left, right, _ = pair
    ns = two_hosts[1][0]
    ns.link("lan0", False)
    wait_for(lambda: not right.channel()["ifaces"][0]["joined"], what="the interface gone")
    assert right.channel()["ifaces"][0]["reason"]
    ns.link("lan0", True)
    wait_for(lambda: right.channel()["ifaces"][0]["joined"], what="the interface joined again")
    assert [e["joined"] for e in right.events("iface")] == [True, False, True]
    assert all(e["ifname"] == "lan0" for e in right.events("iface"))
    left.say("after the storm")
    wait_for(lambda: right.texts(), what="the message")
    assert right.texts() == ["after the storm"]
    assert steps(right, "iface-state", 3) == [("not-joined", "joined"), ("joined", "not-joined"),
                                              ("not-joined", "joined")]


def test_only_members_may_speak_where_there_is_a_list_of_them(lan, port):
    key_file(lan)
    members = lan.folder / "members"
    ids = {}
    for name in ("left", "right", "stranger"):
        path = lan.folder / f"{name}.id"
        assert lan.start("lanyard", "key", "identity", path).wait() == 0
        public = lan.start("lanyard", "key", "public", path, name)
        assert public.wait() == 0
        ids[name] = public.out[0]
    members.write_text("".join(ids[name] + "\n" for name in ("left", "right")))
    members.chmod(0o600)
    daemons = {name: ChannelDaemon(Host(lan, name), config(entry(**local(
        lan, port, presence="200ms", identity_file=str(lan.folder / f"{name}.id"), members_file=str(members))), name=name))
        for name in ids}
    left, stranger = daemons["left"], daemons["stranger"]
    wait_for(lambda: left.member("right"), what="presence")
    assert left.member("right")["verified"] and left.channel()["security"].endswith(", signed, members only")
    stranger.say("let me in")
    daemons["right"].say("hello")
    wait_for(lambda: left.texts() and left.events("refused"), what="one heard and one refused")
    assert left.texts() == ["hello"] and left.member("stranger") is None
    assert left.channel()["rx_refused"] > 0 and left.events("message")[0]["verified"] is True


# --- one host ------------------------------------------------------------------------


def test_a_channel_that_cannot_be_opened_is_listed_with_the_reason_and_recovers(lan, port):
    key = key_file(lan)
    key.chmod(0o644)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port)), entry("spare", **local(lan, port, channel="c"))))
    channel = daemon.channel()
    assert channel["state"] == "failed" and str(key) in channel["reason"] and "chmod" in channel["reason"]
    assert "sender" not in channel and channel["ifaces"] == []
    error = daemon.error("channel.send", name="plant", text="x")
    assert error["code"] == "failed" and "is not open" in error["what"] and str(key) in error["what"]
    assert daemon.ask("status")["channels"] == {"total": 2, "failed": 2, "members": 0, "queued_bytes": 0}
    assert len(daemon.events("channel-failed")) == 1
    key.chmod(0o600)
    wait_for(lambda: daemon.channel()["state"] == "up", timeout=8, what="the retry")
    assert "reason" not in daemon.channel()
    assert len(daemon.events("channel-failed")) == 1 and daemon.events("channel-opened")[0]["reason"] == "retry"
    assert steps(daemon, "channel-state", 2, channel="plant") == [("closed", "failed"), ("failed", "up")]


def test_a_reload_tries_a_failed_channel_at_once(lan, port):
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port))))
    assert daemon.channel()["state"] == "failed" and "No such file" in daemon.channel()["reason"]
    daemon.ask("config.reload")
    assert len(daemon.events("channel-failed")) == 1  # no news
    key = key_file(lan)
    key.chmod(0o644)
    daemon.ask("config.reload")
    assert len(daemon.events("channel-failed")) == 2 and "chmod" in daemon.channel()["reason"]
    key.chmod(0o600)
    result = daemon.ask("config.reload")
    assert result["channels"] == {"added": [], "removed": [], "changed": [], "unchanged": ["plant"]}
    assert daemon.channel()["state"] == "up"


def test_a_reload_opens_and_closes_channels_and_leaves_the_others_alone(lan, port):
    key_file(lan)
    keep, drop = entry("keep", **local(lan, port)), entry("drop", **local(lan, port, channel="d"))
    daemon = ChannelDaemon(lan, config(keep, drop, entry("edit", **local(lan, port, channel="e"))))
    before = {c["name"]: c["sender"] for c in daemon.ask("channel.list")["channels"]}
    with daemon.control() as c, daemon.control() as d:
        c.send("channel.watch", name="drop")
        d.send("channel.watch", name="keep")
        c.ask("status")
        d.ask("status")
        daemon.write(config(keep, entry("edit", **local(lan, port, channel="e", parity=2)),
                            entry("new", **local(lan, port, channel="n"))))
        result = daemon.ask("config.reload")
        assert result["channels"] == {"added": ["new"], "removed": ["drop"], "changed": ["edit"],
                                      "unchanged": ["keep"]}
        assert c.event("channel-closed")["reason"] == "removed"
        assert c.read()["end"] == {"reason": "channel-removed"}
        daemon.say("still here", "keep")
    after = {c["name"]: c["sender"] for c in daemon.ask("channel.list")["channels"]}
    assert set(after) == {"keep", "edit", "new"} and after["keep"] == before["keep"] and after["edit"] != before["edit"]
    assert daemon.error("channel.show", name="drop")["code"] == "not-found"
    daemon.logged(r"event=config-reloaded .*channels_added=new channels_removed=drop channels_changed=edit "
                  r"channels_unchanged=keep")


def test_a_member_keeps_its_id_through_changes_and_restarts_and_never_uses_a_number_twice(lan, port):
    key_file(lan)
    host = Host(lan, "other")
    keys = {**local(lan, port, presence="200ms"), "state": str(lan.folder / "deep" / "state")}
    right = ChannelDaemon(host, config(entry(**local(lan, port, presence="200ms"))))
    left = ChannelDaemon(lan, config(entry(**keys), name="left"))
    sender = left.channel()["sender"]
    left.say("1")
    left.write(config(entry(**keys, parity=2), name="left"))
    assert left.ask("config.reload")["channels"]["changed"] == ["plant"]
    assert left.channel()["state"] == "up" and left.channel()["sender"] == sender
    left.say("2")
    wait_for(lambda: len(right.events("message")) == 2, what="two messages")
    left.proc.kill()
    left = ChannelDaemon(lan, config(entry(**keys), name="left"))
    assert left.channel()["sender"] == sender
    left.say("3")
    wait_for(lambda: len(right.events("message")) == 3, what="three messages")
    assert right.texts() == ["1", "2", "3"]
    replays = next(c["value"] for c in right.show()["counters"] if c["name"] == "replay")
    assert replays == 0 and {e["sender"] for e in right.events("message")} == {sender}


def test_a_reload_that_cannot_read_the_keys_keeps_the_old_ones(lan, port):
    key = key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True))))
    key.write_text("nonsense\n")
    result = daemon.ask("config.reload")
    assert len(result["warnings"]) == 1 and "the old keys stay in use" in result["warnings"][0]
    daemon.logged(r"level=error event=channel-keys channel=plant")
    daemon.say("still sealed")
    wait_for(daemon.texts, what="the message")
    assert daemon.channel()["state"] == "up"


def test_a_configuration_that_is_refused_touches_no_channel(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port))))
    sender = daemon.channel()["sender"]
    daemon.write(config(entry(**local(lan, port, late=3))))
    details = daemon.error("config.reload")["details"]
    assert '"late" is for channels of mode reliable, this one is best-effort' in details[0]
    assert daemon.channel()["sender"] == sender and daemon.events("channel-closed") == []


def test_no_secret_is_printed_listed_or_logged(lan, port):
    key = key_file(lan)
    secrets = [KEY, IV, *re.findall(r"[A-Za-z0-9+/]{40,}=*", key.read_text())]
    assert len(secrets) == 3
    text = config(entry("old", address=f"{GROUP}:{port}", dialect="multisock", key=KEY, iv=IV, ifaces=["lo"]),
                  entry(**local(lan, port, channel="c")))
    daemon = ChannelDaemon(lan, text, options=("-v", "-v"))
    daemon.say("hello", "old")
    wait_for(lambda: daemon.texts("old"), what="the message")
    with daemon.control() as c:
        said = [json.dumps(c.ask(verb, **args)) for verb, args in (
            ("config.show", {}), ("channel.list", {}), ("channel.show", {"name": "old"}), ("stats.list", {}),
            ("channel.show", {"name": "plant"}), ("event.list", {}), ("config.reload", {}))]
    assert '"key": "***"' in said[0] and '"iv": "***"' in said[0]
    code, out, err = once(lan, "--print-config", "-c", daemon.config)
    assert code == 0 and "key: '***'" in out and "anybody may read the key in this file" in err
    at(lan.folder, "bad.yaml", text.replace('"multisock"', '"sealed"'))
    code, out2, err2 = once(lan, "--check", "-c", lan.folder / "bad.yaml")
    assert code == 1 and '"key" is for channels of dialect multisock' in err2
    daemon.logged(r"event=config-reloaded")
    everything = "\n".join([*said, out, err, out2, err2, *daemon.lanyard("channel", "show", "old"),
                            *daemon.lanyard("config", "show"), *daemon.proc.err, *daemon.proc.out])
    assert [s for s in secrets if s in everything] == []


def test_an_insecure_channel_says_so_everywhere(lan, port):
    key_file(lan)
    plain = entry("plain", address=f"{GROUP}:{port}", dialect="multisock", ifaces=["lo"])
    fixed = entry("fixed", address=f"{GROUP}:{port}", dialect="multisock", key=KEY, iv=IV, ifaces=["lo"])
    daemon = ChannelDaemon(lan, config(plain, fixed, entry(**local(lan, port))))
    assert daemon.channel("plain")["security"] == "insecure: plaintext, no integrity, replay"
    assert daemon.channel("fixed")["security"] == "insecure: fixed IV, no integrity, replay"
    assert not daemon.channel("plain")["encrypted"] and daemon.channel("fixed")["encrypted"]
    daemon.logged(r"event=channel-security channel=plant")
    warned = {r["channel"]: (r["level"], r["security"]) for r in records(daemon.proc)
              if r["event"] == "channel-security"}
    assert warned["plain"] == ("warn", "insecure: plaintext, no integrity, replay")
    assert warned["fixed"] == ("warn", "insecure: fixed IV, no integrity, replay")
    assert warned["plant"][0] == "info"
    listed = daemon.lanyard("channel", "list")
    assert sum("insecure" in line for line in listed) == 2
    assert "insecure: fixed IV, no integrity, replay" in daemon.lanyard("channel", "show", "fixed")


def test_strangers_cannot_fill_the_log(lan, port):
    daemon = ChannelDaemon(lan, config(entry("old", address=f"{GROUP}:{port}", dialect="multisock", ifaces=["lo"])))
    for i in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            s.sendto(b"from a new port %d" % i, (GROUP, port))
    wait_for(lambda: len(daemon.events("joined", "old")) == 20, what="twenty senders")
    assert len(daemon.texts("old")) == 20
    assert daemon.proc.stop() == 0
    written = [r for r in records(daemon.proc) if r["event"] == "member-state"]
    suppressed = [r for r in records(daemon.proc) if r["event"] == "suppressed"]
    assert len(written) == 5 and [r["count"] for r in suppressed] == ["15"]
    assert suppressed[0]["records"] == "joined channel=old"


def test_python_objects_come_as_json_and_go_as_json(lan, port):
    daemon = ChannelDaemon(lan, config(entry("old", address=f"{GROUP}:{port}", dialect="multisock", key=KEY, iv=IV,
                                             ifaces=["lo"], objects=True)))
    thing = {"a": [1, None, True], "b": {"tuple": [1.5, "x"]}}
    daemon.ask("channel.send", name="old", object=thing)
    wait_for(lambda: daemon.events("message", "old"), what="the object")
    assert daemon.events("message", "old")[0]["json"] == thing


BAD_SENDS = [
    ({"name": "nope", "text": "x"}, "not-found", 'no channel named "nope"'),
    ({"name": "plant"}, "usage", "takes one of"),
    ({"name": "plant", "text": "x", "base64": ""}, "usage", "takes one of"),
    ({"name": "plant", "base64": "a"}, "usage", "cannot carry"),
    ({"name": "plant", "base64": "!!!!"}, "usage", "cannot carry"),
    ({"name": "plant", "text": "x" * 2000}, "usage", "max_message: 1K"),
    ({"name": "plant", "object": [1]}, "usage", "Python objects are for the dialect multisock"),
    ({"name": "plant", "text": 7}, "usage", 'argument "text" must be a string'),
]


def test_what_cannot_be_sent_is_refused_with_a_sentence(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, max_message="1K"))))
    for args, code, what in BAD_SENDS:
        error = daemon.error("channel.send", **args)
        assert error["code"] == code and what in error["what"], (args, error)
    assert daemon.channel()["tx_messages"] == 0


def test_a_stream_of_one_channel_has_nothing_of_others(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True)),
                                       entry("b", **local(lan, port, hear_self=True, channel="b"))))
    with Control(daemon.socket) as one, Control(daemon.socket) as every, Control(daemon.socket) as links:
        one.send("channel.watch", name="b")
        every.send("channel.watch")
        links.send("link.watch")
        for c in (one, every, links):
            c.ask("status")
        daemon.say("1")
        daemon.say("2", "b")
        assert one.event()["text"] == "2"
        assert [every.event("message")["text"] for _ in range(2)] == ["1", "2"]
        links.send("status")
        assert "result" in links.read()


def test_the_counters_of_channels_are_among_the_statistics(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port))))
    stats = [s for s in daemon.ask("stats.list")["stats"] if s["object"] == "channel"]
    assert stats and all(s["channel"] == "plant" and s["help"] for s in stats)
    assert {s["name"] for s in stats} == {c["name"] for c in daemon.show()["counters"]}


def test_the_drain_waits_for_messages_that_a_limited_rate_holds_back(lan, port):
    key_file(lan)
    host = Host(lan, "other")
    rest = local(lan, port, mode="reliable", presence="200ms")
    right = ChannelDaemon(host, config(entry(**rest), name="right"))
    left = ChannelDaemon(lan, config(entry(**rest, rate="64K"), name="left"))
    wait_for(lambda: right.member("left"), what="presence")
    with left.control() as c:
        for i in range(200):
            c.ask("channel.send", name="plant", text=f"{i:03d}" + "x" * 1000)
    assert left.ask("status")["channels"]["queued_bytes"] > 50000
    assert left.proc.stop() == 0, left.proc.tail()
    left.logged(r"event=daemon-state .*to=ended cause=drained .*unsent_bytes=0")
    wait_for(lambda: len(right.events("message")) == 200, what="what was queued at the end")
    assert [t[:3] for t in right.texts()] == [f"{i:03d}" for i in range(200)]


# --- the command line ------------------------------------------------------------------


def test_the_command_line_speaks_to_a_channel_by_name(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True))))
    ear = lan.start("lanyard", "-s", daemon.socket, "channel", "recv", "plant")
    listening(daemon, ear)
    daemon.lanyard("channel", "send", "plant", "one", "two words")
    daemon.lanyard("channel", "send", "plant", text="three\nfour\n")
    daemon.lanyard("channel", "send", "plant", "--stdin-raw", text=b"5\xff")
    assert json.loads(" ".join(daemon.lanyard("channel", "send", "plant", "-j", "six"))) == {
        "schema": 1, "channel": "plant", "sent": 1, "failed": 0}
    assert heard(ear, 6) == ["one", "two words", "three", "four", "5\\xff", "six"]
    assert ear.stop(signal.SIGINT) == 130


def test_hearing_ends_after_so_many_messages_or_so_much_time(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True))))
    one = lan.start("lanyard", "-s", daemon.socket, "channel", "recv", "plant", "-n", "1")
    listening(daemon, one)
    assert one.wait() == 0 and one.out == ["ready?"], one.tail()
    none = lan.start("lanyard", "-s", daemon.socket, "channel", "recv", "plant", "-n", "1", "--timeout", "200ms")
    assert none.wait() == 6 and "0 of 1 messages" in none.err[0], none.tail()


def test_the_command_line_shows_channels_as_tables_and_as_json(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True)),
                                       entry("gone", **{**local(lan, port), "key_file": "/nowhere/k"})))
    daemon.say("hello")
    wait_for(daemon.texts, what="the message")
    head, plant, gone = daemon.lanyard("channel", "list")
    assert head.split()[:4] == ["NAME", "STATE", "GROUP", "MODE"]
    assert plant.split()[:5] == ["plant", "up", f"{GROUP}:{port}", "best-effort", "lo"] and "sealed: " in plant
    assert gone.split()[:2] == ["gone", "failed"] and "/nowhere/k" in gone
    document = json.loads("\n".join(daemon.lanyard("channel", "list", "-j")))
    assert [c["name"] for c in document["channels"]] == ["plant", "gone"]
    assert [json.loads(line)["name"] for line in daemon.lanyard("channel", "list", "-J")] == ["plant", "gone"]
    shown = "\n".join(daemon.lanyard("channel", "show", "plant"))
    assert "plant: sealed, best-effort, at" in shown and "interface lo: joined" in shown and "hello" in shown
    assert "not open: " in "\n".join(daemon.lanyard("channel", "show", "gone"))
    screen = "\n".join(daemon.lanyard())
    assert "2 channels, 1 not open, 1 member" in screen and "sealed: " in screen


def test_what_happens_on_a_channel_can_be_watched_as_lines_and_as_json(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port, hear_self=True))))
    lines, objects = (lan.start("lanyard", "-s", daemon.socket, "channel", "watch", "plant", *more)
                      for more in ((), ("-J",)))
    listening(daemon, lines, objects)
    daemon.say("hello")
    daemon.ask("channel.send", name="plant", base64="AAEC")
    first, second = heard(lines, 2)
    assert re.match(r"^\d\d:\d\d:\d\d\.\d+  plant  message  .*  hello$", first)
    assert second.endswith("  3 bytes of binary data")
    assert [(e["event"], e["size"]) for e in map(json.loads, heard(objects, 2))] == [("message", 5), ("message", 3)]


def test_names_of_channels_are_completed(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port)), entry("plant-b", **local(lan, port, channel="b"))))
    for verb in ("show", "watch", "send", "recv"):
        offered = lan.start("lanyard", "__complete", "words", "-s", daemon.socket, "channel", verb, "pl")
        assert offered.wait() == 0, offered.tail()
        assert [line.split("\t")[0] for line in offered.out] == ["plant", "plant-b"], verb


def test_a_check_opens_nothing_and_counts_channels(lan, port):
    path = at(lan.folder, "lanyard.yaml", config(entry(**local(lan, port))))
    code, out, err = once(lan, "--check", "-c", path)
    assert (code, out, err) == (0, f"{path}: ok, 0 links, 1 channel", "")


def test_options_that_open_a_channel_are_refused_with_the_name_of_one(lan, port):
    key_file(lan)
    daemon = ChannelDaemon(lan, config(entry(**local(lan, port))))
    proc = lan.start("lanyard", "-s", daemon.socket, "channel", "send", "plant", "--mode", "reliable", "x")
    assert proc.wait() == 2 and "--mode is not for 'plant', a channel of the daemon" in proc.err[0]
    proc = lan.start("lanyard", "-s", daemon.socket, "channel", "recv", "nope")
    assert proc.wait() == 3 and 'no channel named "nope"' in proc.err[0]
    assert daemon.channel()["tx_messages"] == 0
