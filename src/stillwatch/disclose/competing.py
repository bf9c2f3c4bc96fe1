"""Competing explanations side by side: what each piece of evidence says to each of them.

Source: Heuer, Psychology of Intelligence Analysis, chapter 8 (analysis of competing hypotheses): what counts is what
contradicts an explanation, since evidence that fits all of them tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stillwatch.report.explain import Claim

READINGS = {"+": "consistent", "−": "inconsistent", "○": "neutral"}
_EXPLANATIONS = ("h_harvest", "h_relay", "h_organisation", "h_strangers")
#: (what a signal is about, whether it speaks for a finding) to what it says to each explanation, in their order.
_READS: Mapping[tuple[str, bool], tuple[str, str, str, str]] = {
    ("conduct", True): ("+", "○", "+", "−"),
    ("conduct", False): ("−", "+", "○", "+"),
    ("coordination", True): ("+", "+", "+", "−"),
    ("coordination", False): ("−", "−", "−", "+"),
    ("relay", True): ("○", "+", "−", "−"),
    ("relay", False): ("○", "−", "○", "○"),
    ("explanation", True): ("+", "○", "−", "○"),
    ("explanation", False): ("−", "○", "+", "+"),
}
#: One organisation has one way to pay and one place to work from, not identities made to look like strangers.
_NOT_OF_ONE_ORGANISATION = frozenset(
    {"signup_payment_irregularity", "succession", "shared_registration", "signup_burst", "identity_replacement"}
)
#: Families of conduct that other people's own questions would not show.
_NOT_OF_MANY_PEOPLE = frozenset({"content", "patterns", "queue", "dealing", "automation", "bypass"})
_LEAST_BITS = 0.3


def explanations() -> tuple[str, ...]:
    """The explanations that every group is weighed against, as keys of the language's sentences."""
    return _EXPLANATIONS


def readings(claims: Sequence[Claim]) -> dict[str, tuple[str, ...]]:
    """For each signal what it says to each explanation: `+` expected, `−` contradicts, `○` does not tell."""
    out: dict[str, tuple[str, ...]] = {}
    for claim in claims:
        if abs(claim.bits or 0.0) < _LEAST_BITS:
            continue
        row = list(_READS.get((claim.about, (claim.bits or 0.0) > 0), ("○",) * 4))
        if claim.about == "conduct" and claim.family in _NOT_OF_MANY_PEOPLE and (claim.bits or 0.0) > 0:
            row[1] = "−"
        if claim.signal in _NOT_OF_ONE_ORGANISATION and (claim.bits or 0.0) > 0:
            row[2] = "−"
        out[claim.signal] = tuple(row)
    return out


def least_contradicted(weighed: Mapping[str, Sequence[str]], claims: Sequence[Claim]) -> str:
    """The explanation against which the evidence weighs least, in bits of what contradicts it."""
    bits = {c.signal: abs(c.bits or 0.0) for c in claims}
    against = [
        sum(bits.get(name, 0.0) for name, row in weighed.items() if row[i] == "−") for i in range(len(_EXPLANATIONS))
    ]
    return _EXPLANATIONS[against.index(min(against))]
