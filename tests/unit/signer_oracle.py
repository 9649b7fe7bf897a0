#!/usr/bin/python3
"""signer_oracle.py - Python's cryptography package as the judge of signatures.

    signer_oracle.py

One case a line, fields separated by tabs, bytes as hex:

    rsa      BITS PEM PUBLIC MESSAGE SIGNATURE     PUBLIC as in RFC 3110
    ed25519  SEED PUBLIC MESSAGE SIGNATURE
    refused  ERROR PEM                             lan_signer_rsa says: config or notsup
"""
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PLAIN = ser.NoEncryption()


def pem(key, form=ser.PrivateFormat.PKCS8, lock=PLAIN):
    return key.private_bytes(ser.Encoding.PEM, form, lock)


def octets(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def public(key):
    numbers = key.public_key().public_numbers()
    e = octets(numbers.e)
    return bytes([len(e)]) + e + octets(numbers.n)


def line(*fields):
    print(*(f.hex() if isinstance(f, bytes) else str(f) for f in fields), sep="\t")


def broken(text):
    """A digit of the modulus becomes another one."""
    at = len(text) // 6
    while text[at:at + 1] in b"\nA":
        at += 1
    return text[:at] + b"A" + text[at + 1:]


def main():
    forms = (ser.PrivateFormat.PKCS8, ser.PrivateFormat.TraditionalOpenSSL)
    small = rsa.generate_private_key(65537, 2048)
    for i, key in enumerate((small, rsa.generate_private_key(3, 2048), rsa.generate_private_key(65537, 2056),
                             rsa.generate_private_key(65537, 3072), rsa.generate_private_key(65537, 4096))):
        for message in (b"", b"abc", os.urandom(1500)):
            signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
            line("rsa", key.key_size, pem(key, forms[i % 2]), public(key), message, signature)
    for _ in range(20):
        key = ed25519.Ed25519PrivateKey.generate()
        message = os.urandom(_ * 7)
        line("ed25519", key.private_bytes(ser.Encoding.Raw, ser.PrivateFormat.Raw, PLAIN),
             key.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw), message, key.sign(message))
    line("refused", "notsup", pem(rsa.generate_private_key(65537, 1024)))
    line("refused", "notsup", pem(rsa.generate_private_key(65537, 4104)))
    line("refused", "notsup", pem(ec.generate_private_key(ec.SECP256R1())))
    line("refused", "notsup", pem(ed25519.Ed25519PrivateKey.generate()))
    line("refused", "config", pem(small, lock=ser.BestAvailableEncryption(b"secret")))
    line("refused", "config", pem(small)[:800])
    line("refused", "config", small.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo))
    line("refused", "config", broken(pem(small)))
    line("refused", "config", b"")


if __name__ == "__main__":
    main()
