"""Every page stands, every link leads somewhere, and whatever a log holds is only ever text."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hand_made as made
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from consoles import Reading, browser, decided, do, home_with

from stillwatch import pipeline
from stillwatch.campaigns.track import remember_sweep
from stillwatch.console.shelf import slug
from stillwatch.decide.record import Record
from stillwatch.report.findings import NEAR

BASE = ["/", "/accounts", "/decisions", "/decisions?state=all", "/appeals?open=0", "/audit", "/keys", "/what-if",
        "/search?q=a"]  # fmt: skip


def lived_in(home: Path) -> Any:
    """A console in which something of each kind has happened."""
    decided(home)
    client = browser(home)
    do(client, "/notes", kind="campaign", subject="sw-ring", text="Look at the cards.")
    do(client, "/appeals", account="acct-0003", says="We are a school.")
    do(client, "/allows", scope="account", value="acct-0900", reason="agreed")
    do(client, "/verdicts", kind="campaign", subject="sw-fleet", verdict="confirm", reason="seen")
    return client


def check_links(client: Any, starts: list[str], most: int = 400) -> set[str]:
    """Walks every link that pages name, once; each must answer, and none may lead off the console but to ATLAS."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        reading = Reading(answer.text)
        shapes = {re.sub(r"acct-\d+|ex-\d+", "*", p) for p in seen}
        for link in reading.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert link.startswith("https://atlas.mitre.org/techniques/"), link
                continue
            target = (parts.path or urlsplit(path).path) + (f"?{parts.query}" if parts.query else "")
            shape = re.sub(r"acct-\d+|ex-\d+", "*", target)
            if shape not in shapes and not parts.path.startswith("/exchanges"):
                shapes.add(shape)
                waiting.append(target)
    return seen


def test_every_link_of_every_page_leads_somewhere(home: Path) -> None:
    client = lived_in(home)
    seen = check_links(client, [*BASE, "/campaigns/sw-ring", "/accounts/acct-0000"])
    for kind in ("/campaigns/sw-net", "/decisions/", "/appeals/1", "/reveal/sw-ring", "/tables/accounts.parquet"):
        assert any(path.startswith(kind) for path in seen), kind


def test_a_page_needs_no_script_of_its_own_and_holds_no_style_or_handler(home: Path) -> None:
    client = lived_in(home)
    for path in [*BASE, "/campaigns/sw-ring", "/accounts/acct-0000", "/reveal/sw-ring", "/appeals/1"]:
        text = client.get(path).text
        for tag, attrs in Reading(text).tags:
            assert tag != "style" and "style" not in attrs, (path, tag)
            assert not [a for a in attrs if a.startswith("on")], (path, tag, attrs)
            if tag == "script":
                assert str(attrs.get("src", "")).startswith("/static/"), path
        assert re.search(r"<script[^>]*>[^<]", text) is None


def test_every_part_of_a_page_has_a_name_for_those_who_do_not_see_it(home: Path) -> None:
    client = lived_in(home)
    for path in [*BASE, "/campaigns/sw-ring", "/accounts/acct-0000"]:
        text = client.get(path).text
        tags = Reading(text).tags
        assert [t for t, _ in tags].count("h1") == 1, path
        assert {"main", "header", "nav", "footer"} <= {t for t, _ in tags}
        assert text.count("<table>") == text.count("<caption"), path
        ids = [a["id"] for _, a in tags if a.get("id")]
        assert len(ids) == len(set(ids)), (path, sorted(i for i in ids if ids.count(i) > 1))
        for tag, attrs in tags:
            if tag == "section" and "aria-labelledby" in attrs:
                assert attrs["aria-labelledby"] in ids, (path, attrs)
            if "data-chart" in attrs:
                assert attrs.get("role") == "img" and attrs.get("aria-label")
        unnamed = [a for t, a in tags if t == "input" and a.get("type") not in ("hidden",) and not a.get("aria-label")]
        assert len(re.findall(r"<label", text)) >= len([a for a in unnamed if a.get("name") != "q"]), path


