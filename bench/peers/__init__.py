"""Peers: other methods, written anew from their papers, behind one interface: fit, then score a window."""
