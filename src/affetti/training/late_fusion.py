"""Fits and tests late fusion: a trained regressor of sound, and what words, genre and instruments add to it.

The regressor is trained as it is without them. What they add is learnt from all training songs:

1. A ridge regression on log-mel statistics stands for the regressor, for which these songs are no longer new. It
   predicts every training song from the others (cross-fitting), and leaves errors e.
2. A ridge regression of e on the standardised inputs gives t. On each axis its penalty is chosen by cross-validation
   over songs; an infinite one, t = 0, is among the choices.
3. The weight c of :mod:`affetti.models.regressors.late_fusion` is fitted on validation songs to the errors of the
   regressor itself, and shrunk towards 1 by the weight of :data:`PRIOR_SONGS` songs:

       c = (Σ t · e + λ) / (Σ t² + λ),  at least 0.

This is the partially linear model of Robinson (1988), with ridge penalties in place of its kernels.

The gain is that of the fused prediction over the same regressor's prediction from sound, on test songs. Only clips
count of which an input is known. Its interval is of a paired bootstrap over songs, corrected twice:

- For the number n of test songs, often 20 to 30: percentile intervals of so few are too narrow. Student's quantile
  takes the place of the normal one, at the levels Φ(± √(n / (n − 1)) t₍ₙ₋₁₎) (Hesterberg 2015).
- For the m songs that the fusion was fitted on: the draws keep the fit. The interval is widened about the gain by
  √(1 + n / m) (Nadeau & Bengio 2003).

``bench/words.py`` measures how often it contains the truth.

When not to use: to say that words *cause* an emotion. Words that go with the music say what the regressor misses in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from scipy.stats import t as student_t
from sklearn.linear_model import Ridge, RidgeCV

from affetti import metrics
from affetti.corpus import Corpus, splits
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.metrics.agreement import bootstrap_values
from affetti.models.regressors.late_fusion import LateFusion
from affetti.random import child_seed
from affetti.results import Estimate
from affetti.signal.statistics import mel_statistics
from affetti.training.calibration import COVERAGE, half_width
from affetti.training.regression_report import agreement_measures
from affetti.training.result import Calibration, FusionGain, FusionReport
from affetti.training.side_inputs import SideInputs

Floats = NDArray[np.float64]
PENALTIES = np.logspace(0, 5, 11).tolist()
SOUND_PENALTIES = np.logspace(0, 5, 16)
PRIOR_SONGS = 5
"""Songs that the prior of the weight counts as."""
N_SONG_FOLDS = 10


@dataclass(frozen=True)
class Pairs:
    """Clips with labels, of which something besides sound is known."""

    inputs: Floats
    """``[N, S]``; NaN is unknown."""
    labels: Floats
    """``[N, 2]``."""
    songs: NDArray[np.str_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether anything is known of each clip ``[N]``."""
        return np.isfinite(self.inputs).sum(axis=1) > 0

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Pairs:
        return Pairs(self.inputs[rows], self.labels[rows], self.songs[rows])


def fit_late_fusion(
    train: Pairs, features: Floats, held_out: Pairs, sound: Floats, blocks: Sequence[slice] = (slice(None),)
) -> tuple[LateFusion, Floats]:
    """Fit a fusion.

    Args:
        train: the clips that the regressor of sound was trained on.
        features: their log-mel statistics, or what else stands for their sound, ``[N, D]``.
        held_out: clips of validation songs; may be none.
        sound: what the regressor predicts for these from sound, ``[n, 2]``.
        blocks: the columns of each input. Those of one input share their scale, so that a column that hardly varies
            counts little.

    Returns:
        The fusion, and its predictions for the held-out clips, each by a weight that was fitted without its song.
    """
    fusion = LateFusion(train.inputs.shape[1])
    errors = train.labels - _cross_fitted(features, train.labels, train.songs)
    known = train[train.known]
    centre, scale = np.nanmean(known.inputs, axis=0), np.ones(known.inputs.shape[1])
    for block in blocks:
        spread = float(np.sqrt(np.nanvar(known.inputs[:, block], axis=0).mean()))
        scale[block] = spread if spread > 1e-6 else 1.0
    x = np.nan_to_num((known.inputs - centre) / scale)
    weight = _fit_added(x, errors[train.known], known.songs)
    for name, value in (("centre", centre), ("scale", scale), ("weight", weight)):
        fusion.get_buffer(name).copy_(torch.from_numpy(value))
    clips_per_song = len(known.songs) / np.unique(known.songs).size
    prior = PRIOR_SONGS * clips_per_song * np.square(x @ weight).mean(axis=0)
    usable = held_out.known
    t = np.nan_to_num((held_out.inputs[usable] - centre) / scale) @ weight
    e = held_out.labels[usable] - sound[usable]
    fusion.gain.copy_(torch.from_numpy(_weigh(t, e, prior)))
    fused = sound.copy()
    left_out = np.zeros_like(t)
    for inside, outside in _song_folds(held_out.songs[usable]):
        left_out[outside] = _weigh(t[inside], e[inside], prior) * t[outside]
    fused[usable] += left_out
    return fusion, fused.clip(-1, 1)


