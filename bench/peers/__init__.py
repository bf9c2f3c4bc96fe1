"""Peers and baselines, each written anew from its public description, to be run on the same worlds as stillwatch."""
