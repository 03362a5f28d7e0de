"""Phase for a magnitude spectrogram: fast Griffin-Lim, started from the slopes of the magnitude.

Griffin & Lim (1984) alternate between the given magnitude and the nearest consistent STFT; Perraudin, Balazs &
Søndergaard (2013) add momentum (0.99), which reaches in 32 steps what the plain iteration needs 200 for. The STFT is
linear, so the momentum is added to the waveform, a quarter of the numbers. Frames are analysed, given their magnitude
and overlapped a few at a time, so that their spectra stay in the processor's cache.

The first phase is that of :mod:`affetti.signal.phase_gradient`, or random. On real recordings eight iterations from the
former come closer than 32 from the latter (``bench/phase.py``).

Do not use it to evaluate a generator's magnitudes: it adds its own error.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError, UsageError
from affetti.signal.phase_gradient import integrate

Start = Literal["gradient", "random"]
FRAMES_PER_BLOCK = 64
"""Frames worked on at a time."""


def griffin_lim(
    magnitude: Tensor | NDArray[np.floating],
    n_iter: int = 32,
    hop_length: int = 512,
    momentum: float = 0.99,
    seed: int = 0,
    start: Start = "gradient",
) -> Tensor:
    """Find a waveform whose STFT has the given magnitude.

    Args:
        magnitude: ``[n_fft/2 + 1, F]``, ≥ 0, of a centred Hann STFT, F ≥ 2.
        n_iter: iterations, ≥ 0 (0: the first phase).
        hop_length: samples between frames, at most n_fft / 2.
        momentum: 0 for the plain algorithm, 0.99 for the fast one.
        seed: of the random start.
        start: the first phase: ``gradient``, from the slopes of the log-magnitude, or ``random``.

    Returns:
        waveform ``[T]``, T = hop_length · (F - 1), float32.

    Raises:
        InputError: the magnitude has another shape, is negative or not a number.
        UsageError: an invalid hop or start.
    """
    target = check_magnitude(magnitude)
    n_fft = 2 * (target.shape[0] - 1)
    if not 1 <= hop_length <= n_fft // 2:
        raise UsageError(
            f"hop_length {hop_length} with frames of {n_fft} samples",
            hint=f"give 1 to {n_fft // 2}: frames must overlap",
        )
    if start == "gradient":
        phase = torch.from_numpy(integrate(target.cpu().numpy(), hop_length))
    elif start == "random":
        phase = 2 * torch.pi * torch.rand(target.shape, generator=torch.Generator().manual_seed(seed))
    else:
        raise UsageError(f"there is no start {start!r}", where="start", hint="choose gradient or random")
    frames = _Frames(n_fft, hop_length, target.shape[1], target.device)
    target = target.T.contiguous()
    phase = phase.T.to(target.device)
    first = frames.empty()
    for part in frames.parts():
        frames.overlap(first, part, torch.polar(target[part], phase[part]))
    now = frames.balanced(first)
    ahead = now
    for _ in range(n_iter):
        view = ahead.unfold(0, n_fft, hop_length)
        sums = frames.empty()
        for part in frames.parts():
            spectrum = torch.fft.rfft(view[part] * frames.window)
            spectrum *= target[part] / _modulus(spectrum).clamp_min(1e-16)
            frames.overlap(sums, part, spectrum)
        before, now = now, frames.balanced(sums)
        ahead = now + momentum * (now - before)
    return now[n_fft // 2 :][: hop_length * (target.shape[0] - 1)].clone()


def check_magnitude(magnitude: Tensor | NDArray[np.floating]) -> Tensor:
    """A magnitude as float32 ``[n_fft/2 + 1, F]``, refused where it is invalid."""
    # A copy of an array, which may be read-only (a memory map): torch would warn of sharing it.
    target = (magnitude if isinstance(magnitude, Tensor) else torch.from_numpy(np.array(magnitude))).float()
    if target.ndim != 2 or target.shape[0] < 2 or target.shape[1] < 2:
        raise InputError(f"a magnitude of shape {tuple(target.shape)}", hint="give [n_fft/2 + 1, F] with F ≥ 2")
    if not bool(torch.isfinite(target).all()) or bool((target < 0).any()):
        raise InputError("a magnitude with negative values or values that are not numbers", hint="give |STFT|")
    return target.detach()


def _modulus(spectrum: Tensor) -> Tensor:
    # numpy's takes a tenth of torch's time on the CPU
    return torch.from_numpy(np.abs(spectrum.numpy())) if spectrum.device.type == "cpu" else spectrum.abs()


class _Frames:
    """Overlap-add of frames ``[F, n_fft]`` to a padded waveform, a part of them at a time."""

    def __init__(self, n_fft: int, hop_length: int, frames: int, device: torch.device) -> None:
        self.n_fft, self.hop_length, self.frames = n_fft, hop_length, frames
        self.window = torch.hann_window(n_fft, device=device)
        self.hops = math.ceil(n_fft / hop_length)
        envelope = self.empty()
        for part in self.parts():
            rows = torch.arange(frames)[part]
            self._add(envelope, part, self.window.square().expand(len(rows), -1))
        envelope = envelope.flatten()
        self.scale = torch.where(envelope > 1e-10, 1.0 / envelope.clamp_min(1e-10), 0.0)
        # The padding is silent: the analysis sees zeros there, as it does of a waveform.
        self.scale[: n_fft // 2] = 0.0
        self.scale[n_fft // 2 + hop_length * (frames - 1) :] = 0.0

    def empty(self) -> Tensor:
        """Room for the sums: ``[F - 1 + hops, hop_length]``, a padded waveform folded at the hops."""
        return torch.zeros(self.frames - 1 + self.hops, self.hop_length, device=self.window.device)

    def parts(self) -> list[slice]:
        """The frames, :data:`FRAMES_PER_BLOCK` at a time."""
        return [slice(at, min(at + FRAMES_PER_BLOCK, self.frames)) for at in range(0, self.frames, FRAMES_PER_BLOCK)]

    def overlap(self, sums: Tensor, part: slice, spectrum: Tensor) -> None:
        """Add the frames of some spectra ``[F, n_fft/2 + 1]`` to the sums."""
        self._add(sums, part, torch.fft.irfft(spectrum, n=self.n_fft) * self.window)

    def balanced(self, sums: Tensor) -> Tensor:
        """The waveform of the sums, padded by n_fft/2 zeros at either end and more."""
        return sums.flatten() * self.scale

    def _add(self, sums: Tensor, part: slice, frames: Tensor) -> None:
        for hop in range(self.hops):
            piece = frames[:, hop * self.hop_length : (hop + 1) * self.hop_length]
            sums[part.start + hop : part.stop + hop, : piece.shape[1]] += piece
