"""test_sensor_abuse.py - a sensor master that is abused: floods of control messages, HTTP clients that are slow, silent or
lie, and noise on a serial line. Memory stays what it was, the slaves that are associated go on working, and what is
refused is counted, each.
"""
import contextlib
import random
import resource
import socket
import time

import pytest
from daemon_sensor import Master, device, entry
from lanyard_test import SANITIZED, wait_for
from noisy_stick import NoisyStick, frame
from sensor_abuse import ROOM, SLAVES, Asker, Fresh, Plant, asking, flood, grown, mac_of, memory_of

pytestmark = pytest.mark.alone

SECONDS = 2
DROPS = ("net_kernel_drops", "net_drop_length", "net_drop_other")


# ---- floods of control messages -------------------------------------------------------------------------------------

def under_flood(lan, plant, kind, counters, figure, at_rest, whose=()):
    """A flood while the slaves are asked: what was counted, and the last statistics."""
    before = plant.stats()
    with asking(plant) as askers:
        sent, most = flood(lan, plant.there, plant.master, plant.mac, kind, SECONDS, whose)
    wait_for(lambda: grown(before, plant.stats(), (*counters, *DROPS)) >= sent, 5, f"{sent} frames counted")
    after = plant.stats()
    counted, dropped = grown(before, after, counters), grown(before, after, DROPS)
    took = sorted(t for a in askers for t in a.took)
    slow = sum(t > 0.5 for t in took)
    figure(kind, f"{sent / SECONDS / 1e3:.0f} k/s, {100 * dropped // sent}% not read, {len(took)} asked, {slow} slow, worst "
                 f"{took[-1]:.2f} s, {(most - at_rest) >> 10} KiB")
    assert sent > 20000 and slow <= len(took) // 4, "whose answer the kernel dropped, asks again a second later"
    assert sent - dropped <= counted <= sent, f"{kind}: {sent} sent, {counted} counted, {dropped} not read"
    assert most - at_rest < ROOM, f"{kind}: memory from {at_rest} to {most}"
    assert after["running"] == len(SLAVES) and not plant.lost(), plant.lost()
    return after


def test_floods_of_control_messages_cost_neither_slaves_nor_memory(lan, figure):
    plant = Plant(lan)
    at_rest = memory_of(plant.master)
    for kind, counters, whose in (("hello", ["other_master"], ()), ("discover", ["drop_unlisted"], ()),
                                  ("impostor", ["rx_discover"], SLAVES), ("answer", ["drop_unknown"], ()),
                                  ("stolen", ["coap_drop_unmatched", "coap_drop_endpoint"], plant.macs)):
        under_flood(lan, plant, kind, counters, figure, at_rest, whose)


@pytest.mark.parametrize("policy", ["list", "admit"])
def test_candidates_that_are_inventions_are_bounded(lan, policy, figure):
    plant = Plant(lan, "--unlisted", policy)
    at_rest = memory_of(plant.master)
    before = plant.stats()
    after = under_flood(lan, plant, "discover", ["rx_discover"], figure, at_rest)
    assert after["candidates"] == 256
    received, refused = (grown(before, after, [c]) for c in ("rx_discover", "drop_candidates"))
    assert received - 256 - 20 <= refused <= received - 256, "all but the candidates, some of which were drawn twice"
    if policy == "admit":
        assert 256 <= grown(before, after, ["tx_assoc_request"]) < 256 + 20 + 2 * SECONDS * len(SLAVES)


def test_the_daemon_shows_what_it_refused(lan):
    here, there = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(here, there)
    daemon = Master(lan, here, entry(169))
    device(lan, there, 169)
    daemon.running(169)
    at_rest = memory_of(daemon.proc)

    def counters():
        return {c["name"]: c["value"] for c in daemon.json("sensor", "show")["counters"]}
    before = counters()
    sent, most = flood(lan, there, daemon.proc, mac_of(here), "discover", 1)
    names = ("drop_unlisted", *DROPS)
    wait_for(lambda: sum(counters()[n] - before[n] for n in names) >= sent, 5, f"{sent} frames counted", poll=0.1)
    after = counters()
    refused, dropped = after["drop_unlisted"] - before["drop_unlisted"], sum(after[n] - before[n] for n in DROPS)
    assert sent - dropped <= refused <= sent and sent > 10000
    assert most - at_rest < ROOM
    assert daemon.ask("sensor.show")["sensor"]["networks"][0]["rx_dropped"] == sum(after[n] for n in DROPS)
    assert daemon.done("sensor", "get", "169", "t1", "--no-cache")[0] == "21.5"
    assert daemon.slave(169)["losses"] == 0 and daemon.slave(169)["state"] == "running"


