# ruff: noqa: E501
"""The part of docs/results.md on acting: what a gateway costs, how fast a decision arrives, whom a policy would have met."""

from __future__ import annotations

from typing import Any

from bench.yardstick_page import read


def _percent(x: float | None, digits: int = 1) -> str:
    return "–" if x is None else f"{100 * x:.{digits}f} %"


def sections() -> list[str]:
    """Asked beside measured, then each bench's table; empty where nothing was measured."""
    judge, overhead, approval = read("gateway_judge"), read("gateway_overhead"), read("approval_to_enforced")
    first, policies, faults = read("first_request"), read("policies"), read("gateway_faults")
    if not any((judge, overhead, approval, first, policies, faults)):
        return []
    rows: list[tuple[str, str, str]] = []
    if overhead:
        each = ", ".join(f"{r['form']} {r['added_cpu_ms']['stillwatch']:.2f} ({r['added_cpu_ms_90']['stillwatch'][0]:.2f}–{r['added_cpu_ms_90']['stillwatch'][1]:.2f})" for r in overhead["runs"])
        rows.append(("CPU ms added to a request of a LiteLLM proxy (90 % interval)", "≤ 2", each))
    if judge:
        rows += _judge_rows(judge)
    if approval:
        rows.append((f"seconds from approval to enforced in two proxies (a campaign of {approval['members']:,} accounts; {approval['rounds']} rounds)", "≤ 2",
                     f"median {approval['enforced_median_s']:.2f}, longest {approval['enforced_most_s']:.2f}; lifted again {approval['lifted_median_s']:.2f}, {approval['lifted_most_s']:.2f}"))  # fmt: skip
    if faults:
        s = {name: sum(row[name] for row in faults) for name in ("sent", "failed_because_of_us", "decisions_lost", "enforced_after_expiry", "asked_after_expiry")}
        rows.append((f"faults planted in a running proxy ({len(faults)}), requests failed because of us", "≥ 12; 0", f"{s['failed_because_of_us']} of {s['sent']:,}; decisions lost {s['decisions_lost']}, enforced after their end {s['enforced_after_expiry']} of {s['asked_after_expiry']}"))
    if first:
        s = first["summary"]["innocent newcomers"]
        rows.append(("innocent new accounts' exchanges stopped by a known campaign's marks", "no figure was asked", f"{_percent(s['stopped_share'], 2)} ({s['stopped']} of {s['exchanges']:,})"))
    lines = ["## Acting: asked and measured", "", "| what | asked | measured |", "|---|---|---|"]
    lines += [f"| {a} | {b} | {c} |" for a, b, c in rows]
    if first:
        lines += _first_lines(first)
    if policies:
        lines += _policy_lines(policies)
    if faults:
        lines += _fault_lines(faults)
    return [*lines, "", *_with_others(), *_console()]


