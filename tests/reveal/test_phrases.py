"""A phrase is shown only where the whole of it was sent by enough customers, whatever the prompts are made of."""

from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from stillwatch.reveal.masking import shown, units_of
from stillwatch.reveal.phrases import Phrase, Prompts

WORDS = ["alpha", "beta", "gamma", "delta", "omega", "sigma"]


def revealed(prompts: list[tuple[int, str]], least: int) -> tuple[Phrase, ...]:
    """Phrases of (customer, prompt) pairs."""
    held = Prompts(b"k" * 32)
    for customer, text in prompts:
        held.add(text, customer, customer)
    return held.phrases(least)


def senders(prompts: list[tuple[int, str]], phrase: str) -> set[int]:
    return {customer for customer, text in prompts if f" {phrase} " in f" {shown(units_of(text))} "}


prompts_of_few_words = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(prompts_of_few_words, st.integers(2, 6))
def test_each_shown_phrase_stands_whole_in_prompts_of_enough_customers(
    prompts: list[tuple[int, str]], least: int
) -> None:
    for phrase in revealed(prompts, least):
        theirs = senders(prompts, phrase.text)
        assert len(theirs) >= least
        assert phrase.organisations == len(theirs) == phrase.accounts


@settings(max_examples=100, deadline=None)
@given(prompts_of_few_words, st.randoms(use_true_random=False))
def test_the_order_of_prompts_changes_nothing(prompts: list[tuple[int, str]], rng: random.Random) -> None:
    mixed = prompts[:]
    rng.shuffle(mixed)
    assert revealed(prompts, 3) == revealed(mixed, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(4, 9), st.data())
def test_a_phrase_of_one_customer_fewer_never_appears_however_it_lies(
    before: int, copies: int, length: int, data: Any
) -> None:
    """Its single words and any three in a row are everybody's; only its order is nobody else's."""
    words = data.draw(st.permutations(WORDS))
    secret = [words[i % len(words)] for i in range(length)]
    rng = random.Random(before)
    prompts: list[tuple[int, str]] = []
    for customer in range(7):
        for _ in range(copies):
            prompts.append((customer, " ".join(rng.choices(["what", "is", "it"], k=before % 5) + secret + ["please"])))
    for customer in range(30):
        cuts = [" ".join(secret[i : i + 3]) for i in range(length - 2)]
        prompts.append((customer, ". Then tell me. ".join(rng.sample(cuts, len(cuts)))))
    told = " | ".join(phrase.text for phrase in revealed(prompts, 8))
    assert not any(" ".join(secret[i : i + 4]) in told for i in range(length - 3))


def test_common_ends_do_not_bring_a_rare_middle_to_light() -> None:
    """Every window of the whole was sent by eight customers, each by eight others; the whole by one."""
    secret = "the merger with north harbour closes on friday and nobody outside the board knows of it"
    whole = secret.split()
    prompts = [(100, secret)]
    for start in range(len(whole) - 4):
        prompts += [(customer, " ".join(whole[start : start + 5])) for customer in range(8)]
    assert all(len(phrase.text.split()) <= 5 for phrase in revealed(prompts, 8))
    assert revealed(prompts, 8)


def test_a_template_is_found_whole_though_every_filling_differs() -> None:
    template = "think step by step and write down every intermediate quantity before the answer about"
    prompts = [(i, f"{template} {WORDS[i % 6]}{i} and nothing else") for i in range(30)]
    texts = [phrase.text for phrase in revealed(prompts, 20)]
    assert texts == [template]


def test_a_template_is_found_inside_the_runs_that_common_fillings_prolong() -> None:
    template = "think step by step and write down every intermediate quantity"
    fillings = ["about the history of rome in detail", "about the physics of stars in detail"]
    prompts = [(i, f"{template} {fillings[i % 2]}") for i in range(60)]
    shown_texts = {phrase.text: phrase.organisations for phrase in revealed(prompts, 20)}
    assert shown_texts[template + " about the"] == 60
    assert shown_texts[f"{template} {fillings[0]}"] == 30


def test_scripts_without_spaces_are_read_by_the_character() -> None:
    prompts = [
        (i, f"请一步一步思考并写出完整的推理过程{chr(0x4E00 + 37 * i)}{chr(0x5000 + 91 * i)}") for i in range(25)
    ]
    assert [phrase.text for phrase in revealed(prompts, 20)] == ["请一步一步思考并写出完整的推理过程"]


def test_letters_that_stand_alone_are_no_phrase() -> None:
    prompts = [(i, f"{i}q = 4 for b in range of {WORDS[i % 6]} x y z w") for i in range(30)]
    assert not [phrase.text for phrase in revealed(prompts, 20) if phrase.text in ("# for b in", "x y z w")]


PERSONAL = [
    ("jane.doe@example.com", "jane"), ("JÖRG.Müller@firma.example", "rg"), ("bob＠example．com", "bob"),
    ("4111 1111 1111 1111", "4111"), ("+49 (170) 555-01-99", "170"), ("٠١٢٣٤٥٦٧٨", "٣"), ("１７０５５５０１９９", "５"),
    ("sk-proj-Ab3dEfGh1jKlMnOpQrStUv", "sk"), ("AKIAIOSFODNN7EXAMPLE", "akia"), ("token=ghp_16C7e42F292c6912E7", "ghp"),
    ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyj"), ("https://user:pw@host.example/p?t=abc", "user"),
    ("www.example.org/private/letter", "private"), ('"my own words in here"', "own"), ("“my own words”", "own"),
    ("```\nsecret_code = call()\n```", "secret"), ("x" * 60, "xxx"), ("d41d8cd98f00b204e9800998ecf8427e", "d41"),
]  # fmt: skip


@pytest.mark.parametrize(("given_text", "gone"), PERSONAL)
def test_what_looks_personal_is_a_mark_even_where_everybody_sends_it(given_text: str, gone: str) -> None:
    prompts = [(i, f"please write to the address {given_text} as soon as you can today") for i in range(30)]
    texts = [phrase.text for phrase in revealed(prompts, 20)]
    assert len(texts) == 1
    assert texts[0].startswith("please write to the address ")
    assert texts[0].endswith(" as soon as you can today")
    assert gone not in texts[0]
    assert not any(letter.isdigit() for letter in texts[0])


HOSTILE = [
    "<script>alert(1)</script> <img src=x onerror=alert(2)> and then some more words",
    "=cmd|'/c calc'!A1 +SUM(1) @import -2+3 and then some more words",
    "a\u202eb\u200bc \x00\x07\x1b[31m \ufeff \U000e0041 and then some more words",
    "\ue000\ue001\ue002\ue003\ue004 and then some more words of it",
    '"' * 5000, "“" * 5000, "```" * 999, "`" * 5001, "\u0301" * 5000, "a " * 8000, "@" * 9000, "A1" * 8000,
    "://" * 5000, "(at)" * 4000, "[at] " * 4000, "'" * 9000, "ﷺ" * 9000, "\U0001f600" * 4000, "𠀀" * 4000,
    "www." * 4000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_neither_slow_nor_shown_as_it_came(text: str) -> None:
    for phrase in revealed([(i, text) for i in range(25)], 20):
        assert not set(phrase.text) & set("<>=@|\x00\x07\x1b\u202e\u200b\ufeff\ue000\ue001\ue004\"'`")
        assert len(phrase.text) < 20_000


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_text_becomes_units_without_controls_directions_or_digits(text: str) -> None:
    told = shown(units_of(text))
    assert all(letter == " " or letter.isprintable() for letter in told)
    assert not any(letter.isdecimal() for letter in told)
    assert not set(told) & set("<>=@|{}\\")
