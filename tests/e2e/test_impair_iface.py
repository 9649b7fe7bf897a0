"""test_impair_iface.py - packet loss into an interface, with the kernel doing the losing."""
import signal
import socket

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
        for _ in range(count):
            sender.sendto(b"x" * 100, receiver.getsockname())
        got = 0
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
