"""The documents say what the program is: every name appears, every link resolves, every example runs."""

from __future__ import annotations

import dataclasses
import os
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from the_house import DOCS, ROOT, anchors_of, code_of, documents, without_code

from stillwatch.cli.menu import COMMANDS, menu
from stillwatch.ingest.field_map import read_field_map
from stillwatch.ingest.records import read_accounts
from stillwatch.records.tables import ACCOUNT, ACCOUNTS, CAMPAIGNS, EVIDENCE, EXCHANGE, RELEASE
from stillwatch.report.catalogue import signs
from stillwatch.settings import Settings, load_settings

README = (ROOT / "README.md").read_text("utf-8")
LAYOUTS = {
    "exchange": EXCHANGE, "account": ACCOUNT, "release": RELEASE, "campaigns": CAMPAIGNS, "accounts": ACCOUNTS,
    "evidence": EVIDENCE,
}  # fmt: skip


def command(name: str) -> click.Command:
    with click.Context(menu, info_name="stillwatch") as ctx:
        found = menu.get_command(ctx, name)
    assert found is not None, name
    return found


def options_of(name: str) -> set[str]:
    """A command's options, and where it is a group those of all that is in it."""
    left, found = [command(name)], {"--help", "-h"}
    while left:
        one = left.pop()
        left += one.commands.values() if isinstance(one, click.Group) else ()
        found |= {opt for p in one.params for opt in (*p.opts, *p.secondary_opts)}
    return found


@pytest.mark.parametrize("page", ["cli.md", "signals.md"])
def test_a_generated_page_is_what_the_program_says_of_itself(page: str) -> None:
    pages = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    written = {path.name: text for path, text in pages.items()}
    assert (DOCS / page).read_text("utf-8") == written[page], "run `make docs`"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_and_its_options_are_described(name: str) -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert section, f"docs/cli.md has no section {name}"
    for p in command(name).params:
        if isinstance(p, click.Option):
            assert all(f"`{opt}" in section or f" `{opt}" in section for opt in p.opts), (name, p.opts)
    assert command(name).help, f"{name} has no help"


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_each_field_of_the_contract_is_described(layout: str) -> None:
    text = (DOCS / "contract.md").read_text("utf-8")
    gone = [c.name for c in LAYOUTS[layout] if f"`{c.name}`" not in text]
    assert not gone


def test_each_setting_is_described_with_its_default() -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `\[(\w+\] \w+)` \| `([^`]+)` \|", text, flags=re.MULTILINE))
    tables: dict[str, Any] = Settings().as_dict()
    tables.pop("signals")
    known = {f"{table}] {key}": value for table, values in tables.items() for key, value in values.items()}
    assert set(rows) == set(known)
    assert {name: tomllib.loads(f"x = {value}")["x"] for name, value in rows.items()} == known


def test_the_settings_page_example_is_a_settings_file(tmp_path: Path) -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    example = re.search(r"^```toml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert example is not None
    file = tmp_path / "stillwatch.toml"
    file.write_text(example[1], "utf-8")
    settings = load_settings(file)
    settings.check_signals({s.name: {k: type(v) for k, v in s.settings.items()} for s in signs().values()})
    told = {"memory_gib": 8.0, "threads": 8, "retention_days": 90.0}
    assert dataclasses.asdict(settings.store) == dataclasses.asdict(Settings().store) | told
    assert settings.signals == {"template_sweep": {"min_prompts": 100}}


