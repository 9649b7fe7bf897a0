"""conftest.py - the harness of the end-to-end tests, for other programs as peers."""
import importlib.util
import sys
from pathlib import Path

import pytest

E2E = Path(__file__).resolve().parent.parent / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)

pytest_configure, pytest_sessionstart = _e2e.pytest_configure, _e2e.pytest_sessionstart
lan, two_hosts, time_limit, figure = _e2e.lan, _e2e.two_hosts, _e2e.time_limit, _e2e.figure

from lsoe_world import World  # noqa: E402  (stands on the harness that was found just above)


@pytest.fixture
def world(lan):
    it = World(lan)
    yield it
    it.close()
