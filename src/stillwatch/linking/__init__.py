"""From marks to candidate groups over the bipartite account-value graph; never account x account at large."""
