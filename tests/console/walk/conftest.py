"""The day's home, the hostile home, and the browser: each is made once for all walks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from browsing import launched
from hostile import poison
from playwright.sync_api import Browser, sync_playwright

from stillwatch import pipeline
from stillwatch.decide.policy import policy_from
from stillwatch.settings import Settings, load_settings
from stillwatch.simulate import simulate


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        yield launched(playwright)


def swept_twice(folder: Path, world: Path) -> Path:
    """A home that was swept while one campaign was under way, and again when two more had come."""
    home = folder / "home"
    settings = Settings()
    pipeline.ingest(home, [str(world / "exchanges")], settings=settings, accounts=[str(world / "accounts.jsonl")],
                    releases=[str(world / "releases.csv")])  # fmt: skip
    for until in (datetime(2026, 4, 24, tzinfo=UTC), None):
        pipeline.hunt(home, settings=settings, until=until)
    policy = (files("stillwatch.decide") / "default_policy.toml").read_text("utf-8")
    (home / "policy.toml").write_text(policy.replace('\nmode = "simulate"', '\nmode = "enforce"'))
    (home / "stillwatch.toml").write_text('[decide]\npolicy = "policy.toml"\n')
    return home


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's traffic, with the truth beside it."""
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, ("demo",), scale=1.0, seed=0)
    return folder


@pytest.fixture(scope="session")
def day(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home on the morning of a day's work."""
    return swept_twice(tmp_path_factory.mktemp("day"), world)


@pytest.fixture(scope="session")
def hostile_home(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same traffic with hostile content in every field that a log or accounts file can set, swept, decided."""
    folder = tmp_path_factory.mktemp("hostile")
    poison(world, folder / "world")
    home = swept_twice(folder, folder / "world")
    policy = policy_from((home / "policy.toml").read_text(), "policy.toml")
    pipeline.decide(home, policy, now=time.time(), settings=load_settings(home=home))
    return home
