"""Banded ridge regression: a penalty for the base, and one of its own for each group of features beside it.

One penalty for all would not suit the groups: a base of hundreds of features needs a large one, a predictive group of
three a small one, and a useless group should be left out. Penalties are chosen by songs held out, one after the other:
the base's alone, then each group's beside the base, where an infinite one leaves the group out. A group's is the
largest whose squared error is not clearly, by a standard error over songs, above the least (Breiman et al. 1984): so a
group is selected only for good reason. Each target has penalties of its own. (Banded ridge: Nunez-Elizalde, Huth &
Gallant 2019; they search all penalties at once.)

When not to use: for groups that predict only in combination; here each must help on its own, or it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from affetti.studies.audit.probes import ridge
from affetti.studies.audit.probes.ridge import Floats, Ridge

GROUP_PENALTIES: Floats = np.array([np.inf, *np.logspace(4, 0, 5)])
"""Penalties of a group, the largest first."""


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """All subsets, in the order of ``names``, the empty one first."""
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]


def fit_subsets(
    base: Floats, groups: Mapping[str, Floats], target: Floats, songs: NDArray[np.str_]
) -> dict[tuple[str, ...], Ridge]:
    """Fit targets ``[N, K]`` to ``base`` joined by each subset of ``groups``, all ``[N, D]`` and standardised.

    Returns:
        for each subset a fit on base and all groups, joined in their order; groups outside it have zero weights.
    """
    x = np.concatenate([base, *groups.values()], axis=1)
    of = np.repeat(["", *groups], [base.shape[1], *(block.shape[1] for block in groups.values())])
    _, song = np.unique(songs, return_inverse=True)
    past = [
        _ValidationFold(_Moments.of(x[train], target[train]), x[test], target[test], song[test])
        for train, test in ridge.inner_folds(songs)
    ]
    whole = _Moments.of(x, target)
    penalties = np.empty((target.shape[1], len(of)))
    for k, alone in enumerate(ridge.fit(base, target, songs).penalty):
        by_group = {name: _choose_penalty(past, k, np.where(of == "", alone, np.inf), of == name) for name in groups}
        penalties[k] = [{"": alone, **by_group}[name] for name in of]
    kept = {chosen: np.where(np.isin(of, ["", *chosen]), penalties, np.inf) for chosen in subsets(list(groups))}
    return {chosen: whole.fit(each) for chosen, each in kept.items()}


def _choose_penalty(past: list[_ValidationFold], k: int, alone: Floats, group: NDArray[np.bool_]) -> float:
    """The penalty of the columns ``group`` beside those that ``alone`` lets in, by the error on target ``k``."""
    if not past:
        return float(GROUP_PENALTIES[0])
    penalties = [np.where(group, choice, alone) for choice in GROUP_PENALTIES]
    errors = np.concatenate([held.errors(k, penalties) for held in past])
    worse = errors - errors[:, [int(errors.sum(axis=0).argmin())]]
    # A sum over S songs has the standard error √S times their deviation.
    good = worse.sum(axis=0) <= np.sqrt(len(worse)) * worse.std(axis=0)
    return float(GROUP_PENALTIES[int(good.argmax())])


@dataclass(frozen=True)
class _ValidationFold:
    """Songs held out, and what was learnt without them."""

    moments: _Moments
    features: Floats
    target: Floats
    song: NDArray[np.intp]

    def errors(self, k: int, penalties: Sequence[Floats]) -> Floats:
        """Squared errors of target ``k`` ``[S, P]``, summed over each song, a column for each row of penalties."""
        slopes = np.stack([self.moments.slopes(k, each) for each in penalties], axis=1)
        missed = (self.features - self.moments.centre) @ slopes + (self.moments.level[k] - self.target[:, [k]])
        errors_by_song = np.zeros((self.song.max() + 1, len(penalties)))
        np.add.at(errors_by_song, self.song, missed**2)
        return errors_by_song[np.unique(self.song)]


@dataclass(frozen=True)
class _Moments:
    """All that a fit needs to know of its rows."""

    centre: Floats
    level: Floats
    gram: Floats
    """``[D, D]``, of centred features."""
    moment: Floats
    """``[D, K]``, of centred features and targets."""

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Moments:
        centre, level = x.mean(axis=0), y.mean(axis=0)
        a = x - centre
        return cls(centre, level, a.T @ a, a.T @ (y - level))

    def slopes(self, k: int, penalty: Floats) -> Floats:
        """Slopes ``[D]`` of target ``k`` under a penalty for each column; where it is infinite they are 0."""
        slopes = np.zeros(len(penalty))
        let_in = np.flatnonzero(np.isfinite(penalty))
        if let_in.size:
            gram = self.gram[np.ix_(let_in, let_in)] + np.diag(penalty[let_in])
            slopes[let_in] = cho_solve(cho_factor(gram, overwrite_a=True), self.moment[let_in, k])
        return slopes

    def fit(self, penalties: Floats) -> Ridge:
        """The fit under penalties ``[K, D]``."""
        slopes = np.stack([self.slopes(k, each) for k, each in enumerate(penalties)], axis=1)
        return Ridge(slopes, self.level - self.centre @ slopes, penalties)
