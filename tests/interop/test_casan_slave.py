"""Our devices against a master as the originals are (casan_master.py), on a cable of two namespaces."""
import time

import pytest

import casan_second as wire
from casan_master import BROADCAST, Master
from casan_second import ACK, CHANGED, CON, CONTENT, CONTENT_FORMAT, GET, NON, OBSERVE, POST, PUT, Message
from lanyard_test import SANITIZED

WAIT = 30 if SANITIZED else 10
both_epochs = pytest.mark.parametrize("epoch", ["casan", "sos"])


class Device:
    """`lanyard sensor device` on lan0."""

    def __init__(self, world, *resources, ident=169, options=()):
        words = [w for r in resources for w in ("--resource", r)]
        self.proc = world.lan.start("lanyard", "sensor", "device", "--net", "ethernet:lan0", "--id", str(ident), "-J",
                                    *words, *options, ns=world.here)

    def state(self, state, nth=0):
        return self.proc.event("state", WAIT, nth, state=state)


@pytest.fixture
def masters(world):
    made = []

    def make(slaves, **how):
        made.append(Master(world.there, slaves, **how))
        return made[-1]
    yield make
    for m in made:
        m.close()


@both_epochs
def test_a_device_associates_and_is_read_and_set(world, masters, epoch):
    master = masters({169: 60}, epoch=epoch)
    device = Device(world, "t1;title=Desk temp;rt=celsius;obs=21.5", "led=off", options=["--epoch", epoch])
    known = master.associated(169)
    assert known.resources == '<t1>;title="Desk temp";rt="celsius";obs,<led>'
    state = device.state("running")
    assert (state["ttl"], state["mtu"], state["master"]) == (60, 1518, master.wire.mac.hex(":"))
    reply = master.ask(169, "t1")
    assert (reply.code, reply.payload, reply.all(CONTENT_FORMAT)) == (CONTENT, b"21.5", [b""])
    assert master.ask(169, "led", PUT, b"on").code == CHANGED
    assert master.ask(169, "led").payload == b"on"
    assert master.ask(169, "nothing").code == wire.NOT_FOUND
    assert master.ask(169, "t1", POST).code == wire.code(4, 5)
    assert master.ask(169, "t1", token=b"12345678").token == b"12345678"
    assert device.proc.event("request", method="PUT")["path"] == "led"
    assert not master.wrong


def test_who_speaks_both_epochs_is_found_by_a_master_of_either(world, masters):
    device = Device(world, "t1=1", options=["--epoch", "both"])
    device.state("waiting")
    master = masters({169: 60}, epoch="sos")
    master.associated(169)
    assert master.ask(169, "t1").payload == b"1"


def test_discovers_come_when_the_original_s_do_and_go_to_the_master_once_it_is_known(world, masters):
    master = masters({}, hello=None)
    Device(world, "t1=1")
    master.wait(lambda: len(master.discovers()) >= 4, WAIT)
    at = [h.at for h in master.discovers()]
    assert [round(t - at[0], 1) for t in at[:4]] == pytest.approx([0, 1, 3, 6], abs=0.3)
    assert {h.to for h in master.discovers()} == {BROADCAST}
    assert [h.message.mid for h in master.discovers()[:4]] == [1, 2, 3, 4]
    master.hello = 10
    master.wait(lambda: master.discovers()[-1].to == master.wire.mac, WAIT)


def test_it_is_renewed_at_half_of_its_time_and_looks_for_everybody_when_that_fails(world, masters):
    master = masters({169: 2})
    device = Device(world, "t1=1")
    known = master.associated(169, times=3)
    gaps = [b - a for a, b in zip(known.answers, known.answers[1:])]
    assert gaps == pytest.approx([1] * len(gaps), abs=0.4)
    master.silent = True
    expired = device.state("waiting", 1)
    assert expired["reason"] == "the association was not renewed"
    heard = master.wait(lambda: [h for h in master.discovers() if h.to == BROADCAST and h.at > known.answers[-1]], WAIT)
    assert heard[0].at - known.answers[-1] == pytest.approx(2, abs=0.5)


def test_a_master_that_began_anew_is_recognised_by_its_hello(world, masters):
    master = masters({169: 600})
    device = Device(world, "t1=1")
    master.associated(169)
    time.sleep(1.2)  # two Hellos with the same id
    assert len(master.slaves[169].answers) == 1
    master.hid = 7
    assert device.state("known")["reason"] == "the master began anew"
    master.associated(169, times=2)
    assert master.ask(169, "t1").payload == b"1"


def test_an_observer_with_a_token_that_is_text_is_told_by_messages_nobody_acknowledges(world, masters):
    master = masters({169: 600})
    Device(world, "v1;obs=0")
    master.associated(169)
    assert master.observe(169, "v1", b"bla").all(OBSERVE)
    for value in range(1, 41):
        assert master.ask(169, "v1", PUT, str(value).encode()).code == CHANGED
    master.wait(lambda: len(master.notifications(b"bla")) == 41, WAIT)
    told = master.notifications(b"bla")
    assert [m.payload for m in told] == [str(v).encode() for v in range(41)]
    assert {m.kind for m in told[1:]} == {NON}
    numbers = [int.from_bytes(m.all(OBSERVE)[0], "big") for m in told]
    assert numbers == sorted(set(numbers))
    assert master.ask(169, "v1").payload == b"40"  # ends nothing
    master.ask(169, "v1", PUT, b"on")
    master.wait(lambda: master.notifications(b"bla")[-1].payload == b"on", WAIT)


