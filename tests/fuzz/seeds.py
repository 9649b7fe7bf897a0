#!/usr/bin/python3
"""seeds.py - first inputs of the fuzz targets, from the captured sessions.

Writes tests/fuzz/corpus/TARGET/NAME; run it again when the captures or the
operations of fuzz_script.h change.

    seeds.py [ROOT]
"""
import json
import pickle
import random
import re
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import captures  # noqa: E402

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
OPEN, DIAL_FAIL, RAW, ID, MSG, ACK, LF, LONG, TIME, NEXT, WRITE, DROP, PULL, SEND, SENDALL, LOST = range(16)
TICK_MS = 100  # one OP_TIME step
MAX = 3000


def op(code, a=0):
    return bytes([code | a << 4])


def save(target, name, data):
    where = ROOT / "tests" / "fuzz" / "corpus" / target
    where.mkdir(parents=True, exist_ok=True)
    (where / name).write_bytes(data[:MAX])


def received(events, direction, conn):
    """What the receiver of a direction got on one connection."""
    return b"".join(bytes.fromhex(e["hex"]) for e in events
                    if e["dir"] == direction and e["conn"] == conn and "[DROPPED" not in e["meaning"])


def script(events, direction):
    """The session as operations of fuzz_script.h for the core that receives `direction`."""
    out = [bytes([0])]
    now, conns = events[0]["t_ms"], set()
    if direction == "s2c":
        out.append(op(NEXT))
    for e in events:
        steps = int((e["t_ms"] - now) / TICK_MS)
        now += steps * TICK_MS
        while steps > 0:
            out.append(op(TIME, min(steps, 16) - 1))
            steps -= 16
        if e["conn"] not in conns:
            conns.add(e["conn"])
            out.append((op(LOST) + op(NEXT) if len(conns) > 1 else b"") + op(OPEN))
        line = bytes.fromhex(e["hex"])
        if e["dir"] == direction and line and "[DROPPED" not in e["meaning"]:
            for at in range(0, min(len(line), 300), 255):
                part = line[at:at + 255]
                out.append(op(RAW) + bytes([len(part)]) + part)
        elif e["dir"] not in (direction, "event") and len(line) > 3 and "RETRANS" not in e["meaning"]:
            out.append(op(WRITE, 3) + bytes([len(line) % 60]))
        if e["dir"] != "event":
            out.append(op(SENDALL) + op(PULL, 15) + op(SENDALL))
    return b"".join(out)


def pairs():
    """Scripts of fuzz_iot_pair.c: runs of writes, and what the relay does to the lines."""
    rng = random.Random(1)
    for number in range(24):
        data = bytearray()
        for _ in range(40):
            data.append(rng.choice([0x1c, 0x14, 0x3c, 0x0c, 0x10, 0xfc, 0x22, 0x82, 0x03, 0x83, 0x27, 0xa7]))
            data += bytes(rng.choice([0, 0, 0, 1, 3, 0x34, 5, 0x46, 0x27, 8, 0x18, 0x89, 0x29])
                          for _ in range(rng.randrange(6)))
        save("fuzz_iot_pair", f"made-{number:02}", bytes(data))


def multisock():
    """Datagrams of the original, each behind a byte that chooses the form; its pickles and some of a stranger's."""
    vectors = json.loads((ROOT / "tests/vectors/multisock.json").read_text(encoding="utf-8"))["vectors"]
    for i, v in enumerate(vectors):
        name = f"{i:03}-{v['name'].replace('^', '-')}"
        if v["key"] and v.get("datagram_hex"):
            save("fuzz_multisock", name, bytes([i]) + bytes.fromhex(v["datagram_hex"]))
        if "pickle_hex" in v:
            save("fuzz_pickle", name, bytes.fromhex(v["pickle_hex"]))
    rng = random.Random(2)
    value = [None, True, -1, 1 << 70, 0.1, "text é", b"\xff\0", bytearray(b"b"), (), (1,), {"k": ["v"] * 3, 2: {}}]
    for protocol in range(6):
        save("fuzz_pickle", f"all-{protocol}", pickle.dumps(value, protocol))
    for name, data in {"call": b"cos\nsystem\n(S'id'\ntR.", "itself": b"]\x94h\0a.", "old": b"(lp0\nI01\naL5L\naV\\u00e9\na.",
                       "laugh": b"]" + b"".join(b"p%d\n0](g%d\ng%d\ne" % (i, i, i) for i in range(9)) + b"."}.items():
        save("fuzz_pickle", name, data)
    for number in range(16):
        data = bytearray([number])
        for _ in range(60):
            data.append(rng.choice([0x00, 0x01, 0x31, 0x02, 0x12, 0x22, 0x03, 0x05, 0x16, 0xf6, 0x07, 0xa7, 0xf7]))
            if rng.random() < 0.2:
                line = rng.choice([b"", b"A", b"AAAA", b"vEEGWHHA7yPsDy1mtl7kFQ==\n", b"hello"])
                data += bytes([0x04 | rng.randrange(16) << 4, len(line)]) + line
        save("fuzz_msock", f"made-{number:02}", bytes(data))


