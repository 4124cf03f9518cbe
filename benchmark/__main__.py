"""``python -m benchmark``, which is what torchrun starts: the command line."""

from benchmark.cli.app import main

main()
