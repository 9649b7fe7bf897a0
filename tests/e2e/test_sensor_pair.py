"""Our sensor master and our devices, on a cable of two namespaces: keys, long lists, long values, observation, restarts."""
import contextlib
import http.client
import json

import pytest

from lanyard_test import SANITIZED, wait_for

WAIT = 30 if SANITIZED else 15


class Pair:
    def __init__(self, lan, hosts):
        self.lan, (self.a, _), (self.b, _) = lan, *hosts

    def master(self, *slaves, options=()):
        words = [w for s in slaves for w in ("--slave", s)]
        self.m = self.lan.start("lanyard", "sensor", "master", "--net", "ethernet:lan0", *words, "--http", "127.0.0.1:0",
                                "--first-hello", "100ms", "--hello", "500ms", "-J", *options, ns=self.a)
        self.port = self.m.event("http", timeout=WAIT)["port"]
        return self.m

    def device(self, *resources, ident=169, options=()):
        words = [w for r in resources for w in ("--resource", r)]
        return self.lan.start("lanyard", "sensor", "device", "--net", "ethernet:lan0", "--id", str(ident), "-J", *words,
                              *options, ns=self.b)

    def radio(self, tmp_path, *resources, slave="169,ttl=60"):
        """The same over two modules of `lanyard lab xbee`."""
        sticks = [tmp_path / "stick0", tmp_path / "stick1"]
        air = self.lan.start("lanyard", "lab", "xbee", "--baud", "0", "-J", *(w for s in sticks for w in ("--link", str(s))))
        air.event("plugged", WAIT, 1)
        self.m = self.lan.start("lanyard", "sensor", "master", "--net", f"xbee:{sticks[0]},addr=12:34", "--slave", slave,
                                "--http", "127.0.0.1:0", "--first-hello", "100ms", "-J", ns=self.a)
        self.port = self.m.event("http", timeout=WAIT)["port"]
        return self.lan.start("lanyard", "sensor", "device", "--net", f"xbee:{sticks[1]},addr=45:67", "--id", "169", "-J",
                              *(w for r in resources for w in ("--resource", r)), ns=self.b)

    def request(self, method, path, body=None):
        with self.a, contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)) as c:
            c.connect()
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read().decode()

    def get(self, path):
        return self.request("GET", path)

    def running(self, ident=169, nth=0):
        return self.m.event("slave", WAIT, nth, slave=ident, state="running")


@pytest.fixture
def pair(lan, two_hosts):
    return Pair(lan, two_hosts)


def test_a_device_is_read_set_and_listed_through_our_master(pair):
    pair.master("169,ttl=60")
    pair.device("t1;title=Desk temp;rt=celsius;obs=21.5", "led=off", "a/b=x")
    pair.running()
    assert pair.get("/casan/169/t1") == (200, "21.5")
    assert pair.get("/api/v1/sensor/169/a/b") == (200, "x")
    assert pair.request("PUT", "/api/v1/sensor/169/led", "on")[0] == 204
    assert pair.get("/api/v1/sensor/169/led") == (200, "on")
    assert pair.get("/casan/169/none")[0] == 404


def test_a_list_and_values_longer_than_a_message_come_whole(pair):
    pair.master("169,mtu=200")
    pair.device(*(f"r{n:02};rt=x={n}" for n in range(30)), "long=" + "0123456789" * 200)
    pair.running()
    wait_for(lambda: pair.get("/casan/169/r29") == (200, "29"), WAIT, "the last of the list")
    assert pair.get("/api/v1/sensor/169/long") == (200, "0123456789" * 200)
    assert pair.request("PUT", "/api/v1/sensor/169/long", "abc" * 500)[0] == 204
    assert pair.get("/api/v1/sensor/169/long") == (200, "abc" * 500)


