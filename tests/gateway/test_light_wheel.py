"""The light wheel: built alone, installed into an empty environment, it imports fast and brings nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SLOWEST_IMPORT_S = 0.3


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    told = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT / "gateway", capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheel in it."""
    place = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=300)
    site = next(place.glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    return place / "bin" / "python"


def test_the_wheel_holds_the_gateways_package_and_asks_for_nothing(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    source = ROOT / "src" / "stillwatch_gateway"
    wanted = {f"stillwatch_gateway/{path.name}" for path in source.glob("*") if path.suffix in (".py", ".typed")}
    assert wanted <= set(names)
    assert not [name for name in names if not name.startswith(("stillwatch_gateway/", "stillwatch_gateway-"))]
    assert not [name for name in names if "__pycache__" in name]
    (metadata,) = [name for name in names if name.endswith("/METADATA")]
    needs = [line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")]
    assert needs and all("extra ==" in line for line in needs)
    assert wheel.stat().st_size < 1_000_000


def test_both_distributions_bear_one_version() -> None:
    versions = {tomllib.loads((ROOT / name).read_text("utf-8"))["project"]["version"]
                for name in ("pyproject.toml", "gateway/pyproject.toml")}  # fmt: skip
    assert len(versions) == 1


def test_in_an_empty_environment_every_door_imports_in_no_time(python: Path, tmp_path: Path) -> None:
    script = """
import json, sys, time
began = time.perf_counter()
import stillwatch_gateway.asgi, stillwatch_gateway.ext_authz, stillwatch_gateway.guardrail_api
import stillwatch_gateway.journal, stillwatch_gateway.litellm_calls, stillwatch_gateway.reasoning
took = time.perf_counter() - began
heavy = [name for name in sys.modules if name.split(".")[0] in ("numpy", "pyarrow", "numba", "duckdb", "stillwatch")]
print(json.dumps([took, heavy]))
"""
    took: list[float] = []
    for _ in range(3):
        command, env = [str(python), "-c", script], {"PATH": "/usr/bin"}
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=env)
        assert told.returncode == 0, told.stderr[-2000:]
        seconds, heavy = json.loads(told.stdout)
        assert not heavy
        took.append(seconds)
    assert min(took) < SLOWEST_IMPORT_S


def test_in_an_empty_environment_the_command_says_what_it_lacks(python: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin", "STILLWATCH_GATEWAY_URL": "http://127.0.0.1:9", "HOME": str(tmp_path)}
        command = [str(python), "-m", "stillwatch_gateway", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=env)

    assert run("--help").returncode == 0
    told = run("serve", "guardrail")
    assert told.returncode == 2 and "pip install uvicorn" in told.stderr
