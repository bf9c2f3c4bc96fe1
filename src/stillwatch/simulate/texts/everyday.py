"""Chats, questions about code, apps over passages: the traffic of ordinary customers."""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.simulate import vocabulary as v
from stillwatch.simulate.grammar import Bag, Piece, Said, Writer, choose, writer
from stillwatch.simulate.tongues import question, reply

SENTENCE: list[Piece] = [v.QUALITY, " ", v.THING, " ", v.DOES, " ", v.WHO, " ", v.WHEN]


def claim(opener: Bag = v.CLAIM) -> list[Piece]:
    """One sentence of an answer."""
    return [opener, " the ", *SENTENCE, ". "]


PROSE: Writer = writer(v.OPENING, " ", *claim(), *claim(), *claim(), v.CLOSE, salt=3)
LONG_PROSE: Writer = writer(v.OPENING, " ", *claim(), *claim(), *claim(), *claim(), v.CLOSE, salt=4)

_CHATS: Writer = choose(
    [
        (4, writer(v.ASK, " the ", v.QUALITY, " ", v.THING, "? It ", v.DOES, " ", v.WHO, " ", v.WHEN, ". ", v.WANT)),
        (3, writer("the ", *SENTENCE, ", ", v.ASK, " it, ", v.WANT, salt=1)),
        (2, writer(v.ASK, " ", v.THING, " ", v.WHEN, salt=2)),
        (
            2,
            writer(
                "Hi, ", v.WHO, " says the ", *SENTENCE, ". And the ", *SENTENCE, ". ", v.ASK, " ", v.THING, "?", salt=5
            ),
        ),
        (1, writer(v.ASK, " ", v.NAME, " ", v.YEAR, " and ", v.NAME, "? ", v.WANT, salt=6)),
    ],
    by="row",
)
FOLLOW: Writer = writer(v.MORE, " the ", v.QUALITY, " ", v.THING, " ", v.WHEN, ". ", v.WANT, salt=7)


def chat(languages: Mapping[str, float] | None = None) -> Said:
    """A person's conversation; `languages` maps a language code to the share of accounts that write it."""
    mixed = dict(languages or {"en": 1.0})
    prompts = [(w, _CHATS if c == "en" else writer(*question(c), salt=20)) for c, w in mixed.items()]
    follows = [(w, FOLLOW if c == "en" else writer(*question(c), salt=21)) for c, w in mixed.items()]
    answers = [(w, PROSE if c == "en" else writer(*reply(c), salt=22)) for c, w in mixed.items()]
    system = choose([(7, writer("")), (3, writer("You are a helpful assistant.")), (1, writer("Be brief and polite."))])
    return Said(
        prompt=choose(prompts, salt=1), follow=choose(follows, salt=1), answer=choose(answers, salt=1), system=system
    )


EVERYDAY_LANGUAGES = {
    "en": 0.62,
    "es": 0.06,
    "de": 0.05,
    "fr": 0.05,
    "pt": 0.03,
    "ja": 0.05,
    "zh": 0.04,
    "ko": 0.03,
    "ru": 0.02,
    "ar": 0.015,
    "hi": 0.015,
    "tr": 0.01,
    "vi": 0.01,
}

_CALL: list[Piece] = [v.CODE_VERB, "_", v.CODE_NOUN]
SNIPPET: list[Piece] = [
    "def ",
    *_CALL,
    "(",
    v.CODE_NOUN,
    ", ",
    v.LETTER,
    "=",
    v.SMALL,
    "):\n    for ",
    v.LETTER,
    " in ",
    *_CALL,
    "(",
    v.CODE_NOUN,
    "):\n        if ",
    v.LETTER,
    ".",
    v.CODE_NOUN,
    " > ",
    v.NUMBER,
    ":\n            return ",
    *_CALL,
    "(",
    v.LETTER,
    ", ",
    v.SMALL,
    ")\n    raise ",
    v.NAME,
    "Error(",
    v.NUMBER,
    ")\n",
]
CODE_ANSWER: Writer = writer(
    v.OPENING, " The problem is in ", *_CALL, ": ", v.CODE_TROUBLE, ".\n```\n", *SNIPPET, "```\n", v.CLOSE
)


