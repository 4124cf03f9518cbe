"""From Python: run cells, load what they left, compare them. ``benchmark`` has the names that are meant to be used."""
