"""test_sensor_master.py - `lanyard sensor master` in one command: events, options, files, with devices on a cable."""
import contextlib
import http.client
import json
import re
import ssl
import subprocess

import pytest
from daemon_sensor import WAIT, device
from daemon_test import at
from lanyard_test import for_anybody

FAST = ("--first-hello", "100ms", "--hello", "500ms")


@pytest.fixture
def cable(lan):
    here, there = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(here, there)
    return here, there


def master(lan, ns, *words):
    return lan.start("lanyard", "sensor", "master", *words, ns=ns)


def fetch(ns, port, path, method="GET", body=None, tls=None, **headers):
    """(status, body) of one HTTP request made inside the namespace."""
    with ns:
        c = http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT, context=tls) if tls else \
            http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        with contextlib.closing(c):
            c.connect()
            c.request(method, path, body, headers)
            r = c.getresponse()
            return r.status, r.read().decode()


# ---- events ---------------------------------------------------------------------------------------------------------

def test_events_are_lines_and_json(lan, cable):
    here, there = cable
    text = master(lan, here, "--net", "ethernet:lan0", "--slave", "169,ttl=4", *FAST)
    text.line(r"^\d\d:\d\d:\d\d\.\d+  ethernet:lan0  up$", WAIT)
    gone = device(lan, there, 169)
    text.line(r"  169  associating \(was inactive\)  [0-9a-f:]{17}  ethernet:lan0: ", WAIT)
    text.line(r"  169  running \(was associating\)  ", WAIT)
    gone.kill()
    text.line(r"  169  inactive \(was running\)", WAIT)
    assert text.stop() == 0
    data = master(lan, here, "--net", "ethernet:lan0", "--slave", "169", *FAST, "-J")
    device(lan, there, 169)
    event = data.event("slave", WAIT, state="running")
    assert (event["schema"], event["slave"], event["was"], event["net"]) == (1, 169, "associating", "ethernet:lan0")
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z$", event["time"]) and data.event("net")["state"] == "up"


def test_it_ends_when_enough_slaves_run(lan, cable):
    here, there = cable
    device(lan, there, 7)
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "7", *FAST, "-n", "1", "--timeout", f"{WAIT}s")
    assert proc.wait(WAIT + 5) == 0, proc.tail()


def test_who_does_not_come_is_told_with_the_reason(lan, cable):
    here, there = cable
    device(lan, there, 7)
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "7", "--slave", "8", *FAST, "-n", "2", "--timeout", "3s")
    assert proc.wait(WAIT) == 6
    assert "1 of 2 slaves within --timeout 3s" in proc.err[-1]
    assert any("slave 8: " in line and "never heard" in line for line in proc.err)


@pytest.mark.parametrize("what, seen", [("list", "candidate"), ("admit", "slave")])
def test_unlisted_slaves_are_listed_or_admitted(lan, cable, what, seen):
    here, there = cable
    proc = master(lan, here, "--net", "ethernet:lan0", "--unlisted", what, *FAST, "-J")
    device(lan, there, 4711)
    assert proc.event(seen, WAIT, slave=4711)


@pytest.mark.parametrize("epoch", ["casan", "sos"])
def test_the_epoch_is_a_choice(lan, cable, epoch):
    here, there = cable
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "1", "--epoch", epoch, *FAST, "-J")
    device(lan, there, 1, options=("--epoch", epoch))
    proc.event("slave", WAIT, slave=1, state="running")


def test_a_slave_with_a_key_has_to_prove_it(lan, cable):
    here, there = cable
    for name in ("right.key", "wrong.key"):
        assert lan.start("lanyard", "key", "generate", lan.folder / name).wait() == 0
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", f"9,key={lan.folder / 'right.key'}", *FAST, "-J")
    stranger = device(lan, there, 9, options=("--key-file", lan.folder / "wrong.key"))
    proc.event("refused", WAIT)
    assert not proc.events("slave", state="running")
    stranger.stop()
    device(lan, there, 9, options=("--key-file", lan.folder / "right.key"))
    proc.event("slave", WAIT, slave=9, state="running")


# ---- HTTP -----------------------------------------------------------------------------------------------------------

def test_slaves_are_shown_to_the_web(lan, cable):
    here, there = cable
    here.run("ip", "link", "set", "lo", "up")
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "169", "--http", "127.0.0.1:0", *FAST, "-J")
    device(lan, there, 169)
    port = proc.event("http", WAIT)["port"]
    proc.event("slave", WAIT, state="running")
    assert fetch(here, port, "/casan/169/t1") == (200, "21.5")
    assert fetch(here, port, "/casan/169/led", "PUT", "on")[0] in (200, 204)
    assert fetch(here, port, "/casan/169/led") == (200, "on")