def number(n, width):
    return n.to_bytes(width, "big")


def chan_frames():
    """Headers and frames of fuzz_chan_frame.c: one of each type, whole and with an end that is missing or too much."""
    head = b"LC\x01\x00" + number(1, 4) + number(7, 8) * 2 + number(9, 8)
    signed = b"LC\x01\x01" + number(1, 4) + b"\x80" + number(7, 7) + number(7, 8) + number(9, 8)
    frames = {
        "data": b"\x01\x04\x20" + number(33, 8) + number(5, 8) + b"hello",
        "fragment": b"\x01\x01\x20" + number(34, 8) + number(6, 8) + number(1400, 4) + number(9000, 4) + b"part",
        "parity": b"\x02\x20\x08\x03" + number(33, 8) + b"\x00\x18symbol",
        "presence": b"\x03\x06\x02\x20" + number(1000, 4) + number(5000, 4) + number(3, 2) + number(40, 8)
                    + number(8, 8) + number(3, 8) + number(21, 8) + b"\x04Iris",
        "feedback": b"\x04\x00" + number(7, 8) * 2 + number(30, 8) + number(40, 8) + number(0, 4) + b"\x02"
                    + number(1, 8) + number(0xc0000000, 8) + b"\x02" + number(33, 8) + number(5, 8) + b"\x01",
        "late": b"\x05\x00" + number(7, 8) * 2 + number(3, 4),
        "start": b"\x06\x00" + number(3, 4) + number(30, 8) + number(9, 8),
    }
    for name, frame in frames.items():
        save("fuzz_chan_frame", name, bytes([64]) + head + bytes(32) + frame)
        save("fuzz_chan_frame", name + "-short", bytes([49]) + signed + bytes(17) + frame[:-1])
        save("fuzz_chan_frame", name + "-long", bytes([49]) + head + bytes(17) + frame + b"x")


def chan_groups():
    """Scripts of fuzz_chan_group.c: mostly senders as they should be, some loss, some nonsense."""
    rng = random.Random(2)
    data, run, parity, presence, feedback, late, start, frame, raw, again, wait, step, send, pull, sender, keys = range(16)
    for name in range(32):
        out = bytearray([rng.randrange(256) & ~rng.choice([0, 64, 192]), rng.randrange(256)])
        for _ in range(rng.randrange(20, 120)):
            code = rng.choice([data, run, run, run, parity, presence, presence, feedback, late, start, frame, raw, again,
                               again, wait, step, step, step, send, send, pull, pull, sender, keys])
            out.append(code | rng.randrange(6) << 4)
            out += {data: lambda: bytes([rng.choice([100, 100, 101, 99, 130, 255]), 100, rng.randrange(256)]),
                    run: lambda: bytes([rng.randrange(4), rng.randrange(24), rng.choice([0, 0, 1, 0x11, 0x55])]),
                    parity: lambda: bytes([rng.choice([100, 99, 90]), 0, 3, rng.randrange(128), 110]),
                    presence: lambda: bytes([rng.randrange(128), 200, 100, 3, 100, 100, 100, 100, 4]),
                    feedback: lambda: bytes([rng.randrange(4) & 2, 100, 120, 0, 1, rng.randrange(3), rng.randrange(256)]),
                    late: lambda: bytes([3]), start: lambda: bytes([2, 100, 100]),
                    frame: lambda: b"\x05\x03\x00\x02\x20\x00", raw: lambda: b"\x04LC\x01\x00", again: lambda: b"",
                    wait: lambda: bytes([rng.randrange(256), 1, 1]), step: lambda: b"", send: lambda: bytes([rng.randrange(256)]),
                    pull: lambda: b"", sender: lambda: bytes([rng.randrange(5), 3, 3]), keys: lambda: b""}[code]()
        save("fuzz_chan_group", f"made-{name:02}", bytes(out))


