"""lsoe_second.py - a second codec of LSOE-01 and L3DL, written from docs/protocols/lsoe.md alone.

`LSOE` and `L3DL` have the same face: cut a PDU into datagrams, read a datagram, encode and decode PDUs. Keys and
signatures (section 2.7) stand on other libraries than ours. A PDU is one of the small classes below; what is wrong
with octets is a `Wrong`. Nothing here knows of sockets or sessions: that is lsoe_peer.py.
"""
import ipaddress
import struct
from dataclasses import dataclass, field

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HELLO, OPEN, KEEPALIVE, ACK, IPV4, IPV6, MPLS4, MPLS6, NEWKEY, ULPC, VENDOR = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255
ENCAPS = (IPV4, IPV6, MPLS4, MPLS6)
NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
LONGEST = 1500  # octets of a datagram
LANYARD = b"LANY\1"  # begins what stands behind the datagram of our OPEN (section 3)
LANYARD_PEN = 0x4C414E59
FTABLE = bytes.fromhex(  # section 1.4
    "a3d70983f848f6f4b321157899b1aff9e72d4d8ace4cca2e5295d91e4e384428"
    "0adf02a017f1606812b77ac3e9fa3d5396846bbaf2639a197caee5f5f7166aa2"
    "39b67b0fc193811beeb41aead0912fb855b9da853f41bfe05a58805f660bd890"
    "35d5c0a733066569450094566d989b7697fcb2c2b0fedb20e1ebd6e4dd474a1d"
    "42ed9e6e493ccd4327d207d4dec7671889cb301f8dc68faac874dcc95d5c31a4"
    "7088612c9f0d2b8750825464267d0340344b1c73d1c4fd3bccfb7fabe63e5ba5"
    "ad04239c145122f02979717eff8c0ee20cefbc72756f37a1ecd38e628b8610e8"
    "087711be924f24c532369dcff3a6bbac5e6ca9135725b5e3bda83a0105592a46")


class Wrong(ValueError):
    """Octets that are no datagram, or no PDU."""


def checksum(datagram, at):
    """Over a datagram whose four octets from `at` count as zero."""
    octets = datagram[:at] + bytes(4) + datagram[at + 4:]
    value = 0
    for lane in range(4):
        value = (value << 8) + sum(FTABLE[x] for x in octets[lane::4])
    for _ in range(2):
        value = (value >> 32) + (value & 0xFFFFFFFF)
    return value


# ---- what PDUs say

@dataclass
class Signed:
    """What a received L3DL PDU carried in its trailer, and the octets that are covered."""
    alg: int = 0
    signature: bytes = b""
    covered: bytes = b""


@dataclass
class Pdu:
    signed: Signed = field(default_factory=Signed, compare=False, kw_only=True)


@dataclass
class Hello(Pdu):
    kind = HELLO


@dataclass
class Keepalive(Pdu):
    kind = KEEPALIVE


@dataclass
class Open(Pdu):
    nonce: bytes
    id: bytes
    attributes: bytes = b""
    auth: bytes = b""  # LSOE-01
    alg: int = 0  # L3DL, from here
    key: bytes = b""
    certificate: bytes = b""
    serial: int = 0
    kind = OPEN


@dataclass
class Ack(Pdu):
    of: int
    etype: int = 0
    code: int = 0
    hint: int = 0
    kind = ACK


@dataclass(frozen=True)
class Entry:
    address: str
    length: int
    primary: bool = False
    loopback: bool = False
    overlay: bool = False
    withdraw: bool = False
    labels: tuple = ()  # 20 bits each

    @property
    def prefix(self):
        return self.address, self.length


@dataclass
class Encaps(Pdu):
    kind: int
    entries: list
    serial: int = 0


@dataclass
class Vendor(Pdu):
    enterprise: int
    type: int
    data: bytes = b""
    serial: int = 0
    kind = VENDOR


@dataclass
class Newkey(Pdu):
    alg: int
    key: bytes
    certificate: bytes = b""
    kind = NEWKEY


@dataclass
class Ulpc(Pdu):
    asn: int
    address4: str = None  # "10.0.0.1/30"
    address6: str = None
    auth: bytes = b""
    gtsm: bool = False
    kind = ULPC


