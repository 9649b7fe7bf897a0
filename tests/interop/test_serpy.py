"""Both serpy wires in all four roles: our end (serpy_end.c, the public interface) and another implementation
(serpy_peer.py).

In `make check` that is a second one made from the description of the wire; with SERPY_REPO=DIR, a checkout of
ArthurLuciani/serpy, it is the original: see README.md.
"""
import base64
import hashlib
import json
import math
import os
import random

import pytest

from lanyard_test import free_port, wait_for
from serpy_ends import ORIGINAL, WAIT, Ours, Theirs, pair

MESSAGES = int(os.environ.get("SERPY_MESSAGES", 10000))
PARALLEL = 10 if ORIGINAL else 1  # the original takes 100 or 200 messages a second from each connection
BLOB_MAX = int(os.environ.get("SERPY_BLOB_MAX", 1 << 20 if ORIGINAL else 64 << 20))  # its time grows with the square
SIZES = (0, 1, 4095, 4096, 4097, 1 << 20, 64 << 20)
ROLES = ("serve", "connect")  # ours
DIALECTS = ("serpy1", "serpy2")
TEXTS = ("hello", "yes éµù", "日本語", "two\nlines", " ", "~" * 5000)
INTS = (0, 1, -1, 123, 600000, 255, 256, 2**31, -2**31, 2**63 - 1, -2**63)
FLOATS = (0.0, -0.0, 1.5, 12.35, -1e6, 0.1, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf, -math.inf,
          math.nan)
BYTES = (b"", b"\0", b"\x1f", b"\1\4\x1f\xff", bytes(range(256)), bytes.fromhex("decafecafe"), b"b" * 4096, b"c" * 5000)
OBJECTS = {"None": None, "True": True, "[1, 2, [3]]": [1, 2, [3]], "{'a': 1, 'b': [None, 'x']}": {"a": 1, "b": [None, "x"]},
           "(1, 'two')": {"tuple": [1, "two"]}, "{1: 'one'}": {"dict": [[1, "one"]]}, "[2.5, -7]": [2.5, -7],
           "['日本']": ["日本"], "18446744073709551617 and [18446744073709551617]": [{"int": "18446744073709551617"}]}


def changed(kind, mode):
    """The mode that a library sends a type of value in when it is asked for `mode`."""
    if kind == "bytes":
        return {0: 2, 4: 2, 1: 3, 5: 3}.get(mode, mode)
    return {0: 4, 2: 4, 1: 5, 3: 5}.get(mode, mode) if kind == "object" else mode


# --- serpy1 ------------------------------------------------------------------------

@pytest.mark.limit(180)
@pytest.mark.parametrize("role", ROLES)
def test_every_type_in_every_mode_arrives_as_it_is_and_in_the_mode_it_needs(lan, role):
    ours, theirs = pair(lan, role, "serpy1")
    items = [("str", "Grüße", "Grüße".encode()), ("int", 42, b"42"), ("float", (12.5).hex(), b"12.5"),
             ("bytes", "0001041fff", bytes.fromhex("0001041fff"))]
    expected = []
    for mode in range(6):
        for kind, value, data in items:
            theirs.send(**{kind: value}, mode=mode)
            expected.append((changed(kind, mode), data))
    for event, (mode, data) in zip(ours.got(len(expected)), expected):
        assert event["mode"] == mode
        if mode >= 4:  # a pickle of the bytes
            assert event["type"] == "object" and event["json"] == {"base64": base64.b64encode(data).decode()}
        else:
            assert event["type"] == "bytes" and bytes.fromhex(event["hex"]) == data
    assert theirs.done(24) == [None if mode in (0, 2, 4) else True for mode, _ in expected]
    for mode in range(6):
        for kind, value, _ in items:
            ours.send(**{kind: value}, mode=mode)
    assert theirs.data(24) == [data for _, data in expected]
    ours.got(sum(mode in (1, 3, 5) for mode, _ in expected), "acked")


