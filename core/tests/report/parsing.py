"""What a page consists of, as a parser sees it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "script",
        "a",
        "div",
        "header",
        "main",
        "footer",
        "nav",
        "aside",
        "section",
        "span",
        "b",
        "h1",
        "h2",
        "h3",
        "p",
        "ol",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
        "details",
        "summary",
        "code",
        "pre",
        "time",
        "svg",
        "desc",
        "path",
        "circle",
        "text",
        "tspan",
    ]
)
ATTRIBUTES = frozenset(
    [
        "lang",
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "id",
        "href",
        "datetime",
        "role",
        "scope",
        "colspan",
        "tabindex",
        "open",
        "data-l",
        "aria-label",
        "aria-labelledby",
        "aria-hidden",
        "viewbox",
        "preserveaspectratio",
        "xmlns",
        "d",
        "cx",
        "cy",
        "r",
        "x",
        "y",
        "text-anchor",
        "textlength",
        "lengthadjust",
        "transform",
    ]
)
VOID = frozenset({"meta"})


class Page(HTMLParser):
    """Elements with their attributes, whether they nest, and the ids and links there are."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_comment(self, data: str) -> None:
        self.wrong.append("comment")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def drawings(html: str) -> list[str]:
    """The ``svg`` elements of a page."""
    return re.findall(r"<svg\b.*?</svg>", html, re.DOTALL)


def assert_sound(html: str, mark: str) -> Page:
    """The page nests, has only our elements and attributes, and data stand in text and labels only."""
    page = Page(html)
    assert page.wrong == []
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= TAGS
    for tag, attributes in page.elements:
        assert set(attributes) <= ATTRIBUTES, tag
        said = {name for name, value in attributes.items() if mark in (value or "")}
        assert said <= {"aria-label"}, (tag, said)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    for drawing in drawings(html):
        ET.fromstring(drawing)
    html.encode("utf-8")
    return page
