"""casan_http.py - the HTTP side of a sensor master for tests: a gateway on one end of a cable (`Gateway`), at the other
a slave whose answers a test chooses, options and all (`Scripted`), and a reader of server-sent events (`Events`)."""
import contextlib
import http.client
import json
import re
import ssl
import time

import casan_second as wire
from casan_second import ACK, CONTENT, CONTENT_FORMAT, NOT_FOUND, OBSERVE, URI_PATH, Message
from casan_slave import Slave
from lanyard_test import SANITIZED, Timeout

WAIT = 30 if SANITIZED else 12
IF_MATCH, ETAG, IF_NONE_MATCH, LOCATION_PATH, MAX_AGE, ACCEPT, LOCATION_QUERY = 1, 4, 5, 8, 14, 17, 20


class Scripted(Slave):
    """`resources`: {"a/b": function(message) -> (code, options, payload)}, or None as result: no answer at all."""

    listed = None

    def _associate(self, source, m, q):
        self.master, self.running, self.ttl = source, True, int(q["ttl"])
        self.associations += 1
        now = time.monotonic()
        self.pause = self.ttl / 2
        self.due, self.expires = now + self.pause, now + self.ttl
        text = self.listed or ",".join(f'<{n}>;title="Title of {n}";rt="unit"' + (";obs" if n.startswith("obs") else "")
                                       for n in self.resources)
        self._send(source, Message(ACK, CONTENT, m.mid, m.token, [(CONTENT_FORMAT, b"")], text.encode()))

    def reboot(self, mac=None):
        with self.lock:
            self.mac = mac or self.mac
            self.master, self.hello, self.ttl, self.mid = None, None, None, 0
            self.running, self.due, self.pause = False, 0.0, 0.0
            self.observers, self.serial = {}, 2

    def _request(self, m):
        name = "/".join(m.texts(URI_PATH))
        answer = self.resources[name](m) if name in self.resources else (NOT_FOUND, [], b"")
        if answer is None:
            return
        status, options, payload = answer
        if m.all(OBSERVE) and name.startswith("obs") and status == CONTENT:
            if m.all(OBSERVE)[0] in (b"", b"\0"):
                self.observers[name] = m.token
                options = [*options, (OBSERVE, wire.number(self.serial))]
            else:
                self.observers.pop(name, None)
        elif m.code == wire.GET:
            self.observers.pop(name, None)  # a plain GET ends an observation, as with the original
        self._send(self.master, Message(ACK, status, m.mid, m.token, options, payload))

    def tell(self, name, payload, options=((CONTENT_FORMAT, b""),)):
        """A notification, as the original sends it: in an ACK with a MID of its own."""
        with self.lock:
            self.serial += 1
            self.mid += 1
            self._send(self.master, Message(ACK, CONTENT, 0x8000 + self.mid, self.observers[name],
                                            [*options, (OBSERVE, wire.number(self.serial))], payload))


class Events:
    """A stream of server-sent events: [(event, id, data)] as they come; `comments` counts heartbeats."""

    def __init__(self, gateway, path, **headers):
        self.conn = gateway.connection()
        self.conn.request("GET", path, headers={"Accept": "text/event-stream",
                                                **{k.replace("_", "-"): v for k, v in headers.items()}})
        self.response = self.conn.getresponse()
        self.status, self.type = self.response.status, self.response.getheader("Content-Type")

    def next(self):
        """(event, id, data); None: the stream has ended."""
        kind, ident, data = "message", None, None
        while True:
            line = self.response.readline()
            if not line:
                return None
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                kind = value
            elif key == "id":
                ident = value
            elif key == "data":
                data = json.loads(value)
            elif not key and data is not None:
                return kind, ident, data

    def close(self):
        self.response.close()
        self.conn.close()


class Gateway:
    """`lanyard sensor master` on lan0 with an HTTP side, from a file of configuration."""

    def __init__(self, world, folder, http="", more="", slaves=(169,), give_up="3s", tls=False):
        self.ns, self.tls = world.here, tls
        listen = "" if tls else "listen: ['127.0.0.1:0']\n"
        path = folder / "lanyard.yaml"
        ids = "\n".join(f"      - {{id: {i}, ttl: 60s}}" for i in slaves)
        path.write_text("sensor:\n  - name: here\n    networks: ['ethernet:lan0']\n    timers: {first_hello: 100ms, hello: 1s, "
                        f"give_up: {give_up}}}\n    slaves:\n{ids}\n{more}    http:\n" + "".join(
                            f"      {line}\n" for line in (listen + http).splitlines() if line.strip()), encoding="utf-8")
        self.proc = world.lan.start("lanyard", "sensor", "master", "-c", path, "-J", ns=world.here)
        self.port = self.proc.event("http", timeout=WAIT)["port"]

    def connection(self, timeout=WAIT, source=None):
        with self.ns:
            if self.tls:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
            else:
                c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=source)
            c.connect()
        return c

    def request(self, method, path, body=None, **headers):
        """(status, headers, body)"""
        with contextlib.closing(self.connection()) as c:
            c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def status(self, method, path, body=None, **headers):
        return self.request(method, path, body, **headers)[0]

    def json(self, path):
        status, headers, body = self.get(path)
        assert status == 200 and headers["content-type"] == "application/json", (status, headers, body)
        return json.loads(body)

    def counters(self):
        stats = self.json("/api/v1/sensor/stats")
        return {**stats["master"], **stats["http"]}

    def memory(self):
        """KiB of memory in use."""
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.proc.pid}/status").read()).group(1))

    def until(self, predicate, timeout=WAIT, what=""):
        end = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > end:
                raise Timeout(f"not in {timeout:g} s: {what}\n{self.proc.tail()}")
            time.sleep(0.02)
