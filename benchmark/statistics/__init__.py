"""Statistics of scores: pure functions on arrays, each with its formula and its source."""
