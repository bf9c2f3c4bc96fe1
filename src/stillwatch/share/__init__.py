"""Share out and share in: findings for machines of other providers, and theirs for ours."""
