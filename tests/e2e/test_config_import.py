"""test_config_import.py - configurations of lsoed become configurations of lanyardd, read as Python's configparser reads them."""
import configparser
import http.server
import json
import random
import re
import threading

import pytest
from daemon_neighbor import Node, entry
from daemon_test import Daemon, at, once
from lanyard_test import wait_for

BUILT_IN = """[lsoed]
retransmit-initial-interval = 1.0
retransmit-exponential-backoff = yes
retransmit-max-drop = 3
keepalive-send-interval = 1.0
keepalive-receive-timeout = 60.0
hello-interval = 60.0
reassembly-timeout = 1.0
mac-address-cache-timeout = 300.0
hello-multicast-macaddr = 01-80-C2-00-00-0E
"""


def convert(lan, text, code=0, options=()):
    """stdout and stderr of `lanyard config import`, and the file."""
    path = lan.folder / "lsoed.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    proc = lan.start("lanyard", *options, "config", "import", path)
    assert proc.wait() == code, proc.tail()
    return "\n".join(proc.out), "\n".join(proc.err), path


def converted(lan, text):
    """What lanyardd makes of it: the keys of its neighbor, as they are printed."""
    yaml, _, _ = convert(lan, text)
    path = at(lan.folder, "imported.yaml", yaml + "\n")
    assert once(lan, "--check", "-c", path)[::2] == (0, ""), yaml
    _, printed, _ = once(lan, "--print-config", "-c", path)
    return dict(re.findall(r"^[ -] (\w+): (.*)$", printed.split("neighbor:")[1], re.M))


def test_a_configuration_with_every_key_becomes_one_that_does_the_same(lan):
    keys = converted(lan, """# the usual
[lsoed]
Local-ID: 6c65 61-66:30
hello-multicast-macaddr = FF-FF-ff-1-2-03
HELLO-INTERVAL = 2.5
keepalive-send-interval = .05
keepalive-receive-timeout = 1_0
retransmit-initial-interval = 2e-1
retransmit-exponential-backoff = OFF
retransmit-max-drop = 5
reassembly-timeout = 0.5
report-rfc7752-url = http://127.0.0.1:8080/mutate?a=100%%
""")
    assert {k: v.strip("'") for k, v in keys.items() if k in (
        "name", "dialect", "ethertype", "id", "hello_to", "hello", "keepalive", "dead", "retransmit", "backoff", "tries",
        "reassembly", "announce", "link_local", "report_url")} == {
            "name": "lsoed", "dialect": "lsoe", "ethertype": "0x8885", "id": "6c:65:61:66:30", "hello_to": "ff:ff:ff:01:02:03",
            "hello": "2500ms", "keepalive": "50ms", "dead": "10s", "retransmit": "200ms", "backoff": "false", "tries": "5",
            "reassembly": "500ms", "announce": "all", "link_local": "true",
            "report_url": "http://127.0.0.1:8080/mutate?a=100%"}
    assert keys["ifaces"] == "['*', '!lo']"


@pytest.mark.parametrize("text", ["", "[lsoed]\n", BUILT_IN, "[DEFAULT]\n", "\n; nothing\n"])
def test_what_lsoed_does_without_being_told_is_what_is_made(lan, text):
    keys = converted(lan, text)
    assert {k: keys[k] for k in ("hello", "keepalive", "dead", "retransmit", "backoff", "tries", "reassembly")} == {
        "hello": "1m", "keepalive": "1s", "dead": "1m", "retransmit": "1s", "backoff": "true", "tries": "3",
        "reassembly": "1s"}
    assert "report_url" not in keys and "id" not in keys


def test_without_an_id_the_way_to_the_old_one_is_told(lan):
    yaml, _, _ = convert(lan, "[lsoed]\n")
    assert "md5sum /sys/class/dmi/id/product_uuid" in yaml


