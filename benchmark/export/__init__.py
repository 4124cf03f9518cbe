"""A finished cell as files that other programs read, each checked on the target's test items."""
