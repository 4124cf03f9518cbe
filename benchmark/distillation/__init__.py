"""The shared distillation core: one loop for all modalities, its loss, its mixing, its schedule."""
