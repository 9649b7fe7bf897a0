"""test_daemon_sensor.py - masters of sensors in lanyardd, with devices on a cable, through the control socket and the command line."""
import contextlib
import http.client
import json
import signal
import time

import pytest
from daemon_sensor import WAIT, Master, config, device, entry
from daemon_test import ONE, Daemon
from lanyard_test import wait_for


@pytest.fixture
def cable(lan):
    here, there = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(here, there)
    return here, there


# ---- what is there --------------------------------------------------------------------------------------------------

def test_a_slave_is_listed_and_shown(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry("{id: 169, ttl: 90}", 170))
    device(lan, there, 169)
    slave = daemon.running(169)
    assert slave["net"] == "ethernet:lan0" and slave["epoch"] == "casan" and slave["ttl"] == 90 and slave["listed"]
    assert {r["path"] for r in slave["resources"]} == {"t1", "led"}
    assert next(r for r in slave["resources"] if r["path"] == "t1") == {"path": "t1", "title": "Desk temp", "rt": "celsius", "obs": True}
    out, _ = daemon.done("sensor", "list")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["ID", "STATE", "NET", "ADDRESS", "SEEN", "RSSI", "TTL", "RESOURCES"]
    assert rows[1][:4] == ["169", "running", "ethernet:lan0", slave["address"]] and rows[1][6] == "1m30s"
    assert rows[2][:3] == ["170", "inactive", "-"]
    out, _ = daemon.done("sensor", "show", "169")
    assert "slave 169  running" in out and "Desk temp" in out
    assert "never heard" in daemon.json("sensor", "show", "170")["slave"]["why"]
    whole = daemon.json("sensor", "show")
    assert whole["sensor"]["running"] == 1 and whole["sensor"]["networks"][0]["up"]
    assert {"associated", "tx_hello"} <= {c["name"] for c in whole["counters"]}
    assert "sensors        1 of 2 slaves running" in daemon.done("status")[0]
    assert daemon.ask("status")["sensors"] == {"total": 1, "failed": 0, "slaves": 2, "running": 1, "candidates": 0}


def test_candidates_are_listed_when_they_are_wanted(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(1, unlisted="list"))
    device(lan, there, 55)
    wait_for(lambda: daemon.slave(55), WAIT, "the candidate")
    assert not daemon.slave(55)["listed"]
    assert "55  candidate" in daemon.done("sensor", "list")[0]
    assert daemon.events("candidate")[0]["slave"] == 55


def test_a_network_that_is_missing_is_waited_for(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(7, networks="[ethernet:late0]"))
    shown = daemon.ask("sensor.show")["sensor"]
    assert not shown["networks"][0]["up"] and shown["networks"][0]["reason"]
    here.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
    here.run("ip", "link", "set", "late1", "netns", there.name)
    here.link("late0", True)
    there.link("late1", True)
    lan.start("lanyard", "sensor", "device", "--net", "ethernet:late1", "--id", "7", "--resource", "t1=1", ns=there)
    daemon.running(7)
    assert [e["state"] for e in daemon.events("net")][-1] == "up"


# ---- requests -------------------------------------------------------------------------------------------------------

def test_resources_are_read_set_and_refused(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169, 170))
    device(lan, there, 169)
    daemon.running(169)
    assert daemon.done("sensor", "get", "169", "t1")[0] == "21.5"
    daemon.done("sensor", "put", "169", "led", "on")
    assert daemon.done("sensor", "get", "169", "/led")[0] == "on"
    answer = daemon.json("sensor", "get", "169", "t1", "--no-cache")
    assert (answer["slave"], answer["path"], answer["code"], answer["payload"]) == (169, "t1", "2.05", "21.5")
    _, err = daemon.done("sensor", "get", "169", "nothing", code=3)
    assert "4.04" in err
    assert daemon.json("sensor", "get", "169", "nothing", code=3)["error"]["code"] == "not-found"
    assert "is not associated" in daemon.done("sensor", "get", "170", "t1", code=1)[1]
    assert "no slave 171" in daemon.done("sensor", "get", "171", "t1", code=3)[1]
    assert "4.05" in daemon.done("sensor", "delete", "169", "t1", code=1)[1]
    assert "not the number of a slave" in daemon.done("sensor", "get", "x", "t1", code=2)[1]
    assert "there is no value" in daemon.done("sensor", "put", "169", "led", code=2)[1]