def test_what_has_no_counterpart_is_a_comment_and_a_warning_with_its_line(lan):
    yaml, said, path = convert(lan, """[lsoed]
mac-address-cache-timeout = 20
colour = blue
keepalive-receive-timeout = 0.0
local-id = 00112233445566778899aabb
report-rfc7752-url = collector:8080
[DEFAULT]
hello-interval = 5
host = h
[kriek]
port = 8080
""")
    for line, text in ((2, "mac-address-cache-timeout"), (3, "colour: unknown key"), (4, "keepalive-receive-timeout: meant as"),
                       (5, "local-id: more than 10 octets"), (6, "report-rfc7752-url: not a URL"),
                       (8, "hello-interval: in [DEFAULT] it never had an effect"), (9, "host: unknown key"),
                       (11, "port: in another section")):
        assert f"lanyard: warning: {path}:{line}: {text}" in said, text
        assert re.search(rf"^    # {re.escape(text.split(':')[0])} = ", yaml, re.M), text
    assert "dead: 24h" in yaml and "id: '00:11:22:33:44:55:66:77:88:99'" in yaml and "report_url:" not in yaml


def test_values_out_of_range_become_the_nearest_allowed(lan):
    keys = converted(lan, "[lsoed]\nhello-interval = 0\nretransmit-max-drop = 99\nkeepalive-send-interval = 70\n"
                          "reassembly-timeout = -1\n")
    assert (keys["hello"], keys["tries"], keys["keepalive"], keys["dead"], keys["reassembly"]) == (
        "100ms", "16", "70s", "70s", "10ms")
    keys = converted(lan, "[lsoed]\nkeepalive-receive-timeout = 0.5\nretransmit-max-drop = 0\nhello-interval = inf\n")
    assert (keys["dead"], keys["tries"], keys["hello"]) == ("1s", "1", "24h")


WRONG = [
    ("local-id = zz", 2, 'local-id "zz" is not octets'),
    ("local-id = 0 0", 2, 'local-id "0 0" is not octets'),
    ("hello-interval = soon", 2, 'hello-interval "soon" is not a number of seconds'),
    ("hello-interval = nan", 2, "is not a number of seconds"),
    ("hello-interval = 0x10", 2, "is not a number of seconds"),
    ("hello-interval = 1__0", 2, "is not a number of seconds"),
    ("hello-interval =", 2, "is not a number of seconds"),
    ("retransmit-max-drop = 3.0", 2, "is not a whole number"),
    ("retransmit-exponential-backoff = maybe", 2, "is neither yes nor no"),
    ("hello-multicast-macaddr = 01-80-C2-00-00", 2, "is not a MAC address"),
    ("hello-interval = 5%", 2, "a % is written %%"),
    ("hello-interval = %(x)s", 2, "%(x)s: there is no such key"),
    ("hello-interval = %(hello-interval)s", 2, "nested too deeply"),
    ("hello-interval = %(x", 2, "without a name"),
    ("just words", 2, 'neither "key = value" nor [section]'),
    ("= 5", 2, "no key in front"),
    ("a = 1\nA: 2", 3, '"a" a second time (first in line 2)'),
    ("[x]\n[lsoed]", 3, "a second section [lsoed]"),
]


@pytest.mark.parametrize("text, line, what", WRONG)
def test_what_lsoed_could_not_use_is_an_error_with_file_and_line(lan, text, line, what):
    out, said, path = convert(lan, f"[lsoed]\n{text}\n", code=1)
    assert out == "" and f"{path}:{line}: " in said and what in said


def test_errors_are_shown_all_at_once_and_as_a_document(lan):
    out, said, path = convert(lan, "[lsoed]\nlocal-id = zz\nhello-interval = soon\n", code=1, options=["-j"])
    error = json.loads(out)["error"]
    assert error["code"] == "failed" and error["what"].startswith(f"{path}:2: local-id")
    assert error["details"][0].startswith(f"{path}:3: hello-interval") and len(said.splitlines()) == 2


def test_the_result_can_be_a_document(lan):
    out, said, path = convert(lan, "[lsoed]\nx = 1\n", options=["-j"])
    answer = json.loads(out)
    assert answer["schema"] == 1 and answer["yaml"].startswith("# ") and said == ""
    assert answer["warnings"] == [f"{path}:2: x: unknown key: ignored, as by lsoed"]


def test_what_is_no_readable_file_is_refused(lan):
    for path in (lan.folder / "nowhere", lan.folder):
        proc = lan.start("lanyard", "config", "import", path)
        assert proc.wait() == 1 and str(path) in proc.err[0]
    assert "a NUL" in convert(lan, b"[lsoed]\nx = \0\n", code=1)[1]
    assert "larger than 1 MiB" in convert(lan, b"#" * ((1 << 20) + 1), code=1)[1]


