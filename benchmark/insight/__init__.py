"""What a trained student has learned, looked at from several sides, on one page beside its teacher and its controls."""
