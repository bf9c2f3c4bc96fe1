"""Many people's unrelated matters behind few accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="end_users", about="relay", needs=("end_user",))
def relay_breadth(view: View, *, min_exchanges: int = 60) -> Opinion:
    """An actor serves many end users for each of its accounts, as a relay or reseller does.

    Distinct end users for each account, against other accounts that pass end users on. By itself it only says that
    others stand behind the accounts, not that they are deceived.

    Also seen in: every product built on the API; declared resellers; enterprise gateways.
    Source: Anthropic, September 2026 (300,000 customer requests in ten days over 5,380 accounts).
    """
    distinct, rows = distinct_values(view, "end_user")
    per_account = np.where(rows >= min_exchanges, distinct / np.maximum(view.size, 1.0), np.nan)
    bits = curve(np.log2(np.maximum(per_account, 1.0)), ((1.0, -0.4), (2.0, 0.0), (4.0, 0.6), (7.0, 1.0)))
    bits = np.where(np.isfinite(per_account), bits, 0.0) * trust(rows, 3 * min_exchanges)

    def says(i: int) -> str:
        each = f"{per_account[i]:.1f} for each"
        return f"{int(distinct[i]):,} end users stand behind {int(view.size[i]):,} accounts ({each})."

    def facts(i: int) -> dict[str, float]:
        return {"end_users": float(distinct[i]), "end_users_per_account": float(per_account[i])}

    return Opinion(per_account, bits, says, facts)
