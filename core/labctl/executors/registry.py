"""Executors by name, from the entry-point group ``labctl.executors``."""

from __future__ import annotations

import importlib

from labctl.errors import PluginError, UsageError
from labctl.leaving import take_time
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.load import describe
from labctl.spi import Executor

KNOWN = {"modal": "labctl-modal"}
"""Executors that a distribution of ours brings; named in the hint when it is not installed."""


def make_executor(catalogue: Catalogue, name: str) -> Executor:
    """A new executor of that name, not opened. Raises UsageError, PluginError."""
    rows = {row.name: row for row in catalogue.executors()}
    row = rows.get(name)
    if row is None:
        if name in KNOWN:
            raise PluginError(
                f"--on {name} needs {KNOWN[name]}, which is not installed",
                hints=[f"pip install {KNOWN[name]}"],
            )
        import difflib

        near = difflib.get_close_matches(name, rows, 1, 0.5)
        raise UsageError(
            f"there is no executor named {name}",
            details=["there are: " + ", ".join(sorted(rows))],
            hints=[f"did you mean --on {near[0]}?"] if near else [],
        )
    if row.status not in ("ok", "new"):
        raise PluginError(f"executor {name} cannot be used: it is {row.status}", details=[row.reason])
    module, _, attribute = row.entry.value.partition(":")
    if name != "local":
        take_time()
    try:
        return getattr(importlib.import_module(module), attribute)()  # type: ignore[no-any-return]
    except Exception as error:
        raise PluginError(
            f"executor {name} could not be loaded",
            details=[f"{row.distribution} {row.version}: {describe(error)}"],
        ) from error