def chan_pairs():
    """Scripts of fuzz_chan_pair.c: what is written, and the fate of each datagram on its way."""
    rng = random.Random(3)
    for name in range(32):
        out = bytearray([name % 3 | (name & 4) | (name & 8) << 4, rng.randrange(256)])
        loss = rng.choice([5, 20, 40])
        for _ in range(rng.randrange(10, 60)):
            out.append(rng.choice([0x10, 0x14, 0x18, 0x31, 0x39, 0x21, 0x02, 0x22, 0x82, 0x13, 0x03]))
            for _ in range(rng.randrange(20)):
                hurt = rng.randrange(100) < loss
                out.append(rng.choice([4, 4, 0x15, 0x26, 0x46, 7, 0x4f]) if hurt else rng.choice([0, 0, 0, 8, 40, 200]))
        save("fuzz_chan_pair", f"made-{name:02}", bytes(out))


def serpys():
    """What the originals sent and were sent, and messages for the two cores that talk to each other."""
    vectors = json.loads((ROOT / "tests/vectors/serpy.json").read_text(encoding="utf-8"))["vectors"]
    for i, v in enumerate(vectors):
        target = "fuzz_serpy1" if v["lib"] == "serpy" else "fuzz_serpy2"
        parts = v.get("segments_hex") or [p["hex"] for p in v.get("transcript", []) if p["from"] == "library"] \
            or [v.get("wire_hex", "")]
        data = b"".join(bytes.fromhex(p) for p in parts if "..." not in p)
        if 0 < len(data) < 400:
            save(target, f"{i:03}-{re.sub('[^0-9A-Za-z]+', '-', v['name'])}", bytes([2 * i & 254, i]) + data)
    rng = random.Random(4)
    for number in range(24):
        data1, data2 = bytearray([1, number]), bytearray([1, number])
        for _ in range(rng.randrange(4, 40)):
            text = rng.choice([b"hello", b"", b"a\x1fb", b"\x01x", b"x\x04", "µé".encode(), bytes(8), b"\xff" * 8, b"\0\0\0\0\0\0\xf0?"])
            data1 += bytes([rng.randrange(30), len(text)]) + text
            data2 += bytes([rng.randrange(4) | len(text) << 2]) + text
        save("fuzz_serpy1", f"made-{number:02}", bytes(data1))
        save("fuzz_serpy2", f"made-{number:02}", bytes(data2))


def serpy_cores():
    """Scripts of fuzz_serpy_core.c: mostly what two programs do to each other, and cuts."""
    rng = random.Random(5)
    opened, refuse, raw, message, answer, wait, step, say, pull, take, take_all, lose, hold, end, blob, ref = range(16)
    for number in range(48):
        out = bytearray([number, rng.choice([0, 0, 16, 64, 128, rng.randrange(256)]), opened])
        for _ in range(rng.randrange(20, 150)):
            code = rng.choice([opened, message, message, answer, answer, wait, step, say, say, say, say, pull, pull, pull,
                               take, take_all, take_all, lose, refuse, raw, hold, end, blob, blob, blob, ref])
            out.append(code | rng.randrange(16) << 4)
            if code == pull and rng.random() < 0.7:
                out[-1] = pull | 0x70
            out += {raw: lambda: b"\x05hi\x1f\x01\xde", message: lambda: bytes([rng.randrange(256)]),
                    say: lambda: bytes([rng.randrange(32), rng.randrange(64)]), take: lambda: bytes([rng.randrange(256)]),
                    blob: lambda: bytes([rng.randrange(256)]), ref: lambda: bytes([rng.randrange(256)])}.get(code, bytes)()
        save("fuzz_serpy_core", f"made-{number:02}", bytes(out))


