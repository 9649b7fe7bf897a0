"""test_neighbor_decode.py - `lanyard neighbor decode`: captures of the family as lines and as JSON."""
import json
import os
import random
import struct
import subprocess

import pytest

import captures
from lanyard_test import binary
from neighbor_frames import (L3DL, LANYARD, LSOE, MAC_A, MAC_B, ethernet, hello, keepalive, l3dl, lsoe, lsoe_datagram,
                             lsoe_pdu, mark, measurement, spaced, vectors)

AT = 1700000000123456789
ANNOUNCED = struct.pack(">H", 2) + bytes([0x80, 10, 0, 0, 1, 24, 0x40, 127, 0, 0, 1, 8])


def decode(*words, data=None, **options):
    return subprocess.run([binary("lanyard"), "neighbor", "decode", *map(str, words)], capture_output=True, timeout=30,
                          input=data, env={**os.environ, "TZ": "UTC"}, **options)


def lines(data, *words):
    done = decode("-", *words, data=data)
    assert done.returncode == 0, done
    return done.stdout.decode().splitlines()


def objects(data, *words):
    return [json.loads(line) for line in lines(data, "-J", *words)]


def one(frame, *words):
    """The only frame of a capture, as JSON."""
    got = objects(captures.pcapng([(AT, frame)]), *words)
    assert len(got) == 1
    return got[0]


def said(frame):
    """What is said of a frame, behind time, interface and addresses."""
    return lines(captures.pcapng([(AT, frame)]))[0].split(" 02:00:00:00:00:0b ", 1)[1]


def test_a_frame_is_a_line_with_time_interface_direction_and_addresses():
    data = captures.pcapng([(AT, hello(), 1, captures.OUT), (AT + 1000, keepalive(), 0, captures.IN),
                            (AT + 2000, keepalive(vlan=5))], names=(b"lan0", b"swp1"))
    assert lines(data) == [
        "22:13:20.123456 swp1 out 02:00:00:00:00:0a > 01:80:c2:00:00:0e lsoe HELLO",
        "22:13:20.123457 lan0 in 02:00:00:00:00:0a > 02:00:00:00:00:0b lsoe KEEPALIVE",
        "22:13:20.123458 lan0 - 02:00:00:00:00:0a > 02:00:00:00:00:0b vlan 5 lsoe KEEPALIVE"]


@pytest.mark.parametrize("frame,text", [
    (lsoe(1, bytes.fromhex("01020304") + b"leaf0\0\0\0\0\0" + b"\2\7\x09" + b"\0\0"),
     "lsoe OPEN nonce 01020304 id 6c:65:61:66:30:00:00:00:00:00 attributes 7,9"),
    (lsoe(1, bytes(14) + b"\0" + b"\0\3abc", padding=mark(1)),
     "lsoe OPEN nonce 00000000 id 00:00:00:00:00:00:00:00:00:00 authentication of 3 octets (Lanyard)"),
    (lsoe(3, b"\4\x20\1\0\5"), "lsoe ACK of IPV4, restart the session: link addressing conflict (hint 5)"),
    (l3dl(3, b"\4\x20\1\0\5"), "l3dl ACK of IPV4, restart the session: checksum error (hint 5)"),
    (lsoe(4, ANNOUNCED), "lsoe IPV4 2 entries: 10.0.0.1/24 primary, 127.0.0.1/8 loopback"),
    (lsoe(4, struct.pack(">H", 6) + b"".join(bytes([0, 10, 0, 0, n, 32]) for n in range(6))),
     "lsoe IPV4 6 entries: 10.0.0.0/32, 10.0.0.1/32, 10.0.0.2/32, 10.0.0.3/32 and 2 more"),
    (l3dl(4, b"\0\0\1\0\0\0\7" + bytes([0x20, 10, 0, 0, 1, 24])), "l3dl IPV4 serial 7, 1 entry: -10.0.0.1/24"),
    (l3dl(255, b"\0\0\0\0" + measurement(3, 10, 9)),
     "l3dl VENDOR measurement of Lanyard, sequence 3, KEEPALIVEs sent 10, received 9, serial 0"),
    (l3dl(2, algorithm=15, signature=bytes(64)), "l3dl KEEPALIVE signed by ED25519"),
    (lsoe(9), "lsoe type 9 [unknown PDU type]"),
    (lsoe(2, b"x"), "lsoe KEEPALIVE [HELLO or KEEPALIVE with a payload]"),
    (lsoe(4, struct.pack(">H", 1) + bytes([0, 10, 0, 0, 1, 99])), "lsoe IPV4 1 entry [1 with an impossible prefix length]"),
    (ethernet(lsoe_datagram(lsoe_pdu(2))[:7]), "lsoe [shorter than a header]"),
    (ethernet(lsoe_datagram(lsoe_pdu(2), version=1)), "lsoe [version is not 0]"),
    (ethernet(lsoe_datagram(lsoe_pdu(2))[:-1]), "lsoe [datagram length does not match the frame]"),
    (ethernet(bytes.fromhex("0080000bdeadbeef020003")), "lsoe [wrong checksum deadbeef, should be 5089ca1c]"),
])
def test_what_a_frame_says_and_what_is_wrong_with_it_stands_in_its_line(frame, text):
    assert said(frame) == text


