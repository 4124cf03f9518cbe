"""Labelled data of a target: where they are, which part of them, in batches."""
