#!/usr/bin/python3
"""serpy_oracle.py - Python's own codecs as the judge of those of the streams.

    serpy_oracle.py base85 | hexfloat | encoding SEED COUNT

One case a line, fields separated by tabs, bytes as hex, "-" where Python refuses:

    base85    e BYTES TEXT        b85encode        d TEXT BYTES          b85decode
    hexfloat  f BITS TEXT REPR    float.hex, repr  p TEXT BITS           float.fromhex
              i NUMBER TEXT       str
    encoding  e NAME UTF-8 BYTES  str.encode       v NAME BYTES 0 or 1   bytes.decode
"""
import base64
import random
import struct
import sys

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


def attempt(f, *args):
    """The hex of what f returns; "-" if it refuses."""
    try:
        return f(*args).hex()
    except (ValueError, OverflowError):  # UnicodeError is a ValueError
        return "-"


# --- base85 ------------------------------------------------------------------

def base85(rng, count):
    for c in range(256):  # every character at every place of every length
        for size in range(1, 7):
            for place in range(size):
                text = bytes(c if i == place else 0x30 for i in range(size))
                yield "d", text.hex(), attempt(base64.b85decode, text)
    for word in (0, 1, 84, 85, 0xFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF):
        for data in (word.to_bytes(4, "big"), word.to_bytes(7, "big")):
            yield "e", data.hex(), base64.b85encode(data).hex()
    for text in (b"|NsC0", b"|NsC1", b"|NsD0", b"~~~~~", b"|NsC", b"|Ns", b"|N", b"}0", b"|M"):
        yield "d", text.hex(), attempt(base64.b85decode, text)
    for _ in range(count):
        data = rng.randbytes(rng.choice([rng.randrange(13), rng.randrange(300)]))
        text = base64.b85encode(data)
        yield "e", data.hex(), text.hex()
        yield "d", text.hex(), attempt(base64.b85decode, text)
        foreign = rng.choice([0, 0, 0.02, 0.5])
        text = bytes(rng.randrange(256) if rng.random() < foreign else rng.choice(ALPHABET) for _ in range(rng.randrange(13)))
        yield "d", text.hex(), attempt(base64.b85decode, text)


# --- floats ------------------------------------------------------------------

def double(bits):
    return struct.unpack(">d", (bits & (1 << 64) - 1).to_bytes(8, "big"))[0]


def bits_of(v):
    return struct.pack(">d", v) if v == v else b"nan"


def read(text):
    return bits_of(float.fromhex(text.decode("latin-1")))


def edges():
    yield from (0.0, -0.0, 1.5, 0.1, 1e22, 1e23, 1e15, 1e16, 1e17, 123456789012345680.0, 1e-4, 1e-5, 9.5e-5, 100000.0, 1e-300,
                5e-324, 1.7976931348623157e308, 9007199254740993.0, float("inf"), float("-inf"), float("nan"))
    for exponent in range(2047):  # both sides of every power of two, where the distance between doubles changes
        for near in (-1, 0, 1):
            yield double((exponent << 52) + near if exponent or near >= 0 else 1)
    for exponent in range(-323, 309):
        yield float(f"1e{exponent}")


def doubles(rng, count):
    yield from edges()
    for _ in range(count):
        yield double(rng.getrandbits(64))
        yield float(rng.randrange(10 ** rng.randrange(1, 18))) * 10.0 ** rng.randrange(-30, 30)
        yield float((1 << rng.randrange(50, 200)) + rng.randrange(1 << rng.randrange(1, 50)))


def written(rng):
    """Something that may well be a number."""
    size = rng.choice([1, 2, 13, 14, 15, 16, 17, 18, 40, 300])
    digits = "".join(rng.choice(rng.choice(["0", "0008f", "0123456789abcdefABCDEF"])) for _ in range(size))
    digits = "0" * rng.choice([0, 0, rng.randrange(30)]) + digits
    if rng.random() < 0.8:
        at = rng.randrange(len(digits) + 1)
        digits = digits[:at] + "." + digits[at:]
    if rng.random() < 0.9:
        power = rng.choice([rng.randrange(10), rng.randrange(1200), 1022 + rng.randrange(60), 960 + rng.randrange(70),
                            10 ** rng.randrange(25), rng.randrange(10 ** 20)])
        digits += rng.choice("pP") + rng.choice(["", "+", "-"]) + str(power)
    return (rng.choice(["", " ", "\t \n"]) + rng.choice(["", "", "-", "+"]) + rng.choice(["", "0x", "0X", "0"]) + digits
            + rng.choice(["", "", " ", "\r\n", "x"])).encode()


def between(v):
    """v, and how much more than v: less than half of the way to the next double, half, more."""
    digits, power = v.hex().split("p")
    for more in ("8", "80", "7fffffffffffffffffffff", "800000000000000000000000000000000001"):
        yield f"{digits}{more}p{power}".encode()