def test_json_has_every_field():
    frame = one(l3dl(1, bytes.fromhex("deadbeef") + b"\3\1\2\3" + b"\2\x0a\x0b" + b"\x0f\0\x20" + bytes(32)
                     + b"\0\4cert" + bytes.fromhex("00000007"), 15, b"\xee" * 64, padding=mark(1), tsn=65535))
    assert frame["schema"] == 1 and frame["event"] == "frame" and frame["frame"] == 1
    assert frame["time"] == "2023-11-14T22:13:20.123456789Z"
    assert (frame["ifname"], frame["direction"], frame["ethertype"], frame["dialect"]) == ("lan0", "unknown", "0x88b5", "l3dl")
    assert frame["datagram"].pop("checksum").startswith("0x")
    assert frame["datagram"] == {"version": 0, "tsn": 65535, "last": True, "number": 0, "length": frame["size"] - 14 - 8}
    assert frame["padding"] == "4c414e5901010000" and frame["lanyard"] == {"measures": True}
    assert frame["pdu"] == {
        "type": 1, "name": "OPEN", "octets": frame["size"] - 14 - 12 - 8, "nonce": "deadbeef", "id": "01:02:03",
        "attributes": [10, 11], "auth_type": 15, "key": "00" * 32, "cert": "63657274", "serial": 7,
        "signature_type": 15, "signature": "ee" * 64}


def test_json_tells_prefixes_labels_and_measurements():
    labels = bytes([0x50, 2]) + bytes.fromhex("000640" "0012d1") + bytes([10, 9, 9, 1, 32])
    pdu = one(l3dl(6, b"\0\0\1\0\0\0\1" + labels))["pdu"]
    assert pdu["prefixes"] == [{"address": "10.9.9.1", "length": 32, "announce": False, "primary": True, "loopback": True,
                                "overlay": True, "labels": [100, 301], "label_octets": "0006400012d1"}]
    pdu = one(lsoe(255, measurement(3, 10, 9)))["pdu"]
    assert pdu["measure"] == {"sequence": 3, "time": 5, "echo": 6, "held": 7, "sent": 10, "received": 9}
    assert pdu["enterprise"] == LANYARD
    pdu = one(l3dl(9, b"\1\5" + b"\1\6\0\0\xfd\xe9" + b"\2\7\x0a\0\0\1\x1e" + b"\3\x13" + bytes(15) + b"\1\x40"
                   + b"\4\5key" + b"\5\4\x80\0"))["pdu"]
    assert {k: pdu[k] for k in ("asn", "address4", "length4", "address6", "length6", "auth", "gtsm")} == {
        "asn": 65001, "address4": "10.0.0.1", "length4": 30, "address6": "::1", "length6": 64, "auth": "6b6579", "gtsm": True}