def serpy_codecs():
    """Inputs of fuzz_serpy_codec.c: a byte that chooses the codec, and the encoding, before each."""
    base85_out, base85_in, hexfloat, double, total, text = range(6)
    rng = random.Random(4)
    for name, data in {"group": b"\0\1\4\x1f", "rest": b"hello", "top": b"\xff" * 7}.items():
        save("fuzz_serpy_codec", f"base85-out-{name}", bytes([base85_out]) + data)
    for name, data in {"top": b"|NsC0", "above": b"|NsC1", "rest": b"Xk~0{Zv", "one": b"00000{",
                       "one-above": b"~", "foreign": b"0000\x1f"}.items():
        save("fuzz_serpy_codec", f"base85-in-{name}", bytes([base85_in]) + data)
    for name, data in {"plain": b"0x1.8p+0", "blanks": b" -0X.8P-1\n", "tie": b"0x1.00000000000008000000000000001p0",
                       "least": b"0x0.8p-1074",
                       "subnormal": b"0x0.0000000000001p-1022", "largest": b"0x1.fffffffffffffp+1023",
                       "overflow": b"0x1p1024", "far": b"1p-9999999999999999999999",
                       "inf": b"-Infinity", "nan": b"+nan", "decimal": b"12.35", "zero": b"-0.p0", "none": b"0x"}.items():
        save("fuzz_serpy_codec", f"hexfloat-{name}", bytes([hexfloat]) + data)
    for value in (0.1, 5e-324, 1e23, 1e16, 1e-5, 2.0 ** -1022, 1.7976931348623157e308, 2.0 ** 60, float("nan")):
        save("fuzz_serpy_codec", f"double-{value!r}", bytes([double]) + struct.pack("<d", value))
    save("fuzz_serpy_codec", "sum-top", bytes([total]) + b"\xff" * 130)
    save("fuzz_serpy_codec", "sum", bytes([total]) + rng.randbytes(300))
    for encoding, codec in enumerate(("utf-8", "ascii", "latin-1", "utf-16")):
        for name, words in {"empty": "", "ascii": "abc", "latin": "\xe9\xff", "all": "a\xe9\u20ac\ufeff\U0001f600"}.items():
            save("fuzz_serpy_codec", f"text-{codec}-{name}", bytes([text | encoding << 3]) + words.encode())
    for name, words in {"little": "a\U0001f600".encode("utf-16-le"), "mark": "a\U0010ffff".encode("utf-16"),
                        "big": b"\xfe\xff" + "a\U0001f600".encode("utf-16-be"),
                        "half": b"\x3d\xd8", "odd": b"a"}.items():
        save("fuzz_serpy_codec", f"utf16-{name}", bytes([text | 3 << 3]) + words)


def lsoe():
    """Captured frames and PDUs of lsoed and of L3DL, behind a byte that chooses the dialect; scripts of reassembly."""
    book = json.loads((ROOT / "tests/vectors/lsoe.json").read_text(encoding="utf-8"))
    for dialect, cases in (0, book["vectors"] + book["malformed_and_edge"]), (1, book["l3dl_unverified"]["items"]):
        for case in cases:
            contents = [bytes.fromhex(f)[14:] for f in case["frames"]]
            save("fuzz_lsoe_frame", case["name"], bytes([dialect]) + contents[0])
            pdu = b"".join(c[12 if dialect else 8:] for c in contents)
            if pdu and not case["name"].startswith("frag"):
                save("fuzz_lsoe_pdu", case["name"], bytes([dialect]) + pdu)
    rng = random.Random(6)
    for name in range(24):
        out = bytearray([2 | name & 1, rng.choice([0, 0, 1])])
        for _ in range(rng.randrange(10, 80)):
            out.append(rng.choice([0, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7]) | rng.randrange(16) << 4)
            out += {3: lambda: bytes([rng.randrange(8)]),
                    4: lambda: bytes([0, rng.randrange(7), rng.randrange(2), rng.randrange(256), 2]) + b"xy"}.get(out[-1] & 7, bytes)()
        save("fuzz_lsoe_frame", f"made-{name:02}", bytes(out))
