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


class Batch:
    """Frames in one piece of memory, and what sendmmsg wants to know of them."""

    def __init__(self, frames):
        self.memory = bytearray(b"".join(frames))
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.vectors, self.messages, self.starts, at = (Iovec * len(frames))(), (Mmsghdr * len(frames))(), [], 0
        for i, frame in enumerate(frames):
            self.vectors[i] = Iovec(base + at, len(frame))
            self.messages[i] = Mmsghdr(Msghdr(iov=ctypes.addressof(self.vectors[i]), iovlen=1))
            self.starts.append(at)
            at += len(frame)


def random_sources(batch):
    sources = os.urandom(6 * len(batch.starts))
    for i, at in enumerate(batch.starts):
        batch.memory[at + 6:at + 12] = b"\2" + sources[6 * i:6 * i + 5]


def flood(ifname, batches, seconds, rate=0, vary=random_sources):
    """Frames sent until `seconds` are over; vary(batch) makes a batch new before it goes."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((ifname, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    sent, due = 0, time.monotonic()
    end = due + seconds
    while time.monotonic() < end:
        for batch in batches:
            vary(batch)
            sent += max(0, libc.sendmmsg(sock.fileno(), batch.messages, len(batch.starts), 0))
            due += len(batch.starts) / rate if rate else 0
            time.sleep(max(0, due - time.monotonic()))
    return sent


def main():
    ifname, to, dialect, kind, seconds = sys.argv[1:6]
    head = bytes.fromhex(to.replace(":", "")) + bytes(6) + struct.pack(">H", ETHERTYPE[dialect])
    batches = [Batch([head + content(dialect, kind, i) for i in range(BATCH)]) for _ in range(8)]
    print(json.dumps({"sent": flood(ifname, batches, float(seconds), float(sys.argv[6]) if sys.argv[6:] else 0)}))


if __name__ == "__main__":
    main()