HAND = [b"", b" ", b"-", b"0x", b".", b"0x.", b"0x.p1", b"0x1.", b"0x.8", b".8", b"1..", b"0x0x1", b"inf", b"-INFINITY", b"+Nan", b"-nan",
        b"infinit", b"infinityx", b"nan(1)", b"0xinf", b"1p", b"1p+", b"1p-", b"1p1.0", b"1p 1", b"p1", b"1 1", b"--1", b"\x101x1", b"\x10x1",
        b"1\x00", b"\x001", b"\x0b1\x0c", b"\x1c1", b"\xa01", b"1\x85", b"12.35", b"1e5", b"1_0", b"0x1p1024", b"0x1p1023",
        b"0x1.fffffffffffff7p1023", b"0x1.fffffffffffff8p1023", b"0x1.fffffffffffff7fffffffffffffffffp1023", b"0x2p1023",
        b"0x0p99999999999999999999999", b"0x0p-99999999999999999999999", b"0x1p99999999999999999999999", b"0x1p-99999999999999999999999",
        b"0x1p-1074", b"0x1p-1075", b"0x1.8p-1075", b"0x0.8p-1074", b"0x0.8" + b"0" * 40 + b"1p-1074", b"0x1.0000000000001p-1075",
        b"0x1.fffffffffffffp-1023", b"0x1.fffffffffffff8p-1023", b"0x" + b"0" * 5000 + b"1p-9", b"0x0." + b"0" * 5000 + b"1p20004",
        b"0x1" + b"0" * 5000 + b"p-20000", b"0x1" + b"0" * 5000 + b"p-18977", b"0x1" + b"0" * 5000 + b"p-18976",
        b"0x1" + b"0" * 5000 + b"1p-20004"]


def hexfloat(rng, count):
    for v in doubles(rng, count):
        yield "f", bits_of(v).hex() if v == v else "7ff8000000000000", v.hex(), repr(v)
    for v in edges():
        if v - v == 0:
            for text in between(v):
                yield "p", text.hex(), attempt(read, text)
    for text in HAND:
        yield "p", text.hex(), attempt(read, text)
    alphabet = b"00001.x-+pPxXaAfF9. 0x1inftyINFnaNN\t\n\x0b\x0c\r\x00\x85\xa0\x10_e1"
    for _ in range(count):
        for text in (written(rng), written(rng), bytes(rng.choice(alphabet) for _ in range(rng.randrange(1, 10)))):
            yield "p", text.hex(), attempt(read, text)
        v = rng.getrandbits(64) - (1 << 63) >> rng.randrange(64)
        yield "i", v, str(v)
    for v in (0, 9, 10, -1, 99, 100, (1 << 63) - 1, -(1 << 63)):
        yield "i", v, str(v)


# --- encodings ---------------------------------------------------------------

def decoded(data, name):
    try:
        data.decode(name)
        return 1
    except UnicodeError:
        return 0


def character(rng, name):
    common = rng.randrange(0x80) if name == "ascii" else rng.randrange(0x100)
    rare = rng.choice([0x80, 0xFF, 0x100, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDC00, 0xDFFF, 0xE000, 0xFEFF, 0xFFFE, 0xFFFF, 0x10000,
                       0x10FFFF, rng.randrange(0x110000)])
    return chr(rare if rng.random() < 0.1 else common)


def encoding(rng, count):
    units = [0, 0xFF, 0xFE, 0xD8, 0xDB, 0xDC, 0xDF, 0xD7, 0xE0, 0x41, 0x7F, 0x80, 0xC2, 0xED, 0xF4]
    for name in ("utf-8", "ascii", "latin-1", "utf-16"):
        for _ in range(count):
            text = "".join(character(rng, name) for _ in range(rng.randrange(12)))
            utf8 = text.encode("utf-8", "surrogatepass")
            out = attempt(lambda: utf8.decode().encode(name))
            yield "e", name, utf8.hex(), out
            if rng.random() < 0.2 and utf8:  # cut, or one byte another
                at = rng.randrange(len(utf8))
                broken = rng.choice([utf8[:at], utf8[:at] + rng.randbytes(1) + utf8[at + 1:]])
                yield "e", name, broken.hex(), attempt(lambda: broken.decode().encode(name))
            data = rng.choice([utf8, bytes.fromhex(out.strip("-")), bytes(rng.choice(units) for _ in range(rng.randrange(10)))])
            yield "v", name, data.hex(), decoded(data, name)


if __name__ == "__main__":
    for case in globals()[sys.argv[1]](random.Random(int(sys.argv[2])), int(sys.argv[3])):
        print(*case, sep="\t")