def pcaps():
    """Captures in every format; the octet before each says how many come at a time."""
    frames = [(1, b"one frame"), (1700000000123456789, bytes(60))]
    for order in "<>":
        name = "little" if order == "<" else "big"
        for nano in (False, True):
            save("fuzz_pcap", f"classic-{name}-{'nano' if nano else 'micro'}", b"\x07" + captures.pcap(frames, order, nano))
        rest = (captures.interface(order, b"x" * 70, 0x8a) + captures.interface(order, b"", 6)
                + captures.packet(order, 1, 5, b"abc", captures.IN, 60) + captures.packet(order, 0, 1 << 40, b"")
                + captures.statistics(order, 0, 2, 1) + captures.block(order, 0xbad, b"step over this")
                + captures.block(order, 3, struct.pack(order + "I", 5) + b"hello")
                + captures.block(order, 2, struct.pack(order + "HHIIII", 0, 1, 2, 3, 4, 4) + b"abcd"
                                 + captures.options(order, (2, struct.pack(order + "I", 2)))))
        save("fuzz_pcap", f"blocks-{name}", b"\x05" + captures.section(order) + rest)
        save("fuzz_pcap", f"sections-{name}", b"\x40" + captures.pcapng(frames, order=order) + captures.pcapng(frames))
        save("fuzz_pcap", f"offset-{name}", b"\x0b" + captures.section(order) + captures.block(
            order, 1, struct.pack(order + "HHI", 1, 0, 3) + captures.options(order, (14, struct.pack(order + "q", -5))))
            + captures.packet(order, 0, 7000000, b"z"))


