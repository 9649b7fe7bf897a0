"""Streams through a relay that cuts connections at any byte: nothing corrupted, nothing twice, nothing out of order, and
what did not arrive is in the account of the sender. (The simulator does the same 10,000 times; here the sockets, the
kernel and the command line take part.)
"""
import pytest

from lanyard_test import SANITIZED
from stream_cli import Server

WAIT = 90 if SANITIZED else 40
MESSAGES = 400
RATE = "400"  # so that a message is mostly a chunk of its own

# dialect, options of the client, faults of the relay
STORMS = {
    "serpy2, cut by FIN": ("serpy2", [], ["--cut", "4%", "--cut-with", "fin"]),
    "serpy2, cut by RST": ("serpy2", [], ["--cut", "4%", "--cut-with", "rst"]),
    "serpy2, bytes swallowed with the connection": ("serpy2", [], ["--swallow-close", "4%"]),
    "serpy2, late and cut": ("serpy2", [], ["--cut", "4%", "--delay", "5ms", "--jitter", "5ms"]),
    "serpy2, black holes": ("serpy2", [], ["--blackhole", "1%:200ms", "--cut", "2%"]),
    "serpy1 in mode 0": ("serpy1", ["--mode", "0"], ["--cut", "4%"]),
    "serpy1 in mode 0, asking": ("serpy1", ["--mode", "0", "--confirm", "20ms"], ["--cut", "4%"]),
    "serpy1 in mode 2": ("serpy1", ["--mode", "2"], ["--cut", "4%"]),
    "serpy1 in mode 1": ("serpy1", ["--mode", "1"], ["--cut", "4%"]),
    "serpy1 in mode 3, sent again": ("serpy1", ["--mode", "3", "--resend"], ["--cut", "4%"]),
}


def value_of(event):
    return event.get("value", event.get("text"))


@pytest.mark.limit(120)
@pytest.mark.parametrize("storm", STORMS)
def test_the_account_of_losses_holds_through(lan, storm, figure):
    dialect, options, faults = STORMS[storm]
    server = Server(lan, dialect=dialect)
    relay = lan.relay(server.address, "--unit", "chunk", *faults, "--seed", str(1 + list(STORMS).index(storm)))
    client = lan.start("lanyard", "stream", "connect", f"127.0.0.1:{relay.port}", "--dialect", dialect, "--reconnect",
                       "--rate", RATE, "--linger", "1s", "-J", *options)
    want = [f"value {i}" for i in range(MESSAGES)]
    client.send("\n".join(want))
    client.close_stdin()
    code = client.wait(WAIT)
    assert server.proc.stop() == 0
    got = [value_of(e) for e in server.proc.events("message")]
    accounts = client.events("lost")
    lost, doubled = (sum(a[what] for a in accounts) for what in ("lost", "doubled"))
    breaks = len(client.events("down")) - 1
    figure(f"{breaks} breaks, missing", MESSAGES - len(set(got)))
    figure("may be lost", lost)
    figure("may be doubled", doubled)
    assert breaks > 3, "the relay did nothing"
    assert code == (7 if lost else 0), client.tail()
    assert set(got) <= set(want), "never corrupted"
    assert [int(v.split()[1]) for v in dict.fromkeys(got)] == sorted({int(v.split()[1]) for v in got}), "in order"
    assert len(got) - len(set(got)) <= doubled, "never twice, unless it was said"
    assert MESSAGES - len(set(got)) <= lost, "never missing, unless it was said"
