"""test_coap.py - `lanyard coap` against coap-server of libcoap, and against `lanyard sensor device`, on loopback."""
import base64
import json
import re
import socket
import subprocess
import time

import pytest
from lanyard_test import SANITIZED, binary, wait_for

WAIT = 30 if SANITIZED else 10


def free_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """coap-server of libcoap: /time, /async, /example_data, and whatever is PUT."""

    def __init__(self, lan):
        self.lan = lan
        self.port = free_udp()
        self.proc = lan.run("coap-server-notls", "-A", "127.0.0.1", "-p", self.port, "-d", 100)
        self.uri = f"coap://127.0.0.1:{self.port}"
        wait_for(lambda: self.ask("get", "/", "--timeout", "1s").wait() == 0, WAIT, "the server answers")

    def ask(self, verb, path, *options):
        return self.lan.start("lanyard", "coap", verb, self.uri + path, *options)

    def done(self, verb, path, *options, code=0):
        """stdout as octets of text, and stderr."""
        proc = self.ask(verb, path, *options)
        assert proc.wait(WAIT) == code, proc.tail()
        return "\n".join(proc.out), "\n".join(proc.err)

    def json(self, verb, path, *options, code=0):
        return json.loads(self.done(verb, path, "-j", *options, code=code)[0])


@pytest.fixture
def server(lan):
    return Server(lan)


# ---- libcoap --------------------------------------------------------------------------------------------------------

def test_a_value_is_set_read_and_deleted(server):
    assert server.done("put", "/x", "-e", "hello", "-v")[1].startswith("lanyard: 2.01 Created from 127.0.0.1")
    assert server.done("get", "/x")[0] == "hello"
    assert server.done("put", "/x", "-e", "again", "-v")[1].startswith("lanyard: 2.04 Changed")
    assert server.done("get", "/x")[0] == "again"
    server.done("delete", "/x")
    out, err = server.done("get", "/x", code=3)
    assert out == "" and "4.04 Not Found" in err


def test_an_answer_as_json_has_all_that_came_along(server):
    server.done("put", "/j", "-e", '{"a":1}', "-t", "application/json")
    answer = server.json("get", "/j")
    assert answer["schema"] == 1 and (answer["code"], answer["code_text"]) == ("2.05", "2.05 Content")
    assert (answer["content_format"], answer["media_type"]) == (50, "application/json")
    assert answer["payload"] == '{"a":1}' and answer["size"] == 7 and answer["from"] == f"127.0.0.1:{server.port}"
    assert 0 < answer["rtt_ms"] < 10000
    wrong = server.json("get", "/nothing", code=3)
    assert wrong["code"] == "4.04" and wrong["error"]["code"] == "not-found"


@pytest.mark.parametrize("block", [64, 1024])
def test_large_bodies_go_and_come_by_blocks(lan, server, block):
    data = bytes(range(256)) * 130 + b"end"
    there, back = lan.folder / "there", lan.folder / "back"
    there.write_bytes(data)
    server.done("put", "/big", "-f", there, "-t", "42", "--block", block)
    server.done("get", "/big", "-o", back, "--block", block)
    assert back.read_bytes() == data
    answer = server.json("get", "/big", "--block", block)
    assert base64.b64decode(answer["base64"]) == data and answer["media_type"] == "application/octet-stream"


def test_json_stays_on_stdout_when_the_body_goes_to_a_file(lan, server):
    server.done("put", "/x", "-e", "body")
    answer = server.json("get", "/x", "-o", lan.folder / "body")
    assert answer["payload"] == "body" and (lan.folder / "body").read_text() == "body"


def test_binary_goes_to_stdout_as_it_is(lan, server):
    data = bytes(range(256))
    file = lan.folder / "bin"
    file.write_bytes(data)
    server.done("put", "/bin", "-f", file)
    done = subprocess.run([binary("lanyard"), "coap", "get", server.uri + "/bin"], capture_output=True, timeout=WAIT)
    assert done.stdout == data


def test_what_was_in_the_file_stays_when_there_is_no_answer_of_use(lan, server):
    file = lan.folder / "kept"
    file.write_text("old")
    server.done("get", "/nothing", "-o", file, code=3)
    assert file.read_text() == "old"
    server.done("put", "/x", "-e", "n")
    server.done("get", "/x", "-o", file)
    assert file.read_text() == "n"


def test_stdin_is_a_body(server):
    proc = server.ask("post", "/example_data", "-f", "-")
    proc.send("from stdin")
    proc.close_stdin()
    assert proc.wait(WAIT) in (0, 1)  # libcoap's server refuses POST there: the request got through
    proc = server.ask("put", "/in", "-f", "-")
    proc.send("from stdin")
    proc.close_stdin()
    assert proc.wait(WAIT) == 0
    assert server.done("get", "/in")[0] == "from stdin"


def test_a_separate_response_is_waited_for(server):
    began = time.monotonic()
    assert server.done("get", "/async?2")[0] == "done"
    assert time.monotonic() - began > 1.5


def test_changes_are_observed_until_enough_came(server):
    proc = server.ask("observe", "/time", "-n", "3")
    assert proc.wait(WAIT) == 0, proc.tail()
    assert len(proc.out) == 3 and len(set(proc.out)) == 3
    events = server.ask("observe", "/time", "-n", "2", "-J")
    assert events.wait(WAIT) == 0
    assert [e["event"] for e in events.events()] == ["response", "notify"]
    assert events.events("notify")[0]["observe"] > 0


