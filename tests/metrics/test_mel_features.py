from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from affetti.metrics.mel_features import batches
from affetti.rows import release_pages


def resident(path: Path) -> int:
    """Kilobytes of a mapped file that are in this process's memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith(str(path)))
    return int(next(line for line in lines[at:] if line.startswith("Rss:")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/smaps lists resident pages")
def test_a_memory_mapped_set_is_not_loaded_whole(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(256, 64, 128)).astype(np.float16)
    np.save(tmp_path / "set.npy", rows)
    mapped = np.load(tmp_path / "set.npy", mmap_mode="r")
    _ = float(mapped.sum())
    assert resident(tmp_path / "set.npy") > 3_000
    release_pages(mapped)
    assert resident(tmp_path / "set.npy") < 200
    np.testing.assert_array_equal(np.concatenate(list(batches(mapped, "set"))), rows.astype(np.float32))
    assert resident(tmp_path / "set.npy") < 200


def test_changes_in_memory_are_kept(tmp_path: Path) -> None:
    np.save(tmp_path / "set.npy", np.zeros((4, 8, 16)))
    private = np.load(tmp_path / "set.npy", mmap_mode="c")
    private[1] = 5
    release_pages(private)
    release_pages(private[1:3])
    assert private[1].min() == 5
    release_pages(np.ones((2, 3, 4)))
