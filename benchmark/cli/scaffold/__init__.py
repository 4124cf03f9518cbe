"""Templates of ``benchmark new-target``; ``$words`` are filled in."""