# ---- HTTP clients ---------------------------------------------------------------------------------------------------

GET = b"GET /casan/169/t1 HTTP/1.1\r\nHost: h\r\n"
PUT = b"PUT /casan/169/led HTTP/1.1\r\nHost: h\r\n"
HALVES = (b"", b"GET /cas", GET + b"X-Half: ", PUT + b"Content-Length: 1000\r\n\r\nhalf")
LIMITS = "{header: 1s, idle: 2s}"
MANY = 2000 if SANITIZED else 10000
WORST = 10 if SANITIZED else 1  # seconds a good client waits
ENDS = ("timeout_request", "timeout_idle", "timeout_answer", "displaced")


@pytest.fixture(autouse=True)
def many_descriptors():
    """For us: the program has what it would have at home."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(before[1], 15000) if before[1] != resource.RLIM_INFINITY else 15000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], most), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(plant, address="127.0.0.1", small=False):
    """Inside `with plant.here`."""
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind((address, 0))
    s.connect(("127.0.0.1", plant.port))
    s.setblocking(False)
    return s


def half_sent(plant, stack, count, addresses):
    """Clients that begin a request, and no more."""
    with plant.here:
        for i in range(count):
            s = stack.enter_context(connect(plant, addresses[i % len(addresses)]))
            with contextlib.suppress(OSError):  # refused already
                s.send(HALVES[i // len(addresses) % len(HALVES)])


def is_over(s):
    """The other side has closed it; what came before that is thrown away."""
    try:
        while s.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def good(*askers):
    """They were answered in time all the while; the longest anybody waited."""
    worst = 0
    for a in askers:
        a.end()
        assert not a.bad and len(a.took) > 5, a.bad[:5]
        worst = max(worst, *a.took)
    assert worst < WORST
    return worst


TURNED_AWAY = ("refused_address", "refused_connections")


def wave(plant, addresses, fds):
    """One after the other they all end: turned away, pushed out, or when their time is over; its most memory."""
    before = plant.stats()
    with contextlib.ExitStack() as stack:
        half_sent(plant, stack, MANY, [f"127.0.1.{n}" for n in range(1, 1 + addresses)])
        most = memory_of(plant.master)
        wait_for(lambda: grown(before, plant.stats(), (*TURNED_AWAY, *ENDS), "http") >= MANY, 20, "their end", poll=0.1)
        most = max(most, memory_of(plant.master))
        wait_for(lambda: plant.master.fds() <= fds, 5, "their descriptors are gone", poll=0.1)
    return most


@pytest.mark.parametrize("addresses, refused", [(1, "refused_address"), (40, "displaced")])
def test_ten_thousand_half_sent_requests(lan, addresses, refused, figure):
    """From one address most are turned away; from many they push each other out. Others get in, and are served."""
    plant = Plant(lan, limits=LIMITS)
    at_rest, fds, before = memory_of(plant.master), plant.master.fds(), plant.stats()
    askers = Asker(plant.here, plant.port, "/casan/169/t1"), Fresh(plant.here, plant.port, "/casan/170/t1", "127.0.0.3")
    most = [wave(plant, addresses, fds + 4) for _ in range(3)]
    worst = good(*askers)
    after = plant.stats()
    turned_away, accepted = (grown(before, after, n, "http") for n in (TURNED_AWAY, ["connections"]))
    figure(refused, f"{grown(before, after, [refused], 'http')}, good client waited {worst:.3f} s at most, "
                    f"{', '.join(str((m - at_rest) >> 10) for m in most)} KiB")
    assert 3 * MANY <= accepted + turned_away <= 3 * MANY + len(askers[1].took) + 200, "ours, and those that look"
    assert grown(before, after, [refused], "http") > MANY
    assert grown(before, after, (*TURNED_AWAY, *ENDS), "http") == 3 * MANY
    assert most[0] - at_rest < 1152 * (16 << 10) + ROOM, most
    assert most[2] - most[1] < ROOM // 2, f"100 octets lost with each connection would be seen: {most}"
    assert after["running"] == len(SLAVES)


def trickle(socks, data, seconds):
    """An octet of what there is for each, every 100 ms; those the other side has closed."""
    end, at, over = time.monotonic() + seconds, 0, set()
    while time.monotonic() < end and len(over) < len(socks):
        for s, text in zip(socks, data):
            if s in over:
                continue
            try:
                s.send(text[at % len(text):][:1])
            except OSError:
                over.add(s)
        over.update(s for s in socks if s not in over and is_over(s))
        at += 1
        time.sleep(0.1)
    return over


def test_slow_clients_and_readers_that_never_read(lan, figure):
    plant = Plant(lan, limits=LIMITS)
    at_rest, fds, before = memory_of(plant.master), plant.master.fds(), plant.stats()
    asker = Asker(plant.here, plant.port, "/casan/169/t1")
    pages = b"GET /api/v1/sensor/stats HTTP/1.1\r\nHost: h\r\n\r\n" * 3000
    with contextlib.ExitStack() as stack, plant.here:
        slow = [stack.enter_context(connect(plant)) for _ in range(90)]
        deaf = [stack.enter_context(connect(plant, "127.0.0.3", small=True)) for _ in range(5)]
        for s in slow[60:]:
            s.send(PUT + b"Content-Length: 1000\r\n\r\n")
        for s in deaf:
            s.send(pages)
        texts = [GET] * 30 + [GET + b"X-Slow: " + b"s" * 100] * 30 + [b"body"] * 30
        over = trickle(slow, texts, 10 if SANITIZED else 5)
        most = memory_of(plant.master)
        names = ("timeout_request", "timeout_answer")
        wait_for(lambda: grown(before, plant.stats(), names, "http") >= 95, 20, "all of them counted", poll=0.1)
        wait_for(lambda: plant.master.fds() <= fds + 4, 5, "their descriptors are gone", poll=0.1)
    worst = good(asker)
    after = plant.stats()
    figure("good client waited", f"{worst:.3f} s at most, {(most - at_rest) >> 10} KiB")
    assert len(over) == len(slow), "time is not stretched by an octet now and then"
    assert grown(before, after, ["timeout_request"], "http") == 90
    assert grown(before, after, ["timeout_answer"], "http") == 5
    assert most - at_rest < 100 * (16 << 10) + ROOM and after["running"] == len(SLAVES)


CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
LIES = [  # what is said, the answer (none: the connection ends), and where it is counted
    (GET + b"X-A: " + b"a" * 65536 + b"\r\n\r\n", 431, "refused_format"),
    (GET + b"".join(b"X-%d: 1\r\n" % i for i in range(2000)) + b"\r\n", 431, "refused_format"),
    (b"GET /casan/169/" + b"a" * 16384 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414, "refused_format"),
    (PUT + b"Content-Length: 1000000000000000\r\n\r\n", 413, "refused_body"),
    (PUT + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 413, "refused_format"),
    (PUT + b"Content-Length: -5\r\n\r\nhello", 400, "refused_format"),
    (PUT + b"Content-Length: 0x5\r\n\r\nhello", 400, "refused_format"),
    (PUT + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\noops", 400, "refused_format"),
    (PUT + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\non\r\n0\r\n\r\n", 400, "refused_format"),
    (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", 400, "refused_format"),
    (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", 400, "refused_format"),
    (CHUNKED + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 30 + b"0\r\n\r\n", 413, "refused_body"),
    (b"GET / HTTP/9.9\r\nHost: h\r\n\r\n", 505, "refused_format"),
    (GET.replace(b"Host: h\r\n", b"\r\n"), 400, "refused_format"),
    (b"\xff\xfe\x80 \x81\x00 \x90\r\n\r\n", 400, "refused_format"),
    (b"one-word\r\n\r\n", None, "refused_format"),
    (PUT + b"Content-Length: 1000\r\n\r\nshort", None, "timeout_request"),
]


def answer_to(plant, said):
    """The status that is answered, or None."""
    with plant.here, socket.create_connection(("127.0.0.1", plant.port), timeout=10) as s:
        heard = b""
        try:
            s.sendall(said)
            while b"\r\n" not in heard:
                got = s.recv(4096)
                if not got:
                    time.sleep(0.02)  # who leaves at once may have left first
                    return None
                heard += got
        except OSError:
            pass  # what it did not read resets the connection; the answer may be lost with it
        return int(heard.split()[1]) if heard else "reset"


def test_requests_that_lie_on_their_length_or_are_too_long(lan):
    plant = Plant(lan, limits=LIMITS)
    asker = Asker(plant.here, plant.port, "/casan/169/t1")
    at_rest = memory_of(plant.master)
    for said, status, counter in LIES:
        before = plant.stats()["http"]
        answer = answer_to(plant, said)
        assert answer in (status, "reset"), said[:100]
        wait_for(lambda c=counter, b=before: plant.stats()["http"][c] == b[c] + 1, 3, f"{counter}: {said[:100]}")
    for _ in range(20):
        for said, *_ in LIES[:-1]:
            answer_to(plant, said)
    assert memory_of(plant.master) - at_rest < ROOM
    good(asker)
    assert plant.get("/casan/169/led")[1] == b"off", "nothing of it was taken for a value"


# ---- noise on a serial line -----------------------------------------------------------------------------------------

RADIO = "panid=ca:fe,baud=57600"
FRAMES = 5000


def noises(dice):
    """Kinds of noise: the octets, and what is counted of them at least."""
    def octets(n):
        return dice.randbytes(n).replace(b"\x7e", b"\x7f")
    size, most = 1 << 18, FRAMES - 50  # what ends with a 7e takes of the next
    yield "random octets", dice.randbytes(12 * size), {"xbee_drop_noise": 12 * size * 9 // 10}
    yield "starts", b"\x7e" * size, {"xbee_drop_noise": size - 200, "xbee_drop_length": size - 200}
    yield ("giant lengths", b"".join(b"\x7e\xff\xff" + octets(100) for _ in range(FRAMES)),
           {"xbee_drop_length": most, "xbee_drop_noise": most * 103})
    yield ("wrong checksums", b"".join(frame(b"\x81" + octets(40), wrong=1) for _ in range(FRAMES)),
           {"xbee_drop_checksum": most})
    yield "unknown kinds", b"".join(frame(b"\x42" + octets(40)) for _ in range(FRAMES)), {"xbee_drop_unknown": most}
    yield ("stray answers", b"".join(frame(b"\x88\xf0MY\0" + octets(2)) for _ in range(FRAMES)),
           {"xbee_drop_stray": most})
    yield ("packets of nobody", b"".join(frame(b"\x81" + octets(2) + b"\x28\0" + b"\x60\x45" + octets(2) + b"\xff" + octets(50))
                                         for _ in range(FRAMES)), {"xbee_rx_packets": most, "drop_unknown": most - 50})


@pytest.mark.limit(90)
def test_noise_on_a_serial_line(lan, figure):
    """Slaves at the noisy stick and elsewhere go on working; none of the noise is kept, and all of it is counted."""
    links = [lan.folder / f"stick{i}" for i in range(2)]
    lab = lan.start("lanyard", "lab", "xbee", "-J", "--baud", "57600", *(w for link in links for w in ("--link", link)))
    for i in range(2):
        lab.event("plugged", stick=i)
    stick = NoisyStick(links[0])
    with contextlib.closing(stick):
        lan.start("lanyard", "sensor", "device", "--net", f"xbee:{links[1]},addr=45:67,{RADIO}", "--id", 200,
                  "--resource", "t1=21.5")
        plant = Plant(lan, "--net", f"xbee:{stick.path},addr=12:34,{RADIO}", "--slave", 200, slaves=SLAVES[:1])
        plant.master.event("slave", 30, slave=200, state="running")
        assert plant.get("/casan/200/t1") == (200, b"21.5")
        at_rest, dice = memory_of(plant.master), random.Random(1)
        with asking(plant, (SLAVES[0], 200)) as askers:
            for kind, noise, expected in noises(dice):
                before = plant.stats()
                stick.make_noise(noise)
                wait_for(lambda b=before, e=expected: all(grown(b, plant.stats(), [n]) >= e[n] for n in e), 5,
                         f"{kind}: {expected} counted")
                assert memory_of(plant.master) - at_rest < ROOM, kind
            time.sleep(1)  # of the noise before some octets may still be taken for the beginning of a frame
        figure("slowest answer", f"{max(askers[0].took):.2f} s by Ethernet, {max(askers[1].took):.2f} s by radio of "
                                 f"{len(askers[1].took)}, {(memory_of(plant.master) - at_rest) >> 10} KiB")
        assert plant.stats()["running"] == 2 and not [e for e in plant.master.events("slave") if e["was"] == "running"
                                                      and e["state"] != "running"]
        assert not plant.master.events("net", state="down")[1:]
