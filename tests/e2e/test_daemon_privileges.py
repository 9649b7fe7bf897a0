"""test_daemon_privileges.py - what lanyardd may still do once it runs, and what a reload can not get back."""
import os
import pwd
import re
import signal

import pytest
from daemon_neighbor import FAST, Node, capabilities, entry, two
from daemon_test import ONE, Daemon
from lanyard_test import ROOT, for_anybody, wait_for

ADMIN, RAW = 1 << 12, 1 << 13
LOW = 'link:\n- {{name: boards, role: server, listen: "127.0.0.1:{}"}}\n'


def low_port():
    """A port below 1024 that nobody listens on."""
    import socket
    for port in range(700, 1024):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port below 1024 is free")


def held(daemon):
    caps = capabilities(daemon.proc.pid)
    assert caps["CapEff"] == caps["CapPrm"] and caps["CapInh"] == caps["CapAmb"] == 0
    return caps["CapEff"], caps["CapBnd"], caps["NoNewPrivs"]


def test_with_neighbors_two_capabilities_are_left_and_without_none(lan, two_hosts):
    (ns_a, _), _ = two_hosts
    node = Node(lan, ns_a, entry(**FAST))
    assert held(node) == (ADMIN | RAW, ADMIN | RAW, 1)
    assert node.ask("status")["privileges"] == "cap_net_admin,cap_net_raw"
    node.logged("level=info event=privileges-dropped left=cap_net_admin,cap_net_raw")
    with_links = Daemon(lan)
    assert held(with_links) == (0, 0, 1) and with_links.ask("status")["privileges"] == ""
    assert os.stat(f"/proc/{node.proc.pid}").st_uid == os.geteuid()


def test_every_thread_of_the_daemon_has_given_them_up(lan, two_hosts):
    (ns_a, _), _ = two_hosts
    node = Node(lan, ns_a, entry(**FAST))
    for thread in os.listdir(f"/proc/{node.proc.pid}/task"):
        assert capabilities(f"{node.proc.pid}/task/{thread}")["CapEff"] == ADMIN | RAW


def test_privileges_that_are_to_be_kept_are_kept_until_a_reload_drops_them(lan):
    daemon = Daemon(lan, "daemon: {privileges: keep}\n" + ONE)
    before = capabilities(os.getpid())
    assert held(daemon) == (before["CapEff"], before["CapBnd"], before["NoNewPrivs"])
    daemon.write(ONE)
    daemon.ask("config.reload")
    assert held(daemon) == (0, 0, 1)


def test_the_daemon_goes_on_with_its_work_after_they_are_dropped(lan, two_hosts):
    (ns_a, _), (ns_b, _) = two_hosts
    a, b = two(lan, two_hosts, FAST, FAST)
    ns_a.run("ip", "link", "add", "new0", "type", "veth", "peer", "name", "new1")
    for name in ("new0", "new1"):
        ns_a.link(name, True)
    a.write(f"neighbor:\n- {entry(id='0a', **FAST)}\n- {entry('more', ['new0'])}\n"
            "link: [{name: boards, role: server, listen: '127.0.0.1:8123'}]\n"
            "stream: [{name: lab, serve: '127.0.0.1:8000', dialect: serpy2}]\n")
    a.proc.send_signal(signal.SIGHUP)
    wait_for(lambda: a.ask("status")["config"]["reloads"] == 1, what="the reload")
    assert a.iface("new0", "more")["up"] and a.link()["state"] == "open"
    assert a.ask("stream.list")["streams"][0]["state"] == "listening"
    b.proc.kill()
    a.event("neighbor", state="down")
    assert a.proc.stop() == 0
    assert not a.socket.exists()