def test_a_pdu_of_several_datagrams_is_told_with_the_one_that_completes_it():
    frames = vectors()["frag_shuffle"]
    got = objects(captures.pcapng(spaced([frames])))
    assert ["pdu" in f for f in got] == [False, False, True]
    assert got[2]["pdu"]["count"] == len(got[2]["pdu"]["prefixes"]) == 600
    with_a_gap = [(AT, frames[0]), (AT + 2 * 10 ** 9, frames[1]), (AT + 2 * 10 ** 9 + 1, frames[2])]
    got = objects(captures.pcapng(with_a_gap))
    assert not any("pdu" in f for f in got)
    assert got[1]["note"] == "the fragments before waited too long and are given up"
    done = decode("-", data=captures.pcapng(with_a_gap))
    assert b"of 1 PDU not everything came" in done.stderr


def test_fragments_of_two_links_and_of_two_pairs_are_kept_apart():
    a, b = [lsoe_pdu(255, bytes([n]) * 5 + b"x" * 3000) for n in (1, 2)]
    parts = {name: [lsoe_datagram(pdu[at:at + 1492], at // 1492, at + 1492 >= len(pdu)) for at in (0, 1492, 2984)]
             for name, pdu in (("a", a), ("b", b))}
    mixed = [(AT + i, ethernet(parts[name][i], **ways), link)
             for i in range(3) for name, link, ways in (("a", 0, {}), ("b", 1, {}), ("b", 0, {"to": MAC_A, "source": MAC_B}))]
    got = objects(captures.pcapng(mixed, names=(b"lan0", b"lan1")))
    assert [f["pdu"]["data"][:8] for f in got if "pdu" in f] == ["78" * 4] * 3
    assert [f["pdu"]["enterprise"] for f in got if "pdu" in f] == [0x01010101, 0x02020202, 0x02020202]


def test_v_prints_every_field_below_the_line():
    text = "\n".join(lines(captures.pcapng([(AT, lsoe(4, ANNOUNCED))]), "-v"))
    assert text.startswith("2023-11-14T22:13:20.123456789Z lan0 - ")
    for field in ("    src: 02:00:00:00:00:0a", "        length: 25", "        count: 2", "            address: 127.0.0.1",
                  "            loopback: true"):
        assert field in text.splitlines()


def test_every_format_of_a_capture_says_the_same():
    frames = [(n * 1000000, frame) for n, group in enumerate(vectors().values()) for frame in group]
    expected = objects(captures.pcapng(frames, names=(b"",)))
    assert len(expected) == len(frames)
    for order in "<>":
        assert objects(captures.pcapng(frames, names=(b"",), order=order)) == expected
        for nano in (False, True):
            assert objects(captures.pcap(frames, order, nano)) == expected


def test_j_is_one_document():
    for frames, count in (([], 0), ([(1, hello()), (2, keepalive())], 2)):
        done = decode("-", "-j", data=captures.pcapng(frames))
        document = json.loads(done.stdout)
        assert document["schema"] == 1 and len(document["frames"]) == count and document["wrong"] == 0


def test_the_dialect_is_told_by_the_checksum_or_by_an_option():
    frame = l3dl(2, ethertype=LSOE)
    assert one(frame)["dialect"] == "l3dl"
    assert one(frame, "--dialect", "l3dl")["dialect"] == "l3dl"
    assert one(frame, "--dialect", "lsoe")["fault"]
    assert one(lsoe(2, ethertype=L3DL))["dialect"] == "lsoe"


def test_other_ethertypes_are_passed_over_or_asked_for():
    data = captures.pcapng([(1, keepalive(ethertype=0x1234)), (2, hello()), (3, keepalive(ethertype=0x0800))])
    assert [f["frame"] for f in objects(data)] == [2]
    assert [f["frame"] for f in objects(data, "--ethertype", "0x1234,0x8885")] == [1, 2]
    assert [f["frame"] for f in objects(data, "--ethertype", "4660")] == [1]
    done = decode("-", data=captures.pcapng([(3, keepalive(ethertype=0x0800))]))
    assert done.returncode == 0 and b"no frame of the family" in done.stderr


@pytest.mark.parametrize("cut", [1, 4, 20, 37])
def test_a_capture_that_is_cut_off_is_shown_up_to_there_and_ends_with_7(tmp_path, cut):
    whole = captures.pcapng([(1, hello()), (2, keepalive())])
    file = tmp_path / "cut.pcapng"
    file.write_bytes(whole[:-cut])
    done = decode(file)
    assert done.returncode == 7 and done.stdout.count(b"\n") == 1
    offset = len(captures.pcapng([(1, hello())]))
    assert f"'{file}' is cut off: it ends inside the block at offset {offset}".encode() in done.stderr


@pytest.mark.parametrize("data,why", [
    (b"", "malformed at offset 0: it is empty"),
    (b"a text, not a capture", "malformed at offset 0: neither pcapng nor pcap"),
    (captures.pcapng([(1, hello())]) + b"\6\0\0\0" + b"\1\0\0\0" * 3, "malformed at offset {}: an impossible length of a block"),
    (captures.pcapng([(1, hello())]) + captures.packet("<", 7, 0, b"x"),
     "malformed at offset {}: it names an interface that was not described"),
])
def test_a_malformed_capture_says_where_and_what(data, why):
    done = decode("-", data=data)
    first = captures.pcapng([(1, hello())])
    offset = len(first) + (4 if "impossible" in why else 0)
    assert done.returncode == 1 and why.format(offset).encode() in done.stderr
    assert done.stdout.count(b"\n") == data.startswith(first)
    document = json.loads(decode("-", "-J", data=data).stdout.splitlines()[-1])
    assert document["error"]["code"] == "failed" and "offset" in document["error"]["what"]


def test_files_that_cannot_be_read_have_codes_of_their_own(tmp_path):
    assert decode(tmp_path / "none").returncode == 3
    assert decode(tmp_path).returncode == 1
    assert decode().returncode == 2
    for wrong in ("0x12", "65536", "ipv4", "0x8885,x", ",", ""):
        assert decode("-", "--ethertype", wrong, data=b"").returncode == 2, wrong
    assert decode("-", "--dialect", "cdp", data=b"").returncode == 2


def test_other_link_types_are_told_once():
    data = captures.section() + captures.interface("<", b"any", 9, linktype=113)
    data += b"".join(captures.packet("<", 0, 1, hello()) for _ in range(3))
    done = decode("-", data=data)
    assert done.returncode == 0 and done.stdout == b""
    assert done.stderr.count(b"interface 0 any has link type 113, not Ethernet") == 1


def test_drops_while_it_was_captured_are_told():
    data = captures.pcapng([(1, hello())]) + captures.statistics("<", 0, 10, 9)
    assert b"9 frames were dropped while it was captured" in decode("-", data=data).stderr


def test_n_and_timeout_end_it(lan):
    data = captures.pcapng([(n, hello()) for n in range(5)])
    assert len(lines(data, "-n", "2")) == 2
    waiting = lan.start("lanyard", "neighbor", "decode", "-", "--timeout", "300ms")
    waiting.popen.stdin.write(data)
    waiting.popen.stdin.flush()
    waiting.lines(5)
    assert waiting.wait() == 6


def test_a_pipe_is_decoded_as_it_comes(lan):
    data = captures.pcapng([(1, hello()), (2, keepalive())])
    live = lan.start("lanyard", "neighbor", "decode", "-")
    for n in range(len(data)):
        live.popen.stdin.write(data[n:n + 1])
        live.popen.stdin.flush()
        if n == len(data) - 2:
            live.line("HELLO")
            assert len(live.out) == 1
    live.line("KEEPALIVE")
    live.popen.stdin.close()
    assert live.wait() == 0


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path):
    file = tmp_path / "many.pcapng"
    file.write_bytes(captures.pcapng([(n, hello()) for n in range(20000)]))
    done = subprocess.run(["sh", "-c", f"{binary('lanyard')} neighbor decode {file} | head -n 1"], capture_output=True,
                          timeout=30)
    assert done.stdout.count(b"\n") == 1 and done.stderr == b""


def test_no_mutation_of_a_capture_does_harm(tmp_path):
    rng = random.Random(5)
    whole = captures.pcapng(spaced(vectors().values()))
    for turn in range(150):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 200)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        done = decode("-", "-J", data=bytes(data))
        assert done.returncode in (0, 1, 7), (turn, done.stderr)
        for line in done.stdout.splitlines():
            json.loads(line)
