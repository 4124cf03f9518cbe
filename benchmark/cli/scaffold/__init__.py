"""Text that ``benchmark new-target`` starts a target from; ``$words`` are filled in."""
