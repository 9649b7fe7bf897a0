"""The northbound report against kriek, the original's collector; as root. Not part of `make check`: see README.md.

    LSOE_REPO=.. python3 -m pytest tests/interop/original_kriek.py
"""
import os
import re
import time
from pathlib import Path

import pytest

from lanyard_test import wait_for
from lsoe_second import LSOE
from lsoe_world import OUR_ID, THEIR_ID, WAIT, Original, Ours, colons
from test_neighbor_report import Sink

pytestmark = pytest.mark.limit(120)
URL = "http://127.0.0.1:8080/mutate"


class Kriek:
    """In the namespace of ours."""

    def __init__(self, world):
        if "LSOE_REPO" not in os.environ:
            pytest.fail("set LSOE_REPO to a checkout of Arrcus/lsoe-python")
        folder = Path(os.environ["LSOE_REPO"]) / "demo/kriek"
        self.ns = world.here
        self.proc = world.lan.run("/usr/bin/python3", folder / "kriek", "--templates", folder / "templates", "--loopback",
                                  ns=self.ns, name="kriek")
        self.proc.line("Bus STARTED", timeout=WAIT, stream="err")

    def page(self):
        return self.ns.run("/usr/bin/python3", "-c", "import urllib.request as u; "
                           "print(u.urlopen('http://127.0.0.1:8080/').read().decode())").stdout

    def shows(self, *texts, without=()):
        page = self.page()
        return all(t in page for t in texts) and not any(t in page for t in without)

    def until(self, *texts, without=(), timeout=WAIT):
        wait_for(lambda: self.shows(*texts, without=without), timeout, f"kriek to show {texts}, not {without}", poll=0.2)

    def answers(self):
        """Status of each POST so far."""
        return [int(m[1]) for m in (re.search(r'"POST /mutate HTTP/1.1" (\d+)', line)
                                    for line in self.proc.out + self.proc.err) if m]


@pytest.fixture
def node(world):
    """A cable; 10.77.0.1 here, 10.77.0.2 there; both ends can talk to themselves."""
    for ns in (world.here, world.there):
        ns.link("lo", True)
    return world


def test_kriek_shows_our_neighbour_its_changes_and_its_end(node):
    kriek, ours = Kriek(node), Ours(node.lan, node.here, LSOE, "--report", URL)
    lsoed = Original(node.lan, node.there)
    ours.up()
    kriek.until(colons(OUR_ID), colons(THEIR_ID), colons(node.mac(node.there)), "10.77.0.2", "127.0.0.1")
    node.addresses(node.there, ["10.88.0.2/24"])
    kriek.until("10.77.0.2", "10.88.0.2")
    node.addresses(node.there, ["10.88.0.2/24"], "del")
    kriek.until("10.77.0.2", without=("10.88.0.2",))
    lsoed.proc.kill()
    ours.down()
    kriek.until(without=("10.77.0.2",))
    assert set(kriek.answers()) == {200} and len(kriek.answers()) >= 10
    assert "Traceback" not in "\n".join(kriek.proc.err)


def test_kriek_that_restarts_shows_the_same_again_though_nothing_changed(node):
    kriek, ours = Kriek(node), Ours(node.lan, node.here, LSOE, "--report", URL)
    Original(node.lan, node.there)
    kriek.until("10.77.0.2")
    kriek.proc.kill()
    ours.proc.event("report", WAIT, state="down")
    Kriek(node).until(colons(THEIR_ID), "10.77.0.2", timeout=20)


def test_kriek_that_was_idle_for_long_is_not_told_all_again(node):
    kriek, ours = Kriek(node), Ours(node.lan, node.here, LSOE, "--report", URL)
    Original(node.lan, node.there)
    kriek.until("10.77.0.2")
    time.sleep(2)  # the lists that are empty
    before = len(kriek.answers())
    time.sleep(25)  # it closes connections after 10 s; each time it is asked whether it is still there
    assert len(kriek.answers()) - before <= 3
    assert not ours.proc.events("report", state="down")


def test_our_reports_have_the_form_of_lsoeds(node):
    """Each reports the other to a collector of its own."""
    sinks = [Sink(node.lan, ns) for ns in (node.here, node.there)]
    Ours(node.lan, node.here, LSOE, "--report", URL)
    Original(node.lan, node.there, **{"report-rfc7752-url": URL})
    for sink in sinks:
        sink.proc.until(lambda sink=sink: {d["pdu_type"] for d in sink.docs()} == {4, 5, 6, 7}, WAIT)
        sink.proc.until(lambda sink=sink: any(d["encaps"] for d in sink.docs()), WAIT)
    ours, theirs = ([d for d in sink.docs() if d["pdu_type"] == 4 and d["encaps"]][-1] for sink in sinks)
    assert [(k, type(v)) for k, v in ours.items()] == [(k, type(v)) for k, v in theirs.items()]
    assert [(k, type(v)) for k, v in ours["encaps"][0].items()] == [(k, type(v)) for k, v in theirs["encaps"][0].items()]
    heads = [{line.split(":")[0] for line in sink.proc.events("post")[0]["head"]} for sink in sinks]
    assert {"Host", "Content-Type", "Content-Length", "User-Agent"} <= heads[0] & heads[1]
