"""Neighbours: what L3DL has and LSOE-01 has not, against the second implementation: changes with serial numbers,
resumption, upper-layer configuration. Signatures are in test_l3dl_signed.py."""
import os
import time

from lanyard_test import wait_for
from lsoe_second import ACK, IPV4, IPV6, L3DL, MPLS4, OPEN, ULPC, Ack, Encaps, Entry, Ulpc
from lsoe_world import WAIT, Ours, settled
from test_lsoe import TABLE, check_clean, known


def changes(peer):
    """The encapsulation PDUs heard so far, each once."""
    found = {}
    for h in peer.of(IPV4, IPV6):
        found.setdefault(h.pdu.serial, h.pdu)
    return [found[s] for s in sorted(found)]


def answers(peer, kind):
    return [h.pdu for h in peer.of(ACK) if h.pdu.of == kind]


def test_only_what_changes_is_told(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    peer.wait(lambda: peer.theirs[IPV4])
    first = len(changes(peer))
    world.addresses(world.here, ["10.8.0.1/24"])
    peer.wait(lambda: ("10.8.0.1", 24) in peer.theirs[IPV4])
    told = [e for pdu in changes(peer)[first:] for e in pdu.entries]
    assert ("10.8.0.1", 24) in known(told)
    world.addresses(world.here, ["10.8.0.1/24"], "del")
    peer.wait(lambda: ("10.8.0.1", 24) not in peer.theirs[IPV4])
    assert set(peer.theirs[IPV4]) == {("10.77.0.1", 24)}
    serials = [pdu.serial for pdu in changes(peer)]
    assert serials == list(range(serials[0], serials[0] + len(serials))) and serials[0] > 0
    assert ours.count("neighbor") == 1
    check_clean(peer)


def test_their_changes_add_up_to_the_whole_list(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.announce(IPV4, [Entry("10.20.0.1", 24, overlay=True), Entry(*TABLE[0].prefix, withdraw=True)])
    ours.wait_prefixes(IPV4, {TABLE[1].prefix, ("10.20.0.1", 24)})
    said = {p["address"]: p for p in ours.proc.events("encapsulations", type="ipv4")[-1]["prefixes"]}
    assert said["10.20.0.1"]["overlay"] and not said["10.9.0.2"]["overlay"]
    peer.announce(IPV4, [Entry(*TABLE[1].prefix, withdraw=True), Entry("10.20.0.1", 24, withdraw=True)])
    ours.wait_prefixes(IPV4, set())
    check_clean(peer)


def test_labels_arrive_both_ways(world):
    ours, peer = world.both(L3DL, "--label", "10.77.0.0/24=100,200",
                            announce={MPLS4: [Entry("192.0.2.0", 24, labels=(16, 1048575))]})
    ours.wait_prefixes(MPLS4, {("192.0.2.0", 24)})
    assert ours.proc.events("encapsulations", type="mpls-ipv4")[-1]["prefixes"][0]["labels"] == [16, 1048575]
    peer.wait(lambda: peer.theirs[MPLS4])
    assert [e.labels for e in peer.theirs[MPLS4].values()] == [(100, 200)]
    check_clean(peer)


def test_one_pdu_is_in_flight_at_a_time(world):
    """Section 2.1: nothing that is acknowledged is sent while something waits for its ACK."""
    late = []

    def answer(pdu):
        late.append((time.monotonic(), pdu))
        return Ack(pdu.kind) if len([x for x in late if x[1] == pdu]) > 1 or pdu.kind == OPEN else None

    world.addresses(world.here, ["2001:db8::1/64"])
    ours, peer = world.both(L3DL, answer=answer)
    peer.wait(lambda: peer.theirs[IPV4] and peer.theirs[IPV6])
    kinds = [pdu.kind for _, pdu in late if pdu.kind != OPEN]
    assert kinds[:4] == [IPV4, IPV4, IPV6, IPV6], kinds
    assert ours.count("neighbor") == 1


def test_announcing_twice_is_answered_with_error_4(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.announce(IPV4, TABLE[:1])
    peer.wait(lambda: [a for a in answers(peer, IPV4) if (a.etype, a.code) == (2, L3DL.ANNOUNCE)], what="error 4")
    peer.restart()
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))


def test_a_pdu_that_came_again_is_acknowledged_and_not_applied_again(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    settled(ours, peer)
    again, events = Encaps(IPV4, TABLE, peer.serial), ours.count("encapsulations")
    before = len(answers(peer, IPV4))
    peer.tell(again, acked=False)
    peer.wait(lambda: len(answers(peer, IPV4)) > before)
    assert answers(peer, IPV4)[-1].etype == 0
    assert ours.prefixes(IPV4) == known(TABLE) and ours.count("encapsulations") == events
    assert ours.count("neighbor") == 1


def test_ours_resumes_after_a_kill_without_telling_all_again(world, tmp_path):
    state = ("--state", str(tmp_path / "state"))
    ours, peer = world.both(L3DL, *state, announce={IPV4: TABLE})
    peer.wait(lambda: peer.theirs[IPV4])
    ours.wait_prefixes(IPV4, known(TABLE))
    time.sleep(1.5)  # what resuming needs is on disk
    peer.heard.clear()
    ours.proc.kill()
    again = Ours(world.lan, world.here, L3DL, *state)
    again.up()
    opened = peer.wait(lambda: [h.pdu for h in peer.of(OPEN) if h.pdu.serial], what="an OPEN that resumes")
    assert opened[0].serial == peer.heard_serial
    settled(again, peer)
    time.sleep(1)
    assert not changes(peer), "nothing is told again"
    assert set(peer.theirs[IPV4]) == {("10.77.0.1", 24)}
    world.addresses(world.here, ["10.8.0.1/24"])
    peer.wait(lambda: ("10.8.0.1", 24) in peer.theirs[IPV4])
    assert changes(peer)[0].serial == opened[0].serial + 1
    again.wait_prefixes(IPV4, known(TABLE))
    check_clean(peer)


def test_a_resumption_that_is_refused_begins_at_nothing(world, tmp_path):
    state = ("--state", str(tmp_path / "state"))
    ours, peer = world.both(L3DL, *state, announce={IPV4: TABLE})
    peer.wait(lambda: peer.theirs[IPV4])
    time.sleep(1.5)
    ours.proc.kill()
    peer.heard.clear()
    peer.restart(answer=lambda pdu: Ack(pdu.kind, 2, 2) if pdu.kind == OPEN and pdu.serial else Ack(pdu.kind))
    again = Ours(world.lan, world.here, L3DL, *state)
    again.up()
    settled(again, peer)
    peer.wait(lambda: peer.theirs[IPV4], what="all told again")
    assert set(peer.theirs[IPV4]) == {("10.77.0.1", 24)}
    again.wait_prefixes(IPV4, known(TABLE))


def test_they_resume_and_ours_keeps_what_it_knew(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: peer.theirs[IPV4] and peer.acked_serial)
    time.sleep(1.2)
    peer.heard.clear()
    peer.restart(serial_open=peer.acked_serial)
    peer.wait_established()
    opened = peer.wait(lambda: peer.of(OPEN))[0].pdu
    assert opened.serial == peer.heard_serial, "ours goes on, too"
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))
    time.sleep(1)
    assert not changes(peer)
    peer.announce(IPV4, [Entry("10.30.0.1", 32)])
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.30.0.1", 32)})


