"""Cheats: log-mels that score like music in one number and are not music, made from real log-mels ``[N, M, F]``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Mels = NDArray[np.float32]
Cheat = Callable[[Mels, np.random.Generator], Mels]


def held(x: Mels, rng: np.random.Generator) -> Mels:
    """One frame for the whole clip."""
    frame = x[np.arange(len(x)), :, rng.integers(x.shape[2], size=len(x))]
    return np.repeat(frame[:, :, None], x.shape[2], axis=2)


def blurred(x: Mels, _: np.random.Generator) -> Mels:
    return np.asarray(gaussian_filter(x, (0, 4, 12)), np.float32)


def shuffled(x: Mels, rng: np.random.Generator) -> Mels:
    """Frames in random order."""
    return np.stack([clip[:, rng.permutation(x.shape[2])] for clip in x])


def one_clip(x: Mels, rng: np.random.Generator) -> Mels:
    return np.repeat(x[rng.integers(len(x))][None], len(x), axis=0)


def one_clip_with_noise(x: Mels, rng: np.random.Generator) -> Mels:
    return one_clip(x, rng) + rng.normal(scale=2.0, size=x.shape).astype(np.float32)


def matched_noise(x: Mels, rng: np.random.Generator) -> Mels:
    """First-order autoregressive noise with the profile, spread and smoothness of each band of each clip."""
    mean, spread = x.mean(axis=2, keepdims=True), x.std(axis=2, keepdims=True)
    z = (x - mean) / np.maximum(spread, 1e-6)
    memory = (z[:, :, 1:] * z[:, :, :-1]).mean()
    noise = rng.normal(size=x.shape)
    for t in range(1, x.shape[2]):
        noise[:, :, t] = memory * noise[:, :, t - 1] + np.sqrt(1 - memory**2) * noise[:, :, t]
    return (noise * spread + mean).astype(np.float32)


def flipped(x: Mels, _: np.random.Generator) -> Mels:
    """Bands upside down."""
    return x[:, ::-1]


def white(x: Mels, rng: np.random.Generator) -> Mels:
    return (rng.normal(size=x.shape) * x.std() + x.mean()).astype(np.float32)


def backwards(x: Mels, _: np.random.Generator) -> Mels:
    return x[:, :, ::-1]


def blocks(x: Mels, rng: np.random.Generator) -> Mels:
    """Blocks of half a second in random order."""
    parts = np.array_split(np.arange(x.shape[2]), x.shape[2] // 11)
    return np.stack([clip[:, np.concatenate([parts[i] for i in rng.permutation(len(parts))])] for clip in x])


def spliced(x: Mels, _: np.random.Generator) -> Mels:
    """The first half of one clip and the second of another."""
    half = x.shape[2] // 2
    return np.concatenate([x[:, :, :half], np.roll(x, 1, axis=0)[:, :, half:]], axis=2)


def registers(x: Mels, _: np.random.Generator) -> Mels:
    """Low bands of one clip and high bands of another."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], np.roll(x, 1, axis=0)[:, half:]], axis=1)


def looped(x: Mels, _: np.random.Generator) -> Mels:
    """Two seconds repeated."""
    return x[:, :, np.arange(x.shape[2]) % 43]


def steps(x: Mels, _: np.random.Generator) -> Mels:
    """Levels in steps of 6 dB."""
    return np.asarray(np.round(x / 6) * 6, np.float32)


CHEATS: list[Cheat] = [
    held,
    blurred,
    shuffled,
    one_clip,
    one_clip_with_noise,
    matched_noise,
    flipped,
    white,
    backwards,
    blocks,
    spliced,
    registers,
    looped,
    steps,
]