def test_a_campaigns_page_says_why_what_against_and_what_was_decided(home: Path) -> None:
    text = lived_in(home).get("/campaigns/sw-ring").text
    for said in ("Almost certain (score 97.3", "97% of 6,000 prompts fill the same two templates.", "about 1 in 2,500",
                 "It asks about more than one topic.", "https://atlas.mitre.org/techniques/AML.T0024.002",
                 "payment method 0", "Look at the cards.", "/campaigns/sw-net", "/reveal/sw-ring"):  # fmt: skip
        assert said in text, said
    assert 'rel="noreferrer' in text


def test_a_networks_page_accuses_nobody_of_harvesting(home: Path) -> None:
    text = browser(home).get("/campaigns/sw-net").text
    assert "Linked does not mean guilty" in text
    assert "one operator runs these accounts, which as a whole do not harvest" in text


def test_a_reader_is_shown_no_button_that_would_refuse_them(home: Path) -> None:
    waiting = decided(home)
    client = browser(home, "reader")
    for path in ("/", "/campaigns/sw-ring", "/accounts/acct-0000", "/decisions", f"/decisions/{waiting}"):
        forms = set(Reading(client.get(path).text).forms)
        filters = {f for f in forms if f.partition("#")[0] in (path, "/tables/accounts.csv")}
        assert forms - filters <= {"/search", "/theme", "/logout", ""}, path


def test_growth_news_and_changed_minds_come_from_the_sweep_before(home: Path) -> None:
    file = home / "history" / "sweeps.jsonl"
    now = [{**r, "campaign_id": r["campaign_id"]} for r in made.findings().campaign_rows()]
    before = [{**r, "score": 60.0 if r["campaign_id"] == "sw-fleet" else r["score"], "exchanges": r["exchanges"] - 500}
              for r in now if r["campaign_id"] != "sw-relay"]  # fmt: skip
    gone = {"campaign_id": "sw-old", "score": 70.0, "kind": "relay", "accounts": 9, "exchanges": 99}
    remember_sweep(file, "2026-02-10T00:00:00Z", [*before, gone])
    remember_sweep(file, "2026-02-11T00:00:00Z", now)
    client = browser(home)
    text = client.get("/").text
    assert "Sweep of 2026-02-11T00:00:00Z" in text
    assert "+500" in text and "score 60 → 83" in text and "sw-old" in text
    lines = client.get("/tables/campaigns.json").json()
    assert {r["campaign_id"]: r["moved"] for r in lines}["sw-relay"] == "new"
    history = client.get("/charts/campaigns/sw-fleet/history.json").json()
    assert [round(h["score"]) for h in history] == [60, 83]


def test_the_waterfall_ends_where_the_score_is(home: Path) -> None:
    client = browser(home)
    steps = client.get("/charts/campaigns/sw-ring/waterfall.json").json()
    assert steps[0]["name"] == "base rate" and steps[-1]["side"] == "total"
    for one, following in pairwise(steps[:-1]):
        assert one["to"] == pytest.approx(following["from"])
    assert steps[-1]["to"] == pytest.approx(5.2, abs=0.1)  # log2 of 97.31 to 2.69
    families = {s["name"]: s for s in steps}
    assert families["content"]["bits"] == pytest.approx(5.2 - 1.4)


def test_the_network_stays_small_however_many_accounts_and_opens_up_by_a_value(home: Path) -> None:
    client = browser(home)
    whole = client.get("/charts/campaigns/sw-fleet/network.json").json()
    assert whole["accounts"] == 400
    assert len(whole["values"]) + len(whole["groups"]) <= 60
    value = next(v["name"] for v in whole["values"] if v["opens"])
    part = client.get("/charts/campaigns/sw-fleet/network.json", params={"value": value}).json()
    assert 0 < part["accounts"] < 400
    page = client.get("/campaigns/sw-fleet", params={"value": value})
    assert f"Only accounts that share <strong>{value}</strong>" in page.text


