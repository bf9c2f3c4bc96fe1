"""Accounts, and groups of accounts taken as one: their sums, marks and hours, in memory and without an opinion."""
