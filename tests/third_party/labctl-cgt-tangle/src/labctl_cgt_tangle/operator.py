"""Raises when it is imported."""

raise RuntimeError("the table of knots is missing")
