"""How many bits numbers take: their order-0 entropy, and what real lossless coders make of them.

Entropy of order 0 (Shannon 1948, "A Mathematical Theory of Communication"), N · H of the relative frequencies of the
integers at hand, is what a coder takes that knows how often each value occurs and nothing else; the table of
frequencies is not counted, so that of N numbers it is N log₂ N at most, whatever they are. It is no lower bound: a
coder that uses neighbouring numbers takes less. A real coder's bits are a bound from above on what the numbers hold, as
far above as the coder is poor. FLAC, for waveforms, has a linear predictor and Rice codes (1979); for all else the
better of two is taken: LZMA, which knows repeated bytes alone, and Rice codes as FLAC has them for what its predictor
leaves. Neither measures what is audible, and both depend on the rounding step: halve it, and every number that is not
zero takes a bit more.

So that representations can be set side by side, a spectrum is rounded as finely as 16-bit PCM rounds the waveform.
With a step q the errors of real and imaginary parts have variance q²/12 each; the inverse STFT, being a
pseudo-inverse, leaves of them a variance of 2 q² / (12 C N) a sample, where N is the window's length and C = 3 N / (8
hop) the sum of squared Hann windows over a sample. It is that of PCM, Δ²/12, at q = Δ √(C N / 2); where bins lie far
under the step, they err by less.
"""

from __future__ import annotations

import lzma
import tempfile
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd
from affetti.signal import audio

Integers = NDArray[np.int32]
PCM_STEP = 2.0**-15
"""Of 16-bit PCM on [-1, 1]."""
RICE_BLOCK, RICE_PARAMETER_BITS = 16, 5
"""Numbers that share a Rice parameter, and the bits that say it."""
# Numbers of two bytes: the high byte is predicted from the high byte before, not from the low one beside it.
LZMA_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3, "lp": 1, "pb": 1}]


def spectral_step(front: FrontEnd) -> float:
    """The step of real and imaginary parts at which the inverse STFT errs as much as 16-bit PCM does.

    Exact where the hop is at most a quarter of the window: there the squared windows sum to a constant.
    """
    overlap = 0.375 * front.linear_n_fft / front.hop_length
    return PCM_STEP * sqrt(overlap * front.linear_n_fft / 2.0)


def order_0_bits(codes: Integers) -> float:
    """Bits of the integers at their order-0 entropy."""
    counts = np.bincount((codes - codes.min()).ravel())
    counts = counts[counts > 0]
    return float(-(counts * np.log2(counts / counts.sum())).sum())


def coded_bits(codes: Integers) -> int:
    """Bits of the integers ``[K, F]`` as the better of two real coders packs them."""
    return min(lzma_bits(codes), rice_bits(codes))


def lzma_bits(codes: Integers) -> int:
    """Bits of the integers ``[K, F]``, row after row, as LZMA packs them, in two bytes each where they fit."""
    fits = max(-int(codes.min()), int(codes.max()) + 1) <= 2**15
    return 8 * len(
        lzma.compress(codes.astype("<i2" if fits else "<i4").tobytes(), lzma.FORMAT_RAW, filters=LZMA_FILTERS)
    )


def rice_bits(codes: Integers) -> int:
    """Bits of the integers ``[K, F]`` in Rice codes with a parameter k for every 16 of a row.

    A number u ≥ 0 takes ⌊u / 2ᵏ⌋ + 1 bits in unary and k in binary, k takes 5; signed numbers are folded, 0 -1 1 -2 2.
    """
    folded = np.where(codes < 0, -2 * codes.astype(np.int64) - 1, 2 * codes.astype(np.int64))
    starts = np.arange(0, codes.shape[1], RICE_BLOCK)
    sizes = np.diff(starts, append=codes.shape[1])
    least = np.full((len(codes), len(starts)), np.iinfo(np.int64).max)
    for k in range(2**RICE_PARAMETER_BITS):
        least = np.minimum(least, np.add.reduceat(folded >> k, starts, axis=1) + sizes * (1 + k))
    return int(least.sum()) + RICE_PARAMETER_BITS * least.size


def flac_bits(waveform: Tensor, sample_rate: int) -> int:
    """Bits of a waveform ``[T]`` in 16 bits a sample as FLAC packs them, with the file's header of a hundred bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.flac"
        audio.save(path, waveform, sample_rate)
        return 8 * path.stat().st_size