def _with_others() -> list[str]:
    """Matching in private and two providers; empty where neither was measured."""
    match, two = read("private_match"), read("two_providers")
    lines: list[str] = []
    if match:
        online, setup = match["online"], match["setup"]
        lines += ["### Matching in private (`python -m bench.private_match`)", "",
                  f"{match['asks']:,} against {match['answers']:,} tokens, {match['common']:,} common: {'exact' if match['exact'] else 'NOT exact'}; online {online['wall_s']:.1f} s (asked: ≤ 20), "
                  f"of it {online['cpu_asks_s']:.1f} and {online['cpu_answers_s']:.1f} CPU s on the two sides; set-up {setup['wall_s']:.0f} s, once; {match['bytes']['sent_by_asks'] / 1e6:.1f} and {match['bytes']['sent_by_answers'] / 1e6:.1f} MB sent.", ""]  # fmt: skip
    if two:
        lines += [f"### Two providers (`python -m bench.two_providers`, seeds {', '.join(map(str, two['seeds']))})", "",
                  "A finds a campaign and publishes its templates, and tokens (RFC 9497) of what its accounts share; B has a few of the same campaign's accounts in its own traffic, and hunts alone, with A's templates, "
                  "and with A's tokens too. Found: half of its accounts at B or more. A person at B says yes to whatever waits, the worst that a person could do.", "",
                  "| campaign | its accounts at B | worlds | found alone | with templates | with tokens too | its accounts caught alone, with templates, with tokens | innocent flagged alone, with templates, with tokens | held for a person | sightings came back |", "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
        for s in two["summed"]:
            ways = [s[way] for way in ("alone", "marks", "tokens")]
            lines.append(f"| {s['profile']} | {s['at_b']} | {s['worlds']} | {' | '.join(str(w['found']) for w in ways)} | {', '.join(str(w['accounts_caught']) for w in ways)} of {s['at_b'] * s['worlds']} | "
                         f"{', '.join(str(w['innocent_flagged']) for w in ways)} of {ways[0]['innocent']:,} | {s['held']} | {s['sightings_came_back']} |")  # fmt: skip
        lines.append("")
    return lines


def _console() -> list[str]:
    console = read("console_speed")
    if not console:
        return []
    lines = ["### The console (`python -m bench.console_speed`)", "",
             f"Server time over {console['rounds']} rounds with findings of {console['accounts']:,} accounts and {console['campaigns']} campaigns, in the process, without a socket; the findings are made in the contract's layout, not swept. Asked: first page ≤ 300 ms, a campaign ≤ 500 ms.", "",
             "| page | median, ms | 95th percentile | first request after a sweep |", "|---|---|---|---|"]  # fmt: skip
    lines += [f"| {name} | {p['median_ms']:.0f} | {p['p95_ms']:.0f} | {p['first_after_a_sweep_ms']:.0f} |" for name, p in console["pages"].items()]
    return [*lines, ""]


def _judge_rows(judge: dict[str, Any]) -> list[tuple[str, str, str]]:
    out = []
    for name, t in judge["kinds"].items():
        measured = f"wall {t['p50_us']:.0f}, {t['p99_us']:.0f}; CPU {t['own_cpu_p50_us']:.0f}, {t['own_cpu_p99_us']:.0f}"
        out.append((f"our own code a request of 0.5 to 4 kB, 5 % of them newcomers', {name}: µs p50, p99", "≤ 50, ≤ 1,000", measured))
    out.append((f"memory at {judge['decisions']:,} decisions and {judge['known']:,} known accounts, MB", "≤ 300", f"{judge['filled_mb']:.0f}, {judge['peak_mb']:.0f} at most while loading"))
    out.append(("import of the gateway's package, s", "< 0.3", f"{judge['import_ms'] / 1000:.2f}"))
    return out


def _first_lines(first: dict[str, Any]) -> list[str]:
    lines = ["", "### A known campaign's new accounts (`python -m bench.first_request`)", "",
             "Half of each world's accounts is held back from the sweep and comes to the gateway afterwards as unknown ones; what the sweep found is approved under the policy that ships, enforced.", "",
             "| campaign | new accounts | their exchanges stopped | stopped or flagged | accounts flagged on their first request | ever |", "|---|---|---|---|---|---|"]  # fmt: skip
    for name, s in first["summary"].items():
        lines.append(f"| {name} | {s['accounts']} | {_percent(s['stopped_share'])} | {_percent(s['flagged_share'])} | {_percent(s['recognised_on_first_request'])} | {_percent(s['recognised'])} |")
    return lines


def _policy_lines(policies: dict[str, Any]) -> list[str]:
    lines = ["", "### What if: harvest prevented against legitimate exchanges touched (`python -m bench.policies`)", "",
             f"Swept every {policies['every_hours']:g} h, approved by a person within {policies['approval_hours']:g} h, the price of looking again paid; worlds of 3 to 14 days, so that the first day weighs more than it would in forty.", "",
             "![Harvest stopped against legitimate exchanges touched, a dot a policy](pictures/policies.png)", "",
             "| policy | harvest stopped | lessened | legitimate exchanges touched, of 10,000 | legitimate accounts touched | campaigns acted on | median hours to the first act |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, s in policies["summary"].items():
        hours = "–" if s["median_hours_to_first_act"] is None else f"{s['median_hours_to_first_act']:.0f}"
        lines.append(f"| {'**the policy that ships**' if name == 'ships' else name} | {_percent(s['stopped_share'])} | {_percent(s['lessened_share'])} | {1e4 * s['legitimate_exchanges_hit_share']:.2f} | {s['legitimate_accounts_hit']} of {s['legitimate_accounts']:,} | {s['campaigns_acted_on']} of {s['campaigns']} | {hours} |")
    hit: dict[str, int] = {}
    for row in policies["rows"]:
        if row["policy"] == "ships":
            for cohort, n in row["cohorts_hit"].items():
                hit[cohort] = hit.get(cohort, 0) + n
    if hit:
        lines += ["", "Touched wrongly under the policy that ships: " + ", ".join(f"{n} of {c}" for c, n in sorted(hit.items(), key=lambda pair: -pair[1])) + "."]
    return lines


def _fault_lines(faults: list[dict[str, Any]]) -> list[str]:
    from bench.faults_table import table

    return ["", "### Faults (`python -m bench.gateway_faults`)", "", table(faults)]
