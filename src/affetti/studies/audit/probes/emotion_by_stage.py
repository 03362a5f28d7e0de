"""What a probe reads of emotion at each step of the chain from sound to latent.

At every step the same summary is taken, :func:`affetti.signal.statistics.mel_statistics` of levels in dB over frequency
and time, 80 dB deep: of 1,025 linear bins, of mel bands, of rounded ones, of what a latent decodes to. So a step that
keeps a probe's reading has kept what that summary holds of emotion, no more: phase is in none of them, and a network
may read what no summary shows. Latents are fitted to the songs of the other half, probes to the songs of other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import metrics
from affetti.errors import InputError
from affetti.presets import FrontEnd
from affetti.progress import Progress
from affetti.signal.mel import MelSpectrogram, power_to_db, stft
from affetti.signal.statistics import mel_statistics
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.latents import Latent, latents
from affetti.studies.audit.codec.stages import FEWER, STEPS
from affetti.studies.audit.probes.linear_probe import Floats, Texts, read_values
from affetti.studies.audit.resynthesis.excerpts import excerpts
from affetti.studies.audit.scope import Scope

Halves = NDArray[np.intp]
"""Which half of the songs each clip ``[N]`` is in: 0 or 1."""
Fitted = tuple[dict[str, Latent], dict[str, Latent]]
"""Latents for the clips of either half, by name, fitted to the other half."""

KEPT = "CCC read from the log-mel, % of that read from the linear magnitude"
LEAST = 0.05
"""CCC under which there is nothing that could be kept."""


@dataclass(frozen=True)
class Read:
    """Clips as one front-end shows them."""

    features: dict[str, Floats]
    """Of each step ``[N, D]``."""
    halves: Halves
    fitted: Fitted


def read(
    scope: Scope, fronts: Mapping[str, FrontEnd], n: int, progress: Progress
) -> tuple[NDArray[np.intp], list[Read]]:
    """The features of at most ``n`` clips from the magnitude on, at each of the front-ends.

    Returns:
        the rows of the clips that were heard, and for each front-end what it shows of them.

    Raises:
        NotMeasurableError: see :func:`excerpts.excerpts`.
    """
    rows: list[int] = []
    stages = {name: _stages(front) for name, front in fronts.items()}
    features: dict[str, dict[str, list[Floats]]] = {name: {stage: [] for stage in stages[name]} for name in fronts}
    kept: dict[str, list[NDArray[np.float16]]] = {name: [] for name in fronts}
    for row, wave in excerpts(scope, n):
        progress("listening", len(rows), n)
        rows.append(row)
        for name in fronts:
            for stage, show in stages[name].items():
                levels = show(wave)
                features[name][stage].append(mel_statistics(levels[None])[0].double().numpy())
                if stage == "mel":
                    kept[name].append(levels.numpy().astype(np.float16))
    halves = halved(scope.corpus.songs[rows], scope.rng("halves"))
    shown: list[Read] = []
    for name, front in fronts.items():
        some, fitted = from_log_mels(np.stack(kept[name]), halves, front)
        shown.append(Read({stage: np.stack(each) for stage, each in features[name].items()} | some, halves, fitted))
    return np.array(rows), shown


def from_log_mels(log_mels: NDArray[np.float16], halves: Halves, front: FrontEnd) -> tuple[dict[str, Floats], Fitted]:
    """The features of the steps from kept log-mels ``[N, M, F]`` on, and the latents of either half."""
    fitted = (latents(log_mels[halves == 1], front), latents(log_mels[halves == 0], front))
    steps: dict[str, Callable[[NDArray[np.float16], int], NDArray[np.float32]]] = {
        "log_mel": lambda mel, _: mel.astype(np.float32),
        "quantised": lambda mel, _: np.round(mel.astype(np.float32)),
    }
    for name in fitted[0].keys() & fitted[1].keys():
        steps[name] = lambda mel, half, name=name: fitted[half][name].decode(
            fitted[half][name].encode(mel), mel.shape[1]
        )
    found = {
        name: np.concatenate([
            mel_statistics(torch.from_numpy(step(mel, int(half))[None])).double().numpy()
            for mel, half in zip(log_mels, halves, strict=True)
        ])
        for name, step in steps.items()
    }  # fmt: skip
    return found, fitted


def halved(songs: Texts, rng: np.random.Generator) -> Halves:
    """Songs in two halves, at random."""
    names, codes = np.unique(songs, return_inverse=True)
    side = np.arange(len(names)) % 2
    return rng.permutation(side)[codes]


def measurements(prefix: str, features: Mapping[str, Floats], labels: Floats, songs: Texts) -> list[Measurement]:
    """CCC of a probe at each step, mean of valence and arousal, and how much of the linear magnitude's mel bands keep.

    Args:
        prefix: of the names.
        features: of each step ``[N, D]``.
        labels: ``[N, 2]``.
        songs: of each clip.
    """
    found: list[Measurement] = []
    predicted: dict[str, Floats] = {}
    for name in (step for step in STEPS if step in features):
        called, label = f"{prefix}emotion_ccc_{name}", f"{STEPS[name]}: CCC of a probe"
        try:
            predicted[name] = read_values(features[name], labels, songs)
        except InputError as error:
            count, why = int(np.unique(songs).size), f"not measurable here: {error.what}"
            found.append(Measurement(called, label, None, None, count, note=why))
            continue
        found.append(Measurement.of_statistic(called, label, metrics.concordance, predicted[name], labels, songs=songs))
    if {"mel", "magnitude"} <= predicted.keys():
        pair = predicted["mel"], predicted["magnitude"], labels
        found.append(Measurement.of_statistic(f"{prefix}probe_kept_mel", KEPT, kept, *pair, songs=songs, unit="%"))
    elif "magnitude" in features:
        found.append(Measurement.missing(f"{prefix}probe_kept_mel", KEPT, "more songs", "%"))
    return found


def missing(needs: str) -> list[Measurement]:
    """The same measurement that a claim is about, without sound."""
    return [Measurement.missing("probe_kept_mel", KEPT, needs, "%")]


def kept(less: Floats, more: Floats, target: Floats) -> float:
    """CCC of ``less`` with ``target`` in per cent of that of ``more``.

    Raises:
        InputError: ``more`` has next to none, or none is defined.
    """
    base = metrics.concordance(more, target)
    if base < LEAST:
        raise InputError(f"a CCC of {base:.2f} to begin with", hint="there is nothing to keep")
    return 100.0 * metrics.concordance(less, target) / base


def _stages(front: FrontEnd) -> dict[str, Callable[[Tensor], Tensor]]:
    """Waveform ``[T]`` to levels in dB ``[K, F]``, at the steps that need sound."""
    shown: dict[str, Callable[[Tensor], Tensor]] = {
        "magnitude": lambda wave: power_to_db(stft(wave, front).abs().square(), front.top_db),
        "mel": MelSpectrogram(front),
    }
    for name, bands in FEWER.items():
        fewer = MelSpectrogram(replace(front, n_mels=bands))
        shown[name] = lambda wave, fewer=fewer: fewer(wave).round()
    return shown
