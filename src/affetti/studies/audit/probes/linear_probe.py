"""Linear probes: how well a target is predicted from features by a linear model, tested on held-out songs.

Ridge regression, folds by song, features standardised and the penalty chosen inside the training songs alone, see
:mod:`~affetti.studies.audit.probes.ridge`. A probe is a lower bound: what it cannot predict may still be there for a
deeper model, and what it predicts need not be what a listener uses. All numbers are of predictions out of fold.

Intervals resample test songs and keep the fits, so that they show how much the choice of test songs matters, not how
much that of training songs does. Of what a group adds, a difference of two fits that share most of what the choice of
test songs does, this misses much: those intervals are widened by :func:`widen_interval`, or songs are drawn with
everything fitted again (:func:`draw_songs`), which covers better and costs as many fits. ``bench/share_intervals.py``
measures all three against a known truth.

Shares follow Shapley (1953): the mean, over all orders in which the groups could be added, of what each adds to R².
When not to use: to rule something out. A probe that fails shows only that no linear model of these features succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import factorial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from affetti.errors import InputError
from affetti.studies.audit.probes import ridge
from affetti.studies.audit.probes.banded_ridge import fit_subsets, subsets

N_FOLDS = 5
CAUTION_FIXED_FITS = (
    "Intervals of probes resample test songs and keep the fits: with new training songs they would be wider. Those of "
    "what a group of features adds are widened for it by half (Nadeau & Bengio 2003)."
)
"""The caution that belongs to every interval of a probe's predictions."""
Floats = NDArray[np.float64]
Texts = NDArray[np.str_]


def cross_val_predict(features: Floats, target: Floats, songs: Texts, folds: int = N_FOLDS) -> Floats:
    """Predictions out of fold of ``target`` ``[N]`` or ``[N, K]`` from features ``[N, D]``, folds by song.

    Raises:
        InputError: fewer songs than folds, or a target that does not vary.
    """
    _require_varied(target)
    prediction = np.zeros_like(target, dtype=np.float64)
    for train, test in _folds(features, songs, folds):
        prediction[test] = fit_regressor(features[train], target[train], songs[train])(features[test])
    return prediction


def fit_regressor(features: Floats, target: Floats, songs: Texts) -> Callable[[Floats], Floats]:
    """Fit ridge regression of ``target`` ``[N]`` or ``[N, K]`` on features ``[N, D]``; returns its predict function."""
    standardised = _standardiser(features)
    fitted = ridge.fit(standardised(features), target.reshape(len(target), -1).astype(np.float64), songs)
    return lambda unseen: fitted.predict(standardised(unseen)).reshape(len(unseen), *target.shape[1:])


def cross_val_classify(features: Floats, target: Texts, songs: Texts, folds: int = N_FOLDS) -> Texts:
    """Classes ``[N]`` predicted out of fold by ridge classification with balanced weights.

    Raises:
        InputError: fewer songs than folds, or one class alone in the training songs of a fold.
    """
    prediction = np.empty(len(target), dtype=target.dtype)
    for train, test in _folds(features, songs, folds):
        prediction[test] = fit_classifier(features[train], target[train], songs[train])(features[test])
    return prediction


def fit_classifier(features: Floats, target: Texts, songs: Texts) -> Callable[[Floats], Texts]:
    """Fit a ridge classifier with balanced weights on features ``[N, D]``; returns its predict function.

    Raises:
        InputError: one class alone.
    """
    names, member = np.unique(target, return_inverse=True)
    if len(names) < 2:
        raise InputError("one class alone in the training songs", hint="there is nothing to distinguish")
    count = np.bincount(member)
    standardised = _standardiser(features)
    sides = 2.0 * one_hot(target) - 1.0
    fitted = ridge.fit(standardised(features), sides, songs, len(target) / (len(names) * count[member]))
    return lambda unseen: names[fitted.predict(standardised(unseen)).argmax(axis=1)]


def balanced_accuracy(predicted: Texts, target: Texts) -> float:
    """Mean over classes of the recall, in [0, 1]; chance is 1 over the number of classes.

    Raises:
        InputError: the targets are of one class.
    """
    names = np.unique(target)
    if len(names) < 2:
        raise InputError("targets of one class", hint="give two or more")
    return float(np.mean([np.mean(predicted[target == name] == name) for name in names]))


def r2(prediction: Floats, target: Floats) -> float:
    """R² of predictions: 1 − SS_res / SS_tot.

    Raises:
        InputError: the target does not vary.
    """
    return 1.0 - variance_share((target - prediction) ** 2, target)


def r2_gain(more: Floats, less: Floats, target: Floats) -> float:
    """What ``more`` explains beyond ``less``: the difference of R².

    Raises:
        InputError: as :func:`r2`.
    """
    return r2(more, target) - r2(less, target)


