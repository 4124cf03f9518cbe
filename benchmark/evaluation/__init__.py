"""Predictions of a network on labelled items, and metrics computed from them."""
