"""Disclosure: the letter that can be defended, and the gate that it has to pass before anybody reads it."""
