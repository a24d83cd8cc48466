"""Results that travel: into the formats of others, and theirs beside ours. Never imports a model library."""
