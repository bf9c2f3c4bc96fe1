"""The API is what its OpenAPI document says, whatever is sent to it: schemathesis tries, as each kind of caller."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decide.place import facts, finding, policy
from service.running import ask, home_in, service, token_for
from stillwatch.decide.decide import decide
from stillwatch.decide.record import Record
from stillwatch.service import app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    home = home_in(tmp_path_factory.mktemp("home"))
    decide(Record(home), policy(), facts(finding()), 1.0)
    tokens = {role: token_for(home, role) for role in ("approver", "gateway")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "LONGEST_WAIT_S", 0.2)  # what is tried at random would wait for minutes
        with service(home) as url:
            yield url, tokens


@pytest.mark.parametrize("role", ["approver", "gateway"])
def test_schemathesis_finds_nothing(place: tuple[str, dict[str, str]], role: str, tmp_path: Path) -> None:
    url, tokens = place
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json", "--header",
         f"Authorization: Bearer {tokens[role]}", "--max-examples", "20", "--seed", "7", "--no-color",
         "--generation-database", "none"],
        capture_output=True, text=True, timeout=500, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases is not None and int(cases[2]) > 300, done.stdout[-3000:]
    assert ask(f"{url}/v1/audit/verify", tokens["approver"])[1]["fault"] is None