class Reader:
    def __init__(self, octets):
        self.octets = octets

    def take(self, count):
        if len(self.octets) < count:
            raise Wrong("ends before its fields")
        taken, self.octets = self.octets[:count], self.octets[count:]
        return taken

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def end(self):
        if self.octets:
            raise Wrong("octets after the last field")


@dataclass
class Datagram:
    number: int
    last: bool
    payload: bytes
    tsn: int = 0
    behind: bytes = b""  # what followed in the frame


# ---- encapsulations: the same fields, other flags (1.6, 2.5)

class Dialect:
    def entry_encode(self, kind, entry):
        octets = bytes([sum(bit for name, (bit, sense) in self.flags.items() if getattr(entry, name) == sense)])
        if kind in (MPLS4, MPLS6):
            octets += bytes([len(entry.labels)])
            for i, label in enumerate(entry.labels):
                octets += (label << 4 | (i == len(entry.labels) - 1)).to_bytes(3, "big")
        return octets + ipaddress.ip_address(entry.address).packed + bytes([entry.length])

    def entry_decode(self, kind, r):
        flags = r.number(1)
        labels = tuple(r.number(3) >> 4 for _ in range(r.number(1))) if kind in (MPLS4, MPLS6) else ()
        address = ipaddress.ip_address(r.take(4 if kind in (IPV4, MPLS4) else 16))
        length = r.number(1)
        if length > address.max_prefixlen:
            raise Wrong("prefix length")
        named = {name: bool(flags & bit) == sense for name, (bit, sense) in self.flags.items()}
        return Entry(str(address), length, labels=labels, **named)

    def datagrams(self, pdu, tsn=0, mtu=LONGEST):
        room = min(mtu, LONGEST) - self.header
        parts = [pdu[i:i + room] for i in range(0, len(pdu), room)] or [b""]
        return [self.datagram(part, n, n == len(parts) - 1, tsn) for n, part in enumerate(parts)]

    def sealed(self, head, payload):
        """A datagram whose last four octets of header are the checksum."""
        octets = head + bytes(4) + payload
        return head + checksum(octets, len(head)).to_bytes(4, "big") + payload

    def opened(self, frame, length):
        if not self.header <= length <= len(frame):
            raise Wrong("datagram length")
        if frame[0] != 0:
            raise Wrong("version")
        said = int.from_bytes(frame[self.header - 4:self.header], "big")
        if said != checksum(frame[:length], self.header - 4):
            raise Wrong("checksum")
        return frame[self.header:length], frame[length:]


class Lsoe01(Dialect):
    name, ethertype, header, max_pdu = "lsoe", 0x8885, 8, 0xFFFF
    flags = {"primary": (0x80, True), "loopback": (0x40, True)}
    incremental = one_in_flight = any_is_alive = False
    acked = (OPEN, *ENCAPS, VENDOR)
    CONFLICT, AUTH = 1, 2

    def datagram(self, part, number, last, tsn=0):
        return self.sealed(struct.pack(">BBH", 0, last << 7 | number, self.header + len(part)), part)

    def read(self, frame):
        if len(frame) < self.header:
            raise Wrong("short")
        _, number, length = struct.unpack(">BBH", frame[:4])
        payload, behind = self.opened(frame, length)
        return Datagram(number & 0x7F, number >= 0x80, payload, behind=behind)

    def encode(self, pdu, signer=None):
        value = self.value(pdu)
        return struct.pack(">BH", pdu.kind, 3 + len(value)) + value

    def value(self, pdu):
        if pdu.kind == OPEN:
            return (pdu.nonce + pdu.id + bytes([len(pdu.attributes)]) + pdu.attributes
                    + struct.pack(">H", len(pdu.auth)) + pdu.auth)
        if pdu.kind == ACK:
            return struct.pack(">BHH", pdu.of, pdu.etype << 12 | pdu.code, pdu.hint)
        if pdu.kind in ENCAPS:
            return struct.pack(">H", len(pdu.entries)) + b"".join(self.entry_encode(pdu.kind, e) for e in pdu.entries)
        if pdu.kind == VENDOR:
            return struct.pack(">IB", pdu.enterprise, pdu.type) + pdu.data
        return b""

    def decode(self, octets):
        r = Reader(octets)
        kind, length = r.number(1), r.number(2)
        if length != len(octets):
            raise Wrong("PDU length")
        pdu = self.body(kind, r)
        r.end()
        return pdu

    def body(self, kind, r):
        if kind == OPEN:
            pdu = Open(r.take(4), r.take(10), r.take(r.number(1)))
            pdu.auth = r.take(r.number(2))
            r.octets = b""  # whatever follows is let pass, as the original does
            return pdu
        if kind == VENDOR:
            return Vendor(r.number(4), r.number(1), r.take(len(r.octets)))
        return common_body(self, kind, r, 2)