def evaluate_fusion(
    side: SideInputs, features: Floats, corpus: Corpus, part: splits.Fold, sound: tuple[Floats, Floats], seed: int
) -> tuple[LateFusion, FusionReport]:
    """Fit a fusion on a fold and test it.

    Args:
        side: the other inputs of all clips.
        features: log-mel statistics of the training clips ``[n, D]``.
        corpus: labels and songs.
        part: the fold, with validation songs.
        sound: predictions from sound for its validation clips and for its test clips, ``[n, 2]`` each.
        seed: of the resampling.
    """
    labels, songs = corpus.labels, corpus.songs
    held_out, test = sound
    everything = Pairs(side.values, labels, songs)
    fusion, fused_held_out = fit_late_fusion(
        everything[part.train], features, everything[part.validation], held_out, side.blocks
    )
    fused = fuse(fusion, test, side.values[part.test])
    used = side.known[part.test]
    rows = part.test[used]
    calibrated = side.known[part.validation]
    calibration = _calibrate(
        fusion, fused_held_out[calibrated], labels[part.validation][calibrated], songs[part.validation][calibrated]
    )
    fitted_on = np.concatenate([part.train, part.validation])
    n_fitted = int(np.unique(songs[fitted_on[side.known[fitted_on]]]).size)
    gains = {
        name: FusionGain(
            float(fusion.gain[axis]),
            *(
                estimate_gain(
                    measure, fused[used, axis], test[used, axis], labels[rows, axis], songs[rows], n_fitted, seed
                )
                for measure in (metrics.concordance, metrics.r2)
            ),
        )
        for axis, name in enumerate(AXES)
    }
    report = FusionReport(
        inputs=side.names,
        n=len(rows),
        songs=int(np.unique(songs[rows]).size),
        test=agreement_measures(fused[used], labels[rows], songs[rows], seed),
        sound=agreement_measures(test[used], labels[rows], songs[rows], seed),
        gain=gains,
        calibration=calibration,
    )
    return fusion, report


