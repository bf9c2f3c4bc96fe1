"""Nouns that cross doors: table layouts and small frozen records, without behaviour."""
