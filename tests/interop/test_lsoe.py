"""Neighbours: the session, in both dialects, against the second implementation (lsoe_peer.py) in two namespaces.

What belongs to LSOE-01 alone is in test_lsoe_wire.py, what to L3DL in test_l3dl.py.
"""
import os
import time

import pytest

from lanyard_test import SANITIZED, wait_for
from lsoe_second import (ACK, ENCAPS, HELLO, IPV4, IPV6, KEEPALIVE, L3DL, LSOE, OPEN, VENDOR, Ack, Entry, Open, Vendor)
from lsoe_world import OUR_ID, THEIR_ID, WAIT, Meter, Ours, colons, settled

both_dialects = pytest.mark.parametrize("dialect", [LSOE, L3DL], ids=["lsoe", "l3dl"])
TABLE = [Entry("192.0.2.1", 32, loopback=True), Entry("10.9.0.2", 30, primary=True)]


def known(entries):
    return {e.prefix for e in entries}


def check_clean(peer):
    """Nothing that came was wrong, and nothing came that kills the original (section 1.14)."""
    assert not peer.wrong, peer.story()
    if peer.dialect is LSOE:
        assert {h.pdu.kind for h in peer.heard} <= {HELLO, OPEN, KEEPALIVE, ACK, *ENCAPS}


@both_dialects
@pytest.mark.parametrize("first", ["ours", "theirs", "both", "they are silent"])
def test_a_session_opens_whoever_speaks_first(world, dialect, first):
    if first in ("theirs", "both"):
        peer = world.peer(dialect, announce={IPV4: TABLE})
        if first == "theirs":
            time.sleep(0.3)
    ours = world.ours(dialect)
    if first in ("ours", "they are silent"):
        time.sleep(0.3)
        peer = world.peer(dialect, announce={IPV4: TABLE}, speaks_first=first == "ours")
    event = ours.up()
    assert (event["ifname"], event["mac"], event["id"]) == ("lan0", colons(world.mac(world.there)), colons(THEIR_ID))
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait_established()
    peer.wait(lambda: peer.theirs[IPV4])
    assert peer.their_id == OUR_ID
    assert list(peer.theirs[IPV4].values()) == [Entry("10.77.0.1", 24, primary=True)]
    peer.wait(lambda: len(peer.of(KEEPALIVE)) >= 3, what="KEEPALIVEs")
    assert ours.count("neighbor") == 1, ours.proc.tail()
    assert peer.restarts == 0
    check_clean(peer)


@both_dialects
def test_flags_attributes_and_both_families_arrive(world, dialect):
    there = [Entry("2001:db8::7", 64), Entry("2001:db8:1::1", 128, loopback=True)]
    ours, peer = world.both(dialect, announce={IPV4: TABLE, IPV6: there}, attributes=b"\1\2\xff")
    assert ours.up()["attributes"] == [1, 2, 255]
    ours.wait_prefixes(IPV6, known(there))
    ours.wait_prefixes(IPV4, known(TABLE))
    said = {p["address"]: p for p in ours.proc.events("encapsulations", type="ipv4")[-1]["prefixes"]}
    assert said["192.0.2.1"]["loopback"] and not said["192.0.2.1"]["primary"]
    assert said["10.9.0.2"]["primary"] and not said["10.9.0.2"]["loopback"]
    check_clean(peer)


@both_dialects
def test_a_duplicate_open_is_acknowledged_each_time(world, dialect):
    ours, peer = world.both(dialect)
    before = sum(h.pdu.of == OPEN for h in peer.of(ACK))
    for n in range(1, 4):
        peer.tell(peer.our_open(), acked=False)
        peer.wait(lambda n=n: sum(h.pdu.of == OPEN for h in peer.of(ACK)) == before + n, what=f"ACK number {n}")
    assert ours.count("neighbor") == 1
    check_clean(peer)


def once(matches):
    """A predicate that is true for the first match only; `once.seen` says whether there was one."""
    def it(pdu):
        hit = not it.seen and matches(pdu)
        it.seen = it.seen or hit
        return hit
    it.seen = False
    return it


def is_ack_of_open(pdu):
    return pdu.kind == ACK and pdu.of == OPEN


@both_dialects
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_lost_ack_of_open_costs_one_repetition(world, dialect, side):
    """ours: the one that we sent is lost."""
    lose = once(is_ack_of_open)
    how = {"swallow": lose} if side == "ours" else {"shape": lambda pdu, datagrams: [] if lose(pdu) else datagrams}
    ours, peer = world.ours(dialect), world.peer(dialect, announce={IPV4: TABLE}, **how)
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))
    assert lose.seen and peer.restarts == 0 and ours.count("neighbor") == 1
    check_clean(peer)


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_lost_ack_of_open_is_survived_with_a_peer_that_is_silent_to_duplicates(world, side):
    """As lsoed: an OPEN that came again is discarded without an ACK."""
    lose = once(is_ack_of_open)
    how = {"swallow": lose} if side == "ours" else {"shape": lambda pdu, datagrams: [] if lose(pdu) else datagrams}
    ours, peer = world.ours(LSOE), world.peer(LSOE, original=True, announce={IPV4: TABLE}, **how)
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))
    assert lose.seen
    time.sleep(2)
    meter = Meter(world.there, ours.proc)
    time.sleep(1.5)
    received, sent, _ = meter.stop()
    assert received < 20 and sent < 20, peer.story()
    settled(ours, peer)


