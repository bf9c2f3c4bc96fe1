"""Do these texts hold a harvest's share? Tests on vectors of texts: a window, a group of accounts, a run of days."""

from stillwatch.content_test.group import GroupTest
from stillwatch.content_test.sequence import EvidenceRun, e_value
from stillwatch.content_test.window import WindowTest

__all__ = ["EvidenceRun", "GroupTest", "WindowTest", "e_value"]
