"""All candidate groups of a book, from every way of linking, without repeats."""

from __future__ import annotations

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.cells import holders_of_one_value, joined_cells, tied_cells
from stillwatch.linking.foreign import holders_of_foreign_marks
from stillwatch.linking.topics import same_matter
from stillwatch.linking.value_families import value_families

#: What comes with an app all at once: its users share all three or none.
OF_AN_APP = frozenset({"content", "topic", "system", "setup"})
CONTENT = ("opening", "closing", "masked", "fingerprint")


def _needed(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    """What formed a group that was found in two ways: what both needed; an app's families are not two ways."""
    return (a & b) | ((a | b) & OF_AN_APP if a & OF_AN_APP and b & OF_AN_APP else frozenset())


def candidates(book: Book) -> list[Candidate]:
    """Overlapping groups at several grains: weighing decides between them, linking only proposes."""
    if book.accounts < 3:
        return []
    cells = tied_cells(book)
    pools = value_families(
        book,
        ("ip",),
        how="one pool of addresses",
        min_n=1,
        min_share=0.0,
        min_inside_share=0.0,
        min_lift=0.0,
        member_shares=(0.4,),
        most_per_account=12,
    )
    found = [
        *cells,
        *joined_cells(book, cells),
        *value_families(book, CONTENT, how="the same templates"),
        *value_families(book, ("system", "system_opening"), how="the same system prompts", member_shares=(0.4,)),
        *value_families(
            book,
            ("history", "turn"),
            how="the same histories",
            min_n=1,
            min_share=0.0,
            min_inside_share=0.0,
            min_lift=0.0,
            member_shares=(0.05,),
        ),
        *pools,
        *value_families(
            book,
            ("net",),
            how="one pool of networks",
            min_n=1,
            min_share=0.0,
            min_inside_share=0.0,
            min_lift=0.0,
            member_shares=(0.5,),
            most_per_account=12,
        ),
        *same_matter(book),
        *holders_of_one_value(book),
        *holders_of_foreign_marks(book),
    ]
    merged: dict[bytes, Candidate] = {}
    for candidate in found:
        key = candidate.members.tobytes()
        known = merged.get(key)
        if known is None:
            merged[key] = candidate
        else:
            merged[key] = Candidate(candidate.members, _needed(known.formed_by, candidate.formed_by), known.how)
    return list(merged.values())
