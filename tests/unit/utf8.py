#!/usr/bin/python3
"""utf8.py - Python's verdict on every byte string of 1, 2 and 3 bytes, and on 4-byte ones at the edges.

The verdicts become bitmaps, the bitmaps become FNV-1a digests (one per first
byte, so that a difference names its place), and base_utf8.c makes the same
digests with lan_utf8_valid. Takes about half a minute:

    tests/unit/utf8.py > tests/unit/utf8_answers.inc
"""
import itertools

EDGES = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]


def valid(text):
    try:
        text.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def digest(strings):
    """FNV-1a over the verdicts, one byte (0 or 1) each."""
    value = 0xCBF29CE484222325
    for text in strings:
        value = (value ^ valid(text)) * 0x100000001B3 & (1 << 64) - 1
    return value


def table(name, strings_of):
    print(f"static const uint64_t {name}[] = {{")
    values = [f"0x{digest(strings_of(a)):016x}u" for a in range(256)]
    for at in range(0, len(values), 4):
        print("\t" + ", ".join(values[at:at + 4]) + ",")
    print("};")


def main():
    every = range(256)
    print("/*\n * Digests of Python's verdicts on byte strings, by their first byte: made by utf8.py.\n */")
    table("utf8_of_1", lambda a: [bytes([a])])
    table("utf8_of_2", lambda a: (bytes([a, b]) for b in every))
    table("utf8_of_3", lambda a: (bytes([a, b, c]) for b in every for c in every))
    table("utf8_of_4", lambda a: (bytes([a, b, c, d]) for b in every for c, d in itertools.product(EDGES, EDGES)))


if __name__ == "__main__":
    main()
