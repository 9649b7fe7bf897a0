#!/usr/bin/python3
"""channel.py - the sealed channel once more, from docs/protocols/channel.md sections 2 to 4 alone.

It shares no code with Lanyard, and no library either where another one is to be had: BLAKE2b is hashlib's,
AES-256-GCM that of python3-cryptography, XChaCha20-Poly1305 and Ed25519 PyNaCl's, GF(2^8) is done by hand.

    channel.py > channel.json       the vectors that test_channel_vectors.c replays

Everything is made from fixed labels, so the file is the same each time. It has three parts: `seal`: what a
sender makes of a frame, byte for byte; `frames`: what parses and what does not; `sessions`: datagrams in a row to one
receiver, with the name of the counter each must raise, or "ok", or "own" (dropped without a count), and in the end the
messages delivered.
"""
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl import bindings
from nacl.signing import SigningKey

XCHACHA, GCM = 1, 2
TOP = 1 << 63
NAME = "239.1.2.3:5000"


def blake2b(data, size, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def label(text, size=32):
    """Bytes that look random and never change."""
    return blake2b(b"lanyard test vector: " + text.encode(), size)


# ---- sections 2 and 3 ------------------------------------------------------------------------------------------------

def channel_id(name):
    return blake2b(b"lanyard channel id v1\0" + name.encode(), 16)


class Sender:
    def __init__(self, cipher=XCHACHA, epoch=1, key=None, name=NAME, sender=0x0102030405060708, boot=0x1112131415161718,
                 seed=None):
        self.cipher, self.epoch, self.name, self.boot, self.seed = cipher, epoch, name, boot, seed
        self.key = key or label(f"epoch {epoch}")
        self.sender = sender
        if seed:
            self.signing = SigningKey(seed)
            self.public = bytes(self.signing.verify_key)
            self.sender = int.from_bytes(blake2b(self.public, 32)[:8], "big") | TOP

    def header(self, counter, version=1, flags=None):
        flags = (1 if self.seed else 0) if flags is None else flags
        return b"LC" + struct.pack(">BBIQQQ", version, flags, self.epoch, self.sender, self.boot, counter)

    def instance_key(self):
        return blake2b(b"lanyard channel v1" + struct.pack(">BI", self.cipher, self.epoch) + channel_id(self.name)
                       + struct.pack(">QQ", self.sender, self.boot), 32, self.key)

    def seal(self, counter, frame, header=None, signature=None):
        header = header or self.header(counter)
        inner = frame
        if self.seed:
            signed = b"lanyard channel signature v1\0" + channel_id(self.name) + header + frame
            inner += self.public + (signature or self.signing.sign(signed).signature)
        if self.cipher == XCHACHA:
            nonce = struct.pack(">QQQ", self.sender, self.boot, counter)
            body = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(inner, header, nonce, self.instance_key())
        else:
            body = AESGCM(self.instance_key()).encrypt(struct.pack(">IQ", 0, counter), inner, header)
        return header + body


# ---- section 4 -------------------------------------------------------------------------------------------------------

def data(seq, msg, payload=b"hello", flags=0, k=32):
    return struct.pack(">BBBQQ", 1, flags, k, seq, msg) + payload


def fragment(seq, msg, offset, total, payload, flags=1, k=32):
    return struct.pack(">BBBQQII", 1, flags, k, seq, msg, offset, total) + payload


def parity(first, k, row, symbol, block=32):
    return struct.pack(">BBBBQ", 2, block, k, row, first) + symbol


def presence(flags=0, mode=0, k=32, interval=1000, age=5000, members=2, highest=0, oldest=1, oldest_msg=1, next_msg=1,
             name=b"", length=None):
    return struct.pack(">BBBBIIHQQQQB", 3, flags, mode, k, interval, age, members, highest, oldest, oldest_msg, next_msg,
                       len(name) if length is None else length) + name


def feedback(entries=(), flags=0, to=(1, 2), nxt=1, highest=0, overruns=0, n=None):
    return struct.pack(">BBQQQQIB", 4, flags, *to, nxt, highest, overruns, len(entries) if n is None else n) + b"".join(
        struct.pack(">QQB", *entry) for entry in entries)


def late(n=3, flags=0):
    return struct.pack(">BBQQI", 5, flags, 1, 2, n)


def start(n=3, seq=10, msg=4, flags=0):
    return struct.pack(">BBIQQ", 6, flags, n, seq, msg)


def times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = (a << 1) ^ (0x11d if a & 0x80 else 0), b >> 1
    return product


def inverse(a):
    return next(b for b in range(1, 256) if times(a, b) == 1)


def parity_symbol(row, frames):
    symbols = [struct.pack(">H", len(f)) + bytes([f[1] & ~2]) + f[11:] for f in frames]
    longest = max(map(len, symbols))
    total = bytearray(longest)
    for i, symbol in enumerate(symbols):
        factor = inverse((64 + row) ^ i)
        for at, byte in enumerate(symbol):
            total[at] ^= times(factor, byte)
    return bytes(total)


# ---- what is tried ---------------------------------------------------------------------------------------------------

GOOD_FRAMES = {
    "a message": data(1, 1), "an empty message": data(1, 1, b""), "sent again, with confirmation": data(7, 3, flags=6),
    "the last numbers": data(1 << 62, 1 << 62), "a block of one": data(1, 1, k=1), "a block of 64": data(1, 1, k=64),
    "a first fragment": fragment(1, 1, 0, 10, b"hello"), "a last fragment": fragment(2, 1, 5, 10, b"hello"),
    "a fragment of the longest message": fragment(9, 1, (1 << 20) - 1, 1 << 20, b"x"),
    "parity": parity(33, 32, 127, b"\0\7symbol"), "parity of one": parity(1, 1, 0, b"\0\0"),
    "presence": presence(), "presence with all there is": presence(15, 2, 64, 2**32 - 1, 2**32 - 1, 65535, 100, 51, 20, 41,
                                                                   "kran-\u00fc".encode()),
    "the longest name": presence(name=b"n" * 63), "feedback": feedback(), "feedback with entries":
    feedback([(1, 6, 1), (33, 1, 1), (65, 2**64 - 1, 64)], nxt=2, highest=70, overruns=9),
    "80 entries": feedback([(1 + 32 * i, 1, 1) for i in range(80)]),
    "late": late(), "start": start(),
}
BAD_FRAMES = {
    "a message that is cut": data(1, 1)[:18], "an unknown flag of data": data(1, 1, flags=8), "no block": data(1, 1, k=0),
    "a block of 65": data(1, 1, k=65), "frame 0": data(0, 1), "message 0": data(1, 0),
    "a frame beyond 2^62": data((1 << 62) + 1, 1), "a message beyond 2^62": data(1, (1 << 62) + 1),
    "a fragment without bytes": fragment(1, 1, 0, 10, b""), "a fragment behind the end": fragment(1, 1, 6, 10, b"hello"),
    "a fragment that is all": fragment(1, 1, 0, 5, b"hello"), "a message too long": fragment(1, 1, 0, (1 << 20) + 1, b"x"),
    "an offset that wraps": fragment(1, 1, 2**32 - 1, 10, b"hello"),
    "parity without a length": parity(1, 1, 0, b"\0"), "parity of none": parity(1, 0, 0, b"\0\0"),
    "parity of more than the block": parity(1, 33, 0, b"\0\0"), "row 128": parity(1, 1, 128, b"\0\0"),
    "parity that begins inside a block": parity(2, 1, 0, b"\0\0"), "parity of block 0": parity(0, 1, 0, b"\0\0"),
    "an unknown flag of presence": presence(flags=16), "mode 3": presence(mode=3), "presence without a block": presence(k=0),
    "oldest 0": presence(oldest=0), "oldest beyond the next": presence(highest=3, oldest=5),
    "a name that is cut": presence(name=b"abc", length=4), "bytes behind the name": presence(name=b"abc", length=2),
    "a name of 64": presence(name=b"n" * 64), "a name that is not UTF-8": presence(name=b"\xff"),
    "a name that rings": presence(name=b"\x07"), "a name of C1": presence(name=b"\xc2\x85"),
    "an oldest message after the next": presence(oldest_msg=2), "a flag of feedback": feedback(flags=1),
    "feedback below 1": feedback(nxt=0), "feedback that is cut": feedback([(1, 1, 1)])[:-1],
    "81 entries": feedback([(1, 1, 1)] * 81), "entries that are not there": feedback(n=1),
    "an entry that needs nothing": feedback([(1, 1, 0)]), "an entry that needs more than it misses": feedback([(1, 1, 2)]),
    "an entry of block 0": feedback([(0, 1, 1)]), "bytes behind feedback": feedback() + b"\0",
    "a flag of late": late(flags=1), "late that is cut": late()[:-1], "bytes behind late": late() + b"\0",
    "a flag of start": start(flags=1), "start at 0": start(seq=0), "start at message 0": start(msg=0),
    "bytes behind start": start() + b"\0",
}
UNKNOWN_FRAMES = {"type 0": b"\0", "type 7": b"\7whatever", "type 255": b"\xff"}


def seal_part():
    entries = []
    for cipher in (XCHACHA, GCM):
        for seed in (None, label("seed of a member")):
            for epoch in (0, 1, 2**32 - 1):
                s = Sender(cipher, epoch, seed=seed, name=f"plant \u00fc {epoch}" if epoch else NAME)
                for number, (name, frame) in enumerate(GOOD_FRAMES.items()):
                    counter = (1, 1 << 20, 2**64 - 1)[number % 3] - number % 2
                    entries.append({
                        "name": f"{name}, epoch {epoch}, {'signed' if seed else 'unsigned'}", "cipher": cipher,
                        "epoch": epoch, "epoch_key": s.key.hex(), "channel": s.name,
                        "channel_id": channel_id(s.name).hex(), "sender": f"{s.sender:016x}", "boot": f"{s.boot:016x}",
                        "counter": f"{counter or 1:016x}", "seed": seed.hex() if seed else None,
                        "instance_key": s.instance_key().hex(), "frame": frame.hex(),
                        "datagram": s.seal(counter or 1, frame).hex()})
    return entries


def frames_part():
    kinds = (("ok", GOOD_FRAMES), ("refused", BAD_FRAMES), ("unknown", UNKNOWN_FRAMES))
    return [{"name": name, "result": result, "frame": frame.hex()} for result, frames in kinds
            for name, frame in frames.items()]


def flip(datagram, at, bit=0):
    return datagram[:at] + bytes([datagram[at] ^ 1 << bit]) + datagram[at + 1:]


class Session:
    """Datagrams to one receiver. Its entropy gives nothing but the byte 0x42."""

    def __init__(self, name, cipher=XCHACHA, epochs=(1, 2), members=(), mode=0, channel=NAME, sender=0x42, seed=None):
        self.entry = {"name": name, "mode": mode, "cipher": cipher, "channel": channel,
                      "epochs": [{"epoch": e, "key": label(f"epoch {e}").hex()} for e in epochs],
                      "members": [m.public.hex() for m in members], "sender": f"{sender:016x}",
                      "seed": seed.hex() if seed else None, "datagrams": [], "messages": []}

    def give(self, what, datagram, expect="ok", *messages):
        self.entry["datagrams"].append({"what": what, "hex": datagram.hex(), "expect": expect})
        self.entry["messages"] += [m.hex() for m in messages]
        return self


def tampering(cipher, seed):
    s = Sender(cipher, seed=seed)
    t = Session(f"tampering, cipher {cipher}, {'signed' if seed else 'unsigned'}", cipher)
    good = s.seal(5, data(1, 1))
    t.give("the magic", flip(good, 0), "malformed").give("the magic's end", flip(good, 1), "malformed")
    t.give("the version", flip(good, 2), "version").give("the signed flag", flip(good, 3), "malformed")
    t.give("a flag that is not known", flip(good, 3, 1), "malformed")
    t.give("the epoch, to one that is there", good[:4] + struct.pack(">I", 2) + good[8:], "forged")
    t.give("the epoch, to one that is not", good[:4] + struct.pack(">I", 3) + good[8:], "epoch")
    t.give("the sender's top bit", flip(good, 8, 7), "malformed").give("the sender", flip(good, 15), "forged")
    t.give("the boot", flip(good, 16), "forged").give("the boot's end", flip(good, 23), "forged")
    t.give("the counter", flip(good, 24, 6), "forged").give("the counter's end", flip(good, 31, 1), "forged")
    t.give("the frame", flip(good, 32), "forged").give("the tag", flip(good, len(good) - 1, 7), "forged")
    t.give("cut by one", good[:-1], "forged").give("cut to 48", good[:48], "malformed")
    t.give("one byte more", good + b"\0", "forged").give("nothing", b"", "malformed")
    t.give("cut to 49", good[:49], "forged")
    other = Sender(cipher, seed=seed, name="another channel")
    t.give("of another channel", other.seal(5, data(1, 1)), "forged")
    wrong = Sender(cipher, seed=seed, key=label("a key nobody has"))
    t.give("under another key", wrong.seal(5, data(1, 1)), "forged")
    crossed = Sender(3 - cipher, seed=seed)
    t.give("under the other cipher", crossed.seal(5, data(1, 1)), "forged")
    return t.give("as it was", good, "ok", b"hello").give("and once more", good, "replay")


def replays():
    s, t = Sender(), Session("replays and boots")
    t.give("2000", s.seal(2000, data(1, 1, b"a")), "ok", b"a")
    t.give("2000 again", s.seal(2000, data(1, 1, b"a")), "replay")
    t.give("1999", s.seal(1999, presence())).give("1999 again", s.seal(1999, presence()), "replay")
    t.give("the oldest in the window", s.seal(2000 - 1024, presence()))
    t.give("below the window", s.seal(2000 - 1025, presence()), "replay")
    t.give("counter 0", s.seal(0, presence()), "replay")
    t.give("a forgery far ahead does not move the window", flip(s.seal(10**6, presence()), 40), "forged")
    t.give("1998", s.seal(1998, presence()))
    again = Sender(boot=0x99)
    t.give("another boot, not above", again.seal(2000, data(1, 1, b"b")), "replay")
    t.give("another boot, above", again.seal(2001, data(1, 1, b"b")), "ok", b"b")
    t.give("the old boot", s.seal(2002 - 2, presence()), "replay")
    t.give("a new frame of the new boot", again.seal(2002, data(2, 2, b"c")), "ok", b"c")
    epoch = Sender(epoch=2, boot=0x99)
    t.give("the other epoch, same window", epoch.seal(2002, data(3, 3, b"d")), "replay")
    return t.give("the other epoch", epoch.seal(2003, data(3, 3, b"d")), "ok", b"d")


def frames_inside():
    s, t = Sender(), Session("frames that are authentic and wrong")
    for counter, frame in enumerate(BAD_FRAMES.values(), 1):
        t.give("bad", s.seal(counter, frame), "frame")
    counter = len(BAD_FRAMES)
    for frame in UNKNOWN_FRAMES.values():
        counter += 1
        t.give("unknown", s.seal(counter, frame), "unknown")
    return t.give("good", s.seal(counter + 1, data(1, 1)), "ok", b"hello")


def own():
    t = Session("own datagrams and a clone", sender=0x4321)
    me, clone = Sender(sender=0x4321, boot=0x4242424242424242), Sender(sender=0x4321, boot=7)
    return t.give("own, by loopback", me.seal(1, data(1, 1)), "own").give("a clone", clone.seal(1, data(1, 1)), "self")


def signatures():
    a, b = Sender(seed=label("member a")), Sender(seed=label("member b"))
    t = Session("signatures without a list")
    t.give("a's", a.seal(1, data(1, 1, b"a")), "ok", b"a")
    t.give("a's with zeros for a signature", a.seal(2, data(2, 2), signature=bytes(64)), "signature")
    signed = a.signing.sign(b"lanyard channel signature v1\0" + channel_id(NAME) + a.header(2) + data(2, 2)).signature
    t.give("a's for other bytes", a.seal(3, data(2, 2), signature=signed), "signature")
    pretender = Sender(seed=label("member b"))
    pretender.sender = a.sender
    t.give("b under a's id", pretender.seal(4, data(2, 2)), "signature")
    bare = Sender(sender=a.sender)
    t.give("no signature under a's id", bare.seal(5, data(2, 2), header=bare.header(5, flags=1)), "signature")
    t.give("too short for one", bare.seal(6, bytes(95), header=bare.header(6, flags=1)), "signature")
    t.give("nothing but one", a.seal(7, b""), "frame")
    t.give("b's", b.seal(1, data(1, 1, b"b")), "ok", b"b")
    return t.give("not signed", Sender().seal(1, data(1, 1, b"c")), "ok", b"c")


def members():
    a, b = Sender(GCM, seed=label("member a")), Sender(GCM, seed=label("member b"))
    t = Session("a list of members", GCM, members=[a])
    t.give("a's", a.seal(1, data(1, 1, b"a")), "ok", b"a").give("b's", b.seal(1, data(1, 1, b"b")), "member")
    t.give("not signed", Sender(GCM).seal(1, data(1, 1, b"c")), "member")
    t.give("a's, forged", flip(a.seal(2, data(2, 2)), 60), "forged")
    return t.give("b's, bad signature", b.seal(2, data(1, 1), signature=bytes(64)), "signature")


def parities(row):
    s, t = Sender(), Session(f"a frame given back by parity row {row}", mode=1)
    frames = [data(1, 1, b"first", k=4), data(2, 2, b"the second is longer", k=4), data(3, 3, b"", flags=4, k=4)]
    t.give("the first", s.seal(1, frames[0]), "ok", b"first")
    t.give("the third, sent again", s.seal(3, frames[2][:1] + bytes([6]) + frames[2][2:]))
    symbol = parity_symbol(row, frames)
    return t.give("parity", s.seal(4, parity(1, 3, row, symbol, block=4)), "ok", b"the second is longer", b"")


def main():
    sessions = [tampering(cipher, seed) for cipher in (XCHACHA, GCM) for seed in (None, label("member a"))]
    sessions += [replays(), frames_inside(), own(), signatures(), members(), *map(parities, (0, 77, 127))]
    parts = {"seal": seal_part(), "frames": frames_part(), "sessions": [s.entry for s in sessions]}
    lines = ",\n".join(f'"{part}": [\n' + ",\n".join(json.dumps(e) for e in entries) + "\n]"
                       for part, entries in parts.items())
    sys.stdout.write("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
