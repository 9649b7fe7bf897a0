"""neighbor_frames.py - frames of LSOE-01 and L3DL for the tests of capture and decode, octet by octet from
docs/protocols/lsoe.md, and the captured ones of tests/vectors.

A frame is bytes from its destination address on.
"""
import json
import socket
import struct

from lanyard_test import ROOT

MAC_A, MAC_B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")
NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
LSOE, L3DL = 0x8885, 0x88b5
LANYARD = 0x4C414E59
FTABLE = bytes.fromhex(  # section 1.4
    "a3d70983f848f6f4b321157899b1aff9e72d4d8ace4cca2e5295d91e4e3844280adf02a017f1606812b77ac3e9fa3d53"
    "96846bbaf2639a197caee5f5f7166aa239b67b0fc193811beeb41aead0912fb855b9da853f41bfe05a58805f660bd890"
    "35d5c0a733066569450094566d989b7697fcb2c2b0fedb20e1ebd6e4dd474a1d42ed9e6e493ccd4327d207d4dec76718"
    "89cb301f8dc68faac874dcc95d5c31a47088612c9f0d2b8750825464267d0340344b1c73d1c4fd3bccfb7fabe63e5ba5"
    "ad04239c145122f02979717eff8c0ee20cefbc72756f37a1ecd38e628b8610e8087711be924f24c532369dcff3a6bbac"
    "5e6ca9135725b5e3bda83a0105592a46")


def checksum(octets, at):
    octets = octets[:at] + bytes(4) + octets[at + 4:]
    value = sum(sum(FTABLE[x] for x in octets[lane::4]) << (24 - 8 * lane) for lane in range(4))
    for _ in range(2):
        value = (value >> 32) + (value & 0xffffffff)
    return struct.pack(">I", value)


def ethernet(content, to=MAC_B, source=MAC_A, ethertype=LSOE, vlan=None):
    tag = struct.pack(">HH", 0x8100, vlan) if vlan is not None else b""
    return to + source + tag + struct.pack(">H", ethertype) + content


def lsoe_datagram(payload, number=0, last=True, version=0):
    head = struct.pack(">BBH", version, number | (0x80 if last else 0), 8 + len(payload))
    return head + checksum(head + bytes(4) + payload, 4) + payload


def l3dl_datagram(payload, tsn=1, number=0, last=True):
    head = struct.pack(">BHI", 0, tsn, number | (0x80000000 if last else 0))[:3] + struct.pack(
        ">BH", (0x80 if last else 0) | number >> 16, number & 0xffff) + struct.pack(">H", 12 + len(payload))
    return head + checksum(head + bytes(4) + payload, 8) + payload


def lsoe_pdu(kind, payload=b""):
    return struct.pack(">BH", kind, 3 + len(payload)) + payload


def l3dl_pdu(kind, payload=b"", algorithm=0, signature=b""):
    return struct.pack(">BI", kind, len(payload)) + payload + struct.pack(">BH", algorithm, len(signature)) + signature


def lsoe(kind, payload=b"", padding=b"", **ether):
    return ethernet(lsoe_datagram(lsoe_pdu(kind, payload)) + padding, **ether)


def l3dl(kind, payload=b"", algorithm=0, signature=b"", padding=b"", tsn=1, **ether):
    ether.setdefault("ethertype", L3DL)
    return ethernet(l3dl_datagram(l3dl_pdu(kind, payload, algorithm, signature), tsn) + padding, **ether)


def hello(**ether):
    return lsoe(0, to=NEAREST_BRIDGE, **ether)


def keepalive(**ether):
    return lsoe(2, **ether)


def mark(measures):
    """What Lanyard puts behind the datagram of its OPEN (section 3)."""
    return struct.pack(">IBBH", LANYARD, 1, measures, 0)


def measurement(sequence, sent, received, time=5, echo=6, held=7):
    return struct.pack(">IB", LANYARD, 1) + struct.pack(">B3xIQQQII", 1, sequence, time, echo, held, sent, received)


def vectors():
    """{name: [frame, ..]} of all captured and made frames."""
    book = json.loads((ROOT / "tests/vectors/lsoe.json").read_text(encoding="utf-8"))
    items = book["vectors"] + book["malformed_and_edge"] + book["l3dl_unverified"]["items"]
    return {v["name"]: [bytes.fromhex(f) for f in v["frames"]] for v in items}


def spaced(groups, start=1700000000 * 10 ** 9):
    """Frames with times: those of one group a millisecond apart, groups five seconds."""
    out = []
    for frames in groups:
        start += 5 * 10 ** 9
        for n, frame in enumerate(frames):
            out.append((start + n * 10 ** 6, frame))
    return out


class Sender:
    """Puts frames onto an interface of a namespace."""

    def __init__(self, ns, ifname="lan0"):
        with ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind((ifname, 0))

    def send(self, *frames):
        for frame in frames:
            self.socket.send(frame)

    def close(self):
        self.socket.close()
