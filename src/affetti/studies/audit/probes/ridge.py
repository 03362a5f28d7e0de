"""Ridge regression whose penalty is chosen on songs held out.

Minimises Σᵢ wᵢ (yᵢ − b − xᵢ·β)² + λ |β|², the intercept b free. λ is one of :data:`PENALTIES`, the one with the least
squared error on songs left out in turn. Leaving out single clips, as is usual, would leak: the other clips of a song
reveal its label, and where clips of a song share a label, features that merely identify the song would seem useful.

By the eigenvectors of the features' covariance, so that all penalties cost as much as one. When not to use: features
of very different scale, which one penalty cannot treat alike: standardise them first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.model_selection import GroupKFold

Floats = NDArray[np.float64]

PENALTIES: Floats = np.logspace(0, 5, 11)
N_INNER_FOLDS = 4
"""Folds by song, on which the penalty is chosen."""


@dataclass(frozen=True)
class Ridge:
    """A fitted regression."""

    slopes: Floats
    """``[D, K]``."""
    intercept: Floats
    """``[K]``."""
    penalty: Floats
    """Those chosen: of each target ``[K]``, or ``[K, D]`` where features differ in it."""

    def predict(self, features: Floats) -> Floats:
        """Predict targets ``[N, K]`` from features ``[N, D]``."""
        return features @ self.slopes + self.intercept


def fit(features: Floats, target: Floats, songs: NDArray[np.str_], weights: Floats | None = None) -> Ridge:
    """Fit targets ``[N, K]`` to features ``[N, D]``.

    Args:
        features: standardised.
        target: each column has a penalty of its own; with ``weights`` they are classes, and share one.
        songs: of each row.
        weights: of each row, > 0.
    """
    w = np.ones(len(target)) if weights is None else weights
    errors = np.zeros((len(PENALTIES), target.shape[1]))
    for train, test in inner_folds(songs):
        path = _Path.of(features[train], target[train], w[train])
        errors += np.einsum("n,pnk->pk", w[test], (path(features[test]) - target[test]) ** 2)
    if weights is not None:
        errors[:] = errors.sum(axis=1, keepdims=True)
    # Without two songs to choose by, every error is zero: then the middle of the range.
    best = errors.argmin(axis=0) if errors.any() else np.full(target.shape[1], len(PENALTIES) // 2)
    path = _Path.of(features, target, w)
    slopes = path.slopes()[best, :, np.arange(target.shape[1])].T
    return Ridge(slopes, path.level - path.centre @ slopes, PENALTIES[best])


def inner_folds(songs: NDArray[np.str_]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit to and rows to choose a penalty by, of other songs; none where there is one song."""
    parts = min(N_INNER_FOLDS, np.unique(songs).size)
    return list(GroupKFold(parts).split(songs, groups=songs)) if parts > 1 else []


@dataclass(frozen=True)
class _Path:
    """The fit at every penalty, in the coordinates of the eigenvectors."""

    centre: Floats
    level: Floats
    axes: Floats
    """``[D, R]``."""
    along: Floats
    """Slopes along the axes ``[P, R, K]``."""

    @classmethod
    def of(cls, x: Floats, y: Floats, w: Floats) -> _Path:
        centre, level = np.average(x, axis=0, weights=w), np.average(y, axis=0, weights=w)
        root = np.sqrt(w)[:, None]
        a, b = (x - centre) * root, (y - level) * root
        if a.shape[1] == 0:
            powers, axes = np.zeros(0), np.zeros((0, 0))
        elif a.shape[1] > a.shape[0]:
            # More features than rows: the slopes lie in the span of the rows.
            powers, left = eigh(a @ a.T)
            kept = powers > powers[-1] * 1e-12
            powers, axes = powers[kept], a.T @ (left[:, kept] / np.sqrt(powers[kept]))
        else:
            powers, axes = eigh(a.T @ a)
        return cls(centre, level, axes, (axes.T @ (a.T @ b))[None] / (powers[:, None] + PENALTIES[:, None, None]))

    def slopes(self) -> Floats:
        """``[P, D, K]``."""
        return self.axes @ self.along

    def __call__(self, x: Floats) -> Floats:
        """``[P, N, K]``."""
        return ((x - self.centre) @ self.axes) @ self.along + self.level
