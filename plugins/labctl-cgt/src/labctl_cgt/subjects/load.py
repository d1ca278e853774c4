"""Families by name: they are reached by a string only, so that a plan imports none of them."""

from __future__ import annotations

from importlib import import_module

from labctl_cgt.subjects.family import Family


def load_family(name: str) -> Family:
    """The family that ``module:attribute`` names."""
    module, _, attribute = name.partition(":")
    found: Family = getattr(import_module(module), attribute)
    return found
