"""The packs that ship with stillwatch and those of the user: read, compared, and only then handed out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from stillwatch.errors import UsageError
from stillwatch.patterns.expressions import ExpressionFault, Matcher
from stillwatch.patterns.reading import Fault, Pack, read_pack
from stillwatch.records.rules import Rule

#: Codes below are ours; the store keeps codes, so they must never meet.
FIRST_USER_CODE = 20_000
_PACKS = Path(__file__).parent / "packs"
_MOST_FAULTS_SHOWN = 30


def load_rules(extra: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """All rules by code: the packs that ship, then the user's (`extra`: YAML files, or folders of them).

    A user's pack is checked in full: its expressions are compiled and tried on its own examples. Ours are
    checked the same way by the tests and not again here, since compiling costs seconds.

    Raises UsageError with every fault of every file (file, line, what is wrong); OutsideError where a file
    cannot be read.
    """
    ours = shipped_packs()
    theirs: list[Pack] = []
    faults: list[Fault] = []
    for path in _files(extra):
        pack, found = read_pack(path)
        theirs.append(pack)
        faults += found
        faults += _low_codes(pack)
        faults += _examples_that_fail(pack)
    faults += _twice([*ours, *theirs])
    _refuse(faults)
    return tuple(sorted((rule for pack in (*ours, *theirs) for rule in pack.rules), key=lambda rule: rule.code))


@cache
def shipped_packs() -> tuple[Pack, ...]:
    """The packs inside the package, one per technique. Raises UsageError where somebody edited one wrongly."""
    packs: list[Pack] = []
    faults: list[Fault] = []
    for path in sorted(_PACKS.glob("*.yaml")):
        pack, found = read_pack(path)
        packs.append(pack)
        faults += found
    _refuse(faults)
    return tuple(packs)


def _files(extra: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in extra:
        if path.is_dir():
            inside = sorted({*path.glob("*.yaml"), *path.glob("*.yml")})
            if not inside:
                raise UsageError(str(path), "holds no rule pack", "name a .yaml file, or a folder of them")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise UsageError(str(path), "there is no such rule pack", "name a .yaml file, or a folder of them")
    return files


def _low_codes(pack: Pack) -> list[Fault]:
    return [
        Fault(
            pack.path,
            pack.lines[rule.code],
            f"code {rule.code} is kept for shipped packs; use {FIRST_USER_CODE} or more",
        )
        for rule in pack.rules
        if rule.code < FIRST_USER_CODE
    ]


def _examples_that_fail(pack: Pack) -> list[Fault]:
    """Rules whose expression is refused, misses one of its examples, or matches one of its look-alikes."""
    faults: list[Fault] = []
    for rule in pack.rules:
        line = pack.lines[rule.code]
        try:
            matcher = Matcher({rule.code: rule.expression})
        except ExpressionFault as fault:
            faults.append(Fault(pack.path, line, f"{rule.id}: {fault}"))
            continue
        for kind, texts, wanted in (
            ("example", pack.examples[rule.code], True),
            ("look-alike", pack.look_alikes[rule.code], False),
        ):
            for number, text in enumerate(texts, 1):
                if bool(matcher.codes(text)) is not wanted:
                    done = "is not matched" if wanted else "is matched"
                    faults.append(Fault(pack.path, line, f"{rule.id}: {kind} {number} {done}"))
    return faults


def _twice(packs: Sequence[Pack]) -> list[Fault]:
    faults: list[Fault] = []
    first: dict[int | str, str] = {}
    for pack in packs:
        for rule in pack.rules:
            names: tuple[tuple[str, int | str], ...] = (("code", rule.code), ("id", rule.id))
            for what, value in names:
                if value in first:
                    line = pack.lines[rule.code]
                    faults.append(Fault(pack.path, line, f"{what} {value} is already used in {first[value]}"))
                else:
                    first[value] = pack.path.name
    return faults


def _refuse(faults: Sequence[Fault]) -> None:
    if not faults:
        return
    shown = [str(fault) for fault in faults[:_MOST_FAULTS_SHOWN]]
    if len(faults) > _MOST_FAULTS_SHOWN:
        shown.append(f"and {len(faults) - _MOST_FAULTS_SHOWN} more")
    noun = "fault" if len(faults) == 1 else "faults"
    raise UsageError(
        str(faults[0].path),
        f"{len(faults)} {noun} in the rule packs\n  " + "\n  ".join(shown),
        "mend the lines named above; docs/patterns.md shows a whole rule",
    )
