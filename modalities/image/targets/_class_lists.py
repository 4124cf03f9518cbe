"""Official class lists that are too long to stand in a module: one name per line of a text file beside it."""

from importlib.resources import files


def names(file: str) -> tuple[str, ...]:
    """The lines of a list, in the order of the file."""
    return tuple((files(__package__) / file).read_text(encoding="utf-8").splitlines())
