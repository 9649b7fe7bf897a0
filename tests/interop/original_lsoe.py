"""Neighbours: `lanyard neighbor run` against the original lsoed, in two namespaces; as root. Not part of `make check`:
see README.md.

    LSOE_REPO=.. python3 -m pytest tests/interop/original_lsoe.py

After each case lsoed is alive (it ends itself on much that it is sent), the two are in session, and the line is quiet.
"""
import os
import signal
import time

import pytest

from lanyard_test import wait_for
from lsoe_peer import Wire
from lsoe_second import LSOE, Open
from lsoe_world import OUR_ID, THEIR_ID, WAIT, Meter, Original, Ours, colons

pytestmark = pytest.mark.limit(120)
PAIR = [("10.77.0.1", 24), ("10.77.0.2", 24)]
GROWTH = 256 << 10  # octets our process may gain in a case


class Two:
    """Ours at one end, lsoed at the other."""

    def __init__(self, world):
        self.world, self.ours, self.lsoed = world, None, None

    def start_ours(self, *options):
        self.ours = Ours(self.world.lan, self.world.here, LSOE, *options)

    def start_lsoed(self, **keys):
        self.lsoed = Original(self.world.lan, self.world.there, **keys)

    def settled(self, ours=None, theirs=None, timeout=WAIT):
        """In session, each knowing the addresses of the other: how many, or which."""
        def both():
            heard = self.lsoed.heard(4)
            mine = len(heard or ()) if isinstance(theirs, int) else heard
            known = self.ours.prefixes(4)
            return (self.ours.is_up() and mine == (theirs or {f"{a}/{n}" for a, n in PAIR[:1]})
                    and (len(known) == ours if isinstance(ours, int) else (ours or {PAIR[1]}) <= known))
        self.ours.proc.until(both, timeout, f"a session; lsoed heard {self.lsoed.heard(4)}"[:500]
                             + "\n" + "\n".join(self.lsoed.proc.err[-30:])[:6000])

    def flow(self):
        self.start_ours()
        self.start_lsoed()
        self.settled()

    def quiet(self):
        """What must hold at the end of each case."""
        time.sleep(1.5)
        meter = Meter(self.world.there, self.ours.proc)
        time.sleep(2)
        received, sent, grown = meter.stop()
        assert received < 12 and sent < 12, f"{received} frames a second of ours, {sent} of lsoed's"
        assert grown < GROWTH
        assert self.lsoed.alive() and self.ours.proc.running()
        assert self.ours.is_up()


@pytest.fixture
def two(world):
    if "LSOE_REPO" not in os.environ:
        pytest.fail("set LSOE_REPO to a checkout of Arrcus/lsoe-python")
    it = Two(world)
    yield it
    it.quiet()


@pytest.mark.parametrize("first", ["ours", "lsoed", "both"])
def test_a_session_opens_whoever_is_first(two, first):
    if first == "ours":
        two.start_ours()
        time.sleep(1)
        two.start_lsoed()
    elif first == "lsoed":
        two.start_lsoed()
        two.lsoed.proc.until(lambda: any("Sleeping hello_beacon" in s for s in two.lsoed.proc.err), WAIT)
        two.start_ours()
    else:
        two.start_lsoed()
        time.sleep(0.28)  # it takes so long to import what it needs
        two.start_ours()
    event = two.ours.up()
    assert (event["id"], event["mac"]) == (colons(THEIR_ID), colons(two.world.mac(two.world.there)))
    two.settled()
    assert ("127.0.0.1", 8) in two.ours.prefixes(4)
    assert two.ours.count("neighbor") == 1


def test_lsoed_killed_and_started_again(two):
    two.flow()
    for _ in range(3):
        ups = two.ours.count("neighbor", state="up")
        two.lsoed.proc.kill()
        two.lsoed.start()
        two.ours.up(ups)
        two.settled()


