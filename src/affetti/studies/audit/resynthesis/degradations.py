"""The rungs between real music and noise: the same clips after a representation has been through them.

Each rung takes clips and gives log-mels at the corpus' own front-end, so that one score compares all. What has bands of
its own becomes sound first (mel inversion, fast Griffin-Lim) and is then analysed again: a rung holds what its
representation loses and what the way back to sound loses, never less than the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.models.generators.patch_pca import PatchPCA
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.phase import griffin_lim
from affetti.signal.vocoder import GriffinLim
from affetti.studies.audit.scope import Scope

Mels = NDArray[np.float32]
BANDS = (256, 128, 64, 32)
STEP = 1.0
"""Quantiser of the rung ``quantised``, dB."""
ITERATIONS = 16
"""Of Griffin-Lim: after mel inversion more gain less than 0.3 dB."""


@dataclass(frozen=True)
class Rung:
    """A stage of loss."""

    name: str
    label: str
    sound: bool
    """Whether it needs the sound of the clips."""
    make: Callable[[Scope, NDArray[np.intp], Mels], Mels]
    """From rows of the corpus and their log-mels ``[N, M, F]`` to log-mels of the same shape."""


def rungs() -> tuple[Rung, ...]:
    """All rungs, from the least loss to the most."""
    return (
        Rung("quantised", f"quantised in steps of {STEP:g} dB", False, _quantised),
        Rung("griffin_lim", "true STFT magnitudes, phases estimated", True, _without_phase),
        *(Rung(f"bands_{b}", f"{b} mel bands, to sound and back", True, _through_bands(b)) for b in BANDS),
        Rung("roundtrip", "the corpus' own log-mel, to sound and back", False, _round_trip),
        Rung("latent", "patch-PCA latent of 24 components and back", False, _latent),
        Rung("resampled", "a generator that draws from its training clips", False, _resampled),
        Rung("noise", "noise of each band's mean and deviation", False, _noise),
    )


def _quantised(_: Scope, __: NDArray[np.intp], mels: Mels) -> Mels:
    return (np.round(mels / STEP) * STEP).astype(np.float32)


@torch.inference_mode()
def _without_phase(scope: Scope, rows: NDArray[np.intp], _: Mels) -> Mels:
    hop = scope.front.hop_length
    waves = (griffin_lim(stft(scope.sound(int(row)), scope.front).abs(), ITERATIONS, hop) for row in rows)
    return np.stack([scope.mel(scope.filled(wave)) for wave in waves])


def _through_bands(bands: int) -> Callable[[Scope, NDArray[np.intp], Mels], Mels]:
    @torch.inference_mode()
    def through(scope: Scope, rows: NDArray[np.intp], _: Mels) -> Mels:
        front = replace(scope.front, n_mels=bands)
        analyse, back = MelSpectrogram(front), GriffinLim(front, iterations=ITERATIONS)
        return np.stack([scope.mel(scope.filled(back(analyse(scope.sound(int(row)))))) for row in rows])

    return through


@torch.inference_mode()
def _round_trip(scope: Scope, _: NDArray[np.intp], mels: Mels) -> Mels:
    back = GriffinLim(scope.front, iterations=ITERATIONS)
    return np.stack([scope.mel(scope.filled(back(torch.from_numpy(mel)))) for mel in mels])


@torch.inference_mode()
def _latent(scope: Scope, rows: NDArray[np.intp], mels: Mels) -> Mels:
    """Fitted to clips of other songs."""
    songs = scope.corpus.songs
    others = np.flatnonzero(~np.isin(songs, songs[rows]))
    seen = np.asarray(scope.corpus.mel[np.sort(scope.rng("latent").permutation(others)[:256])], dtype=np.float32)
    centre, scale = seen.mean(axis=(0, 2), keepdims=True), float(seen.std())
    code = PatchPCA(scope.front.shape)
    code.fit(torch.from_numpy((seen - centre) / scale))
    back = code.decode(code.encode(torch.from_numpy((mels - centre) / scale))).numpy()
    return (back * scale + centre).astype(np.float32)


def _resampled(scope: Scope, _: NDArray[np.intp], mels: Mels) -> Mels:
    return mels[scope.rng("resampled").integers(len(mels), size=len(mels))]


def _noise(scope: Scope, _: NDArray[np.intp], mels: Mels) -> Mels:
    centre, scale = mels.mean(axis=(0, 2), keepdims=True), mels.std(axis=(0, 2), keepdims=True)
    return (centre + scale * scope.rng("noise").standard_normal(mels.shape)).astype(np.float32)
