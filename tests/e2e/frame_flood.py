#!/usr/bin/python3
"""frame_flood.py - raw Ethernet frames at an interface, as fast as the kernel takes them.

    frame_flood.py IFACE TO-MAC lsoe|l3dl KIND SECONDS      KIND: garbage, hello or fragment

Batches go by sendmmsg; each frame has a source address of its own. Prints one line of JSON: {"sent": frames}.
garbage: octets of any length behind the right EtherType, half of them with a header that is right. hello: HELLOs.
fragment: parts of long PDUs that are right but never become whole.
"""
import ctypes
import json
import os
import random
import socket
import struct
import sys
import time

BATCH = 256
ETHERTYPE = {"lsoe": 0x8885, "l3dl": 0x88B5}
FTABLE = bytes.fromhex(
    "a3d70983f848f6f4b321157899b1aff9e72d4d8ace4cca2e5295d91e4e384428"
    "0adf02a017f1606812b77ac3e9fa3d5396846bbaf2639a197caee5f5f7166aa2"
    "39b67b0fc193811beeb41aead0912fb855b9da853f41bfe05a58805f660bd890"
    "35d5c0a733066569450094566d989b7697fcb2c2b0fedb20e1ebd6e4dd474a1d"
    "42ed9e6e493ccd4327d207d4dec7671889cb301f8dc68faac874dcc95d5c31a4"
    "7088612c9f0d2b8750825464267d0340344b1c73d1c4fd3bccfb7fabe63e5ba5"
    "ad04239c145122f02979717eff8c0ee20cefbc72756f37a1ecd38e628b8610e8"
    "087711be924f24c532369dcff3a6bbac5e6ca9135725b5e3bda83a0105592a46")


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("len", ctypes.c_uint)]


def sealed(head, payload):
    """A datagram with its checksum behind `head` (docs/protocols/lsoe.md, section 1.4)."""
    octets, value = head + bytes(4) + payload, 0
    for lane in range(4):
        value = (value << 8) + sum(FTABLE[x] for x in octets[lane::4])
    for _ in range(2):
        value = (value >> 32) + (value & 0xFFFFFFFF)
    return head + struct.pack(">I", value) + payload


def datagram(dialect, number, last, payload, tsn):
    if dialect == "lsoe":
        return sealed(struct.pack(">BBH", 0, last << 7 | number, 8 + len(payload)), payload)
    return sealed(struct.pack(">BHB", 0, tsn, last << 7) + struct.pack(">HH", number, 12 + len(payload)), payload)


def content(dialect, kind, i):
    if kind == "hello":
        return datagram(dialect, 0, True, b"\0\0\3" if dialect == "lsoe" else bytes(8), i)
    if kind == "fragment":
        return datagram(dialect, i % 40, False, os.urandom(random.choice((40, 700, 1480))), i)
    junk = os.urandom(random.randrange(0, 1480))
    return junk if i % 2 else datagram(dialect, 0, True, junk, i)


def batch(dialect, kind, to):
    """Frames in one piece of memory, and what sendmmsg wants to know of them."""
    frames = [to + bytes(6) + struct.pack(">H", ETHERTYPE[dialect]) + content(dialect, kind, i) for i in range(BATCH)]
    memory = bytearray(b"".join(frames))
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    vectors, messages, starts, at = (Iovec * BATCH)(), (Msghdr * BATCH)(), [], 0
    for i, frame in enumerate(frames):
        vectors[i] = Iovec(base + at, len(frame))
        messages[i] = Msghdr(iov=ctypes.addressof(vectors[i]), iovlen=1)
        starts.append(at + 6)
        at += len(frame)
    return memory, vectors, messages, starts


def main():
    ifname, to, dialect, kind, seconds = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((ifname, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    batches = [batch(dialect, kind, bytes.fromhex(to.replace(":", ""))) for _ in range(8)]
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for memory, _, messages, starts in batches:
            sources = os.urandom(6 * BATCH)
            for i, at in enumerate(starts):
                memory[at:at + 6] = b"\2" + sources[6 * i:6 * i + 5]
            sent += max(0, libc.sendmmsg(sock.fileno(), messages, BATCH, 0))
    print(json.dumps({"sent": sent}))


main()
