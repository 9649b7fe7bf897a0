"""Neighbours: from datagrams to PDUs and back, in both dialects, against the second implementation."""
import itertools
import time

import pytest

from lanyard_test import SANITIZED
from lsoe_second import IPV4, IPV6, L3DL, LSOE, Encaps, Entry, Keepalive, Wrong
from lsoe_world import settled
from test_lsoe import both_dialects, check_clean, known

LONG = 600  # addresses of a PDU of three datagrams


def addresses(count, net=1):
    return [Entry(f"10.{net}.{i // 250}.{i % 250 + 1}", 32) for i in range(count)]


@pytest.mark.parametrize("octets, checksum", [
    ("0080000b 00000000 000003", 0xEA89CA1C), ("0080000b 00000000 020003", 0x5089CA1C),
    ("00800010 00000000 0300080100000000", 0x6E2D9F06), ("00800011 00000000 5137514e6969696969", 1)])
def test_the_second_codec_agrees_with_the_worked_examples(octets, checksum):
    """Section 1.4: what follows here stands on it."""
    octets = bytes.fromhex(octets)
    assert LSOE.datagram(octets[8:], 0, True) == octets[:4] + checksum.to_bytes(4, "big") + octets[8:]
    assert LSOE.read(octets[:4] + checksum.to_bytes(4, "big") + octets[8:]).payload == octets[8:]
    with pytest.raises(Wrong):
        LSOE.read(octets[:4] + (checksum ^ 1).to_bytes(4, "big") + octets[8:])


@both_dialects
def test_fragments_make_a_pdu_in_any_order(world, dialect):
    ours, peer = world.both(dialect)
    settled(ours, peer)
    for n, order in enumerate(itertools.permutations(range(3))):
        peer.set(shape=lambda pdu, d, order=order: [d[i] for i in order] if len(d) == 3 else d)
        if dialect is L3DL and n:
            peer.announce(IPV4, [Entry(*e.prefix, withdraw=True) for e in addresses(LONG, n)])
            ours.wait_prefixes(IPV4, 0)
        peer.announce(IPV4, addresses(LONG, n + 1))
        ours.wait_prefixes(IPV4, known(addresses(LONG, n + 1)))
    assert ours.count("neighbor") == 1
    check_clean(peer)


def put_keepalive_between(peer, datagrams):
    alone = peer.dialect.datagrams(peer.dialect.encode(Keepalive()), peer.new_tsn())
    return [d for part in datagrams for d in (part, *alone)]


@both_dialects
@pytest.mark.parametrize("fault", ["first lost", "middle lost", "last lost", "all twice", "keepalives between"])
def test_a_fault_among_fragments_is_repaired_by_the_repetition(world, dialect, fault):
    ours, peer = world.both(dialect)
    settled(ours, peer)
    done = []

    def shape(pdu, datagrams):
        if len(datagrams) != 3 or done:
            return datagrams
        done.append(fault)
        if fault.endswith("lost"):
            lost = ("first", "middle", "last").index(fault.split()[0])
            return datagrams[:lost] + datagrams[lost + 1:]
        return [d for d in datagrams for _ in range(2)] if fault == "all twice" else \
            put_keepalive_between(peer, datagrams)

    peer.set(shape=shape)
    peer.announce(IPV4, addresses(LONG))
    ours.wait_prefixes(IPV4, known(addresses(LONG)))
    peer.wait(lambda: not peer.outstanding, what="acknowledged")
    assert done
    peer.announce(IPV6, [Entry("2001:db8::1", 64)])  # and it is not deaf now
    ours.wait_prefixes(IPV6, {("2001:db8::1", 64)})
    assert ours.count("neighbor") == 1
    check_clean(peer)


@both_dialects
def test_stray_fragments_do_not_deafen(world, dialect):
    """One stray fragment makes the original deaf for ever."""
    ours, peer = world.both(dialect)
    settled(ours, peer)
    long = dialect.encode(Encaps(IPV4, addresses(LONG), 77))
    for n in range(200):
        parts = dialect.datagrams(long[:4000 - n], 1000 + n)
        peer.put(parts[n % 2], dialect.datagram(b"x" * 30, 5 + n % 40, n % 3 == 0, 1000 + n))
    peer.announce(IPV4, addresses(LONG))
    ours.wait_prefixes(IPV4, known(addresses(LONG)))
    assert ours.count("neighbor") == 1
    settled(ours, peer)


@both_dialects
def test_more_than_247_addresses_each_way(world, dialect):
    """More than one datagram holds (section 1.5)."""
    mine = [f"10.5.{i // 250}.{i % 250 + 1}/32" for i in range(700)]
    world.addresses(world.here, mine)
    ours, peer = world.both(dialect, announce={IPV4: addresses(LONG)})
    ours.wait_prefixes(IPV4, known(addresses(LONG)))
    peer.wait(lambda: len(peer.theirs[IPV4]) == 701)
    assert {f"{a}/{n}" for a, n in peer.theirs[IPV4]} == {"10.77.0.1/24", *mine}
    world.addresses(world.here, mine[:300], "del")
    peer.wait(lambda: len(peer.theirs[IPV4]) == 401)
    assert ours.count("neighbor") == 1
    check_clean(peer)


@both_dialects
def test_datagrams_fit_the_mtu_of_the_interface(world, dialect):
    """The original ends itself on an interface with an MTU below 1500."""
    world.addresses(world.here, [f"10.5.0.{i + 1}/32" for i in range(250)])
    for ns in (world.here, world.there):
        ns.run("ip", "link", "set", "lan0", "mtu", "600")
    ours, peer = world.both(dialect, announce={IPV4: addresses(LONG)}, mtu=600)
    peer.wait(lambda: len(peer.theirs[IPV4]) == 251)
    ours.wait_prefixes(IPV4, known(addresses(LONG)))
    for ns in (world.here, world.there):
        ns.run("ip", "link", "set", "lan0", "mtu", "300")
    world.addresses(world.here, ["10.6.0.1/32"])
    peer.wait(lambda: ("10.6.0.1", 32) in peer.theirs[IPV4], what="told in datagrams of the new MTU")
    for ns in (world.here, world.there):
        ns.run("ip", "link", "set", "lan0", "mtu", "9000")
    world.addresses(world.here, ["10.6.0.2/32"])
    peer.wait(lambda: ("10.6.0.2", 32) in peer.theirs[IPV4])
    settled(ours, peer)


@both_dialects
def test_an_established_pair_sends_keepalives_and_hellos_only(world, dialect):
    ours, peer = world.both(dialect, announce={IPV4: addresses(LONG)})
    settled(ours, peer)
    ours.wait_prefixes(IPV4, known(addresses(LONG)))
    time.sleep(1)
    before, rss = peer.frames, ours.proc.rss()
    time.sleep(4)
    count = peer.frames - before
    assert 7 <= count <= 14, peer.story()  # KEEPALIVEs each 400 ms, HELLOs each 2 s
    assert SANITIZED or ours.proc.rss() - rss <= 64 << 10
    check_clean(peer)
