"""test_config_import_casand.py - configurations of casand and sosd, in both their syntaxes, become configurations of lanyardd."""
import json
import random
import re

import pytest
from daemon_test import at, once

WORDS = """# a master of the plant
http-server listen 0.0.0.0 port 8004 threads 5
http-server listen 0::0 port 8006
namespace admin /admin
namespace casan /casan
namespace well-known /.well-known/casan
timer firsthello 1
timer hello 20     # a pause
timer slavettl 600
network 802.15.4 ttyUSB0 type xbee addr 12:34 panid ca:fe channel 26
network ethernet eth0 mtu 1000 ethertype 0x88b6
slave id 169 ttl 300 mtu 0
slave mtu 127 id 170
"""
INI = """[timers]
firsthello = 0x1
hello = 20
[evlog]
add = yes
size = 500
[namespace casan]
uri = /casan
[namespace observe]
uri = /obs/
[namespace evlog]
uri = /evlog
[http v4]
url = http://127.0.0.1:8004/
[http v6s]
url: https://[::1]/
sslcert = /etc/ssl/m.crt
sslkey = /etc/ssl/m.key
[network radio]
type = 802.15.4
subtype = xbee
dev = %(stick)s
stick = ttyUSB1
addr = 1:2
panid = ca:fe
[network cable]
type = ethernet
dev = eth1
[slave thermo]
id = 169
ttl = 600
[slave led]
id = 0xaa
mtu = 200
"""


def convert(lan, text, code=0, options=()):
    """stdout and stderr of `lanyard config import`, and the file."""
    path = lan.folder / "casand.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    proc = lan.start("lanyard", *options, "config", "import", path)
    assert proc.wait() == code, proc.tail()
    return "\n".join(proc.out), "\n".join(proc.err), path


def converted(lan, text):
    """What lanyardd makes of it: the sensor as it is printed."""
    yaml, _, _ = convert(lan, text)
    path = at(lan.folder, "imported.yaml", yaml + "\n")
    assert once(lan, "--check", "-c", path)[::2] == (0, ""), yaml
    code, printed, _ = once(lan, "--print-config", "--json", "-c", path)
    assert code == 0
    return json.loads(printed)["sensor"][0]


def wrong(lan, text):
    """What is said about the file, without its name."""
    _, err, path = convert(lan, text, 1)
    return [line.removeprefix("lanyard: ").replace(f"{path}:", "") for line in err.splitlines()]


# ---- both syntaxes, every key ----------------------------------------------------------------------------------------

def test_statements_become_a_master_that_does_the_same(lan):
    made = converted(lan, WORDS)
    assert made["networks"] == ["xbee:ttyUSB0,addr=12:34,panid=ca:fe,channel=26", "ethernet:eth0,mtu=1000,ethertype=0x88b6"]
    assert made["slaves"] == [{"id": 169, "ttl": "5m"}, {"id": 170, "mtu": 127}]
    assert {k: made["timers"][k] for k in ("first_hello", "hello", "ttl")} == {"first_hello": "1s", "hello": "20s", "ttl": "10m"}
    assert made["epochs"] == ["casan"] and made["unlisted"] == "ignore"
    assert made["http"]["listen"] == ["0.0.0.0:8004", "[::]:8006"]
    assert made["http"]["namespaces"] == {"admin": "/admin", "casan": "/casan", "observe": "none", "evlog": "none",
                                          "well_known": "/.well-known/casan"}
    assert not made["http"]["compat"] and not made["http"]["evlog_add"]


def test_sections_become_a_master_that_does_the_same(lan):
    made = converted(lan, INI)
    assert made["networks"] == ["xbee:ttyUSB1,addr=01:02,panid=ca:fe,channel=12", "ethernet:eth1,ethertype=0x88b5"]
    assert made["slaves"] == [{"id": 169, "ttl": "10m"}, {"id": 170, "ttl": "1h", "mtu": 200}]
    assert made["timers"]["first_hello"] == "1s" and made["timers"]["hello"] == "20s"
    assert made["event_log_size"] == 500 and made["event_log"] == "none"
    assert made["http"]["listen"] == ["127.0.0.1:8004"]
    assert made["http"]["tls"] == {"listen": ["[::1]:443"], "cert_file": "/etc/ssl/m.crt", "key_file": "/etc/ssl/m.key"}
    assert made["http"]["namespaces"] == {"admin": "none", "casan": "/casan", "observe": "/obs", "evlog": "/evlog",
                                          "well_known": "none"}
    assert made["http"]["compat"] and made["http"]["evlog_add"]


def test_the_first_epoch_stays_what_it_was(lan):
    made = converted(lan, WORDS.replace("casan", "sos"))
    assert made["epochs"] == ["sos"] and made["http"]["namespaces"]["casan"] == "/sos"
    assert made["http"]["namespaces"]["well_known"] == "/.well-known/sos"