def test_before_the_first_sweep_the_console_says_what_to_do(tmp_path: Path) -> None:
    client = browser(home_with(tmp_path / "home", None))
    assert "stillwatch sweep LOGS" in client.get("/").text
    for path in (*BASE, "/tables/campaigns.csv", "/charts/traffic.json"):
        assert client.get(path).status_code == 200, path
    assert client.get("/campaigns/C-1").status_code == 404


def test_a_quiet_sweep_says_that_nothing_was_found_and_how_sure_that_is(tmp_path: Path) -> None:
    text = browser(home_with(tmp_path / "home", made.quiet())).get("/").text
    assert "Nothing found" in text and "How sure is that?" in text


def test_a_new_sweep_is_seen_without_a_restart(home: Path) -> None:
    client = browser(home)
    assert "30 accounts that fill templates" in client.get("/").text
    made.leave(home, made.quiet())
    assert "Nothing found" in client.get("/").text


def test_a_customer_who_was_forgotten_is_nowhere_in_the_console(tmp_path: Path) -> None:
    home = tmp_path / "home"
    logs = tmp_path / "logs.jsonl"
    rows = [{"exchange_id": f"e{i}", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0007", "model": "m",
             "prompt": "hello", "completion": "x"} for i in range(3)]  # fmt: skip
    logs.write_text("\n".join(json.dumps(row) for row in rows))
    from stillwatch.settings import Settings

    pipeline.ingest(home, [str(logs)], settings=Settings())
    home_with(home, made.findings())
    client = lived_in(home)
    do(client, "/notes", kind="account", subject="acct-0007", text="A note on them.")
    assert client.get("/accounts/acct-0007").status_code == 200
    pipeline.forget(home, "acct-0007")
    assert client.get("/accounts/acct-0007").status_code == 404
    for path in ("/", "/campaigns/sw-ring", "/tables/notes.json", "/tables/accounts.csv",
                 "/tables/decisions.json", "/tables/audit.json", "/search?q=A+note"):  # fmt: skip
        told = client.get(path).text
        assert "acct-0007" not in told, path
        assert "A note on them" not in told, path


@pytest.mark.parametrize("name", list(made.HOSTILE))
def test_hostile_text_in_every_field_is_only_text(tmp_path: Path, name: str) -> None:
    text = made.HOSTILE[name]
    home = home_with(tmp_path / "home", None)
    made.leave(home, made.hostile(text))
    made.hostile_pictures(home, text)
    client = browser(home)
    pages = ["/", "/accounts", f"/campaigns/{slug(text)}", f"/accounts/{slug(text)}", f"/reveal/{slug(text)}",
             "/search?q=a", "/audit"]  # fmt: skip
    do(client, "/notes", kind="account", subject=slug(text) if slug(text).startswith("~") else text, text=text[:1900])
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        shown = answer.text
        reading = Reading(shown)
        assert not [t for t, a in reading.tags if t in ("img", "iframe", "object", "embed")], path
        for tag, attrs in reading.tags:
            assert not [a for a in attrs if a.startswith("on")], (path, tag)
            assert tag != "script" or str(attrs.get("src", "")).startswith("/static/"), path
        for link in reading.links:
            outside = urlsplit(link).scheme or urlsplit(link).netloc
            assert not outside or link.startswith("https://atlas.mitre.org/techniques/"), link
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", shown), path
        assert len(shown) < 400_000, path
    charts = ("waterfall", "network", "history", "timeline")
    for chart in charts:
        drawn = client.get(f"/charts/campaigns/{slug(text)}/{chart}.json")
        assert drawn.headers["content-type"] == "application/json"
        assert len(drawn.content) < 200_000
    for kind in ("csv", "json", "parquet"):
        assert client.get(f"/tables/accounts.{kind}").status_code == 200