@pytest.mark.limit(180)
@pytest.mark.parametrize("role", ROLES)
def test_objects_arrive_with_their_values_both_ways(lan, role):
    ours, theirs = pair(lan, role, "serpy1")
    literals = [text.split(" and ")[-1] for text in OBJECTS]
    for i, literal in enumerate(literals):
        theirs.send(object=literal, mode=(4, 5, 0, 1, 2, 3)[i % 6])
    events = ours.got(len(literals))
    assert [e["json"] for e in events] == list(OBJECTS.values())
    assert [e["mode"] for e in events] == [(4, 5)[i % 2] for i in range(len(literals))]
    for i, value in enumerate(OBJECTS.values()):
        ours.send(object=value, mode=(4, 5, 0, 1, 2, 3)[i % 6])
    assert [x["repr"] for x in theirs.got(len(literals))] == literals


@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
def test_a_forced_mode_announces_another_than_it_encodes(lan, role):
    ours, theirs = pair(lan, role, "serpy1")
    data = b"\0\1\4\x1f\xff"
    theirs.send(bytes=data.hex(), mode=0, force=True)
    assert ours.data(1) == [base64.b85encode(data)] and ours.got(1)[0]["mode"] == 0
    ours.send(bytes=data.hex(), mode=0, force=True)
    assert theirs.data(1) == [base64.b85encode(data)]


@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("encoding,texts", [("utf-8", TEXTS), ("latin-1", ("hello", "yes éµù", "\xa0ÿ")), ("ascii", ("plain",))])
def test_text_arrives_in_the_encoding_that_was_agreed_upon(lan, role, encoding, texts):
    ours, theirs = pair(lan, role, "serpy1", encoding)
    digest = [hashlib.sha256(t.encode(encoding)).hexdigest() for t in texts] * 2
    for mode in (0, 3):
        for text in texts:
            theirs.send(str=text, mode=mode)
            ours.send(str=text, mode=mode)
    for side in (ours, theirs):
        got = [x.get("sha256") or hashlib.sha256(bytes.fromhex(x["hex"])).hexdigest() for x in side.got(len(digest))]
        assert got == digest
    if encoding != "utf-8":
        theirs.send(str="日本語", mode=0)
        assert theirs.got(1, "error")[0]["error"] == "UnicodeEncodeError"
        ours.send(str="日本語", mode=0)
        ours.got(1, "unsent")


@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
def test_an_empty_message_arrives_only_in_modes_1_and_3(lan, role):
    ours, theirs = pair(lan, role, "serpy1")
    for mode in (0, 1, 2, 3):
        theirs.send(str="", mode=mode)
        ours.send(str="", mode=mode)
    theirs.send(str="end", mode=0)
    ours.send(str="end", mode=0)
    assert ours.data(3) == [b"", b"", b"end"] and [e["mode"] for e in ours.got(3)] == [1, 3, 0]
    assert theirs.data(3) == [b"", b"", b"end"]
    assert len(ours.proc.events("unsent")) == 2


@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
def test_a_message_is_acknowledged_when_the_application_pulls_it(lan, role):
    ours, theirs = pair(lan, role, "serpy1")
    theirs.send(str="first", mode=1)
    ours.got(1)
    ours.send(hold=True)
    ours.got(1, "held")
    theirs.send(str="second", mode=1, timeout=1)
    assert theirs.done(2) == [True, False]
    ours.send(hold=False)
    assert ours.data(2) == [b"first", b"second"]


@pytest.mark.limit(120)
@pytest.mark.parametrize("mode", (1, 3, 5))
def test_a_client_that_comes_back_in_a_mode_it_did_not_announce_is_acknowledged(lan, mode):
    """It believes that the new connection has the mode of the old one. Its own server would leave it waiting."""
    ours, theirs = pair(lan, "serve", "serpy1", options=("--restart",))
    theirs.send(str="before", mode=mode)
    assert theirs.done() == [True]
    ours.send(drop=True)
    ours.got(2, "up")
    theirs.got(2, "up")
    theirs.send(str="after", mode=mode, timeout=WAIT)
    assert theirs.done(2) == [True, True]
    assert [e["stale"] for e in ours.got(2)] == [False, True]
    if mode == 1:
        assert ours.data(2)[1] == b"after"
    theirs.send(str="another mode", mode=4 - mode if mode != 5 else 1, timeout=WAIT)
    assert theirs.done(3)[2] is True and not ours.got(3)[2]["stale"]


