"""The example programs of channels do what their opening comments say, two hosts on one cable."""
import re
import signal
import subprocess

from lanyard_test import binary

GROUP = "239.77.1.9:5001"


def test_what_is_typed_on_one_host_is_printed_on_the_other(lan, two_hosts):
    (a, _), (b, address_b) = two_hosts
    first = lan.start("examples/channel_talk", GROUP, "lan0", ns=a)
    second = lan.start("examples/channel_talk", GROUP, "lan0", ns=b)
    first.line("^talk$")
    second.line("^talk$")
    second.send("hello from here")
    first.line(rf"^{re.escape(address_b)}:5001: hello from here$")
    first.close_stdin()
    assert first.wait() == 0


def test_an_encrypted_word_is_logged_with_the_component_s_name(lan, two_hosts):
    (a, _), (b, _) = two_hosts
    hears = lan.start("examples/channel_secret", "listener", GROUP, "lan0", "hear", ns=b)
    hears.line(r"\|liste\|INF\|Creating UDP Channel on ", stream="err")
    says = lan.start("examples/channel_secret", "speaker", GROUP, "lan0", "say", "Hello World", ns=a)
    assert says.wait() == 0
    says.line(r"\|speak\|DEB\|[A-Za-z0-9+/=]{24}  ?is Hello World$", stream="err")
    hears.line(r"\|liste\|INF\|10\.77\.0\.1:5001 says Hello World$", stream="err")
    # the other way round by the command line, with the same key and passphrase
    subprocess.run(["ip", "netns", "exec", a.name, binary("lanyard"), "channel", "send", GROUP, "--iface", "lan0",
                    "--key", "pwd", "--iv", "passphrase", "typed"], check=True, capture_output=True, timeout=20)
    hears.line(r"says typed$", stream="err")


def test_members_of_a_reliable_channel_hear_all_of_each_other_through_loss(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    key = str(tmp_path / "group.key")
    subprocess.run([binary("lanyard"), "key", "generate", key], check=True, capture_output=True)
    b.loss("lan0", 30)
    ear = lan.start("examples/channel_reliable", GROUP, "lan0", key, "ear", "5000", ns=b)
    mouth = lan.start("examples/channel_reliable", GROUP, "lan0", key, "mouth", "5", ns=a)
    ear.line(r"^joined: [0-9a-f]{16}$")
    ear.line(r"^mouth: 300$", timeout=30)
    heard = [int(line.split(": ")[1]) for line in ear.out if line.startswith("mouth: ")]
    assert heard[:250] == list(range(heard[0], heard[0] + 250))
    assert not [line for line in ear.out if line.startswith("lost")]
    mouth.stop(signal.SIGKILL)
    ear.line(r"^left: mouth, ", timeout=20)
