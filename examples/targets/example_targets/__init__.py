"""Four targets as an outsider writes them: an adapter each, and its default settings beside it."""
