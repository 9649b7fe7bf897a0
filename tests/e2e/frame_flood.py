#!/usr/bin/python3
"""frame_flood.py - raw Ethernet frames at an interface, as fast as the kernel takes them.

    frame_flood.py IFACE TO-MAC lsoe|l3dl KIND SECONDS [RATE]   KIND: garbage, hello or fragment; RATE: frames a second

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

from neighbor_frames import L3DL, LSOE, l3dl_datagram, lsoe_datagram

BATCH = 256
ETHERTYPE = {"lsoe": LSOE, "l3dl": L3DL}


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("header", Msghdr), ("len", ctypes.c_uint)]


def datagram(dialect, number, last, payload, tsn):
    return lsoe_datagram(payload, number, last) if dialect == "lsoe" else l3dl_datagram(payload, tsn, number, last)


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
    vectors, messages, starts, at = (Iovec * BATCH)(), (Mmsghdr * BATCH)(), [], 0
    for i, frame in enumerate(frames):
        vectors[i] = Iovec(base + at, len(frame))
        messages[i] = Mmsghdr(Msghdr(iov=ctypes.addressof(vectors[i]), iovlen=1))
        starts.append(at + 6)
        at += len(frame)
    return memory, vectors, messages, starts


def main():
    ifname, to, dialect, kind, seconds = sys.argv[1:6]
    pause = BATCH / float(sys.argv[6]) if sys.argv[6:] else 0
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((ifname, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    batches = [batch(dialect, kind, bytes.fromhex(to.replace(":", ""))) for _ in range(8)]
    sent, due = 0, time.monotonic()
    end = due + float(seconds)
    while time.monotonic() < end:
        for memory, _, messages, starts in batches:
            sources = os.urandom(6 * BATCH)
            for i, at in enumerate(starts):
                memory[at:at + 6] = b"\2" + sources[6 * i:6 * i + 5]
            sent += max(0, libc.sendmmsg(sock.fileno(), messages, BATCH, 0))
            due += pause
            time.sleep(max(0, due - time.monotonic()))
    print(json.dumps({"sent": sent}))


main()