@pytest.mark.limit(120)
def test_a_client_that_comes_back_reads_what_we_send_in_another_mode_than_before(lan):
    ours, theirs = pair(lan, "serve", "serpy1", options=("--restart",))
    ours.send(bytes="00ff", mode=2)
    theirs.got(1)
    ours.send(drop=True)
    ours.got(2, "up")
    theirs.got(2, "up")
    ours.send(to=2, bytes="00fe", mode=2)
    ours.send(to=2, str="text", mode=0)
    assert theirs.data(3) == [b"\0\xff", b"\0\xfe", b"text"]


@pytest.mark.limit(120)
def test_a_client_that_comes_back_reads_text_that_needs_no_mode(lan):
    """It still reads in the mode of the old connection until it is told one."""
    ours, theirs = pair(lan, "serve", "serpy1", options=("--restart",))
    ours.send(bytes="00ff", mode=2)
    theirs.got(1)
    ours.send(drop=True)
    ours.got(2, "up")
    theirs.got(2, "up")
    ours.send(to=2, str="text", mode=0)
    assert theirs.data(2) == [b"\0\xff", b"text"]


@pytest.mark.limit(120)
def test_our_client_announces_its_mode_again_to_a_server_that_came_back(lan):
    theirs = Theirs(lan, "serve", "serpy1", free_port(), "--encoding", "utf-8")
    ours = Ours(lan, "connect", "serpy1", f"127.0.0.1:{theirs.port}", "utf-8")
    ours.send(bytes="00ff", mode=3)
    assert theirs.data(1) == [b"\0\xff"]
    ours.got(1, "acked")
    theirs.proc.kill()
    ours.got(1, "down")
    ours.send(bytes="00fe", mode=3)
    again = Theirs(lan, "serve", "serpy1", theirs.port, "--encoding", "utf-8")
    assert again.data(1) == [b"\0\xfe"]
    assert [e["connects"] for e in ours.got(2, "up")] == [1, 2]
    ours.got(2, "acked")


# --- serpy2 ------------------------------------------------------------------------

