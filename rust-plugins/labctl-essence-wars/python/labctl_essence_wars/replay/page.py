"""A recorded deal as one HTML file that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from labctl_essence_wars.replay.summary import escape, named, summary

SCHEMA = 1
"""The record's shape that this viewer reads."""
SCRIPTS = ("record.js", "chart.js", "board.js", "viewer.js")
"""The script's parts, in the order in which they stand in the page."""


def page(record: Mapping[str, Any], title: str) -> str:
    """The viewer of ``record``, both games of one deal, as a whole page.

    The page holds the record as JSON, and draws it by its own script. Without the script it still shows who
    won, and every choice as a list. Strings of the record are text and never markup.

    Raises ValueError if the record has another ``schema_version``, or a number that JSON cannot hold.
    """
    found = record.get("schema_version")
    if found != SCHEMA:
        raise ValueError(f"the record has schema_version {found!r}, and this viewer reads {SCHEMA}")
    style, script = _asset("viewer.css"), _script()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style, script))}">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(named(title, 200))}</title><style>{style}</style></head>"
        f"<body>{summary(record, title)}"
        f'<script type="application/json" id="record">{_embedded(record)}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def policy(style: str, script: str) -> str:
    """What the page may do: nothing but its own style, its own script and images within it."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _script() -> str:
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _asset(name: str) -> str:
    return (files("labctl_essence_wars.replay") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _embedded(record: Mapping[str, Any]) -> str:
    """The record as JSON in ASCII that cannot end its element."""
    text = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
