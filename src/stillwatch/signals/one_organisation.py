"""All accounts belong to one organisation that the provider knows by name."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.members import share_in_few, share_where
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="organisation", about="explanation", actors=("group",))
def one_organisation(view: View, *, verified_bits: float = -6.0, unverified_bits: float = -2.2) -> Opinion:
    """A group that is one organisation, or a few under one roof, shares cards and prompts as a matter of course.

    Share of the accounts whose organisation has a fifth of the group, or whose e-mail domain half of it and few
    others; worth `verified_bits` where most of them are verified (business or identity), or on a contract or invoice.

    Also seen in: shell companies, which are one organisation as well; so unverified ones explain little.
    Source: the hard negatives of the public record (corporate seats, agreed pipelines, shared team keys).
    """
    customer = view.book.customer
    known = np.asarray([o is not None for o in customer["org"]], dtype=bool)
    org = share_in_few(view, customer["org"], least_lift=3.0)
    # Several domains of a group's own are a sign of rented mail, not of several companies: only one for most counts.
    share = np.maximum(org, share_in_few(view, customer["email_domain"], least_lift=20.0, least_part=0.5))
    proven = np.maximum(
        share_where(view, customer["verification"], ("business", "identity")),
        np.maximum(
            share_where(view, customer["kind"], ("enterprise", "education", "research")),
            share_where(view, customer["payment_kind"], ("invoice",)),
        ),
    )
    depth = curve(share, ((0.5, 0.0), (0.8, 0.7), (0.95, 1.0)))
    bits = depth * (unverified_bits + (verified_bits - unverified_bits) * curve(proven, ((0.3, 0.0), (0.8, 1.0))))
    posted = np.asarray([d is not None for d in customer["email_domain"]], dtype=bool)
    evaluable = view.share_of_accounts(known | posted) > 0.3

    def says(i: int) -> str:
        if share[i] < 0.5:
            return f"No organisation stands behind it: large ones have {share[i]:.0%} of its accounts."
        return (
            f"{share[i]:.0%} of its accounts are of one organisation or few; {proven[i]:.0%} are verified or under "
            "contract."
        )

    def facts(i: int) -> dict[str, float]:
        return {"share_in_large_organisations": float(share[i]), "verified_share": float(proven[i])}

    return Opinion(np.where(evaluable, -share, np.nan), np.where(evaluable, bits, 0.0), says, facts)
