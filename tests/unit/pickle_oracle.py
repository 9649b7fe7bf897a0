#!/usr/bin/python3
"""pickle_oracle.py - Python's own pickle as the judge of ours.

    pickle_oracle.py make SEED COUNT   lines "PROTOCOL PICKLE VALUE": seeded random values, each at protocols 0 to 5
    pickle_oracle.py check FILE        lines "PICKLE VALUE": is that what the pickle says? Prints what is not, then the number

Pickles are hex. VALUE is an unambiguous text: N T F, i and the little-endian two's complement, f and the
big-endian bits, s and UTF-8, b and bytes, ( [ { and what is in them. Only pickles of our own making are loaded.
"""
import pickle
import random
import struct
import sys


def text(v):
    if v is None or v is True or v is False:
        return "N" if v is None else "T" if v else "F"
    if isinstance(v, int):
        return "i" + v.to_bytes((v if v >= 0 else ~v).bit_length() // 8 + 1, "little", signed=True).hex()
    if isinstance(v, float):
        return "fnan" if v != v else "f" + struct.pack(">d", v).hex()
    if isinstance(v, str):
        return "s" + v.encode().hex()
    if isinstance(v, (bytes, bytearray)):
        return "b" + v.hex()
    if isinstance(v, dict):
        return "{" + "".join(" " + text(k) + " " + text(x) for k, x in v.items()) + " }"
    opening, closing = ("[", "]") if isinstance(v, list) else ("(", ")")
    return opening + "".join(" " + text(x) for x in v) + " " + closing


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seen = []

    def size(self):
        return self.rng.choice([0, 1, 2, 3, 4, 5, 9, 40, 255, 256, 300] if self.rng.random() < 0.1 else [0, 1, 2, 3, 5, 8])

    def whole(self):
        edge = 1 << self.rng.choice([0, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 2040, 2048, 14000])
        near = self.rng.choice([edge, edge - 1, edge + 1, self.rng.randrange(edge)])
        return self.rng.choice([1, -1]) * near

    def real(self):
        bits = struct.unpack("<d", self.rng.randbytes(8))[0]
        return self.rng.choice([0.0, -0.0, 1.5, 21.5, 1e16, 1e22, 5e-324, 1.7976931348623157e308, float("inf"),
                                float("-inf"), float("nan"), bits, bits, self.rng.uniform(-1000, 1000)])

    def words(self):
        alphabet = self.rng.choice(["abc", "aé\\u\n\r\0\x1a'\"", "日本語😀é\ud7ff\ue000", "\x7f\x80\xff\u0100\u07ff\u0800\uffff\U00010000"])
        return "".join(self.rng.choice(alphabet) for _ in range(self.size()))

    def key(self, depth):
        v = self.rng.choice([self.whole, self.words, self.words, lambda: None, lambda: True, self.real,
                             lambda: self.rng.randbytes(self.size())])()
        return v if self.rng.random() < 0.9 else (v, self.words())

    def value(self, depth=0):
        if self.seen and self.rng.random() < 0.08:
            return self.rng.choice(self.seen)  # shared: fetched from the memo
        kinds = [lambda: None, lambda: True, lambda: False, self.whole, self.real, self.words,
                 lambda: self.rng.randbytes(self.size()), lambda: bytearray(self.rng.randbytes(self.size()))]
        if self.rng.random() * 5 > depth:
            kinds += [lambda: [self.value(depth + 1) for _ in range(self.size())],
                      lambda: tuple(self.value(depth + 1) for _ in range(self.size())),
                      lambda: {self.key(depth): self.value(depth + 1) for _ in range(self.size())}] * 2
        v = self.rng.choice(kinds)()
        if depth > 1 or len(kinds) < 9:
            self.seen = self.seen[-20:] + [v]
        return v


def make(seed, count):
    maker = Maker(seed)
    done = 0
    while done < count:
        maker.seen = []
        v = maker.value()
        if len(text(v)) > 4000:
            continue
        done += 1
        for protocol in range(6):
            print(protocol, pickle.dumps(v, protocol).hex(), text(v), sep="\t")
    for size in (999, 1000, 1001, 2000, 2001):  # batches
        for v in (list(range(size)), {i: None for i in range(size)}, tuple(range(size))):
            for protocol in range(6):
                print(protocol, pickle.dumps(v, protocol).hex(), text(v), sep="\t")


def check(name):
    wrong = total = 0
    with open(name, encoding="ascii") as lines:
        for line in lines:
            data, value = line.rstrip("\n").split("\t")
            total += 1
            if text(pickle.loads(bytes.fromhex(data))) != value:
                wrong += 1
                print("wrong:", data[:200], value[:200])
    print("checked", total, "wrong", wrong)


if sys.argv[1] == "make":
    make(int(sys.argv[2]), int(sys.argv[3]))
else:
    check(sys.argv[2])