def test_with_a_key_only_who_has_it_is_served_and_followed(pair, tmp_path):
    key, other = tmp_path / "key", tmp_path / "other"
    for path in (key, other):
        assert pair.lan.start("lanyard", "key", "generate", str(path)).wait() == 0
    master = pair.master(f"169,ttl=4,key={key}", f"170,key={key}")
    device = pair.device("t1;obs=1", options=["--key-file", str(key)])
    wrong = pair.device("t1=2", ident=170, options=["--key-file", str(other)])
    pair.running()
    assert pair.get("/api/v1/sensor/169/t1") == (200, "1")
    assert pair.request("PUT", "/api/v1/sensor/169/t1", "2" * 1000)[0] == 204  # by blocks, in the seal
    assert pair.get("/api/v1/sensor/169/t1") == (200, "2" * 1000)
    device.event("state", WAIT, 2, state="running")  # renewed, renewed again
    assert pair.get("/api/v1/sensor/169/t1") == (200, "2" * 1000)
    assert not master.events("slave", slave=170, state="running")
    assert not wrong.events("state", state="running")
    assert not master.events("slave", slave=169, state="inactive")


@pytest.mark.parametrize("which", ["master", "device"])
def test_who_has_no_key_is_not_taken_for_who_has_one(pair, tmp_path, which):
    key = tmp_path / "key"
    assert pair.lan.start("lanyard", "key", "generate", str(key)).wait() == 0
    master = pair.master(f"169,key={key}" if which == "master" else "169")
    device = pair.device("t1=1", options=["--key-file", str(key)] if which == "device" else [])
    master.event("refused", WAIT, 1, slave=169)
    assert not device.events("state", state="running") and not master.events("slave", state="running")


def observing(pair, path):
    assert pair.request("POST", "/obs/tok" + path)[0] in (200, 201)
    return lambda value: wait_for(lambda: pair.get("/obs/tok" + path) == (200, value), WAIT, f"{value} observed")


@pytest.mark.parametrize("options", [[], ["--compat"]])
def test_observed_values_arrive_through_restarts_of_both(pair, options):
    pair.master("169,ttl=600")
    device = pair.device("v;obs=0", options=options)
    pair.running()
    until = observing(pair, "/169/v")
    until("0")
    if not options:  # in compat a PUT ends the observation, as in the original
        for value in map(str, range(1, 40)):
            pair.request("PUT", "/api/v1/sensor/169/v", value)
        until("39")
    device.kill()
    again = pair.device("v;obs=again", options=options)
    again.event("state", WAIT, state="running")
    until("again")
    pair.m.kill()
    pair.master("169,ttl=600")
    pair.running()
    assert pair.get("/casan/169/v") == (200, "again")


def test_a_cable_that_was_out_for_long_is_nobody_s_fault(pair):
    pair.master("169,ttl=2")
    pair.device("t1=1")
    pair.running()
    pair.b.link("lan0", False)
    pair.m.event("slave", WAIT, slave=169, state="inactive")
    assert json.loads(pair.get("/api/v1/sensor/169")[1])["state"] == "inactive"
    pair.b.link("lan0", True)
    pair.running(nth=1)
    assert pair.get("/casan/169/t1") == (200, "1")


def test_over_radio_modules_it_is_the_same(pair, tmp_path):
    device = pair.radio(tmp_path, "t1;obs=21.5", "long=" + "0123456789" * 30, *(f"r{n};rt=celsius=1" for n in range(9)))
    assert device.event("state", WAIT, state="running")["mtu"] == 111
    pair.running()
    assert pair.get("/casan/169/t1") == (200, "21.5")
    assert pair.get("/api/v1/sensor/169/long") == (200, "0123456789" * 30)
    assert pair.request("PUT", "/api/v1/sensor/169/long", "abc" * 100)[0] == 204
    assert pair.get("/api/v1/sensor/169/long") == (200, "abc" * 100)
    wait_for(lambda: pair.get("/casan/169/r8") == (200, "1"), WAIT, "the last of the list")
    until = observing(pair, "/169/t1")
    assert pair.request("PUT", "/api/v1/sensor/169/t1", "22")[0] == 204
    until("22")