def test_the_end_of_an_observation_is_told_to_the_server(server):
    server.proc.stop()
    server.proc = server.lan.run("coap-server-notls", "-A", "127.0.0.1", "-p", server.port, "-v", 7)
    proc = server.ask("observe", "/time", "-n", "2")
    assert proc.wait(WAIT) == 0, proc.tail()
    server.proc.line(r"Observe:1\b", WAIT, "err" if not server.proc.out else "out")


def test_what_cannot_be_observed_says_so(server):
    server.done("put", "/fixed", "-e", "1")
    proc = server.ask("observe", "/async?1")
    assert proc.wait(WAIT) == 1
    assert proc.out == ["done"] and "cannot be observed" in proc.err[-1]


def test_resources_are_discovered(server):
    out, _ = server.done("discover", "")
    assert re.search(r"^/time +Internal Clock +ticks +0 +- +observable$", out, re.M), out
    listed = {r["path"]: r for r in server.json("discover", "")["resources"]}
    assert listed["/time"]["title"] == "Internal Clock" and listed["/time"]["obs"] is True
    plain = server.lan.start("lanyard", "coap", "discover", f"127.0.0.1:{server.port}")
    assert plain.wait(WAIT) == 0 and "/time" in "\n".join(plain.out)


def test_another_refusal_is_a_failure_with_its_code(server):
    out, err = server.done("post", "/", "-e", "x", code=1)
    assert out == "" and "4.05 Method Not Allowed" in err
    assert server.json("post", "/", "-e", "x", code=1)["error"]["code"] == "failed"


def test_non_confirmable_requests_are_answered(server):
    server.done("put", "/n", "-e", "1")
    assert server.done("get", "/n", "--non")[0] == "1"


# ---- nobody, and nonsense -------------------------------------------------------------------------------------------

def test_nobody_there_is_a_timeout_or_a_refusal(lan):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # bound: nothing answers, nothing is refused
        s.bind(("127.0.0.1", 0))
        began = time.monotonic()
        proc = lan.start("lanyard", "coap", "get", f"coap://127.0.0.1:{s.getsockname()[1]}/x", "--timeout", "700ms", "-j")
        assert proc.wait(WAIT) == 6
        assert 0.6 < time.monotonic() - began < 5
        assert json.loads(proc.out[0])["error"]["code"] == "timeout"


@pytest.mark.parametrize("uri, code, says", [
    ("http://h/", 2, "not a URI that begins with coap://"),
    ("coaps://h/", 2, "not a URI that begins with coap://"),
    ("coap://", 2, "expected coap://HOST"),
    ("coap://u@h/", 2, "no user"),
    ("coap://h:99999/", 2, "expected coap://HOST"),
    ("coap://127.0.0.1/%zz", 2, "wrongly written"),
    ("coap://127.0.0.1/a#b", 2, "no #fragment"),
    ("coap://nobody.invalid/", 2, "nobody.invalid"),
    ("coap+eth://lo", 2, "the address is missing"),
    ("coap+eth://nope0/02:00:00:00:00:01/x", 3, "nope0"),
    ("coap+xbee://nope0/45:67/x", 3, "nope0"),
    ("coap+xbee:///45:67/x", 2, "the device is missing"),
])
def test_a_uri_that_leads_nowhere_says_why(lan, uri, code, says):
    proc = lan.start("lanyard", "coap", "get", uri, "--timeout", "3s")
    assert proc.wait(WAIT) == code, proc.tail()
    assert says in proc.err[-1], proc.err


@pytest.mark.parametrize("words, says", [
    (["-t", "text/nonsense"], "no number for this type"), (["-e", "a", "-f", "b"], "are both the body"),
    (["--option", "x=1"], "NUMBER=VALUE"), (["--option", "4=0xa"], "hexadecimal"), (["--option", "6=1"], "written by the library"),
    (["-f", "/nothing/there"], "cannot read"), (["--block", "100"], "block"), (["--net", "token:ring"], "")])
def test_options_that_cannot_be_are_refused(lan, words, says):
    proc = lan.start("lanyard", "coap", "put", "coap://127.0.0.1:9/x", *words)
    assert proc.wait(WAIT) in (2, 3), proc.tail()
    assert says in "\n".join(proc.err)


# ---- ours -----------------------------------------------------------------------------------------------------------

def test_a_device_on_a_cable_is_asked_without_ip(lan):
    here, there = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(here, there)
    mac = re.search(r"link/ether ([0-9a-f:]+)", there.run("ip", "-o", "link", "show", "lan0").stdout).group(1)
    device = lan.start("lanyard", "sensor", "device", "--net", "ethernet:lan0", "--id", "7", "--resource", "t1;obs=21.5",
                       "--resource", "led=off", "-J", ns=there)
    master = lan.start("lanyard", "sensor", "master", "--net", "ethernet:lan0", "--slave", "7", "--first-hello",
                       "100ms", "--hello", "500ms", "-n", "1", ns=here)
    assert master.wait(WAIT) == 0, master.tail() + device.tail()  # a slave answers only who it is paired with

    def ask(*words):
        proc = lan.start("lanyard", "coap", *words, ns=here)
        assert proc.wait(WAIT) == 0, proc.tail()
        return "\n".join(proc.out)
    assert ask("get", f"coap+eth://lan0/{mac}/t1") == "21.5"
    ask("put", f"coap+eth://lan0/{mac}/led", "-e", "on")
    assert ask("get", f"coap+eth://lan0/{mac}/led") == "on"
    table = ask("discover", f"coap+eth://lan0/{mac}")
    assert "t1" in table and "led" in table
