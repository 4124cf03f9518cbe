"""Puts a modality together from the files of its package."""
