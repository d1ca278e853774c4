"""Where the tensors live."""

from __future__ import annotations

import torch


def device() -> torch.device:
    """The GPU that the job was given, else the CPU.

    Random numbers are always drawn on the CPU and snapshots always lie there, so that a training means
    the same on both; sums are taken in another order, so the last bits of its numbers differ.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
