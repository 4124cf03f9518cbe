"""Speed: segments, training steps and evaluation, beside other libraries in the same run."""
