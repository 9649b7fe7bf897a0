"""test_neighbor_wireshark.py - the dissector wireshark/lanyard-neighbor.lua in a real tshark, compared field by
field with `lanyard neighbor decode -J`: two decoders, written apart, that must say the same.
"""
import json
import os
import random
import signal
import struct
import subprocess
import xml.etree.ElementTree as xml
from collections import defaultdict

import pytest

import captures
from lanyard_test import ROOT, binary, wait_for
from neighbor_frames import (L3DL, LSOE, Sender, ethernet, hello, keepalive, l3dl, l3dl_datagram, l3dl_pdu, lsoe,
                             lsoe_datagram, lsoe_pdu, mark, measurement, spaced, vectors)

AT = 1700000000 * 10 ** 9
DISSECTOR = ROOT / "wireshark/lanyard-neighbor.lua"
# Shown for people or made of other fields; what they say is compared with those.
DERIVED = {"payload", "fragment", "reassembled_in", "entry", "entry.flags", "entry.underlay", "entry.label_count",
           "checksum.status", "open.attribute_count", "open.id_length", "open.auth_length", "open.key_length",
           "open.cert_length", "newkey.key_length", "newkey.cert_length", "ulpc.type", "ulpc.count", "ulpc.attribute",
           "ulpc.attribute_length", "signature.length", "pdu_length", "measure.version", "lanyard.version",
           "entry.label.exp", "entry.label.bottom", "bad_checksum", "malformed", "bad_fragment", "error_ack"}


