"""From logs to decisions and back: a simulated harvest is swept, decided on, and its template marks its newcomers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decide.place import ANN
from stillwatch import pipeline
from stillwatch.decide import people
from stillwatch.decide.live import delta, live_rows, members_of
from stillwatch.decide.policy import default_policy
from stillwatch.decide.record import Record
from stillwatch.settings import Settings
from stillwatch.simulate import simulate
from stillwatch.store import open_store
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import read_delta
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.wire import account_number

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    world, home = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("home")
    simulate(world, ["letter", "ordinary"], scale=0.002, seed=62, days=6)
    pipeline.sweep(home, [str(world / "exchanges")], settings=Settings(), accounts=[str(world / "accounts.jsonl")])
    return world, home


def _stillwatch(home: Path, *args: str) -> Any:
    done = subprocess.run([sys.executable, "-m", "stillwatch", *args, "--home", str(home)], capture_output=True,
                          text=True, timeout=120, check=False)  # fmt: skip
    return done


def test_the_harvest_is_proposed_for_suspension_with_marks_that_only_it_sends(swept: tuple[Path, Path]) -> None:
    world, home = swept
    decided = pipeline.decide(home, default_policy())
    assert decided.waiting
    record = Record(home)
    sent = delta(record, 0, time.time())["upsert"]
    main = next(d for d in sent if d["action"] == "suspend")
    assert not main["enforced"] and len(main["marks"]) > 0
    truth = {r["account_id"]: r for r in _truth(world)}
    assert all(truth[a]["campaign"] for a in main["members"])
    window = open_store(home).window()
    ids, guilty = window.ids(), {a for a, r in truth.items() if r["campaign"]}
    marks = [int(m, 16) - (1 << 64) if int(m, 16) >= 1 << 63 else int(m, 16) for m in main["marks"]]
    t = window.exchanges
    held = t.filter(t.opening.isin(marks) | t.closing.isin(marks)).select("account").distinct().to_pyarrow()
    senders = {ids[n] for n in held.column("account").to_pylist()}
    window.close()
    assert len(senders & guilty) >= 0.5 * len(guilty) and not senders - guilty


def _truth(world: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(world / "truth" / "accounts.parquet").to_pylist()
    return rows


def test_a_gateway_meets_a_newcomer_of_the_approved_campaign_on_its_first_request(swept: tuple[Path, Path]) -> None:
    world, home = swept
    pipeline.decide(home, _enforced())
    record = Record(home)
    for row in record.rows("SELECT decision_id FROM decisions WHERE state='proposed' AND mode='enforce'"):
        people.approve(record, ANN, row["decision_id"], time.time())
    cache = Cache()
    cache.apply(read_delta(json.dumps(delta(record, 0, time.time()))))
    known = sorted(account_number(a) for a in open_store(home).account_ids().column("account_id").to_pylist())
    cache.set_known(b"".join(n.to_bytes(8, "little") for n in known), "tag")
    judge = Judge(cache, settings=GatewaySettings())
    prompts = _prompts(world)
    theirs = [text for account, text in prompts if account["campaign"]]
    others = [text for account, text in prompts if not account["campaign"]]
    met = [judge.judge(Caller(f"fresh-{i}"), text).action for i, text in enumerate(theirs[:300])]
    missed = [judge.judge(Caller(f"guest-{i}"), text).action for i, text in enumerate(others[:300])]
    assert met.count("step_up") > 100 and set(met) <= {"step_up", ""}
    assert missed.count("") == len(missed)


def _enforced() -> Any:
    from importlib.resources import files

    from stillwatch.decide.policy import policy_from

    text = files("stillwatch.decide").joinpath("default_policy.toml").read_text("utf-8")
    enforced = text.replace('[defaults]\nmode = "simulate"', '[defaults]\nmode = "enforce"')
    enforced = enforced.replace("certain-", "sure-")
    return policy_from(enforced, "enforced")


def _prompts(world: Path) -> list[tuple[dict[str, Any], str]]:
    import pyarrow.parquet as pq

    truth = {r["account_id"]: r for r in _truth(world)}
    table = pq.read_table(world / "exchanges", columns=["account_id", "messages"])
    out = []
    for account, raw in zip(table.column("account_id").to_pylist(), table.column("messages").to_pylist(), strict=True):
        turns = [m for m in json.loads(raw or "[]") if m["role"] == "user" and isinstance(m["content"], str)]
        if turns:
            out.append((truth[account], turns[-1]["content"]))
    return out


def test_the_day_of_an_analyst_at_the_command_line(swept: tuple[Path, Path]) -> None:
    _, home = swept
    first = json.loads(_stillwatch(home, "decide", "--json").stdout)
    assert first["policy"] == "default"
    held = json.loads(_stillwatch(home, "decisions", "--waiting", "--json").stdout)["decisions"]
    waiting = next(d for d in held if d["action"] == "suspend")
    account = json.loads(_stillwatch(home, "campaigns", "--json").stdout)["campaigns"][0]["account_ids"][0]
    assert _stillwatch(home, "approve", waiting["decision_id"], "--by", "dana", "--note", "read it").returncode == 0
    again = _stillwatch(home, "approve", waiting["decision_id"])
    assert again.returncode == 2 and "holds already, so it does not wait" in again.stderr
    assert f"try: stillwatch lift {waiting['decision_id']}" in again.stderr
    assert _stillwatch(home, "appeal", account, "--says", "We are a class").returncode == 0
    assert _stillwatch(home, "appeal", "1", "--reject", "--reason", "no class").returncode == 0
    listed = _stillwatch(home, "decisions", "--account", account)
    assert waiting["decision_id"] in listed.stdout and "simulated" in listed.stdout
    assert "May be told" not in listed.stdout, "a simulation is told to nobody"
    wrong = _stillwatch(home, "verdict", "wrong", waiting["campaign_id"], "--reason", "an exam after all")
    assert wrong.returncode == 0 and "undone" in wrong.stdout
    left = json.loads(_stillwatch(home, "decisions", "--campaign", waiting["campaign_id"], "--json").stdout)
    assert left["decisions"] == []
    assert _stillwatch(home, "verdict", "wrong", "C-nothing", "--reason", "x").returncode == 2
    allowed = _stillwatch(home, "allow", "organisation", "org-9", "--reason", "agreed", "--until", "2039-01-01")
    assert allowed.returncode == 0, allowed.stderr
    assert "1 verdicts" in _stillwatch(home, "calibrate").stdout
    few = _stillwatch(home, "calibrate", "--write")
    assert few.returncode == 2 and "verdicts or more" in few.stderr
    kept = _stillwatch(home, "audit", "--verify")
    assert kept.returncode == 0 and "holds" in kept.stdout
    log = _stillwatch(home, "audit").stdout
    assert "dana" in log and "appeal rejected" in log and account not in log


def test_a_verdict_is_withdrawn_and_what_it_undid_is_asked_for_again(swept: tuple[Path, Path]) -> None:
    _, home = swept
    assert _stillwatch(home, "decide").returncode == 0
    found = json.loads(_stillwatch(home, "campaigns", "--json").stdout)["campaigns"]
    campaign = next(c["campaign_id"] for c in found if c["kind"] != "account_network")
    given = json.loads(_stillwatch(home, "verdict", "wrong", campaign, "--reason", "an exam", "--json").stdout)

    def held() -> list[Any]:
        _stillwatch(home, "decide")
        listed = _stillwatch(home, "decisions", "--campaign", campaign, "--json").stdout
        return list(json.loads(listed)["decisions"])

    assert held() == []
    number = str(given["verdict_id"])
    nameless = _stillwatch(home, "verdict", "withdraw", campaign, "--reason", "sold")
    assert nameless.returncode == 2 and "is no verdict's number" in nameless.stderr and "--verdicts" in nameless.stderr
    done = json.loads(_stillwatch(home, "verdict", "withdraw", number, "--reason", "they were sold", "--json").stdout)
    assert done == {"verdict_id": given["verdict_id"], "verdict": "withdraw"}
    assert {row["action"] for row in held()} >= {"suspend"}
    assert "taken back" in _stillwatch(home, "decisions", "--verdicts").stdout
    assert "they were sold" in _stillwatch(home, "audit").stdout
    twice = _stillwatch(home, "verdict", "withdraw", number, "--reason", "again")
    assert twice.returncode == 2 and "is none that stands" in twice.stderr


def test_an_account_that_is_exempt_is_not_listed_as_held(swept: tuple[Path, Path]) -> None:
    _, home = swept
    record = Record(home)
    row = next(r for r in live_rows(record, time.time()) if r["scope"] == "campaign")
    account = members_of(record, row["decision_id"])[0]

    def of_account() -> Any:
        return json.loads(_stillwatch(home, "decisions", "--account", account, "--json").stdout)

    before = of_account()
    assert row["decision_id"] in {d["decision_id"] for d in before["decisions"]} and before["exempt_from"] == []
    people.allow(record, ANN, time.time(), scope="account", value=account, reason="a class")
    after = of_account()
    assert {d["action"] for d in after["decisions"]} == {"allow"} and row["decision_id"] in after["exempt_from"]
    listed = _stillwatch(home, "decisions", "--account", account).stdout
    assert "Named, but exempt" in listed and row["decision_id"] in listed.partition("Named, but exempt")[2]


def test_what_if_decides_nothing(swept: tuple[Path, Path], tmp_path: Path) -> None:
    _, home = swept
    shown = _stillwatch(home, "decide", "--show-policy").stdout
    (tmp_path / "policy.toml").write_text(shown, "utf-8")
    before = Record(home).cursor()
    done = _stillwatch(home, "decide", "--what-if", str(tmp_path / "policy.toml"), "--every", "48", "--json")
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert Record(home).cursor() == before and out["sweeps"] == 3
    assert out["exchanges"] > 1000 and 0 <= out["prevented"] <= 1 and out["campaigns"]


def test_a_forgotten_customer_is_gone_from_the_decisions_too(swept: tuple[Path, Path]) -> None:
    _, home = swept
    record = Record(home)
    account = record.rows("SELECT account_id FROM members LIMIT 1")[0]["account_id"]
    assert pipeline.forget(home, account)["decisions"] >= 1
    assert not record.rows("SELECT 1 FROM members WHERE account_id=?", (account,))


def test_what_was_learned_is_read_by_the_next_run_and_a_setting_goes_over_it(tmp_path: Path) -> None:
    from stillwatch.settings import load_settings

    (tmp_path / "learned.toml").write_text("[calibrate]\nprior = 0.05\n", "utf-8")
    learned = load_settings(home=tmp_path)
    assert learned.calibrate.prior == 0.05 and "learned.toml" in learned.origins["calibrate.prior"]
    (tmp_path / "stillwatch.toml").write_text("[calibrate]\nprior = 0.3\n", "utf-8")
    assert load_settings(home=tmp_path).calibrate.prior == 0.3
