"""Files and folders on disk: atomic writes, locks, cleanup, paths, the array cache."""
