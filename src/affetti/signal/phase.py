"""Phase for a magnitude spectrogram: fast Griffin-Lim.

Griffin & Lim (1984) alternate between the given magnitude and the nearest consistent STFT; Perraudin, Balazs &
Søndergaard (2013) add momentum (0.99), which reaches in 32 steps what the plain iteration needs 200 for. The result
depends on the seed of the first phase. Do not use it to judge a generator's magnitudes: it adds its own error.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError


def griffin_lim(
    magnitude: Tensor | NDArray[np.floating],
    n_iter: int = 32,
    hop_length: int = 512,
    momentum: float = 0.99,
    seed: int = 0,
) -> Tensor:
    """Find a waveform whose STFT has the given magnitude.

    Args:
        magnitude: ``[n_fft/2 + 1, F]``, ≥ 0, of a centred Hann STFT.
        n_iter: iterations, ≥ 0 (0: random phase).
        hop_length: samples between frames.
        momentum: 0 for the plain algorithm, 0.99 for the fast one.
        seed: of the first, uniformly random phase.

    Returns:
        waveform ``[T]``, T = hop_length · (F - 1), float32.

    Raises:
        InputError: the magnitude has another shape, is negative or not a number.
    """
    # A copy of an array, which may be read-only (a memory map): torch would warn of sharing it.
    target = (magnitude if isinstance(magnitude, Tensor) else torch.from_numpy(np.array(magnitude))).float()
    if target.ndim != 2 or target.shape[0] < 2 or target.shape[1] < 2:
        raise InputError(f"a magnitude of shape {tuple(target.shape)}", hint="give [n_fft/2 + 1, F] with F ≥ 2")
    if not bool(torch.isfinite(target).all()) or bool((target < 0).any()):
        raise InputError("a magnitude with negative values or values that are not numbers", hint="give |STFT|")
    n_fft = 2 * (target.shape[0] - 1)
    length = hop_length * (target.shape[1] - 1)
    window = torch.hann_window(n_fft, device=target.device)
    generator = torch.Generator().manual_seed(seed)
    phase = (2 * torch.pi * torch.rand(target.shape, generator=generator)).to(target.device)
    estimate = torch.polar(target, phase)
    previous = torch.zeros_like(estimate)
    for _ in range(n_iter):
        waveform = torch.istft(estimate, n_fft, hop_length, window=window, length=length)
        consistent = torch.stft(
            waveform, n_fft, hop_length, window=window, center=True, pad_mode="constant", return_complex=True
        )
        moved = consistent + momentum * (consistent - previous)
        previous = consistent
        estimate = target * moved / moved.abs().clamp_min(1e-16)
    return torch.istft(estimate, n_fft, hop_length, window=window, length=length)
