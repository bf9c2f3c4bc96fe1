"""`python -m bench.second_author make | score | run`: write worlds, score one sweep, or do all of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .catalogue import WORLDS, make
from .score import Unreadable, markdown, score_home
from .sweep import run


def _names(text: str) -> list[str]:
    names = list(WORLDS) if text == "all" else text.split(",")
    for n in names:
        if n not in WORLDS:
            raise argparse.ArgumentTypeError(f"no world {n!r}; there are: {', '.join(WORLDS)}")
    return names


def _seeds(text: str) -> list[int]:
    return [int(s) for s in text.split(",")]


def main(argv: list[str] | None = None) -> int:
    """Parses, does, prints; 0 done, 2 for a mistake in the call, 3 where a run failed."""
    p = argparse.ArgumentParser(prog="python -m bench.second_author", description=__doc__)
    sub = p.add_subparsers(dest="do", required=True)
    m = sub.add_parser("make", help="write worlds")
    m.add_argument("out", type=Path)
    m.add_argument("--world", type=_names, default="all", help="names, comma between, or all")
    m.add_argument("--seed", type=int, default=0)
    s = sub.add_parser("score", help="compare one home's findings with a world's truth")
    s.add_argument("world", type=Path)
    s.add_argument("--home", type=Path, required=True)
    s.add_argument("--json", action="store_true")
    r = sub.add_parser("run", help="make, sweep and score")
    r.add_argument("out", type=Path)
    r.add_argument("--worlds", type=_names, default="all")
    r.add_argument("--seeds", type=_seeds, default="0", help="numbers, comma between")
    r.add_argument("--command", help="the stillwatch program")
    r.add_argument("--limit", type=float, default=600, help="seconds for each sweep")
    r.add_argument("--json", action="store_true")
    r.add_argument("--figures", type=Path, help="keep the table and the rows in this file")
    for q in (m, r):
        q.add_argument("--scale", type=float, default=1.0, help="multiplies accounts, not rates")
    a = p.parse_args(argv)
    if a.do == "make":
        for name in a.world:
            t = make(name, a.seed, a.scale).save(a.out / name)
            print(
                f"{name}: {t['accounts']} accounts, {t['exchanges']} exchanges, {len(t['campaigns'])} "
                f"campaigns"
            )
        return 0
    if a.do == "score":
        try:
            result = score_home(a.world, a.home)
        except Unreadable as e:
            print(e, file=sys.stderr)
            return 2
        print(json.dumps(result, indent=1) if a.json else markdown([result]))
        return 0
    results = run(a.out, a.worlds, a.seeds, a.scale, a.command, a.limit)
    print(json.dumps(results, indent=1) if a.json else markdown(results))
    if a.figures:
        a.figures.parent.mkdir(parents=True, exist_ok=True)
        a.figures.write_text(json.dumps({"table": markdown(results), "worlds": results}, indent=1), "utf-8")
    return 3 if any("fault" in x for x in results) else 0


if __name__ == "__main__":
    sys.exit(main())
