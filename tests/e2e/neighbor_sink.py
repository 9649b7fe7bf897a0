#!/usr/bin/python3
"""neighbor_sink.py - a collector of northbound reports: what the original's `kriek` stores, and each request as a line.

    neighbor_sink.py PORT [STATUS]

Answers every POST with STATUS (200). Prints {"event":"ready"}, then for each request {"event":"post", "path":..,
"head":[..], "body":..}; a body that is no JSON is answered with 400, as kriek's json_in does.
"""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 200

    def do_POST(self):  # noqa: N802 (the library's name)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
        print(json.dumps({"event": "post", "path": self.path, "head": [f"{k}: {v}" for k, v in self.headers.items()],
                          "body": body}), flush=True)
        self.send_response(self.status if self.is_json(body) else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @staticmethod
    def is_json(body):
        try:
            return "unique" in json.loads(body)
        except ValueError:
            return False

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    Handler.status = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print('{"event":"ready"}', flush=True)
        server.serve_forever()
