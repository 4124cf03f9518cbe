"""A page of HTML as a tree that tests can ask: elements with their attributes, text and ancestors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "link", "br", "hr", "input", "source", "path", "rect", "circle"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    parent: Element | None = None
    content: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        parts = (part if isinstance(part, str) else part.text for part in self.content)
        return " ".join("".join(parts).split())

    def all(self, *names: str) -> list[Element]:
        return [found for found in self.walk() if found.name in names]

    def walk(self) -> Iterator[Element]:
        for part in self.content:
            if isinstance(part, Element):
                yield part
                yield from part.walk()

    def inside(self, name: str) -> bool:
        return self.parent is not None and (self.parent.name == name or self.parent.inside(name))

    def __getitem__(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Element("", {})

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or "" for name, value in attributes}, self.here)
        self.here.content.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag, attributes):
        self.here.content.append(Element(tag, {name: value or "" for name, value in attributes}, self.here))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.here.name == tag, f"</{tag}> closes <{self.here.name}>"
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.content.append(data)


def parse_page(text: str) -> Element:
    """Return the root of a page; AssertionError if an element is not closed, or closed by another one's end."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.here is builder.root, f"<{builder.here.name}> is not closed"
    return builder.root