def test_a_body_of_a_file_goes_by_blocks_and_comes_back(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    device(lan, there, 169, "file=", options=("--max-body", "60K"))
    daemon.running(169)
    data = bytes(range(256)) * 20
    (lan.folder / "body").write_bytes(data)
    daemon.done("sensor", "put", "169", "file", "-f", lan.folder / "body", "-t", "42")
    daemon.done("sensor", "get", "169", "file", "--no-cache", "-o", lan.folder / "back")
    assert (lan.folder / "back").read_bytes() == data


def test_a_slave_that_is_silent_is_a_timeout(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    gone = device(lan, there, 169)
    daemon.running(169)
    gone.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert "169" in daemon.done("sensor", "get", "169", "t1", "--no-cache", "--timeout", "1s", code=6)[1]
    assert time.monotonic() - began < 3
    error = daemon.error("sensor.get", slave=169, path="t1", no_cache=True)
    assert error["code"] == "timeout"
    gone.send_signal(signal.SIGCONT)


def test_values_are_observed_through_a_restart_of_the_device(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    first = device(lan, there, 169, "t1;obs=1")
    daemon.running(169)
    seen = daemon.cli("sensor", "observe", "169", "t1", "-J")
    assert seen.event("response", WAIT)["payload"] == "1"
    daemon.done("sensor", "put", "169", "t1", "2")
    seen.event("notify", WAIT, payload="2")
    first.kill()
    device(lan, there, 169, "t1;obs=3")
    seen.until(lambda: seen.events(payload="3"), WAIT, "the value of the new one")
    daemon.done("sensor", "put", "169", "t1", "4")
    seen.until(lambda: seen.events(payload="4"), WAIT, "a change of the new one")
    assert seen.stop(signal.SIGINT) == 130
    lines = daemon.cli("sensor", "observe", "169", "t1", "-n", "1")
    assert lines.wait(WAIT) == 0 and lines.out == ["4"]


def test_what_is_not_observable_and_what_is_not_there_end_an_observation(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    device(lan, there, 169)
    daemon.running(169)
    proc = daemon.cli("sensor", "observe", "169", "nothing")
    assert proc.wait(WAIT) == 3, proc.tail()
    proc = daemon.cli("sensor", "observe", "169", "led")
    assert proc.wait(WAIT) == 1 and proc.out == ["off"] and "not observable" in proc.err[-1]


def test_only_root_and_the_daemons_user_may_change_something():
    """The table says so; what it does to others is shown in test_daemon_control.py."""
    from lanyard_test import ROOT
    table = (ROOT / "src/daemon/control_request.c").read_text(encoding="utf-8")
    for verb in ("put", "post", "delete", "poke"):
        assert f'{{"sensor.{verb}", verb_sensor_{verb}, true' in table.replace("\n\t\t", " ")


# ---- HTTP -----------------------------------------------------------------------------------------------------------

def test_slaves_are_shown_to_the_web_as_configured(lan, cable):
    here, there = cable
    here.run("ip", "link", "set", "lo", "up")
    daemon = Master(lan, here, entry(169, http="{listen: ['127.0.0.1:0'], namespaces: {casan: /sensors, admin: none}}"))
    device(lan, there, 169)
    daemon.running(169)
    port = daemon.ask("sensor.show")["sensor"]["http"]["port"]

    def get(path):
        with here, contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)) as c:
            c.connect()
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
    assert get("/sensors/169/t1") == (200, "21.5")
    assert get("/casan/169/t1")[0] == 404 and get("/admin/run")[0] == 404
    assert daemon.ask("sensor.show")["sensor"]["http"]["requests"] >= 3
    assert any(c["name"].startswith("http") for c in daemon.ask("sensor.show")["counters"])
    daemon.reload(entry(169))
    assert "http" not in daemon.ask("sensor.show")["sensor"]
    with pytest.raises(OSError):
        get("/sensors/169/t1")


# ---- events and the log ---------------------------------------------------------------------------------------------

def test_what_happens_to_a_slave_is_watched_and_kept_in_the_log(lan, cable):
    here, there = cable
    log = lan.folder / "events.db"
    daemon = Master(lan, here, entry(169, 170, event_log=log))
    every, one = daemon.cli("sensor", "watch", "-J"), daemon.cli("sensor", "watch", "169", "-J", "-n", "2")
    wait_for(lambda: daemon.ask("status")["control"]["watchers"] == 2, WAIT)
    device(lan, there, 170)
    device(lan, there, 169)
    every.event("slave", WAIT, slave=170, state="running")
    assert one.wait(WAIT) == 0, one.tail()
    assert [(e["slave"], e["state"], e["was"]) for e in one.events()] == [
        (169, "associating", "inactive"), (169, "running", "associating")]
    assert "slave 169 status set to RUNNING" in daemon.done("sensor", "log")[0]
    time.sleep(1.5)  # it is on the disk 50 ms and a sync later
    daemon.proc.kill()
    daemon.restart()
    assert "slave 169 status set to RUNNING" in daemon.done("sensor", "log", "--since", "1m")[0]
    assert daemon.json("sensor", "log", "-n", "1")["events"][0]["id"] > 3


def test_a_poked_slave_associates_anew(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    device(lan, there, 169)
    before = daemon.running(169)
    daemon.done("sensor", "poke", "169")
    wait_for(lambda: daemon.slave(169)["renewals"] + daemon.slave(169)["associations"]
             > before["renewals"] + before["associations"], WAIT, "associated anew")
    assert "no slave 171" in daemon.done("sensor", "poke", "171", code=3)[1]
    daemon.done("sensor", "poke", "all")


# ---- through reloads and deaths -------------------------------------------------------------------------------------

def test_a_reload_takes_out_and_adds_slaves_and_leaves_the_others_alone(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry("{id: 1, ttl: 4}", 2))
    device(lan, there, 1)
    daemon.running(1)
    before = daemon.slave(1)
    assert daemon.reload(entry("{id: 1, ttl: 4}", 3))["sensors"]["changed"] == ["lab"]
    after = daemon.slave(1)
    assert after["state"] == "running" and after["since"] == before["since"] and after["associations"] == 1
    assert daemon.slave(2) is None and daemon.slave(3)["state"] == "inactive"
    assert daemon.ask("sensor.show")["sensor"]["hello_id"] == daemon.ask("sensor.list")["sensors"][0]["hello_id"]
    assert not daemon.events("sensor-closed")
    daemon.reload(entry(3))
    assert daemon.slave(1) is None  # it believes to be paired, and is heard when it wants to be renewed
    assert daemon.reload(entry("{id: 1, ttl: 4}", 3))["warnings"] == []
    daemon.running(1)


def test_a_reload_gives_a_slave_another_time_and_another_key(lan, cable):
    here, there = cable
    key, other = lan.folder / "slave.key", lan.folder / "other.key"
    for path in (key, other):
        assert lan.start("lanyard", "key", "generate", path).wait() == 0
    daemon = Master(lan, here, entry(f"{{id: 1, ttl: 4, key_file: {key}}}", 2))
    device(lan, there, 1, options=("--key-file", key))
    assert daemon.running(1)["keyed"] and daemon.slave(1)["ttl"] == 4
    daemon.reload(entry(f"{{id: 1, ttl: 5, key_file: {key}}}", 2))
    wait_for(lambda: daemon.slave(1)["ttl"] == 5, WAIT, "the other ttl")
    assert not daemon.events("refused")
    key.write_bytes(other.read_bytes())  # what the device holds is another one now
    assert daemon.ask("config.reload")["sensors"]["unchanged"] == ["lab"]
    wait_for(lambda: daemon.events("refused"), WAIT, "the old key is refused")
    wait_for(lambda: daemon.slave(1)["state"] != "running", WAIT, "it is lost")
    key.unlink()
    assert "slave.key" in daemon.ask("config.reload")["warnings"][0]


def test_a_bad_reload_changes_nothing(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(1))
    device(lan, there, 1)
    daemon.running(1)
    daemon.write(config(entry(1, 1)))
    error = daemon.error("config.reload")
    assert "two slaves have the id 1" in error["what"]
    assert daemon.slave(1)["state"] == "running"


def test_another_change_opens_the_master_anew_and_its_slaves_come_back(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(1))
    device(lan, there, 1)
    daemon.running(1)
    proc = daemon.cli("sensor", "observe", "1", "t1")
    proc.lines(1, WAIT)
    daemon.reload(entry(1, queue="8"))
    assert proc.wait(WAIT) == 1 and "the master was closed" in proc.err[-1]
    assert daemon.events("sensor-closed")
    daemon.running(1, timeout=30)


def test_a_master_that_is_killed_finds_its_slaves_again(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(1))
    device(lan, there, 1)
    daemon.running(1)
    daemon.proc.kill()
    daemon.restart()
    daemon.running(1, timeout=30)
    assert daemon.done("sensor", "get", "1", "t1")[0] == "21.5"


def test_a_device_that_is_killed_is_lost_in_its_time_and_found_again(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry("{id: 1, ttl: 2}"))
    first = device(lan, there, 1)
    daemon.running(1)
    first.kill()
    wait_for(lambda: daemon.slave(1)["state"] == "inactive", WAIT, "it is lost")
    assert daemon.slave(1)["losses"] == 1
    device(lan, there, 1)
    daemon.running(1)


# ---- what cannot be -------------------------------------------------------------------------------------------------

def test_a_master_that_cannot_be_opened_is_listed_as_failed_and_tried_again(lan, cable):
    here, _ = cable
    key = lan.folder / "missing.key"
    daemon = Master(lan, here, entry(f"{{id: 1, key_file: {key}}}"))
    shown = daemon.ask("sensor.show", name="lab")["sensor"]
    assert shown["state"] == "failed" and "missing.key" in shown["reason"]
    assert "failed" in daemon.done("sensor", "list")[0]
    assert "is not open" in daemon.error("sensor.get", slave=1, path="t1", name="lab")["what"]
    lan.start("lanyard", "key", "generate", key).wait()
    daemon.reload(entry(f"{{id: 1, key_file: {key}}}"))
    assert daemon.ask("sensor.show", name="lab")["sensor"]["state"] == "up"


def test_the_same_number_at_two_masters_needs_a_name(lan, cable):
    here, _ = cable
    daemon = Master(lan, here, entry(1), entry(1, name="other", networks="['xbee:nope0']"))
    assert {m["state"] for m in daemon.ask("sensor.list")["sensors"]} == {"up"}, daemon.ask("sensor.list")
    assert "2 masters" in daemon.error("sensor.get", slave=1, path="t1")["what"]
    assert "is not associated" in daemon.error("sensor.get", slave=1, path="t1", name="other")["what"]
    assert "no sensor named" in daemon.error("sensor.get", slave=1, path="t1", name="x")["what"]


@pytest.mark.parametrize("verb, args, says", [
    ("sensor.get", {"slave": 1}, '"path" is missing'), ("sensor.get", {"slave": "1", "path": "x"}, "must be an integer"),
    ("sensor.get", {"slave": -1, "path": "x"}, "1 to 2147483647"), ("sensor.get", {"path": "x"}, '"slave" is missing'),
    ("sensor.get", {"slave": 1, "path": "x", "accept": 70000}, "0 to 65535"),
    ("sensor.get", {"slave": 1, "path": "x", "timeout_ms": 0}, "1 to 3600000"),
    ("sensor.put", {"slave": 1, "path": "x", "payload": "a", "base64": "YQ=="}, "not both"),
    ("sensor.put", {"slave": 1, "path": "x", "base64": "?"}, "not base64"),
    ("sensor.log", {"n": 0}, "1 to 100000"), ("sensor.log", {"since": "never"}, "not understood"),
    ("sensor.show", {"slave": 9}, "no slave 9"), ("sensor.watch", {"name": "x"}, "no sensor named"),
    ("sensor.get", {"slave": 1, "path": "x", "no_cash": True}, "unknown argument")])
def test_requests_that_cannot_be_are_refused_with_the_reason(lan, cable, verb, args, says):
    daemon = Master(lan, cable[0], entry(1))
    assert says in daemon.error(verb, **args)["what"]


def test_the_first_sensor_on_ethernet_of_a_reload_is_refused_with_the_way_out(lan):
    daemon = Daemon(lan)
    daemon.write(ONE + config(entry(1)))
    assert daemon.error("config.reload")["what"].startswith('sensor "lab": needs CAP_NET_RAW, which was dropped')
    daemon.write(ONE + config(entry(1, networks="['xbee:nope0']")))
    assert daemon.ask("config.reload")["sensors"]["added"] == ["lab"]


def test_requests_that_wait_end_with_their_connection(lan, cable):
    here, there = cable
    daemon = Master(lan, here, entry(169))
    gone = device(lan, there, 169)
    daemon.running(169)
    gone.send_signal(signal.SIGSTOP)
    other = daemon.control()
    for _ in range(3):
        other.send("sensor.get", slave=169, path="t1", no_cache=True)
    other.send("sensor.observe", slave=169, path="t1")
    wait_for(lambda: daemon.ask("sensor.list")["sensors"][0]["requests"] == 4, WAIT, "they wait")
    other.close()
    wait_for(lambda: daemon.ask("sensor.list")["sensors"][0]["requests"] == 0, 2, "they are gone before they would be given up")
    gone.send_signal(signal.SIGCONT)
    assert json.loads(daemon.done("sensor", "get", "169", "t1", "-j")[0])["payload"] == "21.5"
