#!/usr/bin/python3
"""seeds.py - first inputs of the fuzz targets, from the captured sessions.

Writes tests/fuzz/corpus/TARGET/NAME; run it again when the captures or the
operations of fuzz_script.h change.

    seeds.py [ROOT]
"""
import json
import pickle
import random
import sys
from pathlib import Path

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


main()