def test_a_resumption_from_where_ours_is_not_is_refused(world):
    ours, peer = world.both(L3DL, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    time.sleep(1.2)
    peer.heard.clear()
    peer.restart(serial_open=peer.serial + 100)
    peer.wait(lambda: [a for a in answers(peer, OPEN) if a.etype == 2], what="refused")
    peer.restart(serial_open=0)
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))


def test_llei_of_any_length(world):
    for n, size in enumerate((1, 12, 255)):
        ident = os.urandom(size)
        ours, peer = world.both(L3DL, "--id", "ab" * size, ident=ident) if n == 0 else (ours, peer)
        if n:
            peer.close()
            world.peers.remove(peer)
            peer = world.peer(L3DL, ident=ident)
        wait_for(lambda ident=ident: any(e["id"] == ident.hex(":") for e in
                                         ours.proc.events("neighbor", state="up")), WAIT, f"LLEI of {size} octets")
        peer.wait_established()
        assert peer.their_id == b"\xab"


def test_bgp_parameters_both_ways(world):
    ours, peer = world.both(L3DL, "--bgp-asn", "65001", "--bgp-address", "10.77.0.1/24", "--bgp-gtsm")
    peer.wait(lambda: peer.their_ulpc)
    assert peer.their_ulpc == Ulpc(65001, "10.77.0.1/24", None, b"", True)
    peer.tell(Ulpc(4200000001, "10.77.0.2/24", "2001:db8::2/64", b"secret"))
    event = ours.proc.event("ulpc", WAIT)
    assert (event["asn"], event["address4"], event["address6"]) == (4200000001, "10.77.0.2/24", "2001:db8::2/64")
    assert event["auth"] is True and event["gtsm"] is False and "secret" not in "\n".join(ours.proc.out)
    peer.wait(lambda: [a for a in answers(peer, ULPC) if a.etype == 0])
    peer.restart()
    peer.wait(lambda: len(peer.of(ULPC)) > 1, what="told again in the next session")
    check_clean(peer)


def test_hellos_stop_when_there_is_a_session_and_go_on_with_multi_link(world):
    """Section 2.6."""
    ours, peer = world.both(L3DL)
    settled(ours, peer)
    peer.heard.clear()
    time.sleep(2.5)
    assert not peer.of(0)
    ours.proc.stop()
    ours = world.ours(L3DL, "--multi-link")
    settled(ours, peer)
    peer.heard.clear()
    time.sleep(2.5)
    assert peer.of(0)
