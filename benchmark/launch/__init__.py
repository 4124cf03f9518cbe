"""Where cells run: workers on this machine, a torchrun, or jobs of a cluster."""
