"""Predictions of a network on labelled items, and figures computed from them."""
