"""Text and numbers that try to break a page, put into every field of a value."""

from __future__ import annotations

from typing import Any

import msgspec

MARK = "PWNED"
"""Stands in every hostile text, so that a test can see where it came out."""

TEXTS = {
    "script": f"</script><script>window.{MARK}=1;alert(1)</script>",
    "image": f'"><img src=x onerror="window.{MARK}=1;alert(\'{MARK}\')">',
    "quote": f"' onmouseover='window.{MARK}=1' x='",
    "url": f"javascript:alert('{MARK}')//",
    "svg": f"</text></svg><svg onload=alert(1)>{MARK}<foreignObject><iframe src=javascript:alert(1)>",
    "style": f"</style><style>body{{display:none}}</style>{MARK}",
    "comment": f"<!--{MARK}--><![CDATA[ ]]> &lt; &#x3c;img&#x3e; ]]>",
    "control": f"\x00\x01\x08\x0b\x0c\x1b[31m{MARK}\x7f\x85\x9f\ufffe\uffff\t\r\n",
    "bidi": f"\u202e\u2066{MARK}\u202d gnp.exe\u2069",
    "surrogate": f"\ud800{MARK}\udfff",
    "long": MARK + "W" * 10_000,
    "wide": f"{MARK} 漢字かな 한국어 مرحبا ไทย 👩‍👩‍👧‍👦 ﷽ Ŵ\u0301\u0302\u0303\u0304 " * 6,
    "markdown": f"[{MARK}](javascript:alert(1)) ![x](http://example.invalid/x.png) **b**",
    "mixed": f"</script></style></svg>\"'><img src=x onerror=alert(1)>\ud800\u202e\x00{MARK}",
    "empty": "",
    "spaces": " \t\n ",
}


def poison(value: Any, text: str) -> Any:
    """``value`` with ``text`` in the place of every string, dictionary keys included."""
    if isinstance(value, str):
        return text
    if isinstance(value, msgspec.Struct):
        changed = {name: poison(getattr(value, name), text) for name in value.__struct_fields__}
        return type(value)(**changed)
    if isinstance(value, dict):
        return {(text if isinstance(key, str) else key): poison(item, text) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(poison(item, text) for item in value)
    return value


def renumber(value: Any, number: Any) -> Any:
    """``value`` with ``number`` in the place of every number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number
    if isinstance(value, msgspec.Struct):
        changed = {name: renumber(getattr(value, name), number) for name in value.__struct_fields__}
        return type(value)(**changed)
    if isinstance(value, dict):
        return {key: renumber(item, number) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(renumber(item, number) for item in value)
    return value


def emptied(value: Any) -> Any:
    """``value`` with every tuple below it empty."""
    changed = {
        name: () if isinstance(getattr(value, name), tuple) else getattr(value, name)
        for name in value.__struct_fields__
    }
    return type(value)(**changed)
