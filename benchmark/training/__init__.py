"""The one training loop, for teachers and students of every modality."""
