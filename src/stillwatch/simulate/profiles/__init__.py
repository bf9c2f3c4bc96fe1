"""One file a profile: a published campaign, a look-alike, ordinary customers, or a bundle of these."""