def cross_val_subsets(
    base: Floats, groups: Mapping[str, Floats], target: Floats, songs: Texts, folds: int = N_FOLDS
) -> dict[tuple[str, ...], Floats]:
    """Predictions out of fold from ``base`` joined by each subset of ``groups``, all ``[N, D]``.

    A group has a penalty of its own, and is left out where it does not help; see :mod:`.banded_ridge`.

    Raises:
        InputError: as :func:`cross_val_predict`.
    """
    _require_varied(target)
    flat = target.reshape(len(target), -1).astype(np.float64)
    predictions = {chosen: np.zeros_like(flat) for chosen in subsets(list(groups))}
    for train, test in _folds(base, songs, folds):
        x = _standardiser(base[train])(base)
        blocks = {name: _standardiser(block[train])(block) for name, block in groups.items()}
        fits = fit_subsets(x[train], {name: block[train] for name, block in blocks.items()}, flat[train], songs[train])
        whole = concatenated(x, *blocks.values())[test]
        for chosen, fitted in fits.items():
            predictions[chosen][test] = fitted.predict(whole)
    return {chosen: prediction.reshape(target.shape) for chosen, prediction in predictions.items()}


def shapley_r2(predictions: Mapping[tuple[str, ...], Floats], name: str, target: Floats) -> float:
    """Shapley share of R² of the group ``name`` among :func:`cross_val_subsets`.

    Raises:
        InputError: as :func:`r2`.
    """
    return variance_share(shapley_contributions(predictions, name, target), target)


def shapley_contributions(predictions: Mapping[tuple[str, ...], Floats], name: str, target: Floats) -> Floats:
    """By how much ``name`` lessens the squared error of each clip, Shapley's mean over orders: shaped as ``target``.

    R² is linear in squared errors, so that the share of R² is :func:`variance_share` of these.
    """
    names = max(predictions, key=len)
    others = [other for other in names if other != name]
    contributions = np.zeros(target.shape)
    for chosen in subsets(others):
        weight = factorial(len(chosen)) * factorial(len(others) - len(chosen)) / factorial(len(names))
        joint = tuple(n for n in names if n in chosen or n == name)
        contributions += weight * ((target - predictions[chosen]) ** 2 - (target - predictions[joint]) ** 2)
    return contributions


def variance_share(lessened: Floats, target: Floats) -> float:
    """Squared errors lessened, summed, over the variation of the target: a difference of R².

    Raises:
        InputError: the target does not vary.
    """
    spread = float(((target - target.mean(axis=0)) ** 2).sum())
    if not spread > 0:
        raise InputError("a target that does not vary", hint="draw more songs")
    return float(lessened.sum()) / spread


def widen_interval(value: float, ci: tuple[float, float], folds: int = N_FOLDS) -> tuple[float, float]:
    """An interval with fixed fits, widened about its value for the choice of training songs.

    The K folds' training sets overlap, so that results of folds are no independent draws. Nadeau & Bengio (2003),
    "Inference for the generalization error", replace the variance σ²/K of their mean by σ² (1/K + n_test/n_train),
    1 + K/(K − 1) times as much: √(1 + 5/4) = 1.5 times as wide with five folds.

    Example:
        >>> widen_interval(2.0, (1.0, 4.0))
        (0.5, 5.0)
    """
    factor = float(np.sqrt(1.0 + folds / (folds - 1.0)))
    return value + factor * (ci[0] - value), value + factor * (ci[1] - value)


def draw_songs(songs: Texts, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of as many songs as there are, drawn with replacement; copies of a song stay in one fold by its id."""
    names, song = np.unique(songs, return_inverse=True)
    rows = np.split(np.argsort(song, kind="stable"), np.cumsum(np.bincount(song))[:-1])
    return np.concatenate([rows[k] for k in rng.integers(len(names), size=len(names))])


def n_folds_selected(changed: Floats, songs: Texts, folds: int = N_FOLDS) -> int:
    """In how many folds a group was selected; where it was left out, it changes no prediction.

    Args:
        changed: by how much the group changes predictions, or their errors, ``[N]`` or ``[N, K]``.
        songs: of each clip.
        folds: number of folds that the predictions were made in.
    """
    return sum(bool(changed[test].any()) for _, test in _folds(changed, songs, folds))


def concatenated(*blocks: Floats) -> Floats:
    """Features side by side ``[N, ΣD]``."""
    return np.concatenate(blocks, axis=1)


def one_hot(values: Texts) -> Floats:
    """A column a value ``[N, K]``."""
    return (values[:, None] == np.unique(values)[None]).astype(np.float64)


def _require_varied(target: Floats) -> None:
    if not (np.std(target, axis=0) > 0).all():
        raise InputError("a target that does not vary", hint="there is nothing to predict")


def _folds(features: Floats, songs: Texts, folds: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    count = int(np.unique(songs).size)
    if count < folds:
        raise InputError(f"{count} songs, fewer than {folds} folds", hint="a probe needs more songs")
    return list(GroupKFold(folds).split(features, groups=songs))


def _standardiser(features: Floats) -> Callable[[Floats], Floats]:
    """Mean 0 and deviation 1 on ``features``; what does not vary there is left out."""
    centre, scale = features.mean(axis=0), features.std(axis=0)
    varies = scale > 1e-9
    return lambda rows: (rows[:, varies] - centre[varies]) / scale[varies]
