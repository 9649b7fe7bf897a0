"""The sensor master against slaves as the original library makes them (casan_slave.py), on a cable of two namespaces."""
import contextlib
import http.client
import json

import pytest

from casan_slave import Resource, Slave
from lanyard_test import SANITIZED, wait_for

WAIT = 30 if SANITIZED else 12
both_epochs = pytest.mark.parametrize("epoch", ["casan", "sos"])


class Master:
    """`lanyard sensor master` on lan0 with its HTTP side on a port of its own choosing."""

    def __init__(self, world, *slaves, options=()):
        self.ns = world.here
        words = [w for s in slaves for w in ("--slave", s)]
        self.proc = world.lan.start("lanyard", "sensor", "master", "--net", "ethernet:lan0", *words, "--http",
                                    "127.0.0.1:0", "--first-hello", "200ms", "--hello", "1s", "-J", *options,
                                    ns=world.here)
        self.port = self.proc.event("http", timeout=WAIT)["port"]

    def state(self, ident, state, nth=0):
        return self.proc.event("slave", WAIT, nth, slave=ident, state=state)

    def request(self, method, path, body=None, **headers):
        """(status, headers, body) of one HTTP request made inside the namespace."""
        with self.ns, contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)) as c:
            c.connect()
            c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()

    def get(self, path):
        status, _, body = self.request("GET", path)
        return status, body.decode()


@pytest.fixture
def slaves(world):
    made = []

    def make(ident, resources, **how):
        made.append(Slave(world.there, ident, resources, **how))
        return made[-1]
    yield make
    for s in made:
        s.close()


def temperature(**how):
    return {"t1": Resource("21.5", "Desk temp", "celsius", **how), "t2": Resource("19", "B201 temp", "celsius")}


@both_epochs
def test_a_slave_associates_and_is_read_and_set(world, slaves, epoch):
    slave = slaves(169, {**temperature(), "led": Resource("off")}, epoch=epoch)
    master = Master(world, "169,ttl=60")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    assert master.get("/casan/169/t1") == (200, "21.5")
    assert master.get("/api/v1/sensor/169/t2") == (200, "19")
    status, _, _ = master.request("PUT", "/api/v1/sensor/169/led", b"on", Content_Type="text/plain")
    assert status == 204
    assert slave.resources["led"].calls[-1] == (3, b"on", [])
    assert master.get("/api/v1/sensor/169/led?a=1&b=2") == (200, "on")
    assert slave.resources["led"].calls[-1] == (1, b"", ["a=1", "b=2"])
    assert master.get("/casan/169/nothing")[0] == 404
    assert master.get("/casan/170/t1")[0] == 404


def test_both_epochs_are_served_by_one_master(world, slaves):
    old, new = slaves(1, temperature(), epoch="sos", mac=bytes.fromhex("020000000001")), \
        slaves(2, temperature(), epoch="casan", mac=bytes.fromhex("020000000002"))
    master = Master(world, "1", "2")
    old.wait_running(timeout=WAIT)
    new.wait_running(timeout=WAIT)
    assert master.get("/casan/1/t1") == master.get("/casan/2/t1") == (200, "21.5")
    listed = {s["id"]: s for s in json.loads(master.get("/api/v1/sensor")[1])["slaves"]}
    assert (listed[1]["epoch"], listed[2]["epoch"]) == ("sos", "casan")


def test_it_is_renewed_at_half_of_its_time_and_lost_when_it_is_silent(world, slaves):
    slave = slaves(169, temperature())
    master = Master(world, "169,ttl=4")
    slave.wait_running(times=3, timeout=WAIT)
    assert len(master.proc.events("slave", slave=169, state="running")) >= 1
    slave.silent = True
    assert master.state(169, "inactive")["reason"] == "expired"
    assert master.get("/casan/169/t1")[0] == 404


def test_a_list_that_ends_with_a_comma_is_taken(world, slaves):
    slave = slaves(169, temperature(), comma=True)
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    assert master.get("/casan/169/t2") == (200, "19")


def test_a_lost_answer_is_asked_for_again(world, slaves):
    slave = slaves(169, temperature())
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    slave.lose = 1
    assert master.get("/casan/169/t1") == (200, "21.5")
    assert [c[0] for c in slave.resources["t1"].calls] == [1, 1]


def test_a_reboot_with_the_same_discover_is_answered(world, slaves):
    slave = slaves(169, temperature())
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    slave.reboot()
    slave.wait_running(times=2, timeout=WAIT)
    assert master.get("/casan/169/t1") == (200, "21.5")


def test_a_move_to_another_address_is_followed(world, slaves):
    slave = slaves(169, temperature(), mac=bytes.fromhex("020000000001"))
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    slave.reboot(mac=bytes.fromhex("020000000002"))
    slave.wait_running(times=2, timeout=WAIT)
    wait_for(lambda: json.loads(master.get("/api/v1/sensor/169")[1])["address"] == "02:00:00:00:00:02", WAIT, "the move")
    assert master.get("/casan/169/t1") == (200, "21.5")
    assert "address move from 02:00:00:00:00:01 to 02:00:00:00:00:02" in master.get("/evlog/get")[1]


def test_notifications_in_acks_arrive_in_order_and_through_a_reboot(world, slaves):
    slave = slaves(169, {"v1": Resource("0", "Sensor", "sec", observable=True)})
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    assert master.request("POST", "/obs/tok/169/v1")[0] == 201
    slave.wait(lambda: slave.resources["v1"].observer is not None, WAIT)
    for value in range(1, 300):  # beyond 255, where the original's reader stopped
        slave.change("v1", value)
    wait_for(lambda: master.get("/obs/tok/169/v1") == (200, "299"), WAIT, "the last value")
    slave.reboot()
    slave.wait_running(times=2, timeout=WAIT)
    slave.wait(lambda: slave.resources["v1"].observer is not None, WAIT)
    slave.change("v1", "after")
    wait_for(lambda: master.get("/obs/tok/169/v1") == (200, "after"), WAIT, "the value after the reboot")
    assert master.request("DELETE", "/obs/tok/169/v1")[0] in (200, 204)
    slave.wait(lambda: slave.resources["v1"].observer is None, WAIT)


def test_a_master_that_starts_anew_finds_its_slaves_again(world, slaves):
    slave = slaves(169, temperature())
    master = Master(world, "169")
    slave.wait_running(timeout=WAIT)
    master.state(169, "running")
    master.proc.kill()
    again = Master(world, "169")
    slave.wait_running(times=2, timeout=WAIT)
    again.state(169, "running")
    assert again.get("/casan/169/t1") == (200, "21.5")


def test_a_slave_that_is_not_listed_is_ignored_listed_or_admitted(world, slaves):
    slave = slaves(77, temperature())
    master = Master(world, "169", options=("--unlisted", "list"))
    master.proc.event("candidate", WAIT, slave=77)
    assert not slave.associations
    master.proc.stop()
    master = Master(world, "169", options=("--unlisted", "admit"))
    slave.wait_running(timeout=WAIT)
    master.state(77, "running")
    assert master.get("/casan/77/t1") == (200, "21.5")
