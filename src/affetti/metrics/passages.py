"""How far clips are from sharing a passage with a training clip, whatever they do before and after it.

Features of whole clips do not see that half of a clip is copied, and hardly see a copy that starts a second later. So
passages of up to :data:`PASSAGE_SECONDS` (at most half a clip) are compared:

1. log-mels are averaged to at most :data:`N_BANDS` bands and steps of about :data:`STEP_SECONDS`; the training set's
   mean of each band is subtracted, and then the smooth course over bands (a Gaussian of :data:`SMOOTHING` bands), so
   that pitches and onsets remain, and neither loudness nor tone colour counts;
2. each passage is projected onto the :data:`N_COMPONENTS` first principal components of training passages, whitened,
   and scaled to length 1, so that what all music shares does not count;
3. the distance of a clip from a training clip is 1 minus the largest inner product of a passage of the clip, one every
   quarter of a passage, and a passage of the training clip that begins at most :data:`MAX_SHIFT_SECONDS` earlier or
   later.

0 is a passage that is the same, about 1 are passages that have nothing in common. Silent passages are in common with
nothing.

When not to use: for copies that are transposed, stretched by more than a few per cent, or moved by more than a second
within the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.ndimage import gaussian_filter1d

from affetti.metrics.mel_features import Mels
from affetti.rows import evenly_spaced, release_pages

PASSAGE_SECONDS = 3.0
MAX_SHIFT_SECONDS = 1.1
"""A second, and one step for rounding."""
STEP_SECONDS = 0.093
N_BANDS = 32
SMOOTHING = 3.0
"""Standard deviation in bands, of 32."""
N_COMPONENTS = 48
N_FITTED = 4_000
"""Passages of which principal components are taken."""
SILENT_DB = 50.0
"""Level under the clip's maximum at which music is as good as silent."""
FRAME_RATE = 22_050 / 1_024
"""Frames a second where the front-end is not known."""
BATCH_CLIPS = 64

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class PassageSpace:
    """What turns log-mels into passages, fitted to the training set."""

    frames: int
    """Frames a step."""
    length: int
    """Steps a passage."""
    shift: int
    """Steps by which passages that are compared may be apart."""
    mean: Floats32
    """Of each band of the training set ``[B, 1]``."""
    centre: Floats32
    """Mean of the training passages ``[B * length]``."""
    components: Floats32
    """Whitened principal components ``[B * length, K]``."""
    weakest: float
    """Length below which a passage is not scaled to 1: one that has next to no content is like no other."""

    @classmethod
    def fit(cls, train: Mels, frame_rate: float | None = None) -> PassageSpace:
        """Fit to the training clips ``[T, M, F]``; ``frame_rate`` in frames a second."""
        rate = FRAME_RATE if frame_rate is None else frame_rate
        frames = max(1, min(round(STEP_SECONDS * rate), train.shape[2] // 4))
        steps = train.shape[2] // frames
        length = max(1, min(round(PASSAGE_SECONDS * rate / frames), steps // 2))
        shift = int(MAX_SHIFT_SECONDS * rate / frames)
        rows = evenly_spaced(len(train), N_FITTED)
        means = [_grid(train[row][None], frames).mean(axis=(0, 2)) for row in rows]
        bare = cls(
            frames,
            length,
            shift,
            np.mean(means, axis=0, dtype=np.float32)[:, None],
            *(np.zeros(0, np.float32),) * 2,
            0.0,
        )
        rng = np.random.default_rng(0)
        each = -(-N_FITTED // len(rows))
        parts: list[Floats32] = []
        for row in rows:
            passages, sounds = bare._passages(train[row][None], 1)
            kept = np.flatnonzero(sounds[0])
            parts.append(passages[0, rng.choice(kept, min(each, len(kept)), replace=False)])
            release_pages(train)
        sample = np.concatenate(parts)
        centre = sample.mean(axis=0) if len(sample) else np.zeros(passages.shape[2], np.float32)
        size = len(centre)
        variance, axes = linalg.eigh(
            (sample - centre).T @ (sample - centre) / max(1, len(sample)),
            subset_by_index=(max(0, size - N_COMPONENTS), size - 1),
        )
        varies = variance > 1e-6 * max(float(variance[-1]), 1e-9)
        components = axes[:, varies] / np.sqrt(variance[varies])
        weakest = 0.3 * float(np.median(np.linalg.norm((sample - centre) @ components, axis=1)))
        return cls(frames, length, shift, bare.mean, centre, components.astype(np.float32), weakest)

    def embed(self, clips: Mels, hop: int = 1) -> Floats32:
        """Passages of dB log-mels ``[N, M, F]``, one every ``hop`` steps: ``[N, P, K]`` of length 1, or 0 if silent."""
        parts: list[Floats32] = []
        for start in range(0, len(clips), BATCH_CLIPS):
            passages, sounds = self._passages(clips[start : start + BATCH_CLIPS], hop)
            projected = (passages - self.centre) @ self.components
            size = np.maximum(np.linalg.norm(projected, axis=2, keepdims=True), max(self.weakest, 1e-9))
            parts.append(projected / size * sounds[:, :, None])
            release_pages(clips)
        return np.concatenate(parts)

    def distances(self, clips: Mels, train: Floats32) -> Iterator[tuple[slice, Floats32]]:
        """Distances ``[n, T]`` of some clips at a time from the training clips, of which ``train`` has all passages."""
        hop = max(1, self.length // 4)
        queries = self.embed(clips, hop)
        by_step = np.ascontiguousarray(train.transpose(1, 2, 0))
        rows = 8 * BATCH_CLIPS
        for start in range(0, len(queries), rows):
            here = queries[start : start + rows]
            best = np.zeros((len(here), len(train)), np.float32)
            for number in range(here.shape[1]):
                step = number * hop
                query = np.ascontiguousarray(here[:, number])
                for other in range(max(0, step - self.shift), min(len(by_step), step + self.shift + 1)):
                    np.maximum(best, query @ by_step[other], out=best)
            yield slice(start, start + len(here)), 1 - np.minimum(best, 1)

    def _passages(self, clips: Mels, hop: int) -> tuple[Floats32, NDArray[np.bool_]]:
        """Passages ``[N, P, B * length]`` before projection, and which of them sound ``[N, P]``."""
        grid = _grid(clips, self.frames)
        level = grid.max(axis=1)
        loud = level > level.max(axis=1, keepdims=True) - SILENT_DB
        moves = np.diff(grid, axis=2, append=grid[:, :, -1:]).any(axis=1)
        grid = grid - self.mean
        sigma = SMOOTHING * grid.shape[1] / N_BANDS
        grid = grid - gaussian_filter1d(grid, sigma, axis=1, mode="nearest")
        view = np.lib.stride_tricks.sliding_window_view(grid, self.length, axis=2)[:, :, ::hop]
        passages = view.transpose(0, 2, 1, 3).reshape(len(grid), view.shape[2], -1)
        sounds = (
            np.lib.stride_tricks.sliding_window_view(loud & moves, self.length, axis=1)[:, ::hop].mean(axis=2) >= 0.5
        )
        return passages, sounds


def _grid(clips: Mels, frames: int) -> Floats32:
    """Log-mels ``[N, M, F]`` as means over bands and steps ``[N, B, S]``."""
    mel = np.asarray(clips, dtype=np.float32)
    steps = mel.shape[2] // frames
    mel = mel[:, :, : steps * frames].reshape(*mel.shape[:2], steps, frames).mean(axis=3)
    bands = min(N_BANDS, mel.shape[1])
    edges = np.linspace(0, mel.shape[1], bands + 1).round().astype(np.intp)
    return np.add.reduceat(mel, edges[:-1], axis=1) / np.diff(edges)[:, None].astype(np.float32)