@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
def test_every_type_of_serpy2_arrives_with_its_value_both_ways(lan, role):
    ours, theirs = pair(lan, role, "serpy2")
    texts = ("", *TEXTS[:5], "nul\0inside", "\U0001f512" * 1000)
    items = [("int", i) for i in INTS] + [("float", f.hex()) for f in FLOATS] + [("str", t) for t in texts]
    items += [("bytes", b.hex()) for b in BYTES]
    for kind, value in items:
        theirs.send(**{kind: value})
        ours.send(**{kind: value})
    for got in (ours.got(len(items)), theirs.got(len(items))):
        for event, (kind, value) in zip(got, items):
            assert event["type"] == kind
            if kind == "float":
                a, b = float.fromhex(event["value"]), float.fromhex(value)
                assert a.hex() == b.hex()  # tells -0.0 from 0.0, and nan is nan
            elif kind == "int":
                assert event["value"] == value
            else:
                data = value.encode() if kind == "str" else bytes.fromhex(value)
                if len(data) <= 4096:
                    assert bytes.fromhex(event["hex"]) == data
                else:
                    assert event["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.limit(60)
def test_an_integer_wider_than_64_bits_arrives_whole(lan):
    ours, theirs = pair(lan, "serve", "serpy2")
    wide = (2**100 + 7).to_bytes(16, "little")
    theirs.send(raw=(bytes.fromhex("decafecafe01") + sum(wide).to_bytes(4, "little") + len(wide).to_bytes(4, "little")
                     + wide).hex())
    event = ours.got(1)[0]
    assert event["type"] == "int" and int.from_bytes(bytes.fromhex(event["hex"]), "little", signed=True) == 2**100 + 7


# --- both --------------------------------------------------------------------------

@pytest.mark.limit(900)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("role", ROLES)
def test_ten_thousand_messages_arrive_each_way_in_order_without_a_loss(lan, role, dialect):
    each = MESSAGES // PARALLEL
    pairs = [pair(lan, role, dialect) for _ in range(PARALLEL)]
    for ours, theirs in pairs:
        theirs.send(numbers=each, first=0, mode=0)
        ours.send(numbers=each, first=0, mode=0)
    for ours, theirs in pairs:
        expected = [f"message {i}".encode() for i in range(each)]
        assert ours.data(each) == expected
        assert theirs.data(each) == expected


@pytest.mark.limit(600)
@pytest.mark.parametrize("mode", (1, 2, 3, 4, 5))
@pytest.mark.parametrize("role", ROLES)
def test_many_messages_arrive_each_way_in_order_in_every_mode(lan, role, mode):
    acked = mode in (1, 3, 5)
    many = 50 if ORIGINAL and acked else 1000
    ours, theirs = pair(lan, role, "serpy1")
    theirs.send(numbers=many, first=0, mode=mode)
    ours.send(numbers=many, first=0, mode=mode)
    expected = [f"message {i}".encode() for i in range(many)]
    if mode >= 4:
        assert [e["json"] for e in ours.got(many)] == [{"base64": base64.b64encode(x).decode()} for x in expected]
    else:
        assert ours.data(many) == expected
    assert theirs.data(many) == expected
    assert theirs.done() == [True if acked else None]
    ours.got(many if acked else 0, "acked")


@pytest.mark.limit(1800)
@pytest.mark.parametrize("size", [s for s in SIZES if s <= BLOB_MAX])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("role", ROLES)
def test_blobs_of_all_sizes_arrive_with_the_same_hash(lan, role, dialect, size, tmp_path):
    if dialect == "serpy1" and size > 4 << 20 and "SERPY_BLOB_MAX" not in os.environ:
        size = 4 << 20  # base85 in Python
    file, data = tmp_path / "blob", random.Random(size).randbytes(size)
    file.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    ours, theirs = pair(lan, role, dialect, flags=("pieces",))
    patience = 1700 if ORIGINAL and size > 1 << 20 else 2 * WAIT
    theirs.send(blob=str(file), mode=3, timeout=None)
    kind = "message" if size <= 64 << 10 else "piece"  # what fits into one piece is a message
    wait_for(lambda: ours.proc.events(kind), patience, what="the blob at our end")
    event = ours.got(1, kind)[0]
    assert "err" not in event
    ours.send(blob=str(file), mode=3)
    wait_for(lambda: theirs.lines("from"), patience, what="the blob at theirs")
    for line in (event, theirs.got(1)[0]):
        assert line["len"] == size
        assert (line.get("sha256") or hashlib.sha256(bytes.fromhex(line["hex"])).hexdigest()) == digest


@pytest.mark.limit(60)
@pytest.mark.parametrize("how", ("finish", "drop", "close"))
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("role", ROLES)
def test_the_other_end_sees_us_close(lan, role, dialect, how):
    ours, theirs = pair(lan, role, dialect)
    ours.send(str="last")
    theirs.got(1)
    ours.send(**{how: True})
    theirs.got(1, "down")
    if how != "close":
        ours.got(1, "down")


@pytest.mark.limit(60)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_we_see_a_client_close(lan, dialect):
    ours, theirs = pair(lan, "serve", dialect)
    theirs.send(str="last")
    ours.got(1)
    theirs.send(close=True)
    down = ours.got(1, "down")[0]
    assert down["conn"] == 1 and down["reason"] and down["cut"] == 0


@pytest.mark.limit(60)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_our_client_sees_a_server_stop_and_finds_the_next_one(lan, dialect):
    theirs = Theirs(lan, "serve", dialect, free_port(), "--encoding", "utf-8")
    ours = Ours(lan, "connect", dialect, f"127.0.0.1:{theirs.port}", "utf-8")
    ours.send(str="to the first")
    assert theirs.data(1) == [b"to the first"]
    theirs.send(stop=True)
    ours.got(1, "down")
    theirs.proc.kill()
    ours.send(str="to the second")
    again = Theirs(lan, "serve", dialect, theirs.port, "--encoding", "utf-8")
    assert again.data(1) == [b"to the second"]
    assert [e["connects"] for e in ours.got(2, "up")] == [1, 2]


@pytest.mark.limit(60)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_client_of_theirs_that_was_cut_off_comes_back_and_goes_on(lan, dialect):
    ours, theirs = pair(lan, "serve", dialect, options=("--restart",))
    theirs.send(str="before", mode=0)
    ours.got(1)
    for number in range(2, 5):
        ours.send(to=number - 1, drop=True)
        ours.got(number, "up")
        theirs.got(number, "up")
        theirs.send(str=f"after {number}", mode=0)
        ours.send(to=number, str=f"to {number}")
        assert ours.data(number)[-1] == f"after {number}".encode()
        assert theirs.data(number - 1)[-1] == f"to {number}".encode()
    assert [e["conn"] for e in ours.got(4)] == [1, 2, 3, 4]
