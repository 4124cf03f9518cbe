"""What stays on disk: records, the store that keeps them, and what identifies them."""