@pytest.mark.parametrize("name", sorted(signs()))
def test_a_signal_names_its_look_alikes_and_its_source(name: str) -> None:
    sign = signs()[name]
    assert sign.headline.endswith("."), "the first line is a sentence"
    assert sign.also_seen_in, "Also seen in: is missing"
    assert sign.source, "Source: is missing"
    section = (DOCS / "signals.md").read_text("utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert " ".join(sign.headline.split()) in " ".join(section.split())
    assert all(f"`{key} = " in section for key in sign.settings)


def test_no_signal_goes_by_a_country() -> None:
    assert not [s.name for s in signs().values() if any("country" in need for need in s.needs)]
    assert "no signal counts a country" in (DOCS / "privacy.md").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(documents()), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_resolve(path: Path) -> None:
    text = documents()[path]
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        there = (target == ROOT or ROOT in target.parents) and target.exists()
        if not there or (anchor and anchor not in anchors_of(target.read_text("utf-8"))):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("path", sorted(documents()), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_a_document_names_exist(path: Path) -> None:
    for line in code_of(documents()[path]):
        for rest in re.findall(r"(?:^|[\s/(])stillwatch ((?:[a-z]+)(?: [^|&;#]*)?)", line):
            words = rest.split()
            if line.strip().startswith(("import ", "from ")) or words[0] in ("import", "is"):
                continue
            assert words[0] in COMMANDS, f"{line!r}: there is no command {words[0]!r}"
            given = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
            assert given <= options_of(words[0]), line


def test_scripts_that_the_readme_names_exist_and_run_as_programs() -> None:
    named = set(re.findall(r"^\./([\w-]+)", README, flags=re.MULTILINE))
    assert named == {"run-demo", "run-tests"}
    for name in (*named, ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), f"{name} is not executable"
        assert (ROOT / name).read_text("utf-8").startswith("#!"), name


def test_targets_that_the_documents_name_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    lines = [line for text in documents().values() for line in code_of(text)]
    named = {target for line in lines for target in re.findall(r"^make ([a-z-]+)$", line)}
    assert {"demo", "test"} <= named
    assert named <= targets
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert phony is not None
    assert targets <= set(phony[1].replace("\\", " ").split())


def test_the_accounts_file_of_the_readme_is_one(tmp_path: Path) -> None:
    example = re.search(r"^```csv\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert example is not None
    file = tmp_path / "accounts.csv"
    file.write_text(example[1], "utf-8")
    read = read_accounts(file)
    rows = {row["account_id"]: row for row in read.table.to_pylist()}
    assert len(rows) == 2
    assert rows["acct-0001"]["payment_kind"] == "card" and rows["acct-0001"]["allow"] is None
    assert rows["acct-0002"]["allow"] == "agreed evaluation run"
    assert rows["acct-0002"]["allow_until"].year == 2027


def test_the_field_map_of_the_ingest_page_is_one(tmp_path: Path) -> None:
    example = re.search(r"^```yaml\n(.*?)^```", (DOCS / "ingest.md").read_text("utf-8"), flags=re.DOTALL | re.M)
    assert example is not None
    file = tmp_path / "map.yaml"
    file.write_text(example[1], "utf-8")
    dialect = read_field_map(file)
    assert dialect.to_exchange is not None
    given = {"id": "e1", "start": 1_795_420_994, "metadata": {"user": {"id": "a1"}}, "request": {"model": "m"}}
    exchange = dialect.to_exchange({**given, "seconds": 2})
    assert (exchange["exchange_id"], exchange["account_id"], exchange["model"]) == ("e1", "a1", "m")
    assert exchange["channel"] == "bedrock" and exchange["latency_ms"] == 2000


def test_the_readme_fits_two_screens_and_shows_the_picture_first() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    first = "\n".join(lines[:35])
    for needed in ("docs/pictures/", "./run-demo", "./run-tests"):
        assert needed in first


def test_every_runtime_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (DOCS / "dependencies.md").read_text("utf-8")
    for wanted in project["dependencies"]:
        name = re.split(r"[\[<>=~! ]", wanted)[0]
        row = re.search(rf"^\| {re.escape(name)} \|(.+)\|(.*)\|(.+)\|$", text, flags=re.MULTILINE)
        assert row is not None, f"docs/dependencies.md says nothing of {name}"
        assert row[1].strip() and row[3].strip(), name
    for wanted in project["optional-dependencies"]["dev"]:
        assert f"`{re.split(r'[<>=~! ]', wanted)[0]}`" in text, wanted


def test_the_changelog_tells_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (DOCS / "decisions").glob("*.md"):
        text = path.read_text("utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        for part in ("**Question.**", "**Decision.**", "**Price.**", "**Rejected.**"):
            assert part in text, f"{path.name} lacks {part}"
