"""Findings, for people: letters in the terminal, a page in the browser."""
