"""Hydra configuration, packaged with the code."""
