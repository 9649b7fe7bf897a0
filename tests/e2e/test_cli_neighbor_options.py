"""test_cli_neighbor_options.py - options of `lanyard neighbor run`: what is wrong is said, what is right does something."""
import contextlib
import http.server
import json
import subprocess
import sys
import threading

import pytest

from lanyard_test import ROOT, binary, for_anybody
from neighbor_cli import Node, addr, mac_of, pair, run


@pytest.mark.parametrize("words, said", [
    ([], "neighbor run: something is missing"),
    (["lan0", "--dialect", "lldp"], "--dialect lldp: not in this version (only lsoe|l3dl)"),
    (["lan0", "--ethertype", "0x5ff"], "--ethertype 0x5ff: not an EtherType"),
    (["lan0", "--ethertype", "88b5x"], "--ethertype 88b5x: not an EtherType"),
    (["lan0", "--hello", "soon"], "--hello soon: not a duration"),
    (["lan0", "--keepalive", "0"], "--keepalive 0: not a duration"),
    (["lan0", "--tries", "0"], "--tries 0: not a whole number of 1 or more"),
    (["lan0", "--max-peers", "4294967296"], "--max-peers 4294967296: at most"),
    (["lan0", "--attribute", "256"], "--attribute 256: not a number of 0 to 255"),
    (["lan0", "--label", "192.0.2.0/24"], "not PREFIX=LABEL"),
    (["lan0", "--label", "192.0.2.0/24=1048576"], "a label is a number of 0 to 1048575"),
    (["lan0", "--announce", "some"], "--announce some: not one of own|all|none"),
    (["lan0", "--measure", "1s", "--no-measure"], "exclude each other"),
    (["lan0", "--key-file", "k"], "--key-file: lsoe has nothing of that kind"),
    (["lan0", "--trust", "tofu"], "--trust: lsoe has nothing of that kind"),
    (["lan0", "--state", "d"], "--state: lsoe has nothing of that kind"),
    (["lan0", "--dialect", "l3dl", "--bgp-asn", "65000"], "a BGP speaker needs an address"),
    (["lan0", "--dialect", "l3dl", "--bgp-address", "10.0.0.1/30"], "needs its AS number"),
    (["lan0", "--dialect", "l3dl", "--bgp-asn", "1", "--bgp-address", "10.0.0.1/30,10.0.0.2/30"], "one IPv4 address"),
])
def test_a_wrong_option_is_a_usage_error_that_names_it(words, said):
    done = run("run", *words, "--timeout", "1s")
    assert done.returncode == 2 and said in done.stderr and not done.stdout


@pytest.mark.parametrize("words, said", [
    (["--id", "zz"], "id"),
    (["--id", "00112233445566778899aa"], "id"),
    (["--hello-to", "02:00"], "hello"),
    (["--hello-to", "nearest"], "hello"),
    (["--keepalive", "1ms"], "keepalive"),
    (["--label", "192.0.2.0/33=100"], "192.0.2.0/33"),
    (["--primary", "10.0.0.0.1"], "primary"),
    (["--dialect", "l3dl", "--bgp-asn", "1", "--bgp-address", "10.0.0.1"], "10.0.0.1"),
    (["--dialect", "l3dl", "--trust", "anchor"], "anchor"),
])
def test_what_only_the_library_can_judge_is_a_usage_error_too(lan, words, said):
    a = lan.net.namespace()
    done = run("run", "lan0", *words, "--timeout", "1s", ns=a)
    assert done.returncode == 2, done
    assert done.stderr.startswith("lanyard: cannot look for neighbours: ") and said in done.stderr.lower()


def test_errors_are_json_when_json_is_asked_for():
    done = run("run", "lan0", "--ethertype", "1", "-J")
    error = json.loads(done.stdout)
    assert done.returncode == 2 and error["error"]["code"] == "usage" and "--ethertype 1" in error["error"]["what"]


def test_without_the_right_to_raw_frames_it_says_which_one_is_needed():
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                           "--bounding-set=-all", for_anybody("lanyard"), "neighbor", "run", "lo", "--timeout", "1s"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 5, done
    assert "run it as root" in done.stderr and "setcap cap_net_raw+ep" in done.stderr


def test_a_key_file_that_is_not_there_or_not_safe_is_told(lan, tmp_path):
    a = lan.net.namespace()
    missing = run("run", "lan0", "--dialect", "l3dl", "--key-file", tmp_path / "none.id", "--timeout", "1s", ns=a)
    assert missing.returncode == 3 and "none.id" in missing.stderr
    key = tmp_path / "me.id"
    subprocess.run([binary("lanyard"), "key", "identity", key], check=True, capture_output=True)
    key.chmod(0o644)
    unsafe = run("run", "lan0", "--dialect", "l3dl", "--key-file", key, "--timeout", "1s", ns=a)
    assert unsafe.returncode == 5 and "me.id" in unsafe.stderr and "setcap" not in unsafe.stderr


def test_a_secret_for_bgp_that_others_can_read_is_refused(tmp_path):
    secret = tmp_path / "bgp.secret"
    words = ["lan0", "--dialect", "l3dl", "--bgp-asn", "1", "--bgp-address", "10.0.0.1/30", "--bgp-auth-file", secret]
    assert run("run", *words).returncode == 3
    secret.write_text("very secret\n", encoding="utf-8")
    secret.chmod(0o644)
    refused = run("run", *words)
    assert refused.returncode == 5 and "others can read it" in refused.stderr
    secret.chmod(0o600)
    secret.write_bytes(b"x" * 254)
    assert run("run", *words).returncode == 2


# ---- a neighbour that is not Lanyard ---------------------------------------------------------------------------------

