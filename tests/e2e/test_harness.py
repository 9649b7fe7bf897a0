"""test_harness.py - the harness itself: what it must notice, it notices."""
import os
import subprocess

import pytest

from lanyard_test import Lan, Timeout, wait_for


@pytest.mark.parametrize("script", [
    "echo 'x.c:3: runtime error: signed integer overflow' >&2",
    "echo '==7==ERROR: AddressSanitizer: heap-use-after-free' >&2; exit 1",
    "exit 99",
])
def test_what_a_sanitizer_says_fails_the_test(tmp_path, script):
    lan = Lan(tmp_path)
    lan.run("sh", "-c", script).wait()
    with pytest.raises(AssertionError, match="a sanitizer complained"):
        lan.close()


def test_programs_and_namespaces_are_gone_afterwards_whatever_they_do(tmp_path):
    lan = Lan(tmp_path)
    deaf = lan.run("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    deaf.line("ready")
    name = lan.net.namespace().name
    assert name in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    lan.close()
    assert not os.path.exists(f"/proc/{deaf.pid}")
    assert name not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout


def test_waiting_ends_at_the_deadline_and_at_the_end_of_the_program(lan):
    with pytest.raises(Timeout, match="not in 0.1 s: the moon"):
        wait_for(lambda: False, 0.1, "the moon")
    proc = lan.run("sh", "-c", "echo one; exit 3")
    assert proc.line("one")
    with pytest.raises(Timeout, match="it ended with 3"):
        proc.line("two", timeout=30)


def test_loss_and_pulled_cables_are_what_they_say(two_hosts):
    (a, _), (b, address) = two_hosts

    def reaches():
        probe = f"import socket; socket.create_connection(('{address}', 9), 0.2)"
        return "refused" in a.run("/usr/bin/python3", "-c", probe, check=False).stderr
    assert reaches()
    b.loss("lan0", 100)
    assert not reaches()
    b.loss("lan0", 0)
    assert reaches()
    b.link("lan0", False)
    assert not reaches()
    b.link("lan0", True)
    wait_for(reaches)