def tshark(file, *words):
    done = subprocess.run(["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", str(file), *words], capture_output=True,
                          text=True, timeout=120, env={**os.environ, "HOME": "/nonexistent", "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture
def capture(tmp_path):
    """capture([(time, octets), ..]): a file."""
    def make(frames, name="frames.pcapng", **options):
        file = tmp_path / name
        file.write_bytes(captures.pcapng(frames, **options))
        return file
    return make


def dissected(file):
    """Of each frame: (dialect or None, {field: [value, ..]})."""
    out = []
    for packet in xml.fromstring(tshark(file, "-T", "pdml")).iter("packet"):
        dialect, fields = None, defaultdict(list)
        for proto in packet.iter("proto"):
            if proto.get("name") in ("lsoe", "l3dl"):
                dialect = dialect or proto.get("name")
        for field in packet.iter("field"):
            assert "Lua Error" not in (field.get("showname") or "") + (field.get("show") or ""), field.attrib
            name = field.get("name")
            if dialect and name.startswith(dialect + "."):
                fields[name[len(dialect) + 1:]].append(value(field))
        out.append((dialect, dict(fields)))
    return out


def value(field):
    text = field.get("show")
    return {"True": "1", "False": "0"}.get(text, text)


def octets(text):
    return ":".join(text[i:i + 2] for i in range(0, len(text), 2)) if ":" not in text else text


def decoded(file):
    done = subprocess.run([binary("lanyard"), "neighbor", "decode", file, "-J"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def open_fields(d, pdu):
    yield "open.nonce", octets(pdu["nonce"])
    yield "open.id", pdu["id"]
    for attribute in pdu["attributes"]:
        yield "open.attribute", attribute
    for name in ("auth", "key", "cert"):
        yield f"open.{name}", octets(pdu.get(name, ""))
    if d == "l3dl":
        yield "open.auth_type", pdu["auth_type"]
        yield "open.serial", pdu["serial"]


def entry_fields(d, pdu):
    yield "count", pdu["count"]
    for p in pdu["prefixes"]:
        yield "entry.address" + ("6" if ":" in p["address"] else "4"), p["address"]
        yield "entry.prefix_length", p["length"]
        yield "entry.primary", p["primary"]
        yield "entry.loopback", p["loopback"]
        if d == "l3dl":
            yield "entry.announce", p["announce"]
        for label in p.get("labels", []):
            yield "entry.label", label


def vendor_fields(_, pdu):
    yield "vendor.enterprise", pdu["enterprise"]
    yield "vendor.type", pdu["vendor_type"]
    yield "vendor.data", octets(pdu["data"])
    for name, number in pdu.get("measure", {}).items():
        yield f"measure.{name}", number


def ulpc_fields(_, pdu):
    yield "ulpc.asn", pdu["asn"]
    for family in "46":
        if f"address{family}" in pdu:
            yield f"ulpc.address{family}", pdu[f"address{family}"]
            yield f"ulpc.prefix{family}", pdu[f"length{family}"]
    yield "ulpc.auth", octets(pdu["auth"])
    if pdu["gtsm"]:
        yield "ulpc.gtsm", 1


def pdu_fields(d, pdu):
    if pdu["type"] == 1:
        yield from open_fields(d, pdu)
    elif pdu["type"] == 3:
        yield from (("ack.type", pdu["acks"]), ("ack.etype", pdu["etype"]), ("ack.code", pdu["code"]), ("ack.hint", pdu["hint"]))
    elif 4 <= pdu["type"] <= 7:
        yield from entry_fields(d, pdu)
    elif pdu["type"] == 8:
        yield from (("newkey.type", pdu["key_type"]), ("newkey.key", octets(pdu["key"])), ("newkey.cert", octets(pdu["cert"])))
    elif pdu["type"] == 9:
        yield from ulpc_fields(d, pdu)
    elif pdu["type"] == 255:
        yield from vendor_fields(d, pdu)
    if d == "l3dl":
        yield "signature.type", pdu["signature_type"]
        yield "signature", octets(pdu["signature"])
        if pdu["type"] in (4, 5, 6, 7, 255):
            yield "serial", pdu["serial"]


def expected_fields(frame):
    d = frame["dialect"]
    for name, number in frame.get("datagram", {}).items():
        yield {"checksum_right": "checksum.calculated"}.get(name, name), number
    yield "padding", octets(frame.get("padding", ""))
    if "lanyard" in frame:
        yield "lanyard.measures", frame["lanyard"]["measures"]
    pdu = frame.get("pdu", {})
    yield "fault", frame.get("fault") or pdu.get("fault") or ""
    if pdu and "fault" not in pdu:
        yield "type", pdu["type"]
        yield from pdu_fields(d, pdu)


def text(v):
    return str(int(v)) if isinstance(v, bool) else str(v)


def compare(frame, dialect, fields):
    assert dialect == frame["dialect"], frame
    expected = defaultdict(list)
    for name, number in expected_fields(frame):
        if number != "":
            expected[name].append(text(number))
    if frame.get("pdu", {}).get("fault"):  # what could be read is shown, and is not compared
        fields = {name: v for name, v in fields.items() if name in ("version", "tsn", "last", "number", "length",
                                                                   "checksum", "padding", "fault")}
    if frame.get("pdu", {}).get("impossible"):  # entries that the receiver passes over: shown, with an expert info
        bits = 32 if "entry.address4" in fields else 128
        assert [n for n in fields["entry.prefix_length"] if int(n) <= bits] == expected["entry.prefix_length"]
        assert len(fields["entry.prefix_length"]) - len(expected["entry.prefix_length"]) == frame["pdu"]["impossible"]
        fields = {name: v for name, v in fields.items() if not name.startswith("entry.")}
        expected = {name: v for name, v in expected.items() if not name.startswith("entry.")}
    shown = {name: v for name, v in fields.items() if name not in DERIVED}
    assert shown == dict(expected), frame


def compare_all(file, count=None):
    frames, packets = decoded(file), dissected(file)
    frames = [f for f in frames if f["size"] > (18 if "vlan" in f else 14)]  # nobody is called for a frame without content
    assert len(frames) == len([p for p in packets if p[0]])
    assert count is None or len(frames) == count
    for frame in frames:
        compare(frame, *packets[frame["frame"] - 1])
    return frames, packets


def rest():
    """What the captured frames do not have: signatures, keys, certificates, all of ULPC, Lanyard's own."""
    key, cert, signature = bytes(range(32)), b"c" * 64, b"\xee" * 64
    signed = {"algorithm": 15, "signature": signature}
    head = bytes.fromhex("deadbeef") + b"\3\1\2\3" + b"\2\x0a\x0b"
    return [
        l3dl(1, head + b"\x0f\0\x20" + key + b"\0\x40" + cert + bytes(4), **signed, padding=mark(1)),
        l3dl(1, head + b"\x0f\0\x20" + key + b"\0\0" + bytes(4), **signed, padding=mark(0)),
        l3dl(8, b"\x0f\0\x20" + key + b"\0\x40" + cert, **signed),
        l3dl(2, algorithm=8, signature=b"s" * 256),
        l3dl(9, b"\1\5" + b"\1\6\0\0\xfd\xe9" + b"\2\7\x0a\0\0\1\x1e" + b"\3\x13" + bytes(15) + b"\1\x40" + b"\4\5key"
             + b"\5\4\x80\0", **signed),
        l3dl(255, bytes(4) + measurement(3, 10, 9, 1 << 60, 2 ** 64 - 1, 7)),
        lsoe(255, measurement(1, 2, 3)),
        lsoe(1, bytes(4) + b"0123456789" + b"\0" + bytes(2), padding=mark(1) + b"more"),
        lsoe(2, padding=bytes(35)),
        lsoe(2, padding=b"LANY\2\1\0\0"),
        hello(vlan=7),
        l3dl(6, b"\0\0\1\0\0\0\1" + bytes([0x50, 2]) + bytes.fromhex("00064e0012d1") + bytes([10, 9, 9, 1, 32])),
        l3dl(2, tsn=65535), l3dl(0),
        l3dl(2, ethertype=LSOE), lsoe(2, ethertype=L3DL)]


def broken():
    """L3DL that is wrong in each way, and a datagram whose checksum is folded twice (section 1.4)."""
    return [
        ethernet(bytes.fromhex("0080001100000001" "5137514e6969696969")),
        l3dl(0, algorithm=15, signature=b"x"), l3dl(2, algorithm=15), l3dl(2, signature=b"x"), l3dl(2, b"x"), l3dl(7),
        l3dl(8, b"\0\0\0\0\0"), l3dl(8, b"\x0f\0\1kx"), l3dl(9), l3dl(9, b"\2\0"), l3dl(9, b"\1\1\1\6\0\0\0\1"),
        l3dl(9, b"\1\2\1\6\0\0\0\1\2\7\0\0\0\0\x21"), l3dl(9, b"\1\2\1\6\0\0\0\1\1\6\0\0\0\1"), l3dl(9, b"\1\1\7\3a"),
        l3dl(9, b"\1\2\1\6\0\0\0\0\2\7\0\0\0\0\x20"), l3dl(9, b"\1\2\1\6\0\0\0\1\2\7\0\0\0\0\x20z"),
        l3dl(1, bytes(4) + b"\0\0" + b"\x0f\0\0\0\0" + bytes(4)), l3dl(1, bytes(4) + b"\0\0" + b"\0\0\1k" + bytes(4)),
        l3dl(3, b"\4\x50\1\0\0"), l3dl(3, b"\4\x10\5\0\0"), l3dl(255, b"\0\0\0\1"), l3dl(77),
        ethernet(l3dl_datagram(b""), ethertype=L3DL), ethernet(l3dl_datagram(b"\2\0\0"), ethertype=L3DL),
        ethernet(l3dl_datagram(l3dl_pdu(2)[:-1]), ethertype=L3DL), ethernet(l3dl_datagram(l3dl_pdu(2) + b"z"), ethertype=L3DL),
        ethernet(l3dl_datagram(l3dl_pdu(2))[:11], ethertype=L3DL), ethernet(bytes(46), ethertype=L3DL)]


def test_every_captured_and_made_frame_is_dissected_as_it_is_decoded(capture):
    groups = vectors()
    frames, packets = compare_all(capture(spaced(groups.values())), sum(map(len, groups.values())))
    assert {f["dialect"] for f in frames} == {"lsoe", "l3dl"}
    assert len([p for _, p in packets if "fragment" in p]) >= 10


def test_signatures_keys_and_what_lanyard_adds_are_dissected_as_they_are_decoded(capture):
    frames, packets = compare_all(capture(spaced([[f] for f in rest()])), len(rest()))
    assert not any("fault" in f or "fault" in f.get("pdu", {}) for f in frames)
    opened = packets[0][1]
    assert opened["open.key"] == [":".join(f"{n:02x}" for n in range(32))] and opened["lanyard.measures"] == ["1"]
    assert packets[5][1]["measure.echo"] == [str(2 ** 64 - 1)] and packets[5][1]["measure.sent"] == ["10"]
    assert packets[9][1].get("lanyard.version") is None  # of a version that is not known
    assert packets[11][1]["entry.label.exp"] == ["7", "0"] and packets[11][1]["entry.label.bottom"] == ["0", "1"]


def test_whatever_is_wrong_is_said_with_the_same_words(capture):
    frames, _ = compare_all(capture(spaced([[f] for f in broken()])), len(broken()))
    assert all(f.get("fault") or f["pdu"].get("fault") for f in frames), [f for f in frames if "fault" not in str(f)]


def test_every_truncation_of_every_pdu_is_judged_alike(capture):
    pdus = [(lsoe_pdu(k, b), lsoe_datagram, LSOE) for k, b in (
        (1, bytes(4) + b"0123456789" + b"\2ab\0\0"), (3, b"\4\0\0\0\0"), (4, b"\0\2" + bytes([0, 10, 0, 0, 1, 8] * 2)),
        (7, b"\0\1" + bytes([0, 1, 0, 6, 65] + [0] * 16 + [64])), (255, b"\0\0\0\1\2data"))]
    pdus += [(l3dl_pdu(k, b, 15, b"sig"), l3dl_datagram, L3DL) for k, b in (
        (1, bytes(4) + b"\3abc" + b"\1x" + b"\x0f\0\2kk\0\2cc" + bytes(4)), (3, b"\4\0\0\0\0"),
        (6, b"\0\0\1\0\0\0\1" + bytes([0x80, 1, 0, 6, 65, 10, 0, 0, 1, 24])), (8, b"\x0f\0\1k\0\1c"),
        (9, b"\1\2\1\6\0\0\0\1\2\7\x0a\0\0\1\x1e"), (255, b"\0\0\0\1\0\0\0\1\2data"))]
    frames = []
    for pdu, wrap, ethertype in pdus:
        for n in range(len(pdu)):
            frames.append(ethernet(wrap(pdu[:n]), ethertype=ethertype))
            fixed = struct.pack(">BH", pdu[0], n) + pdu[3:n] if ethertype == LSOE and n >= 3 else None
            frames += [ethernet(wrap(fixed))] if fixed else []  # the length says the truth
    compare_all(capture(spaced([[f] for f in frames])), len(frames))


def test_a_wrong_checksum_is_marked_and_can_be_filtered(capture):
    good = keepalive()
    frames = [good, good[:-4] + b"\xff" + good[-3:], hello()]
    file = capture(spaced([frames]))
    packets = dissected(file)
    assert [p["checksum.status"] for _, p in packets] == [["1"], ["0"], ["1"]]
    assert packets[1][1]["checksum.calculated"] == ["0x5089ca1c"]
    for expression in ("lsoe.checksum.status == 0", "lsoe.bad_checksum", "lsoe.fault contains \"checksum\"",
                       "_ws.expert.group == \"Checksum\""):
        assert tshark(file, "-Y", expression, "-T", "fields", "-e", "frame.number").split() == ["2"], expression


def test_fields_filter_and_the_list_of_packets_says_what_it_is(capture):
    file = capture(spaced([[hello()], [lsoe(3, b"\4\x20\1\0\5")], [lsoe(4, b"\0\1" + bytes([0x80, 10, 0, 0, 1, 24]))]]))
    assert "ACK of IPV4, restart the session: link addressing conflict" in tshark(file, "-Y", "lsoe.error_ack")
    assert tshark(file, "-Y", "lsoe.entry.address4 == 10.0.0.0/24 && lsoe.entry.primary", "-T", "fields",
                  "-e", "lsoe.entry") == "10.0.0.1/24 primary\n"
    assert tshark(file, "-T", "fields", "-e", "_ws.col.Protocol").split() == ["LSOE"] * 3


def test_ethertypes_and_recognition_are_preferences(capture):
    file = capture(spaced([[keepalive(ethertype=0x9999), l3dl(2, ethertype=LSOE)]]))
    assert [d for d, _ in dissected(file)] == [None, "l3dl"]
    shown = tshark(file, "-o", "lsoe.ethertypes:0x8885,0x9999", "-o", "lsoe.recognise:FALSE", "-T", "fields",
                   "-e", "_ws.col.Protocol")
    assert shown.split() == ["LSOE", "LSOE"]


def test_two_passes_say_the_same_as_one_and_frames_know_where_they_were_put_together(capture):
    groups = {name: f for name, f in vectors().items() if name.startswith("frag_") or "datagrams" in name}
    file = capture(spaced(groups.values()))
    one, two = (tshark(file, *more, "-T", "fields", "-e", "frame.number", "-e", "lsoe.count", "-e", "lsoe.fragment")
                for more in ([], ["-2"]))
    assert one == two
    into = tshark(file, "-2", "-Y", "lsoe.reassembled_in", "-T", "fields", "-e", "frame.number", "-e", "lsoe.reassembled_in")
    assert len(into.splitlines()) >= 8 and all(int(a) != int(b) for a, b in map(str.split, into.splitlines()))


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_of_a_frame_makes_an_error_of_the_script(capture, seed):
    rng = random.Random(seed)
    pool = [f for group in vectors().values() for f in group if len(f) < 700] + rest() + broken()
    frames = []
    for _ in range(1500):
        frame = bytearray(rng.choice(pool))
        kind = 0x88b5 if frame[12:14] == b"\x88\xb5" else 0x8885
        for _ in range(rng.choice((0, 1, 1, 2, 8))):
            frame[rng.randrange(14, len(frame))] = rng.choice((0, 1, 255, rng.randrange(256)))
        if rng.random() < 0.3:
            del frame[rng.randrange(14, len(frame)):]
        if rng.random() < 0.7:  # right again, so that more than the checksum is reached
            frame = with_checksum(frame, kind)
        frames.append(bytes(frame))
    file = capture([(AT + n * 10 ** 6, f) for n, f in enumerate(frames)])
    compare_all(file)
    assert "Lua Error" not in tshark(file, "-V")


def with_checksum(frame, kind):
    content, wrap, head = frame[14:], lsoe_datagram, 8
    if kind == L3DL:
        wrap, head = l3dl_datagram, 12
    if len(content) < head:
        return frame
    payload = bytes(content[head:])
    if kind == L3DL:
        made = wrap(payload, int.from_bytes(content[1:3], "big"), content[3] % 2 << 16 & 0, content[3] > 127)
    else:
        made = wrap(payload, content[1] % 4, content[1] > 127)
    return frame[:14] + made


def test_a_live_capture_is_dissected_as_it_is_decoded(lan, tmp_path):
    a, b = lan.net.namespace(), lan.net.namespace()
    lan.net.cable(a, b)
    file = tmp_path / "live.pcapng"
    proc = lan.start("lanyard", "neighbor", "capture", "lan0", "-w", file, "-v", ns=a)
    proc.line("capturing on", stream="err")
    here, there = Sender(a), Sender(b)
    frames = vectors()
    sent = [f for name in ("cap_A_open", "cap_B_ipv4_count353", "bad_checksum", "l3dl_open", "vlan_tagged_hello_vid5")
            for f in frames[name]] + rest()
    for n, frame in enumerate(sent, 1):
        (here if n % 2 else there).send(frame)
        wait_for(lambda: len(decoded(file)) == n)
    here.close()
    there.close()
    assert proc.stop(signal.SIGINT) == 0
    got, _ = compare_all(file, len(sent))
    assert {f["direction"] for f in got} == {"in", "out"}
