"""Labelled data of a target: where they are, subsets of them, and batches."""
