"""conftest.py - fixtures of the end-to-end tests; what they give is in lanyard_test.py.

Each test may take 60 seconds, or what @pytest.mark.limit(SECONDS) says. After
that it fails where it stands; should even that not work, the run ends with the
stacks of all threads a little later.
"""
import faulthandler
import signal
import sys

import pytest

from lanyard_test import Lan, Net
from serpy_wire import PeerServer

LIMIT = 60
GRACE = 30  # for cleaning up after a test that took too long


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long this test may take")
    config.addinivalue_line("markers", "alone: needs both processors; not run beside others")


def pytest_sessionstart(session):
    """Whoever ends the run with SIGTERM gets it cleaned up; what SIGKILL left behind goes now."""
    def interrupted(signum, frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupted)
    Net.sweep()
    Net.apart()


def pytest_report_teststatus(report, config):
    """With -v, what a test measured stands behind its name."""
    figures = dict(report.user_properties).get("figures")
    if report.when == "call" and report.passed and figures and config.option.verbose > 0:
        return "passed", ".", f"PASSED [{figures}]"
    return None


@pytest.fixture(autouse=True)
def time_limit(request):
    mark = request.node.get_closest_marker("limit")
    seconds = mark.args[0] if mark else LIMIT

    def too_long(signum, frame):
        pytest.fail(f"took longer than {seconds} s", pytrace=True)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=sys.__stderr__)
    yield
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def lan(tmp_path):
    it = Lan(tmp_path)
    yield it
    it.close()


@pytest.fixture
def two_hosts(lan):
    """Two namespaces with a cable: (namespace, address) twice."""
    a, b = lan.net.namespace(), lan.net.namespace()
    address_a, address_b = lan.net.cable(a, b)
    return (a, address_a), (b, address_b)


@pytest.fixture
def figure(request):
    """figure("recovery", "0.4 s"): say what was measured without asserting it."""
    def say(what, value):
        print(f"{what}: {value}")
        properties = dict(request.node.user_properties)
        said = f"{properties['figures']}, {what} {value}" if "figures" in properties else f"{what} {value}"
        request.node.user_properties[:] = [p for p in request.node.user_properties if p[0] != "figures"]
        request.node.user_properties.append(("figures", said))
    return say


@pytest.fixture
def original():
    """original(Peer2, ...): a server of an original library; all of them end with the test."""
    servers = []

    def make(kind, **options):
        servers.append(PeerServer(kind, **options))
        return servers[-1]
    yield make
    for server in servers:
        server.close()
