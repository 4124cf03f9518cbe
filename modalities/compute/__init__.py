"""Random draws, copies to a device, and what compiled kernels share."""
