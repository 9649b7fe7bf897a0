#!/usr/bin/python3
"""serpy_peer.py - the other end of a stream, driven by lines of JSON.

    serpy_peer.py serve|connect serpy1|serpy2 PORT [--encoding NAME] [--restart]

With SERPY_REPO in the environment (a checkout of ArthurLuciani/serpy) it is the original library; without, the second
implementation in serpy_second.py. --restart: a client that connects again by itself.

stdin, one thing to do a line; "to" is the number of the connection, from 1 (a client has only that):
    {"str": "text"} {"bytes": "HEX"} {"int": 1} {"float": "0x1.8p+0"} {"object": "Python literal"}, with "mode", "force"
    and "timeout" (s) for serpy1; {"numbers": N, "first": I, "mode": M}; {"blob": FILE}; {"raw": "HEX"} past the library;
    {"close": true} that connection; {"stop": true} the server.
stdout: {"ready": PORT, "with": MODULE}, {"up": N}, {"down": N}, {"done": what sendData returned}, {"error": "TypeError"},
and what came: {"from": N, "type": ..} with "hex" (above 4 KiB "sha256") and "len", "value" or "repr".
"""
import argparse
import ast
import hashlib
import importlib
import json
import os
import queue
import sys
import threading
import time
import warnings

SHOWN = 4096
LOCK = threading.Lock()


def library(dialect):
    repo = os.environ.get("SERPY_REPO")
    if not repo:
        return getattr(importlib.import_module("serpy_second"), dialect)
    warnings.simplefilter("ignore")
    sys.path.insert(0, repo)
    sys.dont_write_bytecode = True
    return importlib.import_module("serpy" if dialect == "serpy1" else "serpy2")


def say(**what):
    with LOCK:
        print(json.dumps(what), flush=True)


def shown(item):
    if isinstance(item, (bytes, str)):
        data = item if isinstance(item, bytes) else item.encode()
        if len(data) > SHOWN:
            return {"len": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        return {"len": len(data), "hex": data.hex()}
    if type(item) is int:
        return {"value": item, "repr": repr(item)}
    if type(item) is float:
        return {"value": item.hex(), "repr": repr(item)}
    return {"repr": repr(item)}


def socket_of(connection):
    return connection.conn if hasattr(connection, "conn") else connection.sock


def listen(connection, number):
    """All that comes, until the connection is gone and empty. A client that connects again goes on."""
    known = None  # the socket that was told of
    while True:
        now = socket_of(connection) if connection.isConnected() else None
        if known is not now:
            if known:
                say(down=number)
            if now:
                say(up=number)
            known = now
        try:
            item = connection.getData(timeout=0.05)
            say(**{"from": number}, type=type(item).__name__, **shown(item))
        except queue.Empty:
            if not known and not connection.auto_restart:
                return


def watch(server, connections):
    """New connections, as they come; serpy2 has no other way to learn of them."""
    while True:
        for connection in server.getConnectionsList():
            if connection not in connections:
                connections.append(connection)
                threading.Thread(target=listen, args=(connection, len(connections)), daemon=True).start()
        time.sleep(0.01)


def value(what):
    if "str" in what:
        return what["str"]
    if "bytes" in what:
        return bytes.fromhex(what["bytes"])
    if "int" in what:
        return what["int"]
    if "float" in what:
        return float.fromhex(what["float"])
    return ast.literal_eval(what["object"])


def send(connection, what):
    options = {}
    if "mode" in what:
        options["mode"] = what["mode"]
        options["force_mode"] = what.get("force", False)
    if "timeout" in what:
        options["timeout"] = what["timeout"]
    if "numbers" in what:
        for i in range(what["first"], what["first"] + what["numbers"]):
            last = connection.sendData(f"message {i}", **options)
    elif "blob" in what:
        with open(what["blob"], "rb") as f:
            last = connection.sendData(f.read(), **options)
    else:
        last = connection.sendData(value(what), **options)
    say(done=last)


def do(what, server, connections):
    if "stop" in what:
        server.close()
        return say(done="stop")
    connection = connections[what.get("to", 1) - 1]
    if "close" in what:
        connection.close()
        say(done="close")
    elif "raw" in what:
        socket_of(connection).sendall(bytes.fromhex(what["raw"]))
    else:
        send(connection, what)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("role", choices=("serve", "connect"))
    args.add_argument("dialect", choices=("serpy1", "serpy2"))
    args.add_argument("port", type=int)
    args.add_argument("--encoding", default="utf-8")
    args.add_argument("--restart", action="store_true")
    o = args.parse_args()
    commands = os.fdopen(os.dup(0))  # the original closes standard input when a connection ends
    module = library(o.dialect)
    options = {"encoding": o.encoding} if o.dialect == "serpy1" else {}
    connections, server = [], None
    if o.role == "serve":
        server = module.Server("127.0.0.1", o.port, 100, **options).start()
        threading.Thread(target=watch, args=(server, connections), daemon=True).start()
        port = server.serv.getsockname()[1]
    else:
        connections.append(module.Connection(auto_restart=o.restart, **options).connect("127.0.0.1", o.port))
        threading.Thread(target=listen, args=(connections[0], 1), daemon=True).start()
        port = o.port
    say(ready=port, **{"with": type(connections[0]).__module__ if connections else type(server).__module__})
    for line in commands:
        try:
            do(json.loads(line), server, connections)
        except Exception as err:
            say(error=type(err).__name__)
    sys.stdout.flush()
    os._exit(0)  # the original's threads would go on for ever


main()
