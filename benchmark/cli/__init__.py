"""The command line: ``app`` declares the commands, and each command has a file of its own."""


def main() -> None:
    """Run the command line; installed entry points of earlier versions call this name."""
    from benchmark.cli.app import main as run

    run()