def coding() -> Said:
    """Questions of a programmer with a piece of code."""
    return Said(
        prompt=choose(
            [
                (
                    3,
                    writer(
                        v.CODE_ASK,
                        " ",
                        *_CALL,
                        " in ",
                        v.LOW_NAME,
                        ".",
                        *_CALL,
                        ", ",
                        v.CODE_TROUBLE,
                        ".\n```\n",
                        *SNIPPET,
                        "```",
                    ),
                ),
                (
                    2,
                    writer(
                        "In ",
                        v.CODE_LANGUAGE,
                        ", ",
                        v.CODE_ASK,
                        " the ",
                        v.CODE_NOUN,
                        " ",
                        v.CODE_VERB,
                        " step; ",
                        v.CODE_TROUBLE,
                        " and ",
                        v.CODE_TROUBLE,
                        ". Module ",
                        v.LOW_NAME,
                        ", line ",
                        v.NUMBER,
                        ".",
                        salt=1,
                    ),
                ),
            ],
            by="row",
        ),
        follow=writer(v.MORE, " ", *_CALL, "? now ", v.CODE_TROUBLE, " at line ", v.NUMBER, " of ", v.LOW_NAME, salt=2),
        answer=CODE_ANSWER,
    )


TOOLED_FOLLOW: Writer = writer(
    "tool output: ",
    *_CALL,
    " exited ",
    v.SMALL,
    " after ",
    v.NUMBER,
    " ms; ",
    v.CODE_TROUBLE,
    " in ",
    v.LOW_NAME,
    salt=8,
)


def agent(by: str = "account") -> Said:
    """A customer's own agent with tools: its system prompt is its maker's (`by` says who has one in common)."""
    system = writer(
        "You are ",
        (v.NAME, by),
        ", a ",
        (v.ROLE, by),
        " that works with tools. ",
        (v.RULE, by),
        " ",
        (v.RULE, by),
        " ",
        (v.RULE, by),
        " Call one tool at a time and wait for its result.",
        salt=31,
    )
    return Said(
        prompt=writer(
            v.ASK,
            " the ",
            v.QUALITY,
            " ",
            v.THING,
            " of ",
            v.NAME,
            " (case ",
            v.NUMBER,
            v.NUMBER,
            "). It ",
            v.DOES,
            " ",
            v.WHO,
            ".",
            salt=32,
        ),
        follow=TOOLED_FOLLOW,
        answer=LONG_PROSE,
        system=system,
    )


def _passage(by: str) -> list[Piece]:
    said: list[Piece] = []
    for _ in range(3):
        said += [
            "The ",
            (v.QUALITY, by),
            " ",
            (v.THING, by),
            " ",
            (v.DOES, by),
            " ",
            (v.WHO, by),
            " ",
            (v.WHEN, by),
            ". ",
        ]
    return said


def passages(by: str = "account") -> Said:
    """An app that pastes passages into its own template; the template belongs to the account (or to `by`)."""
    return Said(
        prompt=writer(
            (v.RULE, by),
            " ",
            (v.RULE, by),
            " ",
            (v.RULE, by),
            "\n\nPassages for ",
            (v.NAME, by),
            ":\n[1] ",
            *_passage("row"),
            "\n[2] The ",
            *SENTENCE,
            ".\n\n",
            (Bag("Question|Customer asks|User|Query|Request|Q"), by),
            ": ",
            v.ASK,
            " the ",
            v.QUALITY,
            " ",
            v.THING,
            "?",
            salt=41,
        ),
        follow=FOLLOW,
        answer=PROSE,
        system=writer(
            "You are the ",
            (v.ROLE, by),
            " of ",
            (v.TRADE, by),
            " called ",
            (v.NAME, by),
            ". ",
            (v.RULE, by),
            " ",
            (v.RULE, by),
            salt=42,
        ),
    )


def table_rows(by: str = "account") -> Said:
    """A business running one template over its own table, row by row."""
    jobs = Bag(
        """Classify this ticket|Extract the fields from this note|Write a product blurb from this row|Tag this review|
        Summarise this call note|Normalise this address record|Decide the category of this expense|
        Pull dates and amounts from this letter|Rate the urgency of this message|Draft alt text from this caption"""
    )
    return Said(
        prompt=writer(
            (jobs, by),
            ". ",
            (v.RULE, by),
            " ",
            (v.RULE, by),
            " ",
            (v.RULE, by),
            "\nRecord ",
            v.NUMBER,
            v.NUMBER,
            ": ",
            v.NAME,
            " / ",
            *SENTENCE,
            " / ",
            v.NUMBER,
            ".",
            v.SMALL,
            " / ",
            v.YEAR,
            salt=51,
        ),
        answer=writer(
            '{"label": "', v.THING, '", "note": "', *SENTENCE, " and ", *SENTENCE, '", "value": ', v.NUMBER, "}"
        ),
    )