def test_a_token_and_tls_are_asked_for(lan, cable):
    here, there = cable
    here.run("ip", "link", "set", "lo", "up")
    token, cert, key = (lan.folder / n for n in ("token", "cert.pem", "key.pem"))
    token.write_text("secret-of-the-plant\n")
    token.chmod(0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    key.chmod(0o600)
    proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "169", "--http", "127.0.0.1:0", "--tls-cert", cert,
                  "--tls-key", key, "--token-file", token, *FAST, "-J")
    device(lan, there, 169)
    said = proc.event("http", WAIT)
    proc.event("slave", WAIT, state="running")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert said["tls"] and fetch(here, said["port"], "/casan/169/t1", tls=context) == (200, "21.5")
    assert fetch(here, said["port"], "/casan/169/led", "PUT", "on", tls=context)[0] == 401
    assert fetch(here, said["port"], "/casan/169/led", "PUT", "on", tls=context, Authorization="Bearer secret-of-the-plant")[0] in (200, 204)


# ---- files ----------------------------------------------------------------------------------------------------------

YAML = """sensor:
  - {name: one, networks: ['xbee:nope0'], slaves: [{id: 1}]}
  - {name: two, networks: [ethernet:lan0], slaves: [{id: 169, ttl: 90}], timers: {first_hello: 100ms, hello: 500ms}}
"""
WORDS = "network ethernet lan0\nslave id 169 ttl 90\ntimer firsthello 1\ntimer hello 1\n"
INI = "[network a]\ntype = ethernet\ndev = lan0\n[slave x]\nid = 169\n[timers]\nfirsthello = 1\nhello = 1\n"


@pytest.mark.parametrize("name, text, more", [("lanyard.yaml", YAML, ("--name", "two")), ("casand.conf", WORDS, ()),
                                              ("casand.conf", INI, ()), ("sosd.conf", WORDS + "namespace sos /sos\n", ())])
def test_a_file_says_it_all(lan, cable, name, text, more):
    here, there = cable
    proc = master(lan, here, "-c", at(lan.folder, name, text), "-J", *more)
    device(lan, there, 169, options=("--epoch", "sos" if "sos" in name else "casan"))
    proc.event("slave", WAIT, slave=169, state="running")
    assert proc.stop() == 0


@pytest.mark.parametrize("text, words, code, says", [
    (YAML, (), 2, "has 2 masters"), (YAML, ("--name", "three"), 3, 'no sensor is named "three"'),
    (YAML, ("--slave", "1"), 2, "with -c the file says it"), ("link: []\n", (), 1, "has no sensor section"),
    ("sensor:\n- {name: a}\n", (), 1, 'has no "networks"'), ("network ethernet\n", (), 1, "invalid number of tokens"),
    ("", (), 1, "empty")])
def test_a_file_that_is_not_right_says_why(lan, text, words, code, says):
    proc = master(lan, None, "-c", at(lan.folder, "c.yaml", text), *words)
    assert proc.wait(WAIT) == code, proc.tail()
    assert says in "\n".join(proc.err), proc.err


@pytest.mark.parametrize("words, code, says", [
    ((), 2, "a master needs a network"), (("--net", "token:ring"), 2, "a network is"),
    (("--net", "ethernet:lo", "--slave", "0"), 2, "an id is a number"),
    (("--net", "ethernet:lo", "--slave", "1,speed=2"), 2, "the settings of a slave are ttl, mtu and key"),
    (("--net", "ethernet:lo", "--slave", "1,mtu=9"), 2, "mtu is 64 to 1518"),
    (("--net", "ethernet:lo", "--slave", "1,ttl=never"), 2, "ttl is a time"),
    (("--net", "ethernet:lo", "--slave", "1,x"), 2, "not ID[,ttl=S]"),
    (("--net", "ethernet:lo", "--slave", "1", "--slave", "1,ttl=9"), 2, "slave 1 is there twice"),
    (("--net", "ethernet:lo", "--compat"), 2, "there is no HTTP server"),
    (("--net", "ethernet:lo", "--http", "127.0.0.1:0", "--tls-cert", "/c"), 2, "both or none"),
    (("--net", "ethernet:lo", "--name", "x"), 2, "goes with -c"),
    (("--net", "ethernet:lo", "--slave", "1,key=/nothing"), 3, "/nothing"),
    (("--net", "udp:127.0.0.1:0"), 2, "")])
def test_options_that_cannot_be_are_refused(lan, words, code, says):
    proc = master(lan, None, *words)
    assert proc.wait(WAIT) == code, proc.tail()
    assert says in "\n".join(proc.err), proc.err
    document = lan.start("lanyard", "-j", "sensor", "master", *words)
    assert document.wait(WAIT) == code and "error" in json.loads(document.out[0])


def test_without_the_right_it_says_what_is_needed(lan):
    proc = lan.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                   for_anybody("lanyard"), "sensor", "master", "--net", "ethernet:lo")
    assert proc.wait(WAIT) == 5, proc.tail()
    assert "cap_net_raw" in "\n".join(proc.err).lower()


def test_nobody_to_be_served_is_said(lan):
    proc = master(lan, None, "--net", "ethernet:nope0", "-J")
    proc.line("nobody is served", WAIT, "err")
    proc.event("net", WAIT, state="down")  # it is open: a signal ends it in order
    assert proc.stop() == 0
