"""The command `stillwatch`: each command parses, calls one function, shows."""

from __future__ import annotations


def main() -> None:
    """Runs the command line and exits with its status."""
    from stillwatch.cli.menu import menu

    menu.main(prog_name="stillwatch")
