#!/usr/bin/python3
"""original_serpy.py - the rate of the original serpy2, its own client and server.

    SERPY_REPO=DIR original_serpy.py SECONDS SIZE COUNT

Sends COUNT messages of SIZE bytes, at most SECONDS long, and waits until the
receiving application has had them all. Prints one JSON line like the other
measuring programs; `rate` is what was delivered. A child process receives.
"""
import json
import os
import queue
import signal
import sys
import time


def library():
    sys.path.insert(0, os.environ["SERPY_REPO"])
    sys.dont_write_bytecode = True
    import serpy2
    return serpy2


def receive(tell, size):
    """Tell the port, then a byte for each message."""
    server = library().Server("127.0.0.1", 0, 3).start()
    os.write(tell, f"{server.serv.getsockname()[1]:5d}".encode())
    while True:
        for connection in server.getConnectionsList():
            try:
                while True:
                    data = connection.getData(timeout=0.01)
                    os.write(tell, b"!" if len(data) == size else b"?")
            except queue.Empty:
                pass
        time.sleep(0.001)


def main():
    seconds, size, count = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        receive(tell, size)
    os.close(tell)
    client, payload = library().Connection().connect("127.0.0.1", int(os.read(hear, 5))), b"\1" * size
    sent = delivered = 0
    start = time.monotonic()
    while sent < count and time.monotonic() < start + seconds:
        try:
            client.sendData(payload, timeout=0.1)
            sent += 1
        except queue.Full:
            pass
    while delivered < sent:
        some = os.read(hear, 4096)
        if not some or b"?" in some:
            sys.exit("a message was lost")
        delivered += len(some)
    took = time.monotonic() - start
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(json.dumps({"what": "original", "n": delivered, "rate": delivered / took}), flush=True)
    os._exit(0)  # its threads would go on


main()
