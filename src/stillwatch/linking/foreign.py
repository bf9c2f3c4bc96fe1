"""Groups from marks that another provider shared: the accounts that carry one foreign campaign's templates."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate

#: Found by content, however foreign: templates are not held against such a group a second time.
FORMED_BY = frozenset({"foreign", "content"})


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
    return found
