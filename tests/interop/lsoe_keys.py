"""lsoe_keys.py - the second implementation's keys as files of ours (lanyard-key(1), FILES)."""
import base64
import hashlib
import os

from cryptography.hazmat.primitives import serialization

from lsoe_second import Ed25519, Rsa

NAMES = {Ed25519.alg: "ed25519", Rsa.alg: "rsasha256"}


def new_key(kind):
    return Rsa() if kind == "rsa" else Ed25519()


def written(path, content):
    path.write_bytes(content)
    os.chmod(path, 0o600)
    return str(path)


def octets_file(path, magic, alg, octets):
    return written(path, f"{magic} 1\n{NAMES[alg]} {base64.b64encode(octets).decode()}\n".encode())


def secret_file(folder, name, signer):
    """For --key-file."""
    if isinstance(signer, Rsa):
        return written(folder / f"{name}.pem", signer.secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    seed = base64.b64encode(bytes(signer.secret)).decode()
    return written(folder / f"{name}.id", f"lanyard-identity 1\nseed {seed}\n".encode())


def public_file(folder, name, signer):
    """For --anchor-file."""
    return octets_file(folder / f"{name}.public", "lanyard-public", signer.alg, signer.public)


def certificate_file(folder, name, anchor, signer):
    """For --cert-file."""
    return octets_file(folder / f"{name}.cert", "lanyard-certificate", anchor.alg, anchor.sign(signer.public))


def fingerprint(signer):
    return hashlib.blake2b(bytes([signer.alg]) + signer.public, digest_size=32).hexdigest()[:16]
