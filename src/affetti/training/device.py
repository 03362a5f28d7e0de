"""Where tensors live."""

from __future__ import annotations

import torch

from affetti.errors import UsageError


def choose_device(asked: str) -> str:
    """``cpu``, ``cuda`` or ``mps``; for ``auto`` the best there is.

    Raises:
        UsageError: there is no such device, or none here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, works in here.items() if works)
    if asked not in here:
        raise UsageError(f"unknown device {asked!r}", where="--device", hint=f"choose from {', '.join(here)}, auto")
    if not here[asked]:
        raise UsageError(f"there is no {asked} device here", where="--device", hint="leave it out: the CPU does it all")
    return asked