def test_lsoed_killed_and_away_for_long(two):
    two.flow()
    two.lsoed.proc.kill()
    two.ours.down()
    assert two.ours.prefixes(4) == set()
    time.sleep(2)
    two.lsoed.start()
    two.ours.up(1)
    two.settled()


def test_ours_killed_and_started_again(two):
    two.flow()
    for _ in range(3):
        two.ours.proc.kill()
        two.start_ours()
        two.ours.up()
        two.settled()


def test_both_killed_and_started_again(two):
    two.flow()
    for _ in range(2):
        two.ours.proc.kill()
        two.lsoed.proc.kill()
        two.lsoed.start()
        two.start_ours()
        two.settled()


def test_addresses_come_and_go_on_both_sides(two):
    two.flow()
    here, there = two.world.here, two.world.there
    two.world.addresses(here, ["10.8.0.1/24"])
    two.world.addresses(there, ["10.9.0.1/24"])
    two.settled(ours={PAIR[1], ("10.9.0.1", 24)}, theirs={"10.77.0.1/24", "10.8.0.1/24"})
    two.world.addresses(here, ["10.8.0.1/24"], "del")
    two.world.addresses(there, ["10.77.0.2/24"], "del")
    two.settled(ours={("10.9.0.1", 24)})
    two.ours.proc.until(lambda: PAIR[1] not in two.ours.prefixes(4), WAIT, "the address that was deleted to be withdrawn")
    two.world.addresses(there, ["10.77.0.2/24"])
    two.settled()
    assert two.ours.count("neighbor") == 1


def test_a_burst_of_addresses(two):
    """lsoed sends a whole list for each."""
    two.flow()
    batch = [f"10.9.{i // 250}.{i % 250 + 1}/32" for i in range(200)]
    two.world.addresses(two.world.there, batch)
    two.ours.wait_prefixes(4, 202)
    two.world.addresses(two.world.there, batch, "del")
    two.ours.wait_prefixes(4, 2)
    two.settled()
    assert two.ours.count("neighbor") == 1


def test_an_interface_of_ours_flaps(two):
    two.flow()
    for n in range(3):
        two.world.here.link("lan0", False)
        two.ours.down(n)
        time.sleep(0.5 + 2 * n)
        two.world.here.link("lan0", True)
        two.ours.up(n + 1)
        two.settled()


def test_more_than_247_addresses_each_way(two):
    for ns, net in ((two.world.here, 5), (two.world.there, 6)):
        two.world.addresses(ns, [f"10.{net}.{i // 250}.{i % 250 + 1}/32" for i in range(400)])
    two.start_ours()
    two.start_lsoed()
    two.settled(ours=402, theirs=401)
    two.world.addresses(two.world.here, ["10.8.0.1/24"])
    two.world.addresses(two.world.there, ["10.9.0.1/24"])
    two.settled(ours=403, theirs=402)
    assert two.ours.count("neighbor") == 1


LOSE_ONE_ACK = """add table netdev lose
add chain netdev lose ingress {{ type filter hook ingress device "lan0" priority 0; }}
add rule netdev lose ingress ether type 0x8885 @nh,64,8 3 @nh,88,8 1 limit rate 1/day burst {} packets counter drop
"""


def lost(ns):
    return int(ns.run("nft", "list", "table", "netdev", "lose").stdout.split("counter packets ")[1].split()[0])


@pytest.mark.parametrize("first", ["ours", "lsoed"])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_an_ack_of_open_is_lost(two, side, first):
    """lsoed never acknowledges an OPEN that comes again: two of them need 7 seconds and a HELLO."""
    ns = two.world.there if side == "ours" else two.world.here
    ns.run("nft", "-f", "-", text=LOSE_ONE_ACK.format(1))
    for start in (two.start_ours, two.start_lsoed) if first == "ours" else (two.start_lsoed, two.start_ours):
        start()
        time.sleep(0.8)
    two.settled()
    assert lost(ns) == 1


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_fifth_of_all_frames_is_lost_for_a_while(two, side):
    two.start_ours()
    two.start_lsoed()
    ns = two.world.there if side == "ours" else two.world.here
    ns.loss("lan0", 20)
    time.sleep(12)
    ns.loss("lan0", 0)
    two.settled(timeout=20)


