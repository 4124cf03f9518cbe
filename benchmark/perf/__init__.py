"""How fast it is: segments, steps and evaluation, beside other libraries' ways, measured in one run."""