def test_a_port_below_1024_is_opened_at_the_start_and_stays_through_a_reload(lan):
    first, second = low_port(), None
    daemon = Daemon(lan, LOW.format(first))
    assert held(daemon) == (0, 0, 1) and daemon.link()["address"] == f"127.0.0.1:{first}"
    assert daemon.ask("config.reload")["unchanged"] == ["boards"]
    daemon.board()
    second = low_port()
    daemon.write(LOW.format(second))
    error = daemon.error("config.reload")
    assert error["code"] == "failed"
    assert error["what"] == (f'link "boards": port {second} needs CAP_NET_BIND_SERVICE, which was dropped at the start: '
                             "restart the daemon, or set daemon.privileges to keep before that")
    assert daemon.link()["address"] == f"127.0.0.1:{first}" and daemon.peer("boards/1")["up"]
    daemon.write(LOW.format(0) + f"stream: [{{name: s, serve: '127.0.0.1:{second}', dialect: serpy2}}]\n")
    assert f'stream "s": port {second} needs' in daemon.error("config.reload")["what"]
    daemon.write(LOW.format(0))
    assert daemon.ask("config.reload")["changed"] == ["boards"]


def test_the_first_neighbor_of_a_reload_is_refused_with_the_way_out(lan):
    daemon = Daemon(lan)
    daemon.write(ONE + f"neighbor:\n- {entry()}\n")
    error = daemon.error("config.reload")
    assert error["what"].startswith('neighbor "fabric": needs CAP_NET_RAW, which was dropped at the start')
    daemon.proc.send_signal(signal.SIGHUP)
    daemon.logged('level=error event=config-refused reason="neighbor .*CAP_NET_RAW')
    assert daemon.link()["state"] == "open"


def test_a_neighbor_that_comes_back_after_a_reload_without_it_is_opened(lan, two_hosts):
    a, _ = two(lan, two_hosts, FAST, FAST)
    a.reload()
    assert held(a) == (ADMIN | RAW, ADMIN | RAW, 1)
    a.reload(entry(id="0a", **FAST))
    a.established()


def test_a_file_that_only_privileges_could_read_says_so(lan):
    nobody = pwd.getpwnam("nobody")
    daemon = Daemon(lan)
    os.chmod(daemon.config, 0o600)
    os.chown(daemon.config, nobody.pw_uid, nobody.pw_gid)
    error = daemon.error("config.reload")
    assert any("Permission denied" in d and "PRIVILEGES" in d for d in error["details"]), error
    os.chown(daemon.config, 0, 0)
    daemon.ask("config.reload")


@pytest.mark.parametrize("given", [True, False])
def test_a_user_needs_the_two_capabilities_for_neighbors_and_no_others(lan, two_hosts, given):
    """As the unit of systemd starts it: ambient capabilities, another user."""
    (ns_a, _), _ = two_hosts
    nobody = pwd.getpwnam("nobody")
    for folder in (lan.folder, *lan.folder.parents):
        if folder.stat().st_uid == 0 and str(folder) != "/" and folder.stat().st_mode & 0o77 == 0:
            os.chmod(folder, 0o755)
    ambient = ["--inh-caps", "+net_raw,+net_admin", "--ambient-caps", "+net_raw,+net_admin"] if given else []
    program = for_anybody("lanyardd")

    class Unprivileged(Node):
        def __init__(self):
            super().__init__(lan, ns_a, entry(**FAST), ready=False, name="u")

        def write(self, text):
            super().write(text)
            os.chown(self.host.folder, nobody.pw_uid, nobody.pw_gid)
            self.host.start = lambda *words, **more: lan.run(
                "setpriv", "--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups", *ambient,
                program, *words[1:], ns=ns_a, **more)

    node = Unprivileged()
    wait_for(lambda: node.listens() or not node.proc.running(), what="the control socket")
    if given:
        assert held(node)[0] == ADMIN | RAW and node.iface()["up"]
    else:
        assert held(node)[0] == 0
        assert node.neighbor()["state"] == "failed" and "CAP_NET_RAW" in node.neighbor()["reason"]
    assert capabilities(node.proc.pid)["NoNewPrivs"] == 1


def test_the_unit_of_the_service_grants_the_two_and_packet_sockets():
    unit = (ROOT / "data/lanyardd.service.in").read_text(encoding="utf-8")
    both = {"CAP_NET_RAW", "CAP_NET_ADMIN"}
    assert set(re.search(r"^AmbientCapabilities=(.*)$", unit, re.M)[1].split()) == both
    assert set(re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()) == both
    assert {"AF_PACKET", "AF_NETLINK"} <= set(re.search(r"^RestrictAddressFamilies=(.*)$", unit, re.M)[1].split())
