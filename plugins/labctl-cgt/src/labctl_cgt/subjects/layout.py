"""A family's parameters as one row per model, so that optimiser and snapshot are single tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class Layout:
    """Names and shapes of a model's parameters within a row of ``size`` numbers."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)
        self.sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.size = sum(self.sizes)

    def split(self, theta: Tensor) -> dict[str, Tensor]:
        """``theta [M, size]`` as views ``[M, *shape]`` by name."""
        parts = torch.split(theta, self.sizes, dim=1)
        return {
            name: part.reshape(len(theta), *shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def columns(self, *names: str) -> slice:
        """Where the adjacent parameters ``names`` lie in a row. Raises ValueError if they are not."""
        order = list(self.shapes)
        first = order.index(names[0])
        if order[first : first + len(names)] != list(names):
            raise ValueError(f"{names} are not adjacent in {order}")
        start = sum(self.sizes[:first])
        return slice(start, start + sum(self.sizes[first : first + len(names)]))
