"""Seeds: one for each use, derived from the seed of a run, so that no two uses share a stream of random numbers."""

from __future__ import annotations

import hashlib


def child_seed(*parts: int | str) -> int:
    """A 63-bit seed from any parts, well mixed and the same on every machine.

    Example:
        >>> child_seed("weights", 0) == child_seed("weights", 0)
        True
        >>> child_seed("weights", 0) == child_seed("noise", 0)
        False
    """
    text = ":".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
