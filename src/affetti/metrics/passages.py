"""How far clips are from sharing a passage with a training clip, whatever they do before and after it.

Features of whole clips do not see that half of a clip is copied, and hardly see a copy that starts seconds later. So
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

When not to use: for copies that are transposed, stretched by more than a few per cent, or moved by more than three
seconds within the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.ndimage import gaussian_filter1d

from affetti.errors import InputError
from affetti.metrics.mel_features import Mels
from affetti.metrics.sample import Codes, Floats, song_codes
from affetti.metrics.smallest_distances import TailTest, distinct_places, relative_nearest, tail_test
from affetti.rows import evenly_spaced, release_pages

PASSAGE_SECONDS = 3.0
MAX_SHIFT_SECONDS = 3.1
"""Three seconds, and one step for rounding."""
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
MAX_COMPARISONS = 4 * 10**10
"""Pairs of passages, above which the search refuses: some ten minutes of one core."""

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class ClipRows:
    """Some clips of a set that may be larger than memory."""

    mel: Mels
    """dB log-mels of the whole set ``[N, M, F]``."""
    rows: Codes
    """Which of them ``[n]``."""
    songs: NDArray[np.str_]
    """Song id of each of these ``[n]``."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice | Codes) -> Mels:
        return self.mel[self.rows[part]]


@dataclass(frozen=True)
class SharedPassages:
    """Result of :func:`shared_passages`."""

    test: TailTest
    which: Codes
    """Training clip that has the nearest passage, of each synthetic clip ``[N]``."""
    away: Floats
    """Its distance ``[N]``."""
    relative: Floats
    """That over the distance of the fifth nearest song ``[N]``."""
    quantile: Floats
    """Share of held-out clips whose relative distance is at most as large ``[N]``."""


def shared_passages(
    fake: ClipRows, train: ClipRows, holdout: ClipRows, frame_rate: float | None = None, seed: int = 0
) -> SharedPassages:
    """Whether synthetic clips share passages with training clips more than held-out clips do.

    Args:
        fake: synthetic clips.
        train: the clips that the generator was trained on.
        holdout: real clips of songs that it was not trained on.
        frame_rate: frames a second; by default that of the preset ``tiny``.
        seed: of the clips drawn where songs have several.

    Raises:
        InputError: fewer than 8 held-out songs, silent training clips, or more than :data:`MAX_COMPARISONS`.
    """
    space = PassageSpace.fit(train, frame_rate)
    comparisons = (len(fake) + len(holdout)) * len(train) * space.alignments(train.mel.shape[2])
    if comparisons > MAX_COMPARISONS:
        raise InputError(
            f"{len(fake):,} and {len(holdout):,} × {len(train):,} clips are too many to compare by passages",
            where="fake, holdout and train",
            hint="draw whole songs at random",
        )
    passages = space.embed(train)
    songs = song_codes(train.songs, len(train), "songs of train")
    away, which, relative = relative_nearest(space.distances(fake, passages), songs, len(fake))
    held = relative_nearest(space.distances(holdout, passages), songs, len(holdout))[2]

    def apart(row: int, others: Codes) -> Floats:
        one, rest = (ClipRows(fake.mel, fake.rows[part], fake.songs[part]) for part in (np.array([row]), others))
        return next(space.distances(one, space.embed(rest)))[1][0].astype(np.float64)

    places = distinct_places(which, away, relative, held, apart)
    test = tail_test(relative, held, (fake.songs, holdout.songs), places, seed)
    quantile = np.searchsorted(np.sort(held), relative, side="right") / len(held)
    return SharedPassages(test, which, away, relative, quantile)


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
    def fit(cls, train: ClipRows, frame_rate: float | None = None) -> PassageSpace:
        """Fit to the training clips; ``frame_rate`` in frames a second.

        Raises:
            InputError: all training clips are silent.
        """
        rate = FRAME_RATE if frame_rate is None else frame_rate
        frames = max(1, min(round(STEP_SECONDS * rate), train.mel.shape[2] // 4))
        steps = train.mel.shape[2] // frames
        length = max(1, min(round(PASSAGE_SECONDS * rate / frames), steps // 2))
        shift = int(MAX_SHIFT_SECONDS * rate / frames)
        rows = evenly_spaced(len(train), N_FITTED)
        mean = np.stack([_grid(train[row : row + 1], frames).mean(axis=(0, 2)) for row in rows]).mean(axis=0)
        nothing = np.zeros(0, np.float32)
        bare = cls(frames, length, shift, mean[:, None], nothing, nothing, 0.0)
        rng = np.random.default_rng(0)
        each = -(-N_FITTED // len(rows))
        parts: list[Floats32] = []
        for row in rows:
            passages, sounds = bare._passages(train[row : row + 1], 1)
            kept = np.flatnonzero(sounds[0])
            parts.append(passages[0, rng.choice(kept, min(each, len(kept)), replace=False)])
            release_pages(train.mel)
        sample = np.concatenate(parts)
        if not len(sample):
            raise InputError("no passage of the training clips sounds", where="train", hint="give clips of music")
        centre = sample.mean(axis=0)
        size = len(centre)
        variance, axes = linalg.eigh(
            (sample - centre).T @ (sample - centre) / len(sample),
            subset_by_index=(max(0, size - N_COMPONENTS), size - 1),
        )
        varies = variance > 1e-6 * max(float(variance[-1]), 1e-9)
        components = axes[:, varies] / np.sqrt(variance[varies])
        weakest = 0.3 * float(np.median(np.linalg.norm((sample - centre) @ components, axis=1)))
        return cls(frames, length, shift, bare.mean, centre, components.astype(np.float32), weakest)

    @property
    def hop(self) -> int:
        """Steps between the passages of a synthetic clip."""
        return max(1, self.length // 4)

    def alignments(self, frames: int) -> int:
        """Pairs of passages by which two clips of ``frames`` frames are compared, at the most."""
        last = frames // self.frames - self.length
        return (last // self.hop + 1) * (2 * min(self.shift, last) + 1)

    def embed(self, clips: ClipRows, hop: int = 1) -> Floats32:
        """Passages of clips, one every ``hop`` steps: ``[N, P, K]`` of length 1, or 0 if silent."""
        parts: list[Floats32] = []
        for start in range(0, len(clips), BATCH_CLIPS):
            passages, sounds = self._passages(clips[start : start + BATCH_CLIPS], hop)
            projected = (passages - self.centre) @ self.components
            size = np.maximum(np.linalg.norm(projected, axis=2, keepdims=True), max(self.weakest, 1e-9))
            parts.append(projected / size * sounds[:, :, None])
            release_pages(clips.mel)
        return np.concatenate(parts)

    def distances(self, clips: ClipRows, train: Floats32) -> Iterator[tuple[slice, Floats32]]:
        """Distances ``[n, T]`` of some clips at a time from the training clips, of which ``train`` has all passages."""
        queries = self.embed(clips, self.hop)
        by_step = np.ascontiguousarray(train.transpose(1, 2, 0))
        rows = 8 * BATCH_CLIPS
        for start in range(0, len(queries), rows):
            here = queries[start : start + rows]
            best = np.zeros((len(here), len(train)), np.float32)
            for number in range(here.shape[1]):
                step = number * self.hop
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
