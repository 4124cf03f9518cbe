"""Turn one source datum into segments, read target datasets, and build networks: one folder per modality."""
