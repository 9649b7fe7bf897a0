"""casan_second.py - the wire of SOS and CASAN a second time, in Python, from docs/protocols/sos.md alone: CoAP messages
to and from bytes, the length before them in an Ethernet frame, the control messages of both epochs."""
from dataclasses import dataclass, field

ETHERTYPE = 0x88B5
CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE = 1, 2, 3, 4
OBSERVE, URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, SIZE1 = 6, 11, 12, 14, 15, 60


def code(klass, detail):
    return klass << 5 | detail


CREATED, CHANGED, CONTENT = code(2, 1), code(2, 4), code(2, 5)
BAD_REQUEST, NOT_FOUND = code(4, 0), code(4, 4)


@dataclass
class Message:
    kind: int
    code: int
    mid: int
    token: bytes = b""
    options: list = field(default_factory=list)  # (number, value), ascending
    payload: bytes = b""

    def all(self, number):
        return [v for n, v in self.options if n == number]

    def texts(self, number):
        return [v.decode("utf-8", "replace") for v in self.all(number)]


def number(value):
    """A uint option's value in its shortest form."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")


def encode(m):
    out = bytearray([0x40 | m.kind << 4 | len(m.token), m.code]) + m.mid.to_bytes(2, "big") + m.token
    last = 0
    for num, value in sorted(m.options, key=lambda o: o[0]):
        delta, more = _nibble(num - last)
        length, longer = _nibble(len(value))
        out += bytes([delta << 4 | length]) + more + longer + value
        last = num
    return bytes(out + (b"\xff" + m.payload if m.payload else b""))


def decode(data):
    """ValueError or IndexError: not CoAP."""
    if data[0] >> 6 != 1 or data[0] & 15 > 8 or len(data) < 4:
        raise ValueError("header")
    tkl = data[0] & 15
    m = Message(data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], "big"), bytes(data[4:4 + tkl]))
    at, num = 4 + tkl, 0
    while at < len(data):
        if data[at] == 0xFF:
            m.payload = bytes(data[at + 1:])
            break
        parts, at = [data[at] >> 4, data[at] & 15], at + 1
        for i, part in enumerate(parts):
            if part == 13:
                parts[i], at = data[at] + 13, at + 1
            elif part == 14:
                parts[i], at = int.from_bytes(data[at:at + 2], "big") + 269, at + 2
            elif part == 15:
                raise ValueError("option")
        num += parts[0]
        if at + parts[1] > len(data):
            raise ValueError("option cut off")
        m.options.append((num, bytes(data[at:at + parts[1]])))
        at += parts[1]
    return m


def frame(content):
    """The content of an Ethernet frame: its length, itself included, before it."""
    return (len(content) + 2).to_bytes(2, "big") + content


def unframe(content):
    length = int.from_bytes(content[:2], "big")
    if length < 3 or length > len(content):
        raise ValueError("length")
    return content[2:length]


def control(epoch, kind, mid, **queries):
    """Hello (hello=), Discover (slave=, mtu=), AssocRequest (ttl=, mtu=)."""
    options = [(URI_PATH, b".well-known"), (URI_PATH, epoch.encode())]
    options += [(URI_QUERY, f"{k}={v}".encode()) for k, v in queries.items()]
    return Message(kind, POST, mid, options=options)


def is_control(m, epoch):
    return m.code == POST and m.texts(URI_PATH) == [".well-known", epoch]


def queries(m):
    return dict(q.split("=", 1) for q in m.texts(URI_QUERY) if "=" in q)