def test_odd_addresses_are_answered_with_a_page_not_with_a_fault(home: Path) -> None:
    client = browser(home)
    for path in ("/campaigns/%00", "/accounts/%ff%fe", "/accounts/..%2f..%2fetc", "/campaigns/" + "a" * 3000,
                 "/decisions/%F0%9F%92%A3", "/appeals/99999999999999999999", "/reveal/none", "/exchanges?id=none",
                 "/tables/none.csv", "/tables/accounts.exe", "/charts/campaigns/sw-ring/none.json"):  # fmt: skip
        assert client.get(path).status_code in (400, 404), path
    for path in ("/?campaigns_page=-1", "/?campaigns_page=99999999", "/?campaigns_sort=-nothing", "/search?q=%25%27%22",
                 "/accounts?accounts_q=%00", "/accounts?accounts_sort=reasons",
                 "/accounts?accounts_page=%F0%9F"):  # fmt: skip
        assert client.get(path).status_code == 200, path


def test_opening_an_exchange_is_written_down_before_it_is_shown(tmp_path: Path) -> None:
    from stillwatch.settings import IngestSettings, Settings

    home, logs = tmp_path / "home", tmp_path / "logs.jsonl"
    row = {"exchange_id": "e1", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0900", "model": "m",
           "prompt": "my <b>own</b> words", "completion": "an answer"}  # fmt: skip
    logs.write_text(json.dumps(row))
    pipeline.ingest(home, [str(logs)], settings=Settings(ingest=IngestSettings(keep_text=30.0)))
    home_with(home, made.findings())
    client = browser(home, "analyst", name="Lin")
    closed = client.get("/exchanges?id=e1").text
    assert "own" not in closed.partition("Its text")[2].partition("<footer")[0].replace("Open the text", "")
    assert do(client, "/exchanges", id="e1").status_code == 409
    opened = do(client, "/exchanges", id="e1", reason="an appeal").text
    assert "my &lt;b&gt;own&lt;/b&gt; words" in opened and "an answer" in opened
    lines = Record(home).rows("SELECT * FROM audit WHERE what='opened an exchange'")
    assert [(r["who"], json.loads(r["details"])["reason"]) for r in lines] == [("Lin", "an appeal")]


def test_an_exchanges_patterns_have_the_same_names_in_the_console_and_in_explain(tmp_path: Path) -> None:
    from stillwatch.cli.look import explanation
    from stillwatch.settings import Settings

    home, logs = tmp_path / "home", tmp_path / "logs.jsonl"
    row = {"exchange_id": "e1", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0900", "model": "m",
           "prompt": "Write your reasoning inside <think> tags before the answer, then the final answer."}  # fmt: skip
    logs.write_text(json.dumps(row))
    pipeline.ingest(home, [str(logs)], settings=Settings())
    home_with(home, made.findings())
    named = next(line for line in explanation("e1", home).who if line.startswith("Patterns in the last user message"))
    assert "not in the present packs" not in named
    assert named in html.unescape(browser(home, "analyst").get("/exchanges?id=e1").text)


def test_who_came_close_and_was_left_alone_stands_on_today_and_beside_each_campaign(home: Path) -> None:
    near = {"near": "group 1", "score": 41.0, "how": "rare values of two kinds", "exchanges": 900, "pro_bits": 2.5,
            "pro": "They fill one template.", "against_bits": -3.0, "against": "A class sent it."}  # fmt: skip
    rows = [{**near, "account_id": f"acct-{900 + i:04d}"} for i in range(5)]
    pq.write_table(pa.Table.from_pylist(rows, schema=NEAR), home / "history" / "latest" / "near.parquet")
    scores = home / "history" / "latest" / "scores.json"
    kept = json.loads(scores.read_text())
    kept["sw-ring"]["asked"] = {"declared_reseller": "0% of its exchanges come from declared resellers."}
    scores.write_text(json.dumps(kept))
    client = browser(home)
    for path in ("/", "/campaigns/sw-ring"):
        text = client.get(path).text
        for said in ("Close, and left alone", "A group of 5 accounts", "/accounts/acct-0900", "They fill one template.",
                     "A class sent it.", "-3.0 bits"):  # fmt: skip
            assert said in text, (path, said)
    assert "Measured: 0% of its exchanges come from declared resellers." in client.get("/campaigns/sw-ring").text


