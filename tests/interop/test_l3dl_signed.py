"""Neighbours: signatures of L3DL (section 2.7) against the second implementation, which signs and verifies with other
libraries: libsodium by PyNaCl, RSA by cryptography."""
import time

import pytest

from daemon_neighbor import Node, entry
from lanyard_test import wait_for
from lsoe_keys import certificate_file, fingerprint, new_key, public_file, secret_file
from lsoe_second import ACK, IPV4, L3DL, NEWKEY, OPEN, Ack, Ed25519, Encaps, Entry, Newkey, signed_by
from lsoe_world import OUR_ID, THEIR_ID, WAIT, Ours, settled
from test_lsoe import TABLE, known

kinds = pytest.mark.parametrize("kind", ["ed25519", "rsa"])


def refused(ours, nth=0):
    return ours.proc.event("refused", WAIT, nth)


def errors(peer, kind):
    """(EType, code, hint) of the ACKs with an error for a type."""
    return [(h.pdu.etype, h.pdu.code, h.pdu.hint) for h in peer.of(ACK) if h.pdu.of == kind and h.pdu.etype]


def never_up(ours, seconds=2.0):
    time.sleep(seconds)
    assert not ours.is_up(), ours.proc.tail()


@kinds
def test_both_sign_and_believe_the_first_key(world, tmp_path, kind):
    mine, theirs = new_key(kind), new_key(kind)
    ours, peer = world.both(L3DL, "--key-file", secret_file(tmp_path, "mine", mine), "--trust", "tofu",
                            signer=theirs, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: peer.theirs[IPV4])
    assert peer.their_key == (mine.alg, mine.public)
    event = ours.proc.event("key", WAIT)
    assert event["fingerprint"] == fingerprint(theirs)
    for h in peer.of(ACK, IPV4, OPEN):
        assert h.pdu.signed.alg == mine.alg, h.pdu
    world.addresses(world.here, ["10.8.0.1/24"])
    peer.wait(lambda: ("10.8.0.1", 24) in peer.theirs[IPV4])
    assert not peer.wrong and ours.count("neighbor") == 1