def test_lsoed_stopped_and_continued(two):
    two.flow()
    for n, seconds in enumerate((1, 5)):
        two.lsoed.proc.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        two.lsoed.proc.send_signal(signal.SIGCONT)
        if n:
            two.ours.down()
        wait_for(two.ours.is_up, WAIT, "in session again")
    two.settled()


def test_ours_stopped_and_continued(two):
    two.flow()
    for seconds in (1, 5):
        two.ours.proc.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        two.ours.proc.send_signal(signal.SIGCONT)
        time.sleep(3)
        wait_for(two.ours.is_up, WAIT, "in session again")
    two.settled()


def test_a_forged_open_makes_no_storm(two):
    """One of these keeps two originals busy with 2700 frames a second each way, until one is ended."""
    two.flow()
    time.sleep(1.2)
    wire = Wire(two.world.there, "lan0", LSOE.ethertype)
    for _ in range(3):
        for datagram in LSOE.datagrams(LSOE.encode(Open(os.urandom(4), THEIR_ID))):
            wire.send(two.world.mac(two.world.here), datagram)
        time.sleep(2.5)
        two.settled()
    meter = Meter(two.world.there, two.ours.proc)
    time.sleep(2)
    assert max(meter.stop()[:2]) < 12
    wire.sock.close()


def test_a_forged_open_to_lsoed_makes_no_storm(two):
    two.flow()
    wire = Wire(two.world.here, "lan0", LSOE.ethertype)
    for _ in range(3):
        for datagram in LSOE.datagrams(LSOE.encode(Open(os.urandom(4), OUR_ID))):
            wire.send(two.world.mac(two.world.there), datagram)
        time.sleep(2.5)
        two.settled()
    wire.sock.close()


def test_everything_that_is_asked_for_at_once_does_not_kill_it(two):
    """Labels, attributes, measurements, all addresses, link-local ones."""
    two.start_lsoed()
    two.start_ours("--announce", "all", "--link-local", "--label", "10.77.0.0/24=100,200", "--attribute", "1",
                   "--attribute", "255", "--measure", "300ms")
    two.ours.up()
    wait_for(lambda: "10.77.0.1/24" in (two.lsoed.heard(4) or ()), WAIT, "lsoed hears ours")
    time.sleep(3)


def test_the_collector_shows_our_neighbours(two):
    kriek = os.path.join(os.environ["LSOE_REPO"], "demo", "kriek")
    two.world.lan.run("/usr/bin/python3", os.path.join(kriek, "kriek"), "--host", "127.0.0.1", "--port", "8080",
                      "--templates", os.path.join(kriek, "templates"), ns=two.world.here, name="kriek")

    def page():
        done = two.world.here.run("/usr/bin/python3", "-c", "import urllib.request as u;"
                                  "print(u.urlopen('http://127.0.0.1:8080/').read().decode())", check=False)
        return done.stdout
    wait_for(lambda: "<html" in page().lower(), WAIT, "kriek answers", poll=0.3)
    two.start_ours("--report", "http://127.0.0.1:8080/mutate")
    two.start_lsoed()
    two.settled()
    wait_for(lambda: all(w in page() for w in (colons(THEIR_ID), colons(OUR_ID), "lan0", "10.77.0.2")), WAIT,
             "kriek shows the neighbour", poll=0.3)
    two.lsoed.proc.kill()
    two.ours.down()
    wait_for(lambda: "10.77.0.2" not in page(), WAIT, "kriek shows it no more", poll=0.3)
    two.lsoed.start()
    two.ours.up(1)
    two.settled()
    wait_for(lambda: "10.77.0.2" in page(), WAIT, "kriek shows it again", poll=0.3)
