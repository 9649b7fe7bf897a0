#!/usr/bin/python3
"""multisock_peer.py - the other end of a multisock channel, driven by lines of JSON.

    multisock_peer.py GROUP PORT [--key K --iv V] [--objects] [--bufsize N]

With MULTISOCK_REPO in the environment (a checkout of strollo/multisock) it is the original library; without, a
second implementation of its scheme, written from docs/protocols/multisock.md and on another AES than ours.

stdin, each line one thing to send:
    {"str": "text"}  {"bytes": "HEX"}  {"bytearray": "HEX"}  {"object": "Python literal"}  {"raw": "HEX"}
    {"numbers": N, "first": F}     N texts "message F", ..
stdout: {"ready": true, "with": module}; then each message: {"type": "str", "hex": ..} or, with --objects, {"object": "repr"}, and "from";
{"error": "TypeError"} where the receiver would have died.
"""
import argparse
import ast
import base64
import json
import os
import pickle
import random
import socket
import string
import struct
import sys
import threading

import Cryptodome
import Cryptodome.Cipher
from Cryptodome.Cipher import AES


class Scheme:
    """Key and passphrase as the original's Crypter has them."""

    def __init__(self, key, iv):
        self.key = key.encode() + bytes([32 - len(key)]) * (32 - len(key))
        self.iv = iv.encode() + bytes([16 - len(iv)]) * (16 - len(iv))

    def encrypt(self, data):
        if isinstance(data, str):
            data = data.encode()
        elif isinstance(data, bytearray):
            data = "".join(random.choices(string.ascii_lowercase, k=16)).encode() + bytes(data)
        pad = 16 - len(data) % 16
        return base64.encodebytes(AES.new(self.key, AES.MODE_CBC, self.iv).encrypt(data + bytes([pad]) * pad))

    def decrypt(self, text):
        sealed = base64.b64decode(text)
        plain = AES.new(self.key, AES.MODE_CBC, self.iv).decrypt(sealed)
        plain = plain[:len(plain) - plain[-1]] if plain[-1] < len(plain) else b""
        try:
            return plain.decode() if plain and AES.new(self.key, AES.MODE_CBC, self.iv).decrypt(sealed)[-1] else ""
        except UnicodeDecodeError:
            if len(sealed) == 16:
                raise TypeError("nothing is left") from None
            return plain[16:]


class Channel:
    """The part of the original's class of this name that is used here."""

    def __init__(self, group, port, bufsize, iface_ip=None, crypto=None):
        self.to, self.crypto, self.bufsize = (group, port), crypto, bufsize
        self.reader, self.writer = self.bound(), self.bound()
        self.writer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 32)

    def bound(self):
        it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        it.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                      struct.pack("4sI", socket.inet_aton(self.to[0]), socket.INADDR_ANY))
        it.bind(("0.0.0.0", self.to[1]))
        return it

    def send(self, data):
        self.writer.sendto(self.crypto.encrypt(data) if self.crypto else data, self.to)

    def send_object(self, value):
        self.send(base64.b64encode(pickle.dumps(value)))

    def recv(self):
        data, sender = self.reader.recvfrom(self.bufsize)
        if not data:
            return None
        return (self.crypto.decrypt(data) if self.crypto else data), sender

    def recv_object(self):
        data, sender = self.recv()
        return pickle.loads(base64.b64decode(data)), sender  # of our own making: a private network


def classes():
    repo = os.environ.get("MULTISOCK_REPO")
    if not repo:
        return Channel, Scheme
    sys.path.insert(0, repo)
    sys.modules["Crypto"], sys.modules["Crypto.Cipher"] = Cryptodome, Cryptodome.Cipher
    sys.modules["Crypto.Cipher.AES"] = AES
    from multisock.channel import Channel as original
    from multisock.crypter import Crypter
    return original, Crypter


def say(what):
    print(json.dumps(what), flush=True)


def listen(channel, objects):
    while True:
        try:
            got = channel.recv_object() if objects else channel.recv()
            if got is None:
                say({"type": "None"})
                continue
            data, sender = got
            where = f"{sender[0]}:{sender[1]}"
            if objects:
                say({"object": repr(data), "from": where})
            else:
                raw = data.encode() if isinstance(data, str) else bytes(data)
                say({"type": type(data).__name__, "hex": raw.hex(), "from": where})
        except Exception as err:  # what ends the original's sample receiver
            say({"error": type(err).__name__})


def numbers(channel, first, count):
    for i in range(first, first + count):
        text = f"message {i}"
        channel.send(text if channel.crypto else text.encode())


def main():
    args = argparse.ArgumentParser()
    args.add_argument("group")
    args.add_argument("port", type=int)
    args.add_argument("--key")
    args.add_argument("--iv")
    args.add_argument("--objects", action="store_true")
    args.add_argument("--bufsize", type=int, default=4096)
    o = args.parse_args()
    channel_class, crypto_class = classes()
    channel = channel_class(o.group, o.port, o.bufsize, None, crypto_class(o.key, o.iv) if o.key else None)
    threading.Thread(target=listen, args=(channel, o.objects), daemon=True).start()
    say({"ready": True, "with": channel_class.__module__})
    for line in sys.stdin:
        what = json.loads(line)
        if "numbers" in what:
            numbers(channel, what["first"], what["numbers"])
        elif "object" in what:
            channel.send_object(ast.literal_eval(what["object"]))
        elif "raw" in what:
            channel.writer.sendto(bytes.fromhex(what["raw"]), (o.group, o.port))
        elif "str" in what:
            channel.send(what["str"])
        elif "bytes" in what:
            channel.send(bytes.fromhex(what["bytes"]))
        else:
            channel.send(bytearray.fromhex(what["bytearray"]))


main()
