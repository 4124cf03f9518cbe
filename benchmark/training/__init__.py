"""The training loop of teachers and students, with its optimisers, checkpoints, callbacks and precision."""
