"""Markup that is safe by construction: text is escaped unless this module made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

LONGEST = 4000
"""Characters of one string that a page shows. The whole string stands in the JSON form."""

# What XML cannot hold (controls, lone surrogates, non-characters), and what lets text disguise
# itself: bidirectional embeddings, overrides and isolates, and the C1 controls.
_UNFIT_SET = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069"
    "\\ud800-\\udfff\\ufdd0-\\ufdef\\ufffe\\uffff"
)
_UNFIT = re.compile(f"[{_UNFIT_SET}]")
_HARMFUL = re.compile(f"[{_UNFIT_SET}&<>\"']")
# Not the no-break space: it holds an estimate and its interval together.
_SPACE = re.compile(r"[ \t\r\n\f\v\u2028\u2029]+")
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Markup(str):
    """A string that is markup already and goes into a page as it is."""

    __slots__ = ()


def clean(text: object) -> str:
    """``text`` without characters that cannot be written or that disguise what follows."""
    plain = text if type(text) is str else str(text)  # never markup: what is cleaned is still to be escaped
    if plain.isascii() and plain.isprintable():
        return plain
    return _UNFIT.sub("\ufffd", plain)


def line(text: object) -> str:
    """``text`` cleaned, on one line."""
    plain = clean(text)
    if "  " not in plain and plain.isascii() and plain.isprintable():
        return plain.strip()
    return _SPACE.sub(" ", plain).strip()


def shorten(text: str, limit: int = LONGEST) -> str:
    """``text`` with at most ``limit`` characters; what was cut is counted."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\u2026 ({len(text) - limit:,} more characters)"


def named(text: object, limit: int = 120) -> str:
    """A name or a title: ``text`` on one line, of a length at which a name is one."""
    whole = line(text)
    return whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "\u2026"


def escape(text: object) -> Markup:
    """``text`` for an element or a quoted attribute of HTML or XML. Markup stays as it is."""
    if isinstance(text, Markup):
        return text
    if isinstance(text, str) and len(text) <= LONGEST and not _HARMFUL.search(text):
        return Markup(text)
    return Markup(shorten(clean(text)).translate(_SPECIAL))


def join(parts: Iterable[object], separator: str = "") -> Markup:
    """The escaped parts in a row; None is left out."""
    return Markup(escape(separator).join(escape(part) for part in parts if part is not None))


def el(name: str, attributes: Mapping[str, object] | None = None, *children: object) -> Markup:
    """An element with escaped attributes (None is left out, True is bare) and escaped children."""
    shown = name
    if attributes:
        for key, value in attributes.items():
            if value is True:
                shown += f" {key}"
            elif value is not None and value is not False:
                shown += f' {key}="{escape(value)}"'
    inner = "".join([escape(child) for child in children if child is not None])
    return Markup(f"<{shown}>{inner}</{name}>")


def void(name: str, attributes: Mapping[str, object]) -> Markup:
    """An element without content, closed as both HTML and SVG take it."""
    shown = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{shown}/>")


def jump(anchor: str, *children: object, **attributes: object) -> Markup:
    """A link to an element of the page: the only kind of link that a report has."""
    return el("a", {"href": f"#{anchor}", **attributes}, *children)
