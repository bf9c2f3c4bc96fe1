"""The command `stillwatch`: each command parses, calls one function, shows."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command line and exits with its status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    from stillwatch.cli.menu import menu

    menu.main(prog_name="stillwatch")
