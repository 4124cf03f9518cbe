"""The shared distillation core: its step, loss, mixing and prefetching, for all modalities."""