def test_an_observer_as_rfc_7641_has_it_is_asked_to_confirm_now_and_then(world, masters):
    master = masters({169: 600})
    Device(world, "v1;obs=0")
    known = master.associated(169)
    token = b"\xff\x01\x02\x03"
    master.observe(169, "v1", token)
    for value in range(1, 20):
        master.ask(169, "v1", PUT, str(value).encode())
    con = master.wait(lambda: [m for m in master.notifications(token) if m.kind == CON], WAIT)
    master.send(known.mac, Message(ACK, 0, con[-1].mid))
    master.ask(169, "v1", PUT, b"last")
    master.wait(lambda: master.notifications(token)[-1].payload == b"last", WAIT)


def test_in_compat_it_is_the_original(world, masters):
    master = masters({169: 600})
    Device(world, "v1;title=Sensor;rt=sec;obs=0", "t=1", options=["--compat"])
    assert master.associated(169).resources == '<v1>;title="Sensor";rt="sec";obs,<t>;title="";rt=""'
    assert master.observe(169, "v1", b"bla").all(OBSERVE) == [b"\x02"]
    master.ask(169, "v1", PUT, b"1")  # a request without Observe: the original forgets its observer
    assert master.ask(169, "v1/x").payload == b"1"
    assert master.observe(169, "v1", b"bla").all(OBSERVE) == [b"\x02"]
    assert master.ask(169, "t", kind=NON).payload == b"1"  # answered by ACK
    assert master.ask(169, "t", POST).code == wire.BAD_REQUEST
    assert len(master.notifications(b"bla")) == 2


def test_in_compat_notifications_are_acks_with_mids_of_the_slave_s(world, masters, tmp_path):
    value = tmp_path / "value"
    value.write_text("0\n")
    master = masters({169: 600})
    Device(world, f"v1;obs=@{value}", options=["--compat", "--poll", "50ms"])
    master.associated(169)
    master.observe(169, "v1", b"bla")
    for text in "123":
        value.write_text(text)
        master.wait(lambda: master.notifications(b"bla")[-1].payload == text.encode(), WAIT)
    told = master.notifications(b"bla")
    assert [m.all(OBSERVE) for m in told] == [[bytes([n])] for n in range(2, 2 + len(told))]
    assert {m.kind for m in told} == {ACK}
    assert len({m.mid for m in told}) == len(told)


def test_a_list_too_long_for_the_mtu_is_cut_at_a_name_and_whole_elsewhere(world, masters):
    names = [f"r{n:02}" for n in range(30)]
    master = masters({169: 600}, mtu=200)
    Device(world, *(f"{n};rt=x=1" for n in names))
    known = master.associated(169)
    assert known.mtu == 200
    assert 0 < len(known.resources) < 180 and known.resources.endswith('"x"')
    whole, number, more = b"", 0, True
    while more:
        reply = master.ask(169, ".well-known/core", options=[(23, wire.number(number << 4 | 2))])
        whole += reply.payload
        block = int.from_bytes(reply.all(23)[0], "big")
        more, number = block & 8, number + 1
    assert whole.decode() == ",".join(f'</{n}>;rt="x"' for n in names)
    assert reply.all(CONTENT_FORMAT) == [b"\x28"]


def test_only_the_master_is_answered(world, masters):
    master = masters({169: 600})
    Device(world, "t1=1")
    known = master.associated(169)
    other = masters({169: 600}, hello=None, source=bytes.fromhex("02000000aaaa"))
    other.slaves[169].mac = known.mac
    other.send(known.mac, Message(CON, GET, 500, options=[(wire.URI_PATH, b"t1")]))
    other.send(known.mac, wire.control("casan", CON, 501, ttl=5, mtu=200))
    assert master.ask(169, "t1").payload == b"1"
    assert not [h for h in other.heard if h.message.kind == ACK]
    assert len(known.answers) == 1


def test_a_cable_that_is_pulled_and_plugged_begins_with_discover(world, masters):
    master = masters({169: 600})
    device = Device(world, "t1=1")
    master.associated(169)
    device.state("running")
    world.here.link("lan0", False)
    assert device.proc.event("net", WAIT, up=False)
    world.here.link("lan0", True)
    device.proc.event("net", WAIT, 1, up=True)
    master.associated(169, times=2)
    assert master.ask(169, "t1").payload == b"1"


def test_a_command_that_takes_its_time_holds_nobody_up(world, masters):
    master = masters({169: 600})
    Device(world, "slow=!sleep 1; echo late", "t1=1")
    known = master.associated(169)
    master.send(known.mac, Message(CON, GET, 900, b"\xff", [(wire.URI_PATH, b"slow")]))
    assert master.ask(169, "t1").payload == b"1"
    master.wait(lambda: [h for h in master.heard if h.message.payload == b"late" and h.message.token == b"\xff"], WAIT)
