"""How well a probe predicts emotion at each stage from sound to latent.

At every step the same summary is taken, :func:`affetti.signal.statistics.mel_statistics` of levels in dB over frequency
and time, 80 dB deep: of 1,025 linear bins, of mel bands, of rounded ones, of what a latent decodes to. So a step that
keeps a probe's accuracy has kept what that summary holds of emotion, no more: phase is in none of them, and a network
may predict from what no summary shows. Latents are fitted to the songs of the other half, probes to the songs of other
folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import metrics
from affetti.errors import InputError
from affetti.presets import FrontEnd, with_mel_bands
from affetti.progress import Progress
from affetti.signal.front_ends import spectrogram
from affetti.signal.mel import MelSpectrogram, power_to_db, stft
from affetti.signal.statistics import mel_statistics
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.latents import Latent, fit_latents
from affetti.studies.audit.codec.stages import REDUCED_BANDS, STAGES
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.linear_probe import Floats, Texts, cross_val_predict
from affetti.studies.audit.resynthesis.excerpts import excerpts

Halves = NDArray[np.intp]
"""Which half of the songs each clip ``[N]`` is in: 0 or 1."""
FittedLatents = tuple[dict[str, Latent], dict[str, Latent]]
"""Latents for the clips of either half, by name, fitted to the other half."""

RETENTION_LABEL = "CCC predicted from the log-mel, % of that predicted from the linear magnitude"
MIN_CCC = 0.05
"""CCC under which there is nothing that could be kept."""


@dataclass(frozen=True)
class StageFeatures:
    """Clips as one front-end shows them."""

    features: dict[str, Floats]
    """Of each step ``[N, D]``."""
    halves: Halves
    fitted: FittedLatents


def stage_features(
    context: AuditContext, fronts: Mapping[str, FrontEnd], n: int, progress: Progress
) -> tuple[NDArray[np.intp], list[StageFeatures]]:
    """The features of at most ``n`` clips from the magnitude on, at each of the front-ends.

    Returns:
        the rows of the clips that were used, and for each front-end what it shows of them.

    Raises:
        NotMeasurableError: see :func:`~affetti.studies.audit.resynthesis.excerpts.excerpts`.
    """
    rows: list[int] = []
    stages = {name: _analyses(front) for name, front in fronts.items()}
    features: dict[str, dict[str, list[Floats]]] = {name: {stage: [] for stage in stages[name]} for name in fronts}
    ccc_retention: dict[str, list[NDArray[np.float16]]] = {name: [] for name in fronts}
    for row, wave in excerpts(context, n):
        progress("listening", len(rows), n)
        rows.append(row)
        for name in fronts:
            for stage, show in stages[name].items():
                levels = show(wave)
                features[name][stage].append(mel_statistics(levels[None])[0].double().numpy())
                if stage == "mel":
                    ccc_retention[name].append(levels.numpy().astype(np.float16))
    halves = split_in_halves(context.corpus.songs[rows], context.rng("halves"))
    shown: list[StageFeatures] = []
    for name, front in fronts.items():
        some, fitted = log_mel_features(np.stack(ccc_retention[name]), halves, front)
        shown.append(
            StageFeatures({stage: np.stack(each) for stage, each in features[name].items()} | some, halves, fitted)
        )
    return np.array(rows), shown


def log_mel_features(
    log_mels: NDArray[np.float16], halves: Halves, front: FrontEnd
) -> tuple[dict[str, Floats], FittedLatents]:
    """The features of the steps from kept log-mels ``[N, M, F]`` on, and the latents of either half."""
    fitted = (fit_latents(log_mels[halves == 1], front), fit_latents(log_mels[halves == 0], front))
    steps: dict[str, Callable[[NDArray[np.float16], int], NDArray[np.float32]]] = {
        "log_mel": lambda mel, _: mel.astype(np.float32),
        "quantised": lambda mel, _: np.round(mel.astype(np.float32)),
    }
    for name in fitted[0].keys() & fitted[1].keys():
        steps[name] = lambda mel, half, name=name: fitted[half][name].decode(
            fitted[half][name].encode(mel), mel.shape[1]
        )
    features = {
        name: np.concatenate([
            mel_statistics(torch.from_numpy(step(mel, int(half))[None])).double().numpy()
            for mel, half in zip(log_mels, halves, strict=True)
        ])
        for name, step in steps.items()
    }  # fmt: skip
    return features, fitted


def split_in_halves(songs: Texts, rng: np.random.Generator) -> Halves:
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
    rows: list[Measurement] = []
    predicted: dict[str, Floats] = {}
    for name in (step for step in STAGES if step in features):
        called, label = f"{prefix}emotion_ccc_{name}", f"{STAGES[name]}: CCC of a probe"
        try:
            predicted[name] = cross_val_predict(features[name], labels, songs)
        except InputError as error:
            count, why = int(np.unique(songs).size), f"not measurable here: {error.what}"
            rows.append(Measurement(called, label, None, None, count, note=why))
            continue
        rows.append(Measurement.of_statistic(called, label, metrics.concordance, predicted[name], labels, songs=songs))
    if {"mel", "magnitude"} <= predicted.keys():
        pair = predicted["mel"], predicted["magnitude"], labels
        rows.append(
            Measurement.of_statistic(
                f"{prefix}probe_kept_mel", RETENTION_LABEL, ccc_retention, *pair, songs=songs, unit="%"
            )
        )
    elif "magnitude" in features:
        rows.append(Measurement.missing(f"{prefix}probe_kept_mel", RETENTION_LABEL, "more songs", "%"))
    return rows


def missing_measurements(needs: str) -> list[Measurement]:
    """The same measurement that a claim is about, without sound."""
    return [Measurement.missing("probe_kept_mel", RETENTION_LABEL, needs, "%")]


def ccc_retention(less: Floats, more: Floats, target: Floats) -> float:
    """CCC of ``less`` with ``target`` in per cent of that of ``more``.

    Raises:
        InputError: ``more`` has next to none, or none is defined.
    """
    base = metrics.concordance(more, target)
    if base < MIN_CCC:
        raise InputError(f"a CCC of {base:.2f} to begin with", hint="there is nothing to keep")
    return 100.0 * metrics.concordance(less, target) / base


def _analyses(front: FrontEnd) -> dict[str, Callable[[Tensor], Tensor]]:
    """Waveform ``[T]`` to levels in dB ``[K, F]``, at the steps that need sound."""
    shown: dict[str, Callable[[Tensor], Tensor]] = {
        "magnitude": lambda wave: power_to_db(stft(wave, front).abs().square(), front.top_db),
        "mel": spectrogram(front),
    }
    for name, bands in REDUCED_BANDS.items():
        fewer = MelSpectrogram(with_mel_bands(front, bands))
        shown[name] = lambda wave, fewer=fewer: fewer(wave).round()
    return shown
