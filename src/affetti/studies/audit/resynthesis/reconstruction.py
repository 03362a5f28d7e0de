"""Sound from magnitudes: the ways that the question of phase compares.

================  ======================================================================================================
oracle            the magnitude that a log-mel is inverted to, with the true phase: what the magnitude loses
griffin_lim       the true magnitude, phases of plain Griffin-Lim as librosa has it: random start, 32 iterations
fast              the true magnitude, phases of fast Griffin-Lim from the slopes, affetti's default: what phase loses
heap              the true magnitude, phases integrated from the slopes alone
random            the true magnitude, random phases
mel               the inverted magnitude and fast Griffin-Lim: the whole way from a log-mel
mel_griffin_lim   the inverted magnitude and plain Griffin-Lim: the whole way as it is usually gone
================  ======================================================================================================

The loss is that of magnitude and of phase together. With v(m), v(p) and v(m, p) the losses of ``oracle``, ``fast`` and
``mel``, that of phase is its Shapley value, ½ (v(p) + v(m, p) - v(m)), that of magnitude ½ (v(m) + v(m, p) - v(p));
they sum to v(m, p), and what comes of both together, as phases fit a wrong magnitude worse, is halved. A loss is the
energy of the error of the STFT's magnitudes over the energy of the original, geometric mean over three windows
(:data:`affetti.signal.fidelity.RESOLUTIONS`): phases that do not fit show as magnitudes seen through other windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd
from affetti.signal.fidelity import Fidelity, inconsistency
from affetti.signal.front_ends import spectrogram
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim

METHODS: dict[str, str] = {
    "oracle": "log-mel inverted, true phase",
    "griffin_lim": "true magnitude, Griffin-Lim",
    "fast": "true magnitude, fast Griffin-Lim",
    "heap": "true magnitude, heap integration",
    "random": "true magnitude, random phase",
    "mel": "log-mel inverted, fast Griffin-Lim",
    "mel_griffin_lim": "log-mel inverted, Griffin-Lim",
}
"""Name and words of each way."""
FROM_MEL = ("oracle", "mel", "mel_griffin_lim")
"""Those that have the inverted magnitude; the others have the true one."""
Floats = NDArray[np.float64]


def reconstruct(
    waveform: Tensor, front: FrontEnd, ways: Sequence[str] = tuple(METHODS), seed: int = 0
) -> dict[str, tuple[Tensor, float]]:
    """By each way, the sound ``[T]`` and its inconsistency.

    Inconsistency is that of the requested magnitude with the resulting phases, relative: 0 where a sound has both.

    Args:
        waveform: ``[T]``, T a multiple of the hop.
        front: the front-end.
        ways: keys of :data:`METHODS`.
        seed: of random phases.
    """
    hop = front.hop_length
    spectrum = stft(waveform, front)
    true, inverted = spectrum.abs(), invert_mel(spectrogram(front)(waveform), front)

    def sound(way: str) -> Tensor:
        if way == "oracle":
            window, turned = torch.hann_window(front.linear_n_fft), torch.polar(inverted, spectrum.angle())
            return torch.istft(turned, front.linear_n_fft, hop, window=window, length=len(waveform))
        given = inverted if way in FROM_MEL else true
        if way in ("fast", "mel"):
            return griffin_lim(given, hop_length=hop)
        if way == "heap":
            return griffin_lim(given, 0, hop)
        return griffin_lim(given, 0 if way == "random" else 32, hop, momentum=0.0, seed=seed, start="random")

    made = {way: sound(way) for way in ways}
    return {
        way: (it, inconsistency(torch.polar(inverted if way in FROM_MEL else true, stft(it, front).angle()), hop))
        for way, it in made.items()
    }


def magnitude_loss(fidelity: Fidelity) -> float:
    """Energy of the error of the magnitudes over that of the original, geometric mean over the windows."""
    return 10.0 ** (fidelity.convergence_multi / 10.0)


def phase_share(magnitude: Floats, phase: Floats, both: Floats) -> float:
    """Share of phase in the loss of clips ``[N]``, %, from the losses of either alone and of both."""
    return 50.0 * float((phase + both - magnitude).mean() / both.mean())


def magnitude_share(magnitude: Floats, phase: Floats, both: Floats) -> float:
    """Share of magnitude: the rest of 100 %."""
    return phase_share(phase, magnitude, both)
