"""test_daemon_manual.py - lanyardd(8) and lanyard.yaml(5) say what the daemon does."""
import re

from daemon_test import ONE, at, once
from lanyard_test import ROOT

PAGE = ROOT / "docs/man/lanyard.yaml.5.scd"
BOTH = ONE + """- {name: up, role: client, connect: h, id: i}
channel:
- {name: a, address: '239.1.2.3:5000', mode: ordered, key_file: /k}
- {name: b, address: '239.1.2.3:5000', mode: reliable, key_file: /k, identity_file: /i, members_file: /m,
   ifaces: [lo], sources: [192.0.2.7]}
- {name: c, address: '239.1.2.3:5000', dialect: multisock, key: k, iv: v}
stream:
- {name: s, serve: '127.0.0.1:0', dialect: serpy1}
- {name: c, connect: h, dialect: serpy1}
- {name: d, connect: h, dialect: serpy2}
neighbor:
- {name: n, ifaces: [a], id: '01', attributes: [1], loopbacks: [lo], primary: '::1', report_url: 'http://h/',
   labels: [{prefix: '::/0', labels: [1]}]}
- {name: l, ifaces: [b], dialect: l3dl, key_file: /k, cert_file: /c, anchor_file: /a,
   bgp: {asn: 1, address4: 1.1.1.1/8, address6: '::1/8', auth_file: /x}}
sensor:
- {name: s, networks: [ethernet:a], slaves: [{id: 1, ttl: 1, mtu: 100, key_file: /k}], epochs: [sos], event_log_size: 9,
   http: {listen: ['127.0.0.1:1'], token_file: /t, tls: {listen: ['127.0.0.1:2'], cert_file: /c, key_file: /k}}}
"""


def test_every_key_stands_in_the_manual(lan):
    text = re.sub(r"\\(.)", r"\1", PAGE.read_text(encoding="utf-8"))
    _, printed, _ = once(lan, "--print-config", "-c", at(lan.folder, "c.yaml", BOTH))
    keys = set(re.findall(r"^[ -]*([a-z_]+):", printed, re.M)) | {"expect", "socket"}
    assert len(keys) > 20
    documented = set(re.findall(r"\*([a-z_]+)\*[:,]", text))
    assert documented == keys - {"daemon", "link", "stream", "neighbor", "sensor"}


def test_the_examples_of_the_manual_and_of_the_installation_are_valid(lan):
    examples = re.findall(r"^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert len(examples) == 6
    sample = (ROOT / "data/lanyard.yaml").read_text(encoding="utf-8")
    without_comments = re.sub(r"^( *)# (?=- name|  |expect|only|channel:|stream:|neighbor:|sensor:)", r"\1", sample, flags=re.M)
    assert without_comments != sample
    for text in [*examples, sample, without_comments]:
        code, _, err = once(lan, "--check", "-c", at(lan.folder, "c.yaml", text))
        assert (code, err) == (0, ""), text


def test_the_defaults_the_manual_claims_are_the_defaults(lan):
    text = re.sub(r"\\(.)", r"\1", PAGE.read_text(encoding="utf-8"))
    _, printed, _ = once(lan, "--print-config", "-c", at(
        lan.folder, "c.yaml", "link: [{name: s, role: server, listen: '1.1.1.1:1'}, "
                              "{name: c, role: client, connect: h, id: i}]\n"
                              "channel: [{name: a, address: '239.1.2.3:5000', key_file: /k, mode: ordered}, "
                              "{name: b, address: '239.1.2.3:5000', key_file: /k, mode: reliable}]\n"
                              "stream: [{name: s, serve: '127.0.0.1:0', dialect: serpy1}, "
                              "{name: c, connect: h, dialect: serpy2}, "
                              "{name: r, connect: h, dialect: serpy1}]\n"
                              "neighbor: [{name: n, ifaces: [a], dialect: l3dl}, {name: m, ifaces: [b]}]\n"))
    for key, claimed in {"timeout": "2s", "max_line": "1M", "max_queue": "1M", "max_clients": "16384",
                         "max_handshakes": "16384", "hold_off": "200ms", "events": "4096", "level": "info", "presence": "1s",
                         "max_senders": "256", "reorder": "20ms", "history": "4096", "late": "0", "ttl": "1",
                         "receive_buffer": "4M", "rate": "0",
                         "max_message": "1M", "max_conns": "16384", "frame_timeout": "1m", "dead_after": "20s",
                         "max_partial": "64M", "encoding": "utf-8", "full": "refuse", "retries": "0",
                         "confirm": "0", "hello": "1m", "keepalive": "1s", "retransmit": "1s", "tries": "3",
                         "reassembly": "1s", "open_jitter": "0", "announce": "own", "link_local": "false", "labels_to_all": "false",
                         "measure": "10s", "max_peers": "1024", "max_half_open": "64", "max_prefixes": "65536",
                         "multi_link": "false", "trust": "any", "sign_keepalive": "false", "key_overlap": "30s",
                         "auth_failures": "8", "resume": "1m", "privileges": "drop", "pieces": "false", "resend": "false", "resync": "false"}.items():
        entry = re.search(rf"\*{key}\*:.*?\n\n", text, re.S).group(0)
        assert re.search(rf"default\s+_?{claimed}(?![a-zA-Z0-9])", entry), key
        assert re.search(rf"\b{key}: {claimed}$", printed, re.M), key


def test_every_option_stands_in_the_manual_and_in_the_help(lan):
    manual = re.sub(r"\\(.)", r"\1", (ROOT / "docs/man/lanyardd.8.scd").read_text(encoding="utf-8"))
    helped = once(lan, "--help")[1]
    source = (ROOT / "src/daemon/main.c").read_text(encoding="utf-8")
    options = re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', source)
    assert len(options) == 9
    for option in options:
        assert f"*--{option}*" in manual and f"--{option}" in helped, option