def test_ours_unsigned_accepts_a_signing_peer_and_pins_it(world):
    theirs = Ed25519()
    ours, peer = world.both(L3DL, signer=theirs, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    assert ours.proc.event("key", WAIT)["fingerprint"] == fingerprint(theirs)
    time.sleep(1.2)
    peer.restart(signer=None)
    refused(ours)
    peer.wait(lambda: errors(peer, OPEN), what="an error for the unsigned OPEN")
    assert errors(peer, OPEN)[0][1:] == (L3DL.AUTH, 1)
    wait_for(lambda: not peer.established, WAIT, "no session without a signature")
    peer.restart(signer=Ed25519())
    wait_for(lambda: ours.count("refused") > 1 or len(errors(peer, OPEN)) > 1, WAIT, "another key is refused")
    peer.restart(signer=theirs)
    settled(ours, peer, WAIT)


def test_tofu_wants_signatures(world):
    ours, peer = world.ours(L3DL, "--trust", "tofu"), world.peer(L3DL)
    refused(ours)
    peer.wait(lambda: errors(peer, OPEN))
    assert errors(peer, OPEN)[0][1:] == (L3DL.AUTH, 1)
    never_up(ours)


def test_a_key_that_is_known_survives_our_restart(world, tmp_path):
    theirs, state = Ed25519(), ("--trust", "tofu", "--state", str(tmp_path / "state"))
    ours, peer = world.both(L3DL, *state, signer=theirs)
    ours.proc.event("key", WAIT)
    time.sleep(1)
    ours.proc.stop()
    peer.restart(signer=Ed25519())
    again = Ours(world.lan, world.here, L3DL, *state)
    refused(again)
    never_up(again)
    peer.restart(signer=theirs)
    settled(again, peer)


@kinds
def test_an_anchor_says_whom_to_believe(world, tmp_path, kind):
    anchor, mine, theirs = new_key(kind), new_key(kind), new_key(kind)
    options = ("--key-file", secret_file(tmp_path, "mine", mine), "--cert-file",
               certificate_file(tmp_path, "mine", anchor, mine), "--anchor-file",
               public_file(tmp_path, "anchor", anchor), "--trust", "anchor")
    ours = world.ours(L3DL, *options)
    peer = world.peer(L3DL, signer=theirs, certificate=new_key("ed25519").sign(theirs.public))
    refused(ours)
    never_up(ours, 1)
    peer.restart(certificate=b"")
    never_up(ours, 1)
    peer.restart(certificate=anchor.sign(theirs.public))
    settled(ours, peer)
    said = peer.of(OPEN)[-1].pdu
    assert (said.key, said.certificate) == (mine.public, anchor.sign(mine.public) if kind == "ed25519"
                                            else said.certificate)


def test_a_pdu_with_a_wrong_signature_is_refused_and_not_applied(world):
    theirs = Ed25519()
    ours, peer = world.both(L3DL, signer=theirs, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: not peer.outstanding)
    forged = Encaps(IPV4, [Entry("10.66.6.6", 32)], peer.serial + 1)
    for signer in (Ed25519(), None):
        peer.put(*L3DL.datagrams(L3DL.encode(forged, signer), peer.new_tsn()))
        time.sleep(0.3)
    time.sleep(0.5)
    assert ("10.66.6.6", 32) not in ours.prefixes(IPV4)
    assert all(error[1:] == (L3DL.AUTH, 2) for error in errors(peer, IPV4))
    settled(ours, peer)
    peer.announce(IPV4, [Entry("10.40.0.1", 32)])
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.40.0.1", 32)})


def test_what_was_recorded_and_comes_again_changes_nothing(world):
    """An OPEN of an earlier session; a change that was applied and taken back."""
    theirs = Ed25519()
    ours, peer = world.both(L3DL, signer=theirs, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    old_open = L3DL.datagrams(L3DL.encode(peer.our_open(), theirs), peer.new_tsn())
    time.sleep(1.2)
    peer.restart()
    ours.up(1)
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: not peer.outstanding)
    peer.announce(IPV4, [Entry("10.50.0.1", 32)])
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.50.0.1", 32)})
    peer.wait(lambda: not peer.outstanding)
    old_change = L3DL.datagrams(L3DL.encode(Encaps(IPV4, [Entry("10.50.0.1", 32)], peer.serial), theirs),
                                peer.new_tsn())
    peer.announce(IPV4, [Entry("10.50.0.1", 32, withdraw=True)])
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: not peer.outstanding)
    time.sleep(1.2)
    ups = ours.count("neighbor")
    for _ in range(3):
        peer.put(*old_open)
        peer.put(*old_change)
        time.sleep(0.4)
    assert ours.prefixes(IPV4) == known(TABLE)
    assert ours.count("neighbor") == ups, ours.proc.tail()
    settled(ours, peer)


@kinds
def test_their_new_key_is_believed_and_the_old_one_for_the_overlap(world, kind):
    old, new = new_key("ed25519"), new_key(kind)
    ours, peer = world.both(L3DL, "--key-overlap", "2s", "--trust", "tofu", signer=old, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: not peer.outstanding)
    peer.tell(Newkey(new.alg, new.public))
    peer.wait(lambda: [h for h in peer.of(ACK) if h.pdu.of == NEWKEY and h.pdu.etype == 0], what="ACK of NEWKEY")
    rolled = ours.proc.event("key", WAIT, 1)
    assert rolled["fingerprint"] == fingerprint(new)
    peer.announce(IPV4, [Entry("10.60.0.1", 32)])  # still signed with the old one
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.60.0.1", 32)})
    peer.set(signer=new)
    peer.announce(IPV4, [Entry("10.60.0.2", 32)])
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.60.0.1", 32), ("10.60.0.2", 32)})
    peer.wait(lambda: not peer.outstanding)
    time.sleep(2.3)
    late = Encaps(IPV4, [Entry("10.60.0.3", 32)], peer.serial + 1)
    peer.put(*L3DL.datagrams(L3DL.encode(late, old), peer.new_tsn()))
    time.sleep(0.7)
    assert ("10.60.0.3", 32) not in ours.prefixes(IPV4)
    settled(ours, peer)
    time.sleep(1.2)
    peer.restart(signer=new)
    settled(ours, peer)


