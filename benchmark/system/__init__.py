"""The machine: devices, cores, memory, and the processes that share a cell."""