sys.path.append(str(ROOT / "tests/interop"))
from lsoe_peer import Peer  # noqa: E402
from lsoe_second import IPV4, MPLS4  # noqa: E402


@pytest.mark.parametrize("words, labels", [([], set()), (["--labels-to-all"], {("192.0.2.0", 24)})])
def test_labels_go_to_who_is_not_lanyard_only_if_all_shall_have_them(lan, two_hosts, words, labels):
    (a, address_a), (b, _) = two_hosts
    Node(lan, a, "--label", "192.0.2.0/24=100", *words)
    with contextlib.closing(Peer(b)) as peer:
        peer.wait_established()
        peer.wait(lambda: (address_a, 24) in peer.theirs[IPV4], what="the address")
        addr(a, "add", "10.9.9.1/30")  # what would have been sent in front of it has come, too, then
        peer.wait(lambda: ("10.9.9.1", 30) in peer.theirs[IPV4], what="the new address")
        peer.wait(lambda: set(peer.theirs[MPLS4]) == labels, what="the labels")


# ---- l3dl -----------------------------------------------------------------------------------------------------------

def identity(tmp_path, name):
    path = tmp_path / name
    subprocess.run([binary("lanyard"), "key", "identity", path], check=True, capture_output=True)
    return path


def test_signed_nodes_learn_each_other_s_key_and_unsigned_ones_are_refused(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    words = ["--trust", "tofu", "--retransmit", "200ms"]
    one = Node(lan, a, "--key-file", identity(tmp_path, "a.id"), *words, dialect="l3dl")
    other = Node(lan, b, "--key-file", identity(tmp_path, "b.id"), *words, dialect="l3dl")
    learned = one.proc.event("key")
    assert learned["mac"] == mac_of(b) and len(learned["fingerprint"]) == 16
    one.session()
    other.session()
    assert other.proc.stop() == 0
    stranger = Node(lan, b, "--retransmit", "200ms", dialect="l3dl")
    refused = one.proc.event("refused")
    assert refused["mac"] == mac_of(b) and refused["reason"]
    assert not stranger.sessions() and len(one.sessions()) == 1


def test_bgp_parameters_arrive_and_the_secret_does_not_leave(lan, two_hosts, tmp_path):
    (a, address_a), (b, _) = two_hosts
    secret = tmp_path / "bgp.secret"
    secret.write_text("very secret\n", encoding="utf-8")
    secret.chmod(0o600)
    Node(lan, a, "--bgp-asn", "4200000000", "--bgp-address", f"{address_a}/24", "--bgp-auth-file", secret, "--bgp-gtsm",
         dialect="l3dl")
    other = Node(lan, b, dialect="l3dl")
    told = other.proc.event("ulpc")
    assert (told["asn"], told["address4"], told["auth"], told["gtsm"]) == (
        4200000000, f"{address_a}/24", True, True) and "address6" not in told
    assert "very secret" not in "\n".join(other.proc.out)


def test_a_known_key_survives_a_restart_with_state(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    keys = [identity(tmp_path, f"{n}.id") for n in ("a", "b", "thief")]
    words = ["--key-file", keys[0], "--trust", "tofu", "--state", state]
    one = Node(lan, a, *words, dialect="l3dl")
    other = Node(lan, b, "--key-file", keys[1], "--id", "0b", dialect="l3dl")
    one.session()
    other.session()
    assert other.proc.stop() == 0 and one.proc.stop() == 0
    again = Node(lan, a, *words, dialect="l3dl")
    again.link()
    Node(lan, b, "--key-file", keys[2], "--id", "0b", dialect="l3dl")
    assert again.proc.event("refused")["reason"]
    assert not again.sessions()


# ---- northbound -----------------------------------------------------------------------------------------------------

class Collector:
    """An HTTP server in a namespace that keeps what is POSTed to it."""

    def __init__(self, ns, port=0):
        self.posts = posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with ns:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mutate"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def encaps(self, name):
        return [p["encaps"] for p in self.posts if p["pdu_name"] == name]


@pytest.fixture
def collector():
    made = []

    def make(ns, port=0):
        made.append(Collector(ns, port))
        return made[-1]
    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_the_collector_gets_every_change_and_a_goodbye(lan, two_hosts, collector):
    (a, _), (b, address_b) = two_hosts
    sink = collector(a)
    one = Node(lan, a, "--report", sink.url, "--id", "0a")
    other = Node(lan, b, "--id", "0b")
    one.session()
    other.session()
    one.proc.until(lambda: any(sink.encaps("IPV4ENCAPSULATION")), what="a report")
    post = next(p for p in sink.posts if p["encaps"])
    assert (post["ifname"], post["peer_macaddr"], post["encaps"][0]["ipaddr"]) == ("lan0", mac_of(b), address_b)
    addr(b, "add", "10.9.9.1/30")
    one.proc.until(lambda: len(sink.encaps("IPV4ENCAPSULATION")[-1]) == 2, what="a report of the change")
    assert one.proc.stop() == 0
    assert sink.encaps("IPV4ENCAPSULATION")[-1] == []


def test_a_collector_that_comes_late_is_waited_for_and_gets_all(lan, two_hosts, collector):
    (a, _), (_, address_b) = two_hosts
    one, _ = pair(lan, two_hosts, "--report", "http://127.0.0.1:8099/mutate")
    away = one.proc.event("report", state="down", timeout=20)
    assert away["reason"] and set(away) == {"schema", "time", "event", "state", "reason"}
    one.until_heard({f"{address_b}/24"})
    sink = collector(a, 8099)
    one.proc.event("report", state="up", timeout=30)
    one.proc.until(lambda: any(e and e[0]["ipaddr"] == address_b for e in sink.encaps("IPV4ENCAPSULATION")),
                   what="the report")
