"""conftest.py - the harness of the end-to-end tests, for the originals as peers."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from lanyard_test import Lan  # noqa: E402


@pytest.fixture
def lan(tmp_path):
    it = Lan(tmp_path)
    yield it
    it.close()
