"""The rules of the house that no other tool holds: sizes, first lines, names, and what must not be in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from the_house import ROOT, files, texts

SOURCE = (".py", ".sh", ".css", ".j2", ".toml")
MODULES = [path for path in files() if path.suffix == ".py"]
LONGEST = 450


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_of_code_is_longer_than_can_be_read_at_one_sitting() -> None:
    long = {
        named(path): text.count("\n")
        for path, text in texts().items()
        if (path.suffix in SOURCE or not path.suffix) and path.name != "LICENSE" and text.count("\n") > LONGEST
    }
    assert not long


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_begins_with_the_sign_on_its_door(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    if not tree.body:
        assert path.name == "__init__.py", "an empty module"
        return
    assert (ast.get_docstring(tree) or "").strip(), f"{named(path)} has no docstring"


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "base", "manager", "engine"}
    assert not [named(path) for path in MODULES if path.stem in drawers or drawers & set(path.relative_to(ROOT).parts)]


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    stubs = re.compile(r"raise Not" + r"ImplementedError|pass  # " + "stub")
    left = [
        f"{named(path)}:{number}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if words.search(line) or (path.suffix == ".py" and stubs.search(line))
    ]
    assert not left


def test_no_test_is_switched_off() -> None:
    off = re.compile(r"@?pytest\.(mark\.)?(sk" + r"ip|skip" + r"if|xf" + r"ail|importor" + r"skip)\b")
    assert not [named(p) for p, text in texts().items() if p.suffix == ".py" and off.search(text)]


@pytest.mark.parametrize("path", [p for p in MODULES if p.name.startswith("test_")], ids=named)
def test_each_test_asserts_something(path: Path) -> None:
    """An assertion, an expected error, or a function of the same file that asserts."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}

    def asserts(node: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assert):
                return True
            if isinstance(inner, ast.Call):
                called = inner.func.attr if isinstance(inner.func, ast.Attribute) else getattr(inner.func, "id", "")
                if called in ("raises", "warns", "fail") or called.startswith(("assert_", "check", "same", "equal")):
                    return True
                if called in functions and called not in seen and asserts(functions[called], seen | {called}):
                    return True
        return False

    tests = [f for name, f in functions.items() if name.startswith("test_")]
    assert tests, "no test in it"
    assert not [f.name for f in tests if not asserts(f)]


def test_nothing_names_the_place_where_it_was_made() -> None:
    places = ["/wo" + r"rk\b", r"\.\./sha" + r"red\b", r"\b[Tt]he bri" + r"ef\b", "/tmp/bash" + "_jobs"]
    numbers = r"\b[Ii]ss" + r"ue #?\d+"
    pattern = re.compile("|".join([*places, numbers]))
    said = [
        f"{named(path)}:{number}: {line.strip()[:80]}"
        for path, text in texts().items()
        if path.name != "LICENSE"
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not said


def test_nothing_large_or_private_is_in_the_repository() -> None:
    large = {named(path): path.stat().st_size for path in files() if path.stat().st_size > 1_500_000}
    assert not large
    private = ("secret.key", "ledger.sqlite", "id_rsa", ".env")
    assert not [named(path) for path in files() if path.name in private or path.suffix == ".pem"]


def test_the_command_line_and_the_modules_are_typed_for_users() -> None:
    assert (ROOT / "src/stillwatch/py.typed").exists(), "Typing :: Typed needs py.typed"


def test_the_import_laws_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run(
        [str(program), "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=ROOT / "src", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-1000:]
    assert re.search(r"[4-9] kept, 0 broken", told.stdout)


def test_the_worlds_are_kept_from_every_room() -> None:
    """A room that is built later must not be forgotten in the contract: only errors are shared."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (worlds,) = (contract for contract in contracts if contract["id"] == "worlds")
    package = ROOT / "src" / "stillwatch"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    apart = rooms - {"__init__", "__main__", "errors", "simulate"}
    assert set(worlds["forbidden_modules"]) == {f"stillwatch.{room}" for room in apart} | {"stillwatch_gateway"}
