"""How to contest a judgement: what a person can look up, write down or log that would change it."""

from __future__ import annotations

from collections.abc import Sequence


def ways_to_contest(kind: str, *, agreed: bool, linked: bool, columns: Sequence[str]) -> tuple[str, ...]:
    """Steps in sentences. `agreed`: a valid `allow` counts; `linked`: there is a group; `columns`: those that lack."""
    look_at = "the exchanges named above" if kind == "campaign" or linked else "some exchanges of the account"
    steps = [f"Read {look_at} in your own records: no text is kept here, so a person has to look."]
    who = "its accounts" if kind == "campaign" else "the account"
    if agreed:
        covers = "part or all of its accounts" if kind == "campaign" else who
        steps.append(
            f"An `allow` in the accounts file covers {covers}, and counts. If the agreement does not hold, take it out "
            "or let `allow_until` end it, and run `stillwatch sweep` again with --accounts."
        )
    if not agreed or kind == "campaign":
        steps.append(
            f"If this use is agreed, write the reason as `allow` (and `allow_until`) for {who} in the accounts file "
            "and run `stillwatch sweep` again with --accounts: use that a valid agreement covers is no harvest."
        )
    if linked:
        steps.append(
            "If the accounts are not one customer's, check each shared value by hand: a campus, a phone carrier, a "
            "company card or a reseller shares values between strangers. A `kind` of `reseller` or `education` in the "
            "accounts file tells stillwatch so."
        )
    if columns:
        steps.append("Evidence that is missing can speak for the customer too: log " + ", ".join(columns[:4]) + ".")
    return tuple(steps)
