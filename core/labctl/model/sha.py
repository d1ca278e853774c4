"""SHA-256 of what is short, by the interpreter itself.

OpenSSL's, which ``hashlib`` loads, is several times as fast and costs every command most of an empty
interpreter's time, and three MiB. What may be long (an artifact, an input file) is digested with that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def _own() -> Callable[[bytes], Any]:
    for module in ("_sha2", "_sha256"):  # Python 3.12 and later, and before
        try:
            return importlib.import_module(module).sha256  # type: ignore[no-any-return]
        except ImportError:
            continue
    import hashlib  # an interpreter that was built without

    return hashlib.sha256


sha256 = _own()
"""Like ``hashlib.sha256``."""