def test_the_least_there_can_be_has_the_defaults_of_the_original(lan):
    made = converted(lan, "network ethernet eth0\nhttp-server\nslave id 7\n")
    assert made["networks"] == ["ethernet:eth0,ethertype=0x88b5"]
    assert made["timers"]["hello"] == "10s" and made["http"]["listen"] == ["0.0.0.0:80"] and made["slaves"] == [{"id": 7}]


def test_what_has_no_counterpart_is_a_comment_and_a_warning(lan):
    yaml, err, path = convert(lan, WORDS)
    assert f"warning: {path}:2: threads: has no counterpart" in err and "# threads = 5: has no counterpart" in yaml
    yaml, err, _ = convert(lan, INI + "[timers2]\n".replace("[timers2]", "[DEFAULT]") + "colour = red\n")
    assert "colour" in err
    _, err, _ = convert(lan, INI.replace("hello = 20", "hello = 20\ncacheclean = 60\nslavettl = 60"))
    assert "cacheclean" in err and "the Python master never used it" in err
    document = json.loads(convert(lan, WORDS, options=["-j"])[0])
    assert document["yaml"].startswith("# Made of") and len(document["warnings"]) == 1


def test_names_of_slaves_and_odd_forms_are_kept_as_comments(lan):
    yaml, _, _ = convert(lan, INI)
    assert re.search(r"- \{id: 169, ttl: 10m\}  # thermo$", yaml, re.M)
    yaml, err, path = convert(lan, "network ethernet eth0\nslave id 1\nslave id 1 ttl 5\nslave id 2 mtu 9\n")
    assert f"{path}:3: slave 1 a second time (first in line 2)" in err and "9 is not 64 to 1518" in err
    assert yaml.count("- {id: 1}") == 1


# ---- errors ---------------------------------------------------------------------------------------------------------

NET = "network ethernet eth0\n"


@pytest.mark.parametrize("text, says", [
    (NET + "slaves id 1\n", "2: unrecognized token 'slaves' (usage: http-server, namespace, timer, network, or slave)"),
    (NET + "slave id\n", "2: invalid number of tokens (2)"),
    (NET + "slave id 1 id 2\n", "2: duplicate token 'id'"),
    (NET + "slave id 1 tll 2\n", "2: unrecognized token 'tll'"),
    (NET + "slave ttl 1\n", "2: missing token/value"),
    (NET + "slave id 12abc\n", "2: id '12abc' is not a number"),
    (NET + "timer hello\n", "2: invalid number of tokens (2)"),
    (NET + "timer helo 1\n", "2: unrecognized token 'helo'"),
    (NET + "timer hello soon\n", "2: hello 'soon' is not a number"),
    (NET + "namespace evlog /e\n", "2: unrecognized token 'evlog'"),
    (NET + "namespace casan\n", "2: invalid number of tokens (2)"),
    (NET + "http-server port\n", "2: invalid number of tokens (2)"),
    (NET + "http-server port nonsense\n", "2: 'nonsense' is not a port"),
    (NET + "http-server listen host.example\n", "2: 'host.example' is not a numeric address"),
    ("network\n", "1: missing token/value"),
    ("network token ring\n", "1: unrecognized token 'token'"),
    ("network ethernet eth0 ethertype 0x5\n", "1: '0x5' is not an EtherType"),
    ("network ethernet averyveryverylongname\n", "1: 'averyveryverylongname' is not the name of an interface"),
    ("network 802.15.4 ttyUSB0 type xbee addr 12:34\n", "1: missing token/value"),
    ("network 802.15.4 ttyUSB0 type zigbee addr 12:34 panid ca:fe\n", "1: unrecognized token 'zigbee'"),
    ("network 802.15.4 ttyUSB0 type xbee addr 1234 panid ca:fe\n", "1: '1234' is not an address"),
    ("network 802.15.4 ttyUSB0 type xbee addr 12:34 panid ca:fe channel 27\n", "1: channel 27 is not 11 to 26"),
    ("timer hello 1\n", "1: no network"),
    ("network ethernet eth0 \0 mtu 3\n", "1: a NUL"),
])
def test_a_wrong_statement_is_named_as_the_original_did_with_its_line(lan, text, says):
    assert any(line.startswith(says) for line in wrong(lan, text)), wrong(lan, text)


