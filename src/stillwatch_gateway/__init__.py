"""What a gateway needs to follow decisions: the wire format, a local cache, a judge. Standard library only."""
