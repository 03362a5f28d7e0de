"""Stretch in time and shift in pitch on the log-mel itself, for corpora that keep no sound.

A stretch reads frames at another speed (linear interpolation); frames past the end are mirrored, so that a clip keeps
its length. A shift by s semitones reads band m at the frequency f(m) 2^(-s/12), by linear interpolation between bands.
On sound both would leave the other as it was exactly; on a log-mel of wide bands a shift also smears harmonics a
little, and a stretch changes the speed of attacks with that of notes.

Tempo and register are emotion cues (Eerola, Friberg & Bresin 2013): labels stay true only within small changes, for
which :data:`SAFE_RATE` and :data:`SAFE_SEMITONES` are the limits. When not to use: beyond them with labels kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from affetti.presets import FrontEnd
from affetti.signal.front_ends import band_at, band_frequencies

SAFE_RATE = 1.05
"""Fastest and, as its inverse, slowest speed at which a label is kept: ±0.14 notes a second at 2.8."""
SAFE_SEMITONES = 1.0
"""Farthest shift at which a label is kept."""


def stretch(mel: Tensor, rate: Tensor) -> Tensor:
    """Play log-mels at another speed.

    Args:
        mel: dB ``[B, M, F]``.
        rate: speed of each ``[B]``, > 0; above 1 is faster.

    Returns:
        ``[B, M, F]``.
    """
    frames = mel.shape[2]
    at = torch.arange(frames, dtype=mel.dtype, device=mel.device) * rate.to(mel.dtype)[:, None]
    last = frames - 1
    at = last - (last - at % (2 * last)).abs()  # a mirror at either end
    return _between(mel.transpose(1, 2), at).transpose(1, 2)


def shift(mel: Tensor, semitones: Tensor, front: FrontEnd) -> Tensor:
    """Move log-mels in pitch.

    Args:
        mel: dB ``[B, M, F]``.
        semitones: shift of each ``[B]``; above 0 is higher. Bands beyond the edge repeat the outermost.
        front: the front-end that made them.

    Returns:
        ``[B, M, F]``.
    """
    source = band_frequencies(front)[None, :] * 2.0 ** (-semitones.double().cpu().numpy()[:, None] / 12)
    at = torch.from_numpy(band_at(source, front)).to(mel)
    return _between(mel, at.clamp(0, front.n_bands - 1))


def _between(rows: Tensor, at: Tensor) -> Tensor:
    """Rows of ``[B, N, K]`` at places ``[B, L]`` in [0, N - 1], by linear interpolation: ``[B, L, K]``."""
    low = at.floor().long().clamp(0, rows.shape[1] - 2)
    part = (at - low)[:, :, None]
    index = low[:, :, None].expand(-1, -1, rows.shape[2])
    return (1 - part) * rows.gather(1, index) + part * rows.gather(1, index + 1)
