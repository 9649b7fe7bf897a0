#!/usr/bin/python3
"""seal_oracle.py - the seal of sensors by an independent implementation (docs/protocols/sos.md, section 17).

    seal_oracle.py

One case a line, fields separated by tabs, bytes as hex:

    proof    KEY EPOCH SLAVE MTU TTL NONCE_S NONCE_M PROOF     NONCE_M empty: of a Discover
    sealed   KEY SLAVE NONCE_S NONCE_M SIDE COUNTER MESSAGE SEALED

XChaCha20-Poly1305 is HChaCha20 here and ChaCha20-Poly1305 (RFC 8439) of the library.
"""
import hashlib
import random
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def hashed(key, label, size, *parts):
    return hashlib.blake2b(label.encode().ljust(16, b"\0") + b"".join(parts), key=key, digest_size=size).digest()


def number(v):
    return struct.pack(">I", v)


def rotated(v, n):
    return (v << n | v >> 32 - n) & 0xffffffff


def quarter(x, a, b, c, d):
    for one, two, turn in ((a, b, 16), (c, d, 12), (a, b, 8), (c, d, 7)):
        x[one] = (x[one] + x[two]) & 0xffffffff
        other = {a: d, c: b}[one]
        x[other] = rotated(x[other] ^ x[one], turn)


def hchacha20(key, nonce):
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for column in range(4):
            quarter(x, column, 4 + column, 8 + column, 12 + column)
        for turn in range(4):
            quarter(x, turn, 4 + (turn + 1) % 4, 8 + (turn + 2) % 4, 12 + (turn + 3) % 4)
    return struct.pack("<8I", *x[:4], *x[12:])


def proof(key, epoch, slave, mtu, ttl, nonce_s, nonce_m):
    return hashed(key, "sos assoc" if nonce_m else "sos discover", 32, number(epoch), number(slave), number(mtu),
                  number(ttl if nonce_m else 0), nonce_s, nonce_m)[:8]


def sealed(key, slave, nonce_s, nonce_m, side, counter, message):
    out = hashed(key, f"sos from {side}", 48, number(slave), nonce_s, nonce_m)
    head = b"\xe1" + number(counter)
    nonce = out[32:] + struct.pack(">Q", counter)
    cipher = ChaCha20Poly1305(hchacha20(out[:32], nonce[:16]))
    return head + cipher.encrypt(bytes(4) + nonce[16:], message, head)


def show(*fields):
    print(*(f.hex() if isinstance(f, bytes) else f for f in fields), sep="\t")


def main():
    rng = random.Random(1)
    for case in range(40):
        key, slave, mtu, ttl = rng.randbytes(32), rng.randrange(1, 1 << 31), rng.randrange(2000), rng.randrange(1, 1 << 31)
        nonce_s, nonce_m = rng.randbytes(8), rng.randbytes(8)
        one = key, case % 2, slave, mtu, ttl, nonce_s, nonce_m if case % 3 else b""
        show("proof", *one, proof(*one))
        for counter in range(1, 4):
            one = key, slave, nonce_s, nonce_m, "slave" if case & 1 else "master", counter, rng.randbytes(rng.randrange(1, 200))
            show("sealed", *one, sealed(*one))


main()