def common_body(dialect, kind, r, count_octets):
    if kind in (HELLO, KEEPALIVE):
        return Hello() if kind == HELLO else Keepalive()
    if kind == ACK:
        of, error, hint = r.number(1), r.number(2), r.number(2)
        if of not in dialect.acked:
            raise Wrong("ACK of what is not acknowledged")
        return Ack(of, error >> 12, error & 0xFFF, hint)
    if kind in ENCAPS:
        count = r.number(count_octets)
        serial = r.number(4) if dialect.incremental else 0
        return Encaps(kind, [dialect.entry_decode(kind, r) for _ in range(count)], serial)
    raise Wrong(f"type {kind}")


class L3dl08(Dialect):
    name, ethertype, header, max_pdu = "l3dl", 0x88B5, 12, 1 << 20
    flags = {"withdraw": (0x80, False), "primary": (0x40, True), "overlay": (0x20, False), "loopback": (0x10, True)}
    incremental = one_in_flight = any_is_alive = True
    acked = (OPEN, *ENCAPS, NEWKEY, ULPC, VENDOR)
    CHECKSUM, CONFLICT, AUTH, ANNOUNCE = 1, 2, 3, 4

    def datagram(self, part, number, last, tsn=0):
        head = struct.pack(">BH", 0, tsn) + (last << 23 | number).to_bytes(3, "big")
        return self.sealed(head + struct.pack(">H", self.header + len(part)), part)

    def read(self, frame):
        if len(frame) < self.header:
            raise Wrong("short")
        number, length = int.from_bytes(frame[3:6], "big"), int.from_bytes(frame[6:8], "big")
        payload, behind = self.opened(frame, length)
        return Datagram(number & 0x7FFFFF, bool(number >> 23), payload, int.from_bytes(frame[1:3], "big"), behind)

    def encode(self, pdu, signer=None):
        value = self.value(pdu)
        octets = struct.pack(">BI", pdu.kind, len(value)) + value
        if signer is None or pdu.kind == HELLO:
            return octets + bytes(3)
        octets += struct.pack(">BH", signer.alg, signer.size)
        return octets + signer.sign(octets)

    def value(self, pdu):
        if pdu.kind == OPEN:
            certificate = struct.pack(">H", len(pdu.certificate)) + pdu.certificate if pdu.alg else b""
            return (pdu.nonce + bytes([len(pdu.id)]) + pdu.id + bytes([len(pdu.attributes)]) + pdu.attributes
                    + struct.pack(">BH", pdu.alg, len(pdu.key)) + pdu.key + certificate
                    + struct.pack(">I", pdu.serial))
        if pdu.kind == ACK:
            return struct.pack(">BHH", pdu.of, pdu.etype << 12 | pdu.code, pdu.hint)
        if pdu.kind in ENCAPS:
            return (len(pdu.entries).to_bytes(3, "big") + struct.pack(">I", pdu.serial)
                    + b"".join(self.entry_encode(pdu.kind, e) for e in pdu.entries))
        if pdu.kind == VENDOR:
            return struct.pack(">IIB", pdu.serial, pdu.enterprise, pdu.type) + pdu.data
        if pdu.kind == NEWKEY:
            return (struct.pack(">BH", pdu.alg, len(pdu.key)) + pdu.key
                    + struct.pack(">H", len(pdu.certificate)) + pdu.certificate)
        return ulpc_encode(pdu) if pdu.kind == ULPC else b""

    def decode(self, octets):
        r = Reader(octets)
        kind, length = r.number(1), r.number(4)
        body = Reader(r.take(length))
        alg, size = r.number(1), r.number(2)
        signature = r.take(size)
        r.end()
        if alg == 0 and size or kind == HELLO and alg:
            raise Wrong("signature")
        pdu = self.body(kind, body)
        body.end()
        pdu.signed = Signed(alg, signature, octets[:len(octets) - size])
        return pdu

    def body(self, kind, r):
        if kind == OPEN:
            pdu = Open(r.take(4), r.take(r.number(1)), r.take(r.number(1)))
            pdu.alg = r.number(1)
            pdu.key = r.take(r.number(2))
            pdu.certificate = r.take(r.number(2)) if pdu.alg else b""
            pdu.serial = r.number(4)
            return pdu
        if kind == VENDOR:
            serial = r.number(4)
            return Vendor(r.number(4), r.number(1), r.take(len(r.octets)), serial)
        if kind == NEWKEY:
            return Newkey(r.number(1), r.take(r.number(2)), r.take(r.number(2)))
        if kind == ULPC:
            return ulpc_decode(r)
        return common_body(self, kind, r, 3)


