"""test_sensor_fresh.py - what the master tells of its slaves is not older than it has to be, and what it says it wrote is written."""
import json
import re

import pytest
from daemon_sensor import WAIT, Master, device, entry
from lanyard_test import wait_for
from test_sensor_master import FAST, cable, fetch, master  # noqa: F401  (a fixture)


@pytest.fixture
def gateway(lan, cable):  # noqa: F811
    here, there = cable
    here.run("ip", "link", "set", "lo", "up")

    class Gateway:
        @staticmethod
        def start(*words):
            proc = master(lan, here, "--net", "ethernet:lan0", "--slave", "169", "--http", "127.0.0.1:0", *FAST, "-J", *words)
            return proc, proc.event("http", WAIT)["port"]

        @staticmethod
        def device(*words):
            return device(lan, there, 169, options=words)

        ns, far = here, there
    return Gateway


def hellos(ns, port):
    return json.loads(fetch(ns, port, "/api/v1/sensor/stats")[1])["master"]["tx_hello"]


def test_a_notification_is_what_a_get_answers_from_then_on(lan, gateway):
    (lan.folder / "temp").write_text("2.0")
    proc, port = gateway.start()
    gateway.device("--resource", f"t;obs=@{lan.folder / 'temp'}")
    proc.event("slave", WAIT, state="running")
    assert fetch(gateway.ns, port, "/api/v1/sensor/169/t") == (200, "2.0")
    viewer = lan.run("curl", "-sN", "-H", "Accept: text/event-stream", f"http://127.0.0.1:{port}/api/v1/sensor/169/t",
                     ns=gateway.ns)
    viewer.line(r'^data: .*"2\.0"', WAIT)
    (lan.folder / "temp").write_text("3.0")
    viewer.line(r'^data: .*"3\.0"', WAIT)
    assert fetch(gateway.ns, port, "/api/v1/sensor/169/t") == (200, "3.0")


def test_what_another_boot_of_a_slave_said_is_forgotten(lan, gateway):
    proc, port = gateway.start()
    first = gateway.device("--resource", "t=OLD", "--resource", "u=1.0")
    proc.event("slave", WAIT, state="running")
    for path, value in (("t", "OLD"), ("u", "1.0")):
        assert fetch(gateway.ns, port, f"/api/v1/sensor/169/{path}") == (200, value)
    first.kill()
    gateway.device("--resource", "t=NEW")
    wait_for(lambda: fetch(gateway.ns, port, "/api/v1/sensor/169/t")[1] == "NEW", WAIT, "the new value")
    assert fetch(gateway.ns, port, "/api/v1/sensor/169/u")[0] == 404


def test_an_event_that_was_taken_is_on_the_disk(lan, gateway):
    log = lan.folder / "events"
    for n in range(3):
        proc, port = gateway.start("--evlog-add", "--event-log", log)
        for k in range(3):
            assert fetch(gateway.ns, port, f"/evlog/add?src=test&msg=event-{n}.{k}", "POST")[0] == 200
        proc.kill()
    proc, port = gateway.start("--event-log", log)
    text = fetch(gateway.ns, port, "/evlog/get")[1]
    assert re.findall(r"event-(\d\.\d)", text) == [f"{n}.{k}" for n in range(3) for k in range(3)]


def test_a_master_leaves_alone_what_another_program_observes_from_the_same_address(lan, gateway):
    (lan.folder / "temp").write_text("1")
    proc, port = gateway.start()
    # The second Hello makes who came before it begin anew: the device comes after it.
    wait_for(lambda: hellos(gateway.ns, port) >= 4, WAIT, "two Hellos in both epochs")
    gateway.device("--resource", f"t;obs=@{lan.folder / 'temp'}")
    proc.event("slave", WAIT, state="running")
    mac = json.loads(gateway.far.run("ip", "-j", "link", "show", "lan0").stdout)[0]["address"]
    seen = lan.start("lanyard", "coap", "observe", f"coap+eth://lan0/{mac}/t", ns=gateway.ns)
    seen.line("^1$", WAIT)
    for value in ("2", "3", "4"):
        (lan.folder / "temp").write_text(value)
        seen.line(f"^{value}$", WAIT)


def test_all_viewers_of_a_resource_are_told_whoever_they_are(lan, cable):  # noqa: F811
    here, there = cable
    here.run("ip", "link", "set", "lo", "up")
    port = 18080
    m = Master(lan, here, entry(169, http=f"{{listen: ['127.0.0.1:{port}']}}"))
    device(lan, there, 169, "t;obs=0")
    m.running(169)
    sse = ("curl", "-sN", "-H", "Accept: text/event-stream", f"http://127.0.0.1:{port}/api/v1/sensor/169/t")
    viewers = [(m.cli("sensor", "observe", "169", "t"), "^{}$")]
    viewers[0][0].line("^0$", WAIT)
    for proc, line in ((lan.run(*sse, ns=here), r'^data: .*"{}"'), (m.cli("sensor", "observe", "169", "t"), "^{}$"),
                       (lan.run(*sse, ns=here), r'^data: .*"{}"')):
        viewers.append((proc, line))
        proc.line(line.format(0), WAIT)  # at once, though the slave is not asked again
    for value in (1, 2, 3):
        m.done("sensor", "put", "169", "t", str(value))
        for proc, line in viewers:
            proc.line(line.format(value), WAIT)
    first = viewers.pop(0)[0]
    first.stop()
    m.done("sensor", "put", "169", "t", "4")
    for proc, line in viewers:
        proc.line(line.format(4), WAIT)
    assert first.out == ["0", "1", "2", "3"]
