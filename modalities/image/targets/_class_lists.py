"""Official class lists that are too long for a module: text files next to it, one name per line."""

from importlib.resources import files


def names(file: str) -> tuple[str, ...]:
    """Return the lines of a list in the order of the file."""
    return tuple((files(__package__) / file).read_text(encoding="utf-8").splitlines())
