"""A home with findings made by hand, and a way to run a command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))

import hand_made as made

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that holds findings and pictures, but no store."""
    folder = tmp_path / "home"
    made.leave(folder, made.findings())
    made.pictures(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `stillwatch ARGS` in an empty folder, as a shell would."""

    def call(*args: str, **more: object) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **dict(more.pop("environ", {}))}  # type: ignore[call-overload]
        return subprocess.run(
            [sys.executable, "-m", "stillwatch", *args], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env=environ, check=False, **more,  # type: ignore[call-overload]
        )

    return call