def neighbor_wires():
    """Captured frames as scripts of fuzz_neighbor_wire.c: flags, length, content."""
    book = json.loads((ROOT / "tests/vectors/lsoe.json").read_text(encoding="utf-8"))
    for case in book["vectors"] + book["malformed_and_edge"] + book["l3dl_unverified"]["items"]:
        out = b""
        for frame in map(bytes.fromhex, case["frames"]):
            content, l3dl = frame[14:], frame[12:14] == b"\x88\xb5"
            scale = 6 if len(content) > 255 else 1
            content += bytes(-len(content) % scale)
            out += bytes([(4 if l3dl else 0) | (0x40 if scale == 6 else 0), len(content) // scale]) + content
        save("fuzz_neighbor_wire", case["name"], out)


def lsoe_sessions():
    """Scripts of fuzz_lsoe_session.c: mostly handshakes as they should be, lists, time, and nonsense between."""
    raw, any_pdu, open_pdu, _, ack, _, brief, encaps, _, pieces, wait, step, pull, announce, link, command = range(16)
    rng = random.Random(6)
    for number in range(48):
        out = bytearray([number | rng.randrange(4) << 6])
        for _ in range(rng.randrange(20, 120)):
            code = rng.choice([open_pdu, open_pdu, ack, ack, ack, brief, brief, encaps, encaps, encaps, wait, step, step, pull, pull,
                               announce, pieces, command, link, any_pdu, raw])
            out.append(code | rng.randrange(3) << 4 | (rng.random() < 0.1) << 7)
            out += {raw: lambda: bytes([3, 1, 2, 3]), any_pdu: lambda: bytes([rng.randrange(12), 4]) + rng.randbytes(4),
                    open_pdu: lambda: bytes([rng.randrange(64), 0][:1 + (out[0] & 1)]), ack: lambda: bytes([rng.choice([1, 4, 5, 6, 7, 15])]),
                    brief: lambda: bytes([rng.randrange(2)]), encaps: lambda: bytes([rng.randrange(64)]) + rng.randbytes(8),
                    pieces: lambda: bytes([rng.randrange(256), 1, 4, 0, 1, 2, 3]), announce: lambda: bytes([rng.randrange(256)]),
                    link: lambda: bytes([rng.randrange(256)]), command: lambda: bytes([rng.randrange(16)])}.get(code, bytes)()
        save("fuzz_lsoe_session", f"made-{number:02}", bytes(out))


def lsoe_pairs():
    """Scripts of fuzz_lsoe_pair.c: changes, restarts and flaps, and the fate of each frame on its way."""
    rng = random.Random(7)
    for number in range(48):
        out = bytearray([number * 5 % 256])
        loss = rng.choice([0, 5, 20, 40])
        for _ in range(rng.randrange(5, 40)):
            out.append(rng.choice([0, 0, 8, 0x10, 0x18, 0x22, 0x42, 0x92, 0xf2, 5, 13, 0x15, 0x16, 0x36, 0x3e, 6, 0x26, 7, 0x17]))
            for _ in range(rng.randrange(24)):
                hurt = rng.randrange(100) < loss
                out.append(rng.choice([4, 4, 0x15, 0x26, 0x46, 7, 0x4f]) if hurt else rng.choice([0, 0, 0, 8, 40, 200]))
        save("fuzz_lsoe_pair", f"made-{number:02}", bytes(out))


def sensors():
    """Messages, lists and queries of SOS and CASAN as they were captured; scripts for the seal and the cache."""
    book = json.loads((ROOT / "tests/vectors/sos.json").read_text(encoding="utf-8"))
    for i, case in enumerate(book["codec"]):
        data = bytes.fromhex(case["hex"])
        if 0 < len(data) < 300:
            save("fuzz_coap_message", f"{i:03}", data)
            for n in (1, len(data) // 2):
                save("fuzz_coap_message", f"{i:03}-cut-{n}", data[:-n] or b"@")
            if b".well-known" in data:
                save("fuzz_sos_control", f"message-{i:03}", b"\x10" + data)
                queries = [bytes.fromhex(o["hex"]) for o in case.get("fields", {"options": []})["options"] if o["num"] == 15]
                save("fuzz_sos_control", f"queries-{i:03}", bytes([data[0] >> 4 == 4]) + b"&".join(queries))
    for i, case in enumerate(book["resource_lists"]):
        save("fuzz_coap_linkformat", f"{i:02}", bytes.fromhex(case["payload_hex"]))
    save("fuzz_coap_linkformat", "quotes", rb'</a>;title="x,\"y\\";rt = z;obs , <b>;ct=40,')
    save("fuzz_sos_control", "keyed", b"\x03ttl=60&mtu=9&n=0123456789abcdef&p=fedcba9876543210")
    rng = random.Random(8)
    for number in range(24):
        save("fuzz_sos_control", f"seal-{number:02}", b"\x20" + b"".join(
            bytes([rng.choice([0x80, 0x81, 0xc0, 0xc1, 0, 0, 0, 1, 3]), rng.randrange(256), rng.randrange(256)])
            for _ in range(rng.randrange(4, 150))))
        save("fuzz_sos_cache", f"made-{number:02}", bytes([rng.choice([1, 1, rng.randrange(256)])]) + b"".join(
            bytes([rng.choice([rng.randrange(192), rng.randrange(6), 0xc0, 0xf0]), rng.randrange(128), rng.randrange(256),
                   rng.randrange(256)]) for _ in range(rng.randrange(4, 150))))


def sos_slaves():
    """The originals' behaviour as scripts, in compat and not; sessions with a key; and some of chance."""
    heard = json.loads((ROOT / "tests/vectors/sos.json").read_text(encoding="utf-8"))["slave_behaviour"]
    assoc = "40020007bb2e77656c6c2d6b6e6f776e05636173616e4674746c3d3630076d74753d313131"
    pull, due = b"\x3e\x01\x0d\x01", b"\x09"

    def raw(who, text):
        data = bytes.fromhex(text)
        return bytes([who << 4, len(data)]) + data
    for number, entry in enumerate(heard):
        lines = [x.split() for x in entry.get("script", "").splitlines()] or [["M", assoc], ["M", entry["request"]]]
        steps = [due * 5 if kind == "T" else raw(kind == "B", text) + pull for kind, text in lines]
        for how in (0, 2):
            save("fuzz_sos_slave", f"behaviour-{number:02}-{how}", bytes([how]) + due + b"".join(steps))
    with_key = b"\x01" + due + bytes([1, 0, 111, 7]) + pull
    ask = bytes([3, 0, 0x18, 9]) + pull
    save("fuzz_sos_slave", "key-ask", with_key + ask * 3 + due * 3)
    save("fuzz_sos_slave", "key-renew", with_key + ask + (due + bytes([1, 0, 111, 8]) + ask) * 3)
    save("fuzz_sos_slave", "key-twice", with_key + bytes([1, 0, 111, 8]) + ask + bytes([1, 0, 111, 9]) + ask)
    save("fuzz_sos_slave", "observe", b"\x00" + due + raw(0, assoc) + ask + (b"\x0b" + pull + b"\x06\x02") * 6)
    rng = random.Random(19)
    for number in range(20):
        save("fuzz_sos_slave", f"made-{number:02}", bytes([number % 16]) + due + raw(0, assoc) + rng.randbytes(200))


def http_maps():
    """Requests of fuzz_http_map.c as clients make them, and as they should not."""
    paths = [b"/169/t1", b"a/b%2Fc", b"t1/", b"..", b"%2e", b"a//b", b"%C3%A9", b"%ff", b"/2147483648/x", b"x" * 256]
    lists = [b"*/*", b"application/json;q=0.5, text/plain", b"text/event-stream", b"text/html,application/xml;q=0.9,*/*;q=0.8",
             b"application/coap-payload;cf=70", b'a/b;x="1,2";q=0, application/cbor', b""]
    tags = [b'"0102"', b'W/"ab", "ff"', b"*", b'"theirs"', b'"open', b"junk", b""]
    for i in range(24):
        texts = [paths[i % 10], [b"a=1&b=2", b"src=a+b%21&x", b"%", b""][i % 4], lists[i % 7], lists[(i + 4) % 7],
                 tags[i % 7], tags[(i + 3) % 7], [b"http://h:80", b"null", b"https://h"][i % 3], b"h"]
        save("fuzz_http_map", f"made-{i:02}", bytes([(i * 37) % 256]) + b"\0".join(texts))
def sos_masters():
    """Scripts of fuzz_sos_master.c: slaves that come and answer as they should, requests, time, and nonsense between."""
    raw, control, _, answer, _, _, _, empty, mirror, wait, step, pull, ask, _, cancel, command = range(16)
    rng = random.Random(8)
    for number in range(48):
        out = bytearray([number])
        for _ in range(rng.randrange(20, 120)):
            code = rng.choice([control, control, control, answer, answer, answer, answer, answer, wait, step, step, pull, pull, ask, ask,
                               ask, cancel, command, empty, mirror, raw])
            out.append(code | (rng.choice([0, 1, 2, 3, 3]) if rng.random() < 0.9 else rng.randrange(16)) << 4)
            out += {raw: lambda: bytes([5, 0x50, 2, 0, 1, 0xb1]), control: lambda: bytes([rng.choice([0, 1, 2, 3, 3, 4, 8, 64]), 100]),
                    answer: lambda: bytes([rng.choice([1, 1, 2, 4, 16, 24, 33]), rng.choice([0, 0, 0, 1, 0x40, 0x80, 0xa0, 3])]),
                    empty: lambda: bytes([rng.randrange(8)]), mirror: lambda: bytes([rng.randrange(8), rng.randrange(256)]),
                    ask: lambda: bytes([rng.choice([0, 1, 2, 3, 16, 17, 18, 19, 32, 64]), rng.randrange(256)]),
                    cancel: lambda: rng.randbytes(1), command: lambda: rng.randbytes(1)}.get(code, bytes)()
        save("fuzz_sos_master", f"made-{number:02}", bytes(out))


def main():
    scenarios = json.loads((ROOT / "tests/vectors/iot.json").read_text(encoding="utf-8"))["scenarios"]
    for scenario in scenarios:
        name, events = scenario["name"], scenario["events"]
        if "conn" not in events[0]:
            continue  # the board's own wire
        for conn in sorted({e["conn"] for e in events}):
            for direction in ("s2c", "c2s"):
                if data := received(events, direction, conn):
                    save("fuzz_iot_line", f"{name}-{conn}-{direction}", data)
        save("fuzz_iot_server", name, script(events, "c2s"))
        save("fuzz_iot_client", name, script(events, "s2c"))
    pairs()
    multisock()
    chan_frames()
    chan_groups()
    chan_pairs()
    serpys()
    serpy_cores()
    serpy_codecs()
    lsoe()
    lsoe_sessions()
    lsoe_pairs()
    http_maps()
    sos_masters()
    pcaps()
    neighbor_wires()
    sensors()
    sos_slaves()


main()