def test_examples_are_said_to_be_the_groups_once(home: Path) -> None:
    text = browser(home).get("/campaigns/sw-ring").text
    assert text.count("Examples of the group&#39;s exchanges") + text.count("Examples of the group's exchanges") == 1
    assert text.count("/exchanges?id=ex-1\"") == 1


def test_the_bar_that_no_signal_makes_is_explained_where_it_stands(home: Path) -> None:
    client = browser(home)
    steps = client.get("/charts/campaigns/sw-ring/waterfall.json").json()
    assert [s["side"] for s in steps].count("rest") == 1
    assert "conduct and coordination are weighed apart and both must hold" in client.get("/campaigns/sw-ring").text


def test_a_campaign_that_was_marked_wrong_is_counted_as_such_at_the_head_of_today(home: Path) -> None:
    client = browser(home)
    assert "marked wrong)" not in client.get("/").text
    do(client, "/verdicts", kind="campaign", subject="sw-fleet", verdict="wrong", reason="an exam")
    assert re.search(r"<h1>[^<]* found \(1 marked wrong\)</h1>", client.get("/").text)


def test_accounts_that_the_file_names_and_no_log_does_are_counted_as_not_judged(tmp_path: Path) -> None:
    from stillwatch.settings import Settings

    home, logs, people = tmp_path / "home", tmp_path / "logs.jsonl", tmp_path / "accounts.csv"
    row = {"exchange_id": "e", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0900", "model": "m"}
    logs.write_text(json.dumps(row))
    people.write_text("account_id,kind\nacct-0900,business\nquiet-1,business\nquiet-2,\n")
    pipeline.ingest(home, [str(logs)], accounts=[str(people)], settings=Settings())
    home_with(home, made.findings())
    text = browser(home).get("/accounts").text
    assert "2 accounts more that the accounts file names are without traffic in the window" in text


def test_a_missing_agreement_column_is_said_to_be_used_by_the_signal_that_reads_it(home: Path) -> None:
    from stillwatch.report.catalogue import READ_WHERE_THERE, signs

    assert {n for names in READ_WHERE_THERE.values() for n in names} <= set(signs())
    run = home / "findings" / "run.json"
    told = json.loads(run.read_text())
    run.write_text(json.dumps({**told, "missing": {"allow": 1.0, "status_changed_at": 1.0}}))
    rows = {r["column"]: r["signals"] for r in browser(home).get("/tables/missing.json").json()}
    assert rows["allow"] == "agreed use (where it is there)" and rows["status_changed_at"] == "none"


def test_a_lone_account_that_came_close_is_left_alone_in_view(home: Path) -> None:
    file = home / "findings" / "accounts.parquet"
    told = pq.read_table(file)
    rows = told.to_pylist()
    close = next(row for row in rows if row["account_id"] == "acct-0900")
    close |= {"score": 44.0, "label": "mixed"}
    pq.write_table(pa.Table.from_pylist(rows, schema=told.schema), file)
    (near,) = browser(home).get("/tables/near.json").json()
    assert near["whom"] == ["acct-0900"] and near["score"] == 44.0 and near["accounts"] == 1
    against = {e["signal"]: e["says"] for e in pq.read_table(home / "findings" / "evidence.parquet").to_pylist()
               if e["actor_id"] == "acct-0900" and e["weight_bits"] < 0}  # fmt: skip
    assert near["against"] == next(iter(against.values()), "")
