"""The report as Markdown: what is in it, and that no text of a job becomes anything but text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import ModuleType

import pytest
from markdown_it import MarkdownIt

from labctl.report.markdown import escaped, to_markdown

ALLOWED = {
    "h1", "h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "pre",
}  # fmt: skip


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def rendered(text: str) -> str:
    """As the sites render it that people paste Markdown into: with HTML let through and links found."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def elements(html: str) -> _Elements:
    parser = _Elements()
    parser.feed(html)
    return parser


def test_it_says_what_the_page_says(sample: ModuleType) -> None:
    view = sample.view()
    text = to_markdown(view)
    html = rendered(text)
    assert elements(html).names <= ALLOWED
    plain = re.sub(r"<[^>]+>", " ", html)
    for verdict in view.verdicts:
        assert verdict.prediction.id in plain
        assert verdict.outcome in plain
    for section in view.sections:
        assert section.title.split()[0] in plain
    assert view.run in plain
    tables = html.count("<table>")
    assert tables >= 3 + sum(len(s.tables) + len(s.charts) for s in view.sections)


def test_a_run_without_anything(sample: ModuleType, hostile: ModuleType) -> None:
    assert to_markdown(hostile.emptied(sample.view())).startswith("# ")
    assert to_markdown(sample.all_failed()).startswith("# ")


@pytest.mark.parametrize("which", ["script", "image", "quote", "url", "svg", "comment", "markdown", "mixed",
                                   "control", "bidi", "surrogate", "spaces", "empty"])  # fmt: skip
def test_no_text_becomes_markup(sample: ModuleType, hostile: ModuleType, which: str) -> None:
    poisoned = hostile.poison(sample.view(), hostile.TEXTS[which])
    found = elements(rendered(to_markdown(poisoned)))
    assert found.names <= ALLOWED
    assert not [name for name, _ in found.attributes if name not in ("style", "class")]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e300, 0, 10**12])
def test_any_number(sample: ModuleType, hostile: ModuleType, number: float) -> None:
    assert "nan" not in to_markdown(hostile.renumber(sample.view(), number)).lower().split()


TEXTS = (
    "| a | b |", "1. x", "- x", "# x", "> x", "```", "www.example.com", "a\nb", "<http://x>", "[a](b)",
    "&lt;", "a@b.cd", "    x", "~~x~~", "$x$",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_out_as_it_is(text: str) -> None:
    html = rendered(escaped(text))
    import html as codec

    assert codec.unescape(re.sub(r"</?p>", "", html)).strip() == " ".join(text.split())
