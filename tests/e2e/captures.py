"""captures.py - capture files, written octet by octet as the formats have it, independently of src/base/pcap*.

A frame is (time in nanoseconds, octets); in pcapng also the number of its interface and its direction.
"""
import struct

IN, OUT = 1, 2


def pcap(frames, order="<", nano=False, linktype=1):
    """A classic pcap file."""
    unit = 1 if nano else 1000
    out = struct.pack(order + "IHHIIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 65535, linktype)
    for at, octets in frames:
        seconds, rest = divmod(at, 10 ** 9)
        out += struct.pack(order + "IIII", seconds, rest // unit, len(octets), len(octets)) + octets
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def options(order, *pairs):
    out = b"".join(struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in pairs)
    return out + struct.pack(order + "HH", 0, 0)


def section(order="<"):
    return block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))


def interface(order="<", name=b"", resolution=None, linktype=1):
    more = [(2, name)] if name else []
    more += [(9, bytes([resolution]))] if resolution is not None else []
    return block(order, 1, struct.pack(order + "HHI", linktype, 0, 0) + options(order, *more))


def packet(order, number, stamp, octets, way=0, length=None):
    head = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xffffffff, len(octets), length or len(octets))
    more = options(order, (2, struct.pack(order + "I", way))) if way else b""
    return block(order, 6, head + octets + bytes(-len(octets) % 4) + more)


def statistics(order, number, received, dropped):
    return block(order, 5, struct.pack(order + "III", number, 0, 0)
                 + options(order, (4, struct.pack(order + "Q", received)), (5, struct.pack(order + "Q", dropped))))


def pcapng(frames, names=(b"lan0",), order="<"):
    """frames: (time, octets[, interface[, way]]); nanoseconds."""
    out = section(order) + b"".join(interface(order, name, 9) for name in names)
    for at, octets, *rest in frames:
        number, way = (list(rest) + [0, 0])[:2]
        out += packet(order, number, at, octets, way)
    return out
