"""Versions of a reference for ``mushra``: the anchors of BS.1534-3, and what a log-mel loses of it.

``anchor35`` and ``anchor70`` are low-passed at 3.5 and 7 kHz (linear phase, Kaiser window, 60 dB from 500 Hz above).
``mel_phase`` has the magnitudes that a log-mel of the front-end ``paper`` is inverted to, with the phases of the
reference; ``mel_griffin_lim`` the same magnitudes with phases estimated by Griffin-Lim; ``griffin_lim`` the magnitudes
of the reference with estimated phases. What lies between the first two is phase alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from affetti.presets import front_end
from affetti.signal.front_ends import spectrogram
from affetti.signal.inversion import default_inverse
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim

SAMPLE_RATE = front_end("paper").sample_rate
"""Of references and their versions."""
TRANSITION, STOP_DB = 500.0, 60.0
"""Width of the transition of an anchor's filter in Hz, and what it takes away above, dB."""
DEFAULT_VERSIONS = ("anchor35", "anchor70", "mel_phase", "mel_griffin_lim")


def low_pass(waveform: Tensor, cutoff: float, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """Low-pass a waveform ``[T]``: kept up to ``cutoff`` Hz, gone from 500 Hz above; it is not delayed."""
    taps, beta = signal.kaiserord(STOP_DB, TRANSITION / (sample_rate / 2))
    taps += 1 - taps % 2
    window: Any = ("kaiser", beta)
    kernel = signal.firwin(taps, cutoff + TRANSITION / 2, window=window, fs=sample_rate)
    return torch.from_numpy(np.asarray(signal.fftconvolve(waveform.numpy(), kernel, mode="same"), dtype=np.float32))


def version(name: str, waveform: Tensor) -> Tensor:
    """A version of a reference ``[T]`` at :data:`SAMPLE_RATE`, of the same length; ``name`` one of :data:`VERSIONS`."""
    made = VERSIONS[name](waveform)[: len(waveform)]
    return torch.nn.functional.pad(made, (0, len(waveform) - len(made)))


def _mel_magnitude(waveform: Tensor) -> Tensor:
    front = front_end("paper")
    return default_inverse(front).magnitude(spectrogram(front)(waveform))


def _mel_phase(waveform: Tensor) -> Tensor:
    front = front_end("paper")
    spectrum = stft(waveform, front)
    phase = torch.where(spectrum.abs() > 0, spectrum / spectrum.abs().clamp_min(1e-12), torch.ones_like(spectrum))
    n_fft = spectrum.shape[-2] * 2 - 2
    window = torch.hann_window(n_fft)
    return torch.istft(_mel_magnitude(waveform) * phase, n_fft, front.hop_length, window=window, length=len(waveform))


def _mel_griffin_lim(waveform: Tensor) -> Tensor:
    return griffin_lim(_mel_magnitude(waveform), hop_length=front_end("paper").hop_length)


def _griffin_lim(waveform: Tensor) -> Tensor:
    front = front_end("paper")
    return griffin_lim(stft(waveform, front).abs(), hop_length=front.hop_length)


VERSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "anchor35": lambda waveform: low_pass(waveform, 3_500.0),
    "anchor70": lambda waveform: low_pass(waveform, 7_000.0),
    "mel_phase": _mel_phase,
    "mel_griffin_lim": _mel_griffin_lim,
    "griffin_lim": _griffin_lim,
}
"""What can be made of a reference, by the name of its system."""