@torch.inference_mode()
def sound_features(data: NDArray[np.floating], rows: NDArray[np.intp]) -> Floats:
    """What stands for the sound of some clips, ``[n, D]``: the vectors of a baseline's embedding, else statistics.

    Args:
        data: log-mels ``[N, M, F]`` in dB, or vectors ``[N, D]``; may be memory-mapped.
        rows: the clips.
    """
    if data.ndim == 2:
        return data[rows].astype(np.float64)
    parts = (np.asarray(data[part], dtype=np.float32) for part in np.array_split(rows, max(1, len(rows) // 256)))
    return np.concatenate([mel_statistics(torch.from_numpy(mel)).double().numpy() for mel in parts])


@torch.inference_mode()
def fuse(fusion: LateFusion, sound: NDArray[np.floating], inputs: Floats) -> Floats:
    """Fused valence and arousal ``[B, 2]`` of predictions from sound ``[B, 2]`` and other inputs ``[B, S]``."""
    given = (torch.from_numpy(np.asarray(array, dtype=np.float32)) for array in (sound, inputs))
    return fusion(*given).double().numpy()


def _cross_fitted(features: Floats, labels: Floats, songs: NDArray[np.str_]) -> Floats:
    """Predictions ``[N, 2]`` of each song from the others."""
    predicted = np.zeros_like(labels)
    for inside, outside in _song_folds(songs):
        centre, scale = features[inside].mean(axis=0), features[inside].std(axis=0)
        x = (features - centre) / np.where(scale > 1e-6, scale, 1.0)
        predicted[outside] = RidgeCV(alphas=SOUND_PENALTIES).fit(x[inside], labels[inside]).predict(x[outside])
    return predicted.clip(-1, 1)


def _fit_added(x: Floats, errors: Floats, songs: NDArray[np.str_]) -> Floats:
    """Weights ``[S, 2]`` of a ridge regression of errors, without intercept: the penalty of each axis is its own."""
    losses = np.zeros((len(PENALTIES) + 1, 2))
    for inside, outside in _song_folds(songs):
        losses[-1] += np.square(errors[outside]).sum(axis=0)
        for number, penalty in enumerate(PENALTIES):
            predicted = _ridge(x[inside], errors[inside], penalty).predict(x[outside])
            losses[number] += np.square(predicted - errors[outside]).sum(axis=0)
    best = losses.argmin(axis=0).tolist()
    columns = [
        np.zeros(x.shape[1]) if choice == len(PENALTIES) else _ridge(x, errors, PENALTIES[choice]).coef_[axis]
        for axis, choice in enumerate(best)
    ]
    return np.stack(columns, axis=1)


def _ridge(x: Floats, errors: Floats, penalty: float) -> Ridge:
    return Ridge(alpha=penalty, fit_intercept=False).fit(x, errors)


def _weigh(t: Floats, e: Floats, prior: Floats) -> Floats:
    """Weight c of each axis ``[2]``; 1 where there is nothing to weigh."""
    power = np.square(t).sum(axis=0) + prior
    return np.divide((t * e).sum(axis=0) + prior, power, out=np.ones(2), where=power > 1e-12).clip(min=0.0)


def _song_folds(songs: NDArray[np.str_]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Masks of the clips inside and outside, of up to :data:`N_SONG_FOLDS` parts of the songs."""
    names = np.unique(songs)
    order = np.random.default_rng(child_seed("late fusion", 0)).permutation(names)
    for fold in np.array_split(order, max(1, min(N_SONG_FOLDS, len(names)))):
        outside = np.isin(songs, fold)
        yield ~outside, outside


def estimate_gain(
    measure: Callable[[ArrayLike, ArrayLike], float],
    fused: Floats,
    sound: Floats,
    target: Floats,
    songs: NDArray[np.str_],
    n_fitted: int,
    seed: int,
) -> Estimate | None:
    """What the other inputs add to a measure on one axis, with its 95 % interval; None where it is not defined.

    Args:
        measure: of predictions and target.
        fused: predictions with the other inputs ``[N]``, of test clips of which any is known.
        sound: those from sound alone.
        target: the labels.
        songs: of the clips.
        n_fitted: songs that the fusion was fitted on.
        seed: of the draws of songs.
    """

    def difference(a: Floats, b: Floats, t: Floats) -> float:
        return measure(a, t) - measure(b, t)

    try:
        value = difference(fused, sound, target)
        if np.array_equal(fused, sound):
            return Estimate(0.0, (0.0, 0.0))
        draws = bootstrap_values(difference, fused, sound, target, groups=songs, seed=seed)
    except InputError:
        return None
    n = int(np.unique(songs).size)
    tail = norm.cdf(np.sqrt(n / (n - 1)) * student_t.ppf(0.025, n - 1))
    low, high = np.quantile(draws, [tail, 1 - tail])
    factor = float(np.sqrt(1 + n / n_fitted))
    return Estimate(value, (value + factor * (float(low) - value), value + factor * (float(high) - value)))


def _calibrate(fusion: LateFusion, predicted: Floats, target: Floats, songs: NDArray[np.str_]) -> Calibration:
    errors = np.abs(predicted - target)
    n_songs = np.unique(songs).size
    coverage = min(COVERAGE, n_songs / (n_songs + 1))
    widths = [half_width(errors[:, axis], songs, coverage) for axis in range(2)]
    fusion.half_width.copy_(torch.tensor(widths))
    return Calibration(coverage, len(errors), n_songs, dict(zip(AXES, widths, strict=True)))
