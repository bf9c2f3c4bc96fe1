"""The wheel that users install: everything that runs is in it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from the_house import ROOT, files

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    told = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
    (built,) = out.glob("*.whl")
    return built


def test_every_source_file_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    wanted = {str(p.relative_to(source)) for p in files() if source in p.parents}
    assert wanted <= names
    for name in ("campaigns/calibration.toml", "report/page.html.j2", "report/page.css", "py.typed"):
        assert f"stillwatch/{name}" in names
    assert sum(name.startswith("stillwatch/patterns/packs/") and name.endswith(".yaml") for name in names) == 10


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [n for n in names if not n.startswith(("stillwatch/", "stillwatch_gateway/", "stillwatch-"))]
    assert not [n for n in names if "__pycache__" in n or n.endswith((".nbc", ".nbi", ".pyc"))]


def test_the_unpacked_wheel_runs_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        "import stillwatch, sys; assert stillwatch.__file__.startswith(sys.argv[1]), stillwatch.__file__\n"
        "from stillwatch.patterns import load_rules; from stillwatch.campaigns.calibration import Calibration\n"
        "from stillwatch.signals import all_signals; from stillwatch.simulate import profiles\n"
        "Calibration.load(); print(len(load_rules()), len(all_signals()), len(profiles()))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "site")], cwd=tmp_path, capture_output=True, text=True,
        timeout=300, env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
    assert all(int(word) >= 10 for word in told.stdout.split())


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
    (scripts,) = [n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt")]
    text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Python: >=3.11" in text
    assert "stillwatch = stillwatch.cli:main" in archive.read(scripts).decode()
    assert [n for n in archive.namelist() if n.endswith("/licenses/LICENSE")]
