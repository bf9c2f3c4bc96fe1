"""Looking every day without paying for it: p-values of disjoint windows become evidence that multiplies.

Under the null each e-value has a mean of at most one, so their running product is a supermartingale and passes 1/alpha
ever, over however many looks, with a probability of at most alpha (Ville's inequality; Vovk and Wang, Annals of
Statistics 2021). That needs p-values that hold given the past: windows disjoint, the benign pool fixed beforehand.
"""

from __future__ import annotations

import math

from stillwatch.errors import UsageError


def e_value(p: float, kappa: float = 0.5) -> float:
    """kappa * p**(kappa - 1): a calibrator from p in (0, 1] to evidence, with mean one for a uniform p."""
    if not 0.0 < p <= 1.0:
        raise UsageError("evidence", f"{p} is no p-value", "p-values lie above 0 and at most at 1")
    return kappa * math.pow(p, kappa - 1.0)


class EvidenceRun:
    """Evidence over disjoint windows, in the order they were seen."""

    def __init__(self, alpha: float = 0.01, kappa: float = 0.5) -> None:
        if not 0.0 < alpha < 1.0 or not 0.0 < kappa < 1.0:
            raise UsageError("evidence", "alpha and kappa lie between 0 and 1")
        self._kappa = kappa
        self._bar = -math.log(alpha)
        self._log = 0.0
        self._highest = 0.0

    def add(self, p: float) -> bool:
        """Take the p-value of the next window; whether the run has ever passed 1/alpha."""
        self._log += math.log(e_value(p, self._kappa))
        self._highest = max(self._highest, self._log)
        return self.crossed

    @property
    def crossed(self) -> bool:
        """Whether the evidence ever reached 1/alpha."""
        return self._highest >= self._bar

    @property
    def log_evidence(self) -> float:
        """The natural logarithm of the product so far."""
        return self._log
