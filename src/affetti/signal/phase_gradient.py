"""Phase from the slopes of a log-magnitude: real-time phase-gradient heap integration.

Where the window is a Gaussian, the gradient of an STFT's phase is that of its log-magnitude turned by a right angle
(Portnoff 1979). Průša, Balazs & Søndergaard (2017, "A noniterative method for reconstruction of phase from STFT
magnitude") take a Hann window for the Gaussian that is nearest to it, and integrate from loud bins to quiet ones; Průša
& Søndergaard (2016, "Real-time spectrogram inversion using phase gradient heap integration") do so frame by frame: a
bin takes its phase from the frame before or from a neighbour in its own frame, whichever the heap would reach first.

That order needs no heap. The heap reaches a bin at the level of the widest path to it: with a the magnitudes of the
frame before and b those of this one, from below ↑ₖ = max(aₖ, min(↑ₖ₋₁, bₖ₋₁)), from above the same mirrored. So all
frames run up and down the bins at once, and what is left to do one frame after the other is a gather and a sum.
Magnitudes that differ give the tree that the heap gives, and a test holds it to that.

With s the log-magnitude, M = n_fft, a = hop_length and γ = 0.25645 M²: a step in time adds 2πak/M + (aM/γ) ∂s/∂k, a
step in frequency -(γ/(aM)) ∂s/∂n - π (the window is centred in its frame). The less frames overlap, the less accurate
it is; the papers use hops of at most a quarter of the frame. The absolute phase is not determined, and is inaudible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GAMMA = 0.25645
"""γ / n_fft² of the Gaussian nearest to a Hann window."""
TOLERANCE = 1e-6
"""Bins under this share of the loudest carry no phase on to the next frame."""


def integrate(magnitude: NDArray[np.float32], hop_length: int) -> NDArray[np.float32]:
    """Phases of a magnitude spectrogram.

    Args:
        magnitude: ``[n_fft/2 + 1, F]``, ≥ 0, of a Hann STFT whose phases count from the first sample of each frame.
        hop_length: samples between frames, > 0.

    Returns:
        phases ``[n_fft/2 + 1, F]``, radians in [0, 2π).
    """
    bins, frames = magnitude.shape
    n_fft = 2 * (bins - 1)
    quietest = max(TOLERANCE * float(magnitude.max(initial=0.0)), 1e-30)
    slope = GAMMA * n_fft / hop_length  # γ / (a M)
    level = np.log(np.maximum(magnitude, 1e-4 * quietest), dtype=np.float32)
    turning = np.gradient(level, axis=0) / np.float32(slope)
    turning += np.float32(2.0 * np.pi * hop_length / n_fft) * np.arange(bins, dtype=np.float32)[:, None]
    in_time = np.zeros((frames, bins), np.float32)
    in_time[1:] = 0.5 * (turning[:, 1:] + turning[:, :-1]).T
    across = np.gradient(level, axis=1) * np.float32(-slope) - np.float32(np.pi)
    # Double precision: a frame's 1,025 steps of some radians are summed, and only differences count.
    in_frequency = np.zeros((frames, bins))
    in_frequency[:, 1:] = np.cumsum(0.5 * (across[1:] + across[:-1]).T, axis=1, dtype=np.float64)
    source = np.ascontiguousarray(sources(magnitude, quietest).T)
    offset = (in_frequency - np.take_along_axis(in_frequency, source, axis=1)) % (2.0 * np.pi)
    phase = np.empty((frames, bins), np.float32)
    before = np.zeros(bins)
    for n in range(frames):
        before = (before + in_time[n])[source[n]] + offset[n]
        before %= 2.0 * np.pi
        phase[n] = before
    return phase.T


def sources(magnitude: NDArray[np.float32], quietest: float) -> NDArray[np.intp]:
    """For each bin ``[K, F]``, the bin of its frame through which the heap reaches it from the frame before.

    A bin that is its own source continues the frame before. Bins under ``quietest`` carry nothing on; where none does,
    a frame grows from its loudest bin alone.
    """
    bins, frames = magnitude.shape
    now = np.maximum(magnitude, quietest)
    before = np.zeros_like(now)
    before[:, 1:] = np.where(magnitude[:, :-1] > quietest, magnitude[:, :-1], 0.0)
    loudest = now.argmax(axis=0)
    each = np.arange(frames)
    before[loudest, each] = np.maximum(before[loudest, each], 0.5 * quietest)
    upward, downward = before.copy(), before.copy()
    for k in range(1, bins):
        np.maximum(before[k], np.minimum(upward[k - 1], now[k - 1]), out=upward[k])
    for k in range(bins - 2, -1, -1):
        np.maximum(before[k], np.minimum(downward[k + 1], now[k + 1]), out=downward[k])
    own = (before >= upward) & (before >= downward)
    number = np.arange(bins)[:, None]
    below = np.maximum.accumulate(np.where(own, number, 0), axis=0)
    above = np.minimum.accumulate(np.where(own, number, bins - 1)[::-1], axis=0)[::-1]
    return np.where(own, number, np.where(upward >= downward, below, above))
