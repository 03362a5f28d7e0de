"""Clips that a generator makes for the conditions of its own training clips, and pairs of both.

They are filed in parts, so that a run that was stopped makes none of them twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.storage import atomic_write
from affetti.training.clips import Clips

CLIPS_PER_FILE = 64
"""Clips in each file but the last."""
OwnClips = tuple[NDArray[np.float16], ...]
"""Log-mels ``[n, M, F]`` in dB of :data:`CLIPS_PER_FILE` clips each, of the last fewer; memory-mapped."""


@dataclass(frozen=True)
class PairedClips(Clips):
    """As :class:`affetti.training.clips.Clips`, but log-mels ``[B, 2, M, F]``: a clip, and one that a model made."""

    own: OwnClips
    """The model's clips for the conditions of :attr:`rows`, in their order."""

    def take(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Log-mels ``[B, 2, M, F]`` in dB and labels ``[B, K]`` of the given rows, float32."""
        real, labels = super().take(rows)
        places = [divmod(place, CLIPS_PER_FILE) for place in self._places[rows].tolist()]
        own = np.stack([np.asarray(self.own[file][row], dtype=np.float32) for file, row in places])
        return torch.stack([real, torch.from_numpy(own)], dim=1), labels

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """Where each row of the corpus stands among :attr:`rows`; those that are not among them come last."""
        places = np.full(len(self.mel), len(self.rows), dtype=np.intp)
        places[self.rows] = np.arange(len(self.rows))
        return places


def sample_own_clips(sampler: Sampler, conditions: Tensor, folder: Path, progress: Progress = silent) -> OwnClips:
    """The clips of ``sampler`` for ``conditions [N, K]``, filed below ``folder``; those that are there are kept.

    Raises:
        StorageError: a file cannot be written.
    """
    shape = sampler.front_end.shape
    made: list[NDArray[np.float16]] = []
    for start in range(0, len(conditions), CLIPS_PER_FILE):
        progress("own clips", start, len(conditions))
        stop = min(start + CLIPS_PER_FILE, len(conditions))
        path = folder / f"{start:06d}.npy"
        clips = _read(path, (stop - start, *shape))
        if clips is None:
            with torch.inference_mode():
                parts = [part.mel for part in sampler.batches(conditions, start, stop)]
            with atomic_write(path) as temporary, temporary.open("wb") as file:
                np.save(file, torch.cat(parts).half().numpy())
            clips = np.load(path, mmap_mode="r")
        made.append(clips)
    progress("own clips", len(conditions), len(conditions))
    return tuple(made)


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.float16] | None:
    """The clips filed at ``path``; None where there are none, or others."""
    try:
        clips = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return clips if clips.shape == shape and clips.dtype == np.float16 else None
