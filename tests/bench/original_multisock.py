#!/usr/bin/python3
"""original_multisock.py - the rate of the original Python library, its own sender and receiver.

    MULTISOCK_REPO=DIR original_multisock.py SECONDS SIZE

Prints one JSON line like the other measuring programs. The sender sends as fast
as it can, for it cannot be paced; `rate` is what was delivered, `sent` what was
sent. A child process receives. It wants a namespace with a multicast route.
"""
import importlib
import json
import os
import signal
import sys
import time

GROUP, PORT = "239.77.0.2", 5078


def channel():
    sys.path.insert(0, os.environ["MULTISOCK_REPO"])
    sys.modules.setdefault("Crypto", importlib.import_module("Cryptodome"))
    for part in ("Cipher", "Cipher.AES", "Util", "Util.Padding", "Random"):
        sys.modules.setdefault(f"Crypto.{part}", importlib.import_module(f"Cryptodome.{part}"))
    return importlib.import_module("multisock.channel").Channel(GROUP, PORT)


def receive(ready, result, size):
    receiver = channel()
    count, stop = 0, []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    receiver.reader.settimeout(0.05)
    os.write(ready, b"!")
    while not stop:
        try:
            count += len(receiver.recv()[0]) == size
        except TimeoutError:
            pass
    os.write(result, str(count).encode())
    os._exit(0)


def main():
    seconds, size = float(sys.argv[1]), int(sys.argv[2])
    ready, result = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        receive(ready[1], result[1], size)
    os.read(ready[0], 1)
    sender, payload, sent = channel(), b"x" * size, 0
    start = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        for _ in range(50):
            sender.send(payload)
        sent += 50
    os.kill(child, signal.SIGTERM)
    delivered = int(os.read(result[0], 20))
    os.waitpid(child, 0)
    print(json.dumps({"what": "original", "n": delivered, "rate": delivered / (now - start),
                      "sent": sent / (now - start)}))


main()
