"""Groups from marks that another provider shared: the accounts that carry one campaign's templates, or hold
what its accounts held."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate

#: Found by content, however foreign: templates are not held against such a group a second time.
FORMED_BY = frozenset({"foreign", "content"})
#: A token of a kind says that accounts share it, so that what formed the group is also its family of marks.
_FAMILY = {"payment": "payment", "email": "registration", "phone": "registration", "device": "registration",
           "network": "network", "template": "content"}  # fmt: skip


def holders_of_foreign_marks(book: Book, *, grains: tuple[float, ...] = (0.0, 0.3), least: int = 3) -> list[Candidate]:
    """For each foreign campaign the accounts that sent enough of its marks, at least in a share of their exchanges."""
    if not book.foreign.known:
        return []
    covered = sp.csc_matrix(sp.diags(1.0 / np.maximum(book.n, 1.0)) @ book.foreign.covered())
    found = []
    for campaign in range(covered.shape[1]):
        column = covered[:, campaign]
        for grain in grains:
            members = np.sort(column.indices[column.data >= grain])
            if len(members) >= least:
                found.append(Candidate(members, FORMED_BY, "marks that another provider shared"))
    return found + _holders_of_tokens(book, least)


def _holders_of_tokens(book: Book, least: int) -> list[Candidate]:
    """For each foreign campaign the accounts that hold its tokens, and these with the accounts that send its marks."""
    foreign = book.foreign
    holders, senders = sp.csc_matrix(foreign.holders()), sp.csc_matrix(foreign.senders())
    families = {kind: sp.csc_matrix(held) for kind, held in foreign.tokens.items()}
    found = []
    for campaign in range(holders.shape[1]):
        held = np.sort(holders[:, campaign].indices)
        if not len(held):
            continue
        # Not "found without content": a source that names the cards of an honest batch job would free its templates.
        formed = FORMED_BY | {_FAMILY[kind] for kind, n in families.items() if n[:, campaign].nnz}
        both = np.union1d(held, senders[:, campaign].indices)
        for members in (held, both):
            if len(members) >= least:
                found.append(Candidate(members, formed, "tokens that another provider shared"))
    return found
