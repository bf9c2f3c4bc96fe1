"""A console over findings made by hand, for the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import consoles
import hand_made as made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three campaigns, a network, 300 ordinary accounts; nothing decided."""
    return consoles.home_with(tmp_path / "home", made.findings())