def ulpc_encode(pdu):
    """Section 2.8: BGP."""
    attributes = [(1, struct.pack(">I", pdu.asn))]
    for kind, text in ((2, pdu.address4), (3, pdu.address6)):
        if text:
            address = ipaddress.ip_interface(text)
            attributes.append((kind, address.packed + bytes([address.network.prefixlen])))
    if pdu.auth:
        attributes.append((4, pdu.auth))
    if pdu.gtsm:
        attributes.append((5, b"\x80\0"))
    return bytes([1, len(attributes)]) + b"".join(bytes([k, 2 + len(v)]) + v for k, v in attributes)


def ulpc_decode(r):
    if r.number(1) != 1:
        raise Wrong("ULPC type")
    found = {}
    for _ in range(r.number(1)):
        kind, length = r.number(1), r.number(1)
        if length < 2:
            raise Wrong("ULPC attribute")
        found[kind] = r.take(length - 2)
    address = {k: f"{ipaddress.ip_address(found[k][:-1])}/{found[k][-1]}" for k in (2, 3) if k in found}
    return Ulpc(int.from_bytes(found[1], "big"), address.get(2), address.get(3), found.get(4, b""),
                bool(found.get(5, b"\0")[0] & 0x80))


LSOE, L3DL = Lsoe01(), L3dl08()


# ---- who signed (2.7)

class Ed25519:
    """A secret key of algorithm 15; `public` as in RFC 8080."""
    alg, size = 15, 64

    def __init__(self, seed=None):
        self.secret = nacl.signing.SigningKey(seed) if seed else nacl.signing.SigningKey.generate()
        self.public = bytes(self.secret.verify_key)

    def sign(self, octets):
        return self.secret.sign(octets).signature


class Rsa:
    """A secret key of algorithm 8; `public` as in RFC 3110."""
    alg = 8

    def __init__(self, bits=2048):
        self.secret = rsa.generate_private_key(65537, bits)
        numbers = self.secret.public_key().public_numbers()
        self.size = bits // 8
        self.public = b"\3" + numbers.e.to_bytes(3, "big") + numbers.n.to_bytes(self.size, "big")

    def sign(self, octets):
        return self.secret.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def verify(alg, key, octets, signature):
    """Whether the secret key of this public one made the signature."""
    try:
        if alg == Ed25519.alg:
            nacl.signing.VerifyKey(key).verify(octets, signature)
            return True
        if alg == Rsa.alg:
            at = 1 if key[0] else 3
            size = key[0] or int.from_bytes(key[1:3], "big")
            numbers = rsa.RSAPublicNumbers(int.from_bytes(key[at:at + size], "big"),
                                           int.from_bytes(key[at + size:], "big"))
            numbers.public_key().verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
            return True
    except (nacl.exceptions.BadSignatureError, InvalidSignature, ValueError, IndexError):
        pass
    return False


def signed_by(pdu, alg, key):
    return pdu.signed.alg == alg and verify(alg, key, pdu.signed.covered, pdu.signed.signature)
