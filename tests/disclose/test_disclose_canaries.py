"""Planted secrets do not leave, whatever field of whatever format they are planted in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases import NOW, base
from stillwatch.disclose.gate import check, failed
from stillwatch.disclose.package import Outside, read_package
from stillwatch.share.words import EXTENSION_ID

CANARIES = {
    "prompt text": "recount the lighthouse keeper's tale in seven colours",
    "mail": "quiet.heron@mail.example",
    "card": "4539 1488 0343 6467",
    "account id": "acct_e555734c18df8c403b59",
    "token": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
}
OUTSIDE = Outside(NOW, canaries=(CANARIES["prompt text"],), account_ids=frozenset({CANARIES["account id"]}))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(inner, (*path, key))


def plant(content: Any, path: tuple[Any, ...], canary: str) -> None:
    for step in path[:-1]:
        content = content[step]
    content[path[-1]] = f"{content[path[-1]]} {canary}"


@pytest.mark.parametrize("kind", list(CANARIES))
@pytest.mark.parametrize("name", ["disclosure.json", "june.stix.json", "june.misp.json"])
def test_a_canary_in_any_field_of_a_machine_file_is_stopped(kind: str, name: str, tmp_path: Path) -> None:
    package = base("june", tmp_path)
    original = (package / name).read_text("utf-8")
    fields = list(leaves(json.loads(original)))
    assert len(fields) >= 10
    clean = read_package(package, OUTSIDE)
    assert not {"P1", "P2", "P3"} & set(failed(check(clean, stage="content")))
    for path in fields:
        content = json.loads(original)
        plant(content, path, CANARIES[kind])
        files = {**clean.files, name: json.dumps(content, ensure_ascii=False).encode()}
        wrong = failed(privacy(replace(clean, files=files)))
        assert wrong, (kind, path)


def privacy(package: Any) -> Any:
    from stillwatch.disclose.gate import _ask, rules

    return tuple(_ask(rule, package) for rule in rules() if rule.id in ("P1", "P2", "P3"))


@pytest.mark.parametrize("kind", list(CANARIES))
@pytest.mark.parametrize(
    "where", ["in a paragraph", "in a comment", "in an attribute", "in the title", "hidden", "in Markdown"]
)
def test_a_canary_anywhere_in_a_document_is_stopped(kind: str, where: str, tmp_path: Path) -> None:
    package = base("june", tmp_path)
    canary = CANARIES[kind]
    page = (package / "letter.html").read_text("utf-8")
    changes = {
        "in a paragraph": page.replace("Access was seen;", f"Access was seen {canary};"),
        "in a comment": page.replace("<h1>", f"<!-- {canary} --><h1>"),
        "in an attribute": page.replace("<h1>", f'<h1 title="{canary}">'),
        "in the title": page.replace("<title>", f"<title>{canary} "),
        "hidden": page.replace("<h1>", f'<p style="display:none">{canary}</p><h1>'),
    }
    if where == "in Markdown":
        letter = package / "letter.md"
        letter.write_text(letter.read_text("utf-8").replace("Access", f"{canary} Access"), "utf-8")
    else:
        (package / "letter.html").write_text(changes[where], "utf-8")
    wrong = failed(check(read_package(package, OUTSIDE), stage="content"))
    assert wrong, where


@pytest.mark.parametrize("kind", list(CANARIES))
@pytest.mark.parametrize("name", ["misp/hashes.csv", "sigma/rule.yml", "notes.txt"])
def test_a_canary_in_any_other_file_is_stopped(kind: str, name: str, tmp_path: Path) -> None:
    package = base("june", tmp_path)
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text(f"title: x\ndetection: {CANARIES[kind]}\n", "utf-8")
    assert failed(check(read_package(package, OUTSIDE), stage="content"))


def test_a_token_of_a_declared_key_and_epoch_may_leave_and_no_other(tmp_path: Path) -> None:
    package = base("june", tmp_path)
    token = "swt1.0f1e2d3c4b5a6978.2948.payment." + "QmxpbmRlZEFuZEV2YWx1YXRlZFRva2VuMDEyMzQ1Njc"
    misp = package / "june.misp.json"
    misp.write_text(misp.read_text("utf-8").replace('"value": "DIST-0001"', f'"value": "{token}"'), "utf-8")
    file = package / "disclosure.json"
    content = json.loads(file.read_text("utf-8"))
    assert failed(check(read_package(package, OUTSIDE), stage="content")) == ("P3",)
    content["privacy"]["tokens"] = [{"key_id": "0f1e2d3c4b5a6978", "epoch": "2948", "valid_until": "2026-12-05"}]
    file.write_text(json.dumps(content), "utf-8")
    assert failed(check(read_package(package, OUTSIDE), stage="content")) == ()
    content["privacy"]["tokens"][0]["valid_until"] = "2026-11-01"
    file.write_text(json.dumps(content), "utf-8")
    assert failed(check(read_package(package, OUTSIDE), stage="content")) == ("P3",)


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "P3"),
        ("XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg=", "P3"),
        ("+4915112345678", "P2"),
        ("4539 1488 0343 6467", "P2"),
    ],
)
def test_a_bundle_whose_token_is_a_plain_hash_or_no_hash_at_all_is_refused_though_its_key_is_declared(
    planted: str, rule: str, tmp_path: Path
) -> None:
    package = base("june", tmp_path)
    good = "swt1.0f1e2d3c4b5a6978.2948.phone." + "QmxpbmRlZEFuZEV2YWx1YXRlZFRva2VuMDEyMzQ1Njc"
    told = {"evaluator": "ev-1", "suite": "RFC 9497 VOPRF ristretto255-SHA512", "key_id": "0f1e2d3c4b5a6978",
            "epoch": 2948, "ends_at": "2026-12-05T00:00:00Z", "values": [good]}  # fmt: skip
    file = package / "disclosure.json"
    content = json.loads(file.read_text("utf-8"))
    content["privacy"]["tokens"] = [{"key_id": "0f1e2d3c4b5a6978", "epoch": "2948", "valid_until": "2026-12-05"}]
    file.write_text(json.dumps(content), "utf-8")
    stix = package / "june.stix.json"
    original = json.loads(stix.read_text("utf-8"))
    sign = next(o for o in original["objects"] if o["type"] == "campaign")
    sign["extensions"] = {EXTENSION_ID: {"extension_type": "property-extension", "tokens": told}}
    stix.write_text(json.dumps(original), "utf-8")
    assert not {"P1", "P2", "P3"} & set(failed(privacy(read_package(package, OUTSIDE))))
    told["values"] = [good, planted]
    stix.write_text(json.dumps(original), "utf-8")
    assert rule in failed(privacy(read_package(package, OUTSIDE)))