@pytest.mark.parametrize("text, says", [
    ("[timers]\n[colours]\na = 1\n", "2: Unknown section 'colours'"),
    ("[slave]\nid = 1\n", "1: Unknown section 'slave'"),
    ("[slave a b]\nid = 1\n", "1: Unknown section 'slave a b'"),
    ("[slave a]\nttl = 1\n", "1: No 'id' value for slave a"),
    ("[slave a]\nid = ten\n", "2: id 'ten' is not a number"),
    ("[network a]\ntype = ethernet\n", "2: No 'dev' value for network a"),
    ("[network a]\ntype = token\ndev = x\n", "3: Invalid type 'token' for network a"),
    ("[network a]\ntype = 802.15.4\ndev = x\naddr = 1:2\npanid = 1:2\n", "3: No 'subtype' value for network a"),
    ("[http a]\nurl = ftp://h/\n", "2: Invalid URL scheme for http a"),
    ("[http a]\nurl = https://1.2.3.4/\n", "2: https needs sslcert and sslkey"),
    ("[http a]\nurl = https://1.2.3.4/\nsslcert = c\nsslkey = /k\n", "3: sslcert 'c': a path begins with /"),
    ("[namespace sos]\nuri = /sos\n", "1: Unknown namespace type 'sos'"),
    ("[namespace casan]\n", "1: No 'uri' value for namespace casan"),
    ("[timers]\nhello = 1s\n", "2: hello '1s' is not a number"),
    ("[timers]\nhello = %(x)s\n", "2: %(x)s: there is no such key"),
    ("[timers]\n[timers]\n", "2: a second section [timers]"),
])
def test_a_wrong_section_is_named_as_the_original_did_with_its_line(lan, text, says):
    assert any(line.startswith(says) for line in wrong(lan, text)), wrong(lan, text)


def test_everything_that_is_wrong_is_told_at_once(lan):
    said = wrong(lan, "slave id x\nslave id y\nnetwork ethernet eth0\n")
    assert len([line for line in said if "is not a number" in line]) == 2
    document = json.loads(convert(lan, "slave id x\nslave id y\n", 1, ["-j"])[0])
    assert document["error"]["what"].endswith("1: id 'x' is not a number") and len(document["error"]["details"]) >= 1


def test_a_file_of_the_other_daemon_is_told_by_its_content(lan):
    assert "neighbor:" in convert(lan, "[lsoed]\nhello-interval = 3\n")[0]
    assert "sensor:" in convert(lan, INI)[0] and "sensor:" in convert(lan, WORDS)[0]
    assert "sensor:" in convert(lan, WORDS.replace("\n", "\r\n"))[0]


def test_whatever_is_taken_is_a_configuration_of_lanyardd(lan):
    """Lines and values thrown together: refused with a line, or what comes out passes --check."""
    dice = random.Random(4711)
    pieces = WORDS.split("\n") + ["slave id 7 ttl 99999999999", "slave id 8 mtu 40", "slave id 2147483647", "timer hello 4000",
                                  "namespace casan /", "namespace admin /a//b/", "namespace sos /'x", "http-server port 65535",
                                  "network ethernet a mtu 9", "network ethernet b,mtu=9", "network ethernet c'd", "timer slavettl 0",
                                  "http-server listen * port http", "network 802.15.4 /dev/x type xbee addr 0:f panid ff:FF mtu 2000"]
    sections = re.split(r"(?m)^(?=\[)", INI) + ["[slave %s]\nid = %d\nttl = 0\n" % (n, i) for i, n in enumerate(("'", "# x", "é"), 5)] + [
        "[evlog]\nsize = 0\n", "[http z]\nurl = http://localhost/\n", "[namespace admin]\nuri = ///\n"]
    taken = 0
    for turn in range(60):
        words = turn % 2 == 0
        chosen = dice.sample(pieces if words else sections, dice.randint(2, 9))
        text = ("\n" if words else "").join(chosen) + "\n" + ("network ethernet e0\n" if words else "[network e]\ntype=ethernet\ndev=e0\n")
        path = at(lan.folder, "random.conf", text)
        proc = lan.start("lanyard", "config", "import", path)
        if proc.wait() != 0:
            assert re.search(r"random\.conf:\d+: ", "\n".join(proc.err)), (text, proc.err)
            continue
        taken += 1
        code, _, err = once(lan, "--check", "-c", at(lan.folder, "random.yaml", "\n".join(proc.out) + "\n"))
        assert code == 0, (text, proc.out, err)
    assert taken > 10


def test_a_master_runs_from_either_file_as_it_is(lan):
    ns = lan.net.namespace()
    ns.run("ip", "link", "set", "lo", "up")
    for text in (WORDS, INI):
        for old, new in (("0.0.0.0 port 8004", "127.0.0.1 port 8124"), ("http-server listen 0::0 port 8006\n", ""),
                         ("[http v6s]\nurl: https://[::1]/\nsslcert = /etc/ssl/m.crt\nsslkey = /etc/ssl/m.key\n", "")):
            text = text.replace(old, new)
        path = at(lan.folder, "casand.conf", text)
        proc = lan.start("lanyard", "sensor", "master", "-c", path, "-J", ns=ns)
        assert proc.event("http", 15)["port"] in (8124, 8004)
        assert proc.stop() == 0
