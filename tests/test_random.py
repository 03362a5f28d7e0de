from __future__ import annotations

import hashlib

from affetti.random import child_seed


def test_a_seed_is_the_hash_of_its_parts() -> None:
    digest = hashlib.blake2b(b"weights:7", digest_size=8).hexdigest()
    assert child_seed("weights", 7) == int(digest, 16) // 2


def test_seeds_of_different_parts_differ() -> None:
    seeds = {child_seed(name, a, b) for name in ("x", "y") for a in range(20) for b in range(20)}
    assert len(seeds) == 800
    assert child_seed("a", 1, 12) != child_seed("a", 11, 2)
