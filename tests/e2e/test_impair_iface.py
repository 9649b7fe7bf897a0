"""test_impair_iface.py - packet loss into an interface, with the kernel doing the losing."""
import select
import signal
import socket
import threading
import time

from lanyard_test import binary


SO_RCVBUFFORCE = 33  # not in the socket module


def datagrams(two_hosts, count):
    """Send this many from the first host to the second; how many arrived."""
    (a, _), (b, address) = two_hosts
    with b:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with a:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        receiver.bind((address, 0))
        receiver.settimeout(0.5)
        got = 0
        for n in range(count):
            sender.sendto(b"x" * 100, receiver.getsockname())
            if n % 50 == 49:  # no faster than what stands between can take
                select.select([], [], [], 0.005)
        try:
            while got < count and receiver.recv(200):
                got += 1
        except TimeoutError:
            pass
        return got


def tables(ns):
    return ns.run("nft", "list", "tables").stdout


def test_loses_the_share_asked_changes_it_live_and_takes_its_table_away(lan, two_hosts):
    ns = two_hosts[1][0]
    assert datagrams(two_hosts, 100) == 100
    impair = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "20%", "-J", ns=ns)
    impair.event("listening", address="lan0")
    assert 3000 < datagrams(two_hosts, 4000) < 3400
    impair.send("loss 0")
    impair.event("control", command="loss 0", ok=True)
    assert datagrams(two_hosts, 500) == 500
    assert impair.stop() == 0
    summary = impair.events("summary")[-1]
    assert summary["seen"] >= 500
    assert "lanyard" not in tables(ns)


def test_ctrl_c_takes_the_table_away_as_well(lan, two_hosts):
    ns = two_hosts[1][0]
    impair = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "50%", ns=ns)
    impair.line("impairing what comes into lan0", stream="err")
    assert "lanyard_impair_lan0" in tables(ns)
    assert impair.stop(signal.SIGINT) == 0
    assert impair.line(r"^lan0: \d+ packets, \d+ lost$", stream="err")
    assert "lanyard" not in tables(ns)


def test_a_table_left_by_a_killed_run_is_replaced_and_two_runs_do_not_share(lan, two_hosts):
    ns = two_hosts[1][0]
    first = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "100%", ns=ns)
    first.line("impairing", stream="err")
    first.kill()
    assert "lanyard_impair_lan0" in tables(ns)
    second = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "0", ns=ns)
    second.line("impairing", stream="err")
    third = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "5%", ns=ns)
    assert third.wait() == 1 and "another run impairs lan0" in "\n".join(third.err)
    assert datagrams(two_hosts, 100) == 100
    assert second.stop() == 0
    assert "lanyard" not in tables(ns)


def test_without_privileges_it_says_which_and_exits_5(lan):
    proc = lan.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                   "--inh-caps=-all", binary("lanyard"), "lab", "impair", "lo", "--loss", "1%")
    assert proc.wait() == 5, proc.tail()
    assert "CAP_NET_ADMIN" in "\n".join(proc.err)


def test_an_interface_that_is_not_there_exits_3(lan):
    proc = lan.start("lanyard", "lab", "impair", "nosuch0", "--loss", "1%")
    assert proc.wait() == 3 and "nosuch0" in "\n".join(proc.err)


def test_a_wire_between_two_interfaces_loses_delays_and_doubles_frames(lan):
    a, middle, b = (lan.net.namespace() for _ in range(3))
    for side, name, address in ((a, "wa", "10.78.0.1/24"), (b, "wb", "10.78.0.2/24")):
        side.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", name, "netns", middle.name)
        side.run("ip", "addr", "add", address, "dev", "lan0")
        side.link("lan0", True)
        middle.link(name, True)
    wire = lan.start("lanyard", "lab", "impair", "wa", "wb", "--seed", "1", "-J", ns=middle)
    wire.event("listening", address="wa", target="wb")
    hosts = (a, "10.78.0.1"), (b, "10.78.0.2")
    assert datagrams(hosts, 200) == 200
    wire.send("loss 20%")
    wire.event("control", command="loss 20%", ok=True)
    assert 600 < datagrams(hosts, 1000) < 1000
    wire.send("loss 0\ndelay 30ms\ndup 5%")
    wire.event("control", command="dup 5%", ok=True)
    with b:
        listener = socket.create_server(("10.78.0.2", 0))
    with a:
        began = time.monotonic()
        client = socket.create_connection(listener.getsockname(), timeout=10)
        assert time.monotonic() - began > 0.055
    server, _ = listener.accept()
    with listener, client, server:
        big = bytes(range(256)) * 4000  # with offloads, frames are larger than the MTU
        threading.Thread(target=client.sendall, args=(big,), daemon=True).start()
        got = b""
        while len(got) < len(big):
            got += server.recv(1 << 20)
        assert got == big
    assert wire.stop() == 0
    summary = wire.events("summary")[-1]
    assert summary["unit"] == "frames" and summary["faults"]["drop"] > 100 and summary["faults"]["dup"] > 0


def test_after_its_time_the_table_is_taken_away(lan, two_hosts):
    ns = two_hosts[1][0]
    impair = lan.start("lanyard", "lab", "impair", "lan0", "--loss", "50%", "--timeout", "300ms", ns=ns)
    assert impair.wait() == 6
    assert "lanyard" not in tables(ns)
