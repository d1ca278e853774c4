"""Values as inline TOML, for content that tests make."""

from __future__ import annotations

import json
from typing import Any


def inline(value: Any) -> str:
    """A number, text, list or table on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    return json.dumps(value)