@both_dialects
def test_a_new_nonce_ends_the_session_and_opens_the_next(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    time.sleep(1.2)  # past the time in which it could be the answer to an OPEN
    for n in range(1, 3):
        peer.announced = {IPV4: TABLE[:1]}
        peer.restart()
        ours.down(n - 1)
        ours.up(n)
        ours.wait_prefixes(IPV4, known(TABLE[:1]))
        peer.wait_established()
        peer.wait(lambda: peer.theirs[IPV4], what="all announced again")
        time.sleep(1.2)
    assert ours.count("neighbor", state="up") == 3
    check_clean(peer)


@both_dialects
def test_a_restart_right_after_opening_is_not_left_half_open(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    for _ in range(3):
        peer.restart()
        peer.wait_established(3)
        peer.wait(lambda: peer.theirs[IPV4], 3, "all announced again")
        ours.wait_prefixes(IPV4, known(TABLE))
    settled(ours, peer)


@both_dialects
def test_silence_is_noticed_and_the_next_hello_begins_anew(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: peer.theirs[IPV4] and not peer.outstanding)
    time.sleep(0.5)
    peer.set(keepalive=None, speaks_first=False, swallow=lambda pdu: True)
    began = time.monotonic()
    ours.down()
    assert 2.0 < time.monotonic() - began < 3 + WAIT / 3
    peer.restart(keepalive=0.5, speaks_first=True, swallow=lambda pdu: False)
    ours.up(1)
    settled(ours, peer)


@both_dialects
def test_one_forged_open_ends_in_one_session_and_silence(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    settled(ours, peer)
    time.sleep(1.2)
    for _ in range(2):
        peer.forge(Open(os.urandom(4), THEIR_ID), source=peer.wire.mac, to=world.mac(world.here))
        time.sleep(1.5)
        meter = Meter(world.there, ours.proc)
        time.sleep(1)
        received, sent, _ = meter.stop()
        assert received < 15 and sent < 15, peer.story()
        settled(ours, peer)
        ours.wait_prefixes(IPV4, known(TABLE))
        peer.wait(lambda: peer.theirs[IPV4])


@both_dialects
def test_forged_opens_of_many_macs_cost_no_more_frames_than_came(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    settled(ours, peer)
    meter, to = Meter(world.there, ours.proc), world.mac(world.here)
    for n in range(2000):
        peer.forge(Open(os.urandom(4), os.urandom(10)), source=b"\2\xaa" + n.to_bytes(4, "big"), to=to)
    time.sleep(3)
    received, sent, grown = meter.stop()  # of the far end: received is what ours sent
    assert received <= sent + 5, (received, sent)
    assert SANITIZED or grown < 3 << 20  # a busy link is read from a ring of 1 MiB; a sanitizer keeps what was freed
    assert ours.count("neighbor", state="down", mac=colons(peer.wire.mac)) == 0
    settled(ours, peer)


@both_dialects
def test_a_peer_with_a_new_nonce_for_each_open_makes_no_storm(world, dialect):
    """Section 1.9: two originals sent 2700 frames a second each way."""
    ours = world.ours(dialect)
    peer = world.peer(dialect, storm=True)
    time.sleep(2)
    meter = Meter(world.there, ours.proc)
    time.sleep(4)
    received, sent, grown = meter.stop()
    assert received < 30, f"{received} frames a second of ours, {sent} of theirs\n{peer.story()}"
    assert SANITIZED or grown < 1 << 20
    peer.restart(storm=False)
    settled(ours, peer)


@both_dialects
@pytest.mark.parametrize("about", [OPEN, IPV4], ids=["OPEN", "IPV4"])
def test_error_acknowledgements_are_obeyed(world, dialect, about):
    etype = [0]

    def answer(pdu):
        return Ack(pdu.kind, etype[0], dialect.CONFLICT, 7) if pdu.kind == about and etype[0] else Ack(pdu.kind)

    ours, peer = world.both(dialect, answer=answer)
    for what in (1, 2, 3):
        etype[0] = what
        peer.heard.clear()
        if about == OPEN:
            time.sleep(1.1)
            peer.restart()
        else:
            world.addresses(world.here, [f"10.8.{what}.1/24"])
        event = ours.proc.event("error", WAIT, etype=what)
        assert (event["type"], event["code"], event["hint"]) == ({OPEN: "open", IPV4: "ipv4"}[about],
                                                                 dialect.CONFLICT, 7)
        if what == 1:
            settled(ours, peer)
        elif what == 2:
            peer.wait(lambda: peer.of(OPEN), what="it begins anew")
            etype[0] = 0
            if not peer.established:
                peer.restart()
            settled(ours, peer)
    wait_for(lambda: not ours.is_up(), WAIT, "hopeless: the session ends")
    peer.set(hello=0.3)
    time.sleep(0.5)
    peer.heard.clear()
    time.sleep(2.5)
    assert not peer.of(OPEN, *ENCAPS), "hopeless: it is left alone"
    etype[0] = 0
    peer.restart()  # another nonce: somebody did something about it
    settled(ours, peer)


@both_dialects
def test_unknown_types_and_garbage_change_nothing(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    settled(ours, peer)
    peer.wait(lambda: peer.sent[IPV4] and not peer.outstanding)
    acks = len(peer.of(ACK))
    known_types = (OPEN, *ENCAPS, VENDOR, HELLO, KEEPALIVE, ACK) + ((8, 9) if dialect is L3DL else ())
    for kind in range(256):
        if kind not in known_types:
            octets = bytes([kind]) + (b"\0\0\0\0\0\0\0" if dialect is L3DL else b"\0\3")
            peer.put(*dialect.datagrams(octets, peer.new_tsn()))
    for cut in range(len(dialect.encode(peer.our_open()))):
        octets = dialect.encode(peer.our_open())[:cut]
        peer.put(*dialect.datagrams(octets, peer.new_tsn()))
        peer.put(dialect.datagrams(dialect.encode(peer.our_open()))[0][:cut])
    peer.put(*dialect.datagrams(bytes([KEEPALIVE]) * 40, peer.new_tsn()))
    time.sleep(1)
    assert len(peer.of(ACK)) == acks
    peer.announce(IPV6, [Entry("2001:db8::9", 64)])
    ours.wait_prefixes(IPV6, {("2001:db8::9", 64)})
    assert ours.count("neighbor") == 1
    check_clean(peer)


@both_dialects
def test_vendor_pdus_are_acknowledged_and_none_of_ours_goes_to_strangers(world, dialect):
    ours, peer = world.both(dialect, "--measure", "300ms")
    before = len(peer.of(ACK))
    peer.tell(Vendor(9, 1, b"hello", serial=1))
    peer.wait(lambda: [h for h in peer.of(ACK)[before:] if h.pdu.of == VENDOR and h.pdu.etype == 0])
    time.sleep(1.5)
    assert not peer.of(VENDOR)
    assert ours.count("neighbor") == 1
    check_clean(peer)


@both_dialects
def test_measurements_go_to_a_peer_that_says_it_is_lanyard(world, dialect):
    ours, peer = world.both(dialect, "--measure", "300ms", lanyard=True)
    peer.wait(lambda: len(peer.of(VENDOR)) >= 3, what="measurements")
    sequence = []
    for h in peer.of(VENDOR):
        assert (h.pdu.enterprise, h.pdu.type, len(h.pdu.data), h.pdu.serial) == (0x4C414E59, 1, 40, 0)
        assert h.pdu.data[:4] == b"\1\0\0\0"
        sequence.append(int.from_bytes(h.pdu.data[4:8], "big"))
    assert sequence == sorted(set(sequence))
    assert peer.of(OPEN)[0].behind.startswith(b"LANY\1\1\0\0")
    assert ours.count("neighbor") == 1


@both_dialects
def test_addresses_that_come_and_go_are_told_while_the_session_stands(world, dialect):
    ours, peer = world.both(dialect)
    peer.wait(lambda: set(peer.theirs[IPV4]) == {("10.77.0.1", 24)})
    world.addresses(world.here, ["10.8.0.1/24", "10.8.1.1/25"])
    peer.wait(lambda: set(peer.theirs[IPV4]) == {("10.77.0.1", 24), ("10.8.0.1", 24), ("10.8.1.1", 25)})
    world.addresses(world.here, ["10.77.0.1/24", "10.8.1.1/25"], "del")
    peer.wait(lambda: set(peer.theirs[IPV4]) == {("10.8.0.1", 24)})
    assert ours.count("neighbor") == 1
    check_clean(peer)


@both_dialects
def test_a_flap_of_the_cable_ends_the_session_at_once_and_it_comes_back(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    for n in range(2):
        world.there.link("lan0", False)
        ours.down(n, timeout=1.5)
        world.there.link("lan0", True)
        ours.up(n + 1)
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))


@both_dialects
def test_ours_killed_and_started_again_is_the_same_neighbour(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: TABLE})
    ours.proc.kill()
    again = Ours(world.lan, world.here, dialect)
    again.up()
    settled(again, peer)
    again.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: peer.theirs[IPV4])