def test_a_new_key_that_the_old_one_did_not_sign_is_refused(world):
    old, thief = Ed25519(), Ed25519()
    ours, peer = world.both(L3DL, "--trust", "tofu", signer=old, announce={IPV4: TABLE})
    ours.wait_prefixes(IPV4, known(TABLE))
    peer.wait(lambda: not peer.outstanding)
    peer.put(*L3DL.datagrams(L3DL.encode(Newkey(thief.alg, thief.public), thief), peer.new_tsn()))
    time.sleep(0.7)
    assert not [h for h in peer.of(ACK) if h.pdu.of == NEWKEY and h.pdu.etype == 0]
    assert ours.count("key") == 1
    peer.announce(IPV4, [Entry("10.70.0.1", 32)])
    ours.wait_prefixes(IPV4, known(TABLE) | {("10.70.0.1", 32)})


def test_keepalives_are_signed_when_asked_for(world, tmp_path):
    mine, theirs = Ed25519(), Ed25519()
    ours, peer = world.both(L3DL, "--key-file", secret_file(tmp_path, "mine", mine), "--sign-keepalive", signer=theirs)
    peer.wait(lambda: len(peer.of(2)) > 3)
    assert all(h.pdu.signed.alg == mine.alg for h in peer.of(2))
    settled(ours, peer)
    assert THEIR_ID.hex(":") == ours.up()["id"]


def test_after_so_many_failures_a_neighbour_is_left_alone(world):
    ours = world.ours(L3DL, "--trust", "tofu", "--auth-failures", "3")
    peer = world.peer(L3DL, hello=0.3)
    wait_for(lambda: len(errors(peer, OPEN)) == 2, WAIT, "refusals")  # the third is the last, and not answered
    time.sleep(2)
    assert len(errors(peer, OPEN)) == 2, peer.story()
    peer.heard.clear()
    time.sleep(2)
    assert not peer.of(OPEN), peer.story()
    assert not ours.is_up()
    assert all(isinstance(h.pdu, Ack) or h.pdu.kind == 0 for h in peer.heard)


@kinds
def test_our_new_key_is_announced_and_signs_from_then_on(world, tmp_path, kind):
    old, new = new_key("ed25519"), new_key(kind)
    node = Node(world.lan, world.here, entry(dialect="l3dl", id=OUR_ID.hex(), key_file=secret_file(tmp_path, "old", old),
                                             hello="1s", keepalive="500ms", dead="3s", retransmit="200ms"))
    peer = world.peer(L3DL, announce={IPV4: TABLE})
    node.established(timeout=WAIT)
    peer.wait(lambda: peer.theirs[IPV4])
    assert peer.their_key == (old.alg, old.public)
    node.ask("neighbor.roll", name="fabric", key_file=secret_file(tmp_path, "new", new))
    peer.wait(lambda: peer.of(NEWKEY), what="NEWKEY")
    said = peer.of(NEWKEY)[0].pdu
    assert (said.alg, said.key, said.signed.alg) == (new.alg, new.public, old.alg)
    assert signed_by(said, old.alg, old.public)
    peer.wait(lambda: peer.their_key == (new.alg, new.public))
    peer.heard.clear()
    world.addresses(world.here, ["10.8.0.1/24"])
    peer.wait(lambda: ("10.8.0.1", 24) in peer.theirs[IPV4], what="told, signed with the new key")
    assert all(signed_by(h.pdu, new.alg, new.public) for h in peer.of(IPV4))
    peer.restart()
    peer.wait_established(WAIT)
    assert peer.their_key == (new.alg, new.public)
    assert not peer.wrong, peer.story()