def test_comments_of_strangers_stay_comments(lan):
    keys = converted(lan, b"[lsoed]\nx = a\n  name: evil\n  \xff\x1b[31m # y\nna\xc3\xafve: 1\n")
    assert keys["name"] == "lsoed"


# --- against configparser itself ----------------------------------------------------------------

LINES = ["report-rfc7752-url = http://h/", "report-rfc7752-url: %(base)s", "Base = http://b/", "base=", "other: x", "# c",
         "  ; c", "", "  http://h/", "[DEFAULT]", "[x]", "\tgoes on", "  on = and on"]
TAILS = ["", "", "", "", "a", "b=c", ":", "%%", "%(other)s", "%(base)s", "%", " # no comment", " ", "]", "\r"]


def reference(text):
    """The value lsoed would have, None if there is none; ValueError if it would have died."""
    cfg = configparser.ConfigParser()
    try:
        cfg.read_string(BUILT_IN)
        cfg.read_string(text)
        return cfg["lsoed"].get("report-rfc7752-url")
    except (configparser.Error, KeyError) as e:
        raise ValueError(e) from e


@pytest.mark.limit(120)
def test_random_files_are_read_as_configparser_reads_them(lan):
    rng = random.Random(5)
    seen = {"same": 0, "refused": 0, "value": 0}
    for number in range(300):
        text = rng.choice(["[lsoed]\n", "[lsoed]\n", "[DEFAULT]\nbase = c\n[lsoed]\n", ""])
        for _ in range(rng.randrange(1, 6)):
            text += rng.choice(LINES) + rng.choice(TAILS) + rng.choice(["\n", "\n", "\r\n"])
        path = lan.folder / "random.conf"
        path.write_bytes(text.encode())
        with open(path, encoding="utf-8") as f:  # newlines as lsoed's file object gives them
            read = f.read()
        proc = lan.start("lanyard", "-j", "config", "import", path)
        code = proc.wait()
        answer = json.loads("\n".join(proc.out))
        try:
            value = reference(read)
        except ValueError as e:
            assert code == 1, (number, text, str(e), answer)
            seen["refused"] += 1
            continue
        assert code == 0, (number, text, value, answer)
        got = re.search(r"^    report_url: '(.*)'$", answer["yaml"], re.M)
        if value and re.fullmatch(r"https?://[^/:\s][!-~]*", value):
            assert got and got[1].replace("''", "'") == value, (number, text, value, answer)
            seen["value"] += 1
        else:
            assert not got, (number, text, value, answer)
        seen["same"] += 1
    assert seen["refused"] > 40 and seen["same"] > 40 and seen["value"] > 10, seen


# --- and lanyardd does what lsoed did ------------------------------------------------------------


class Collector:
    """Takes the reports of lsoed's form inside a namespace."""

    def __init__(self, ns):
        reports = self.reports = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        with ns:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_daemon_with_an_imported_configuration_reports_as_lsoed_did(lan, two_hosts):
    (ns_a, _), (ns_b, _) = two_hosts
    collector = Collector(ns_a)
    try:
        yaml, _, _ = convert(lan, "[lsoed]\nlocal-id = 6c-65-61-66-30\nkeepalive-send-interval = 0.1\n"
                                  "hello-multicast-macaddr = ff-ff-ff-ff-ff-ff\nkeepalive-receive-timeout = 1\n"
                                  f"report-rfc7752-url = http://127.0.0.1:{collector.port}/mutate\n")

        class Imported(Node):
            def write(self, text):
                Daemon.write(self, yaml + "\n")
        a, b = Imported(lan, ns_a, name="a"), Node(lan, ns_b, entry("lsoed", id="0b"), name="b")
        peer = b.established(name="lsoed")[0]
        wait_for(lambda: collector.reports, what="a report")
        report = collector.reports[0]
        assert report["my_switch_id"] == "6c:65:61:66:30" and report["ifname"] == "lan0"
        assert peer["id"] == "6c:65:61:66:30" + ":00" * 5
        shown = b.show("lsoed")["peers"][0]["announces"]
        assert {p["address"] for p in shown[0]["prefixes"]} >= {"10.77.0.1", "127.0.0.1"}
        assert a.neighbor("lsoed")["ifaces"][0]["hello_to"] == "ff:ff:ff:ff:ff:ff"
    finally:
        collector.close()
