"""What goes with a large error of a regressor of emotion: a regression of the absolute error.

The absolute error of each clip, of a regressor that has not seen its song, is regressed on what is known of the clip by
ordinary least squares, an axis at a time:

- the spread of its raters, the distance of what the words predict from what the sound does, and key strength: in
  standard deviations;
- whether it has no words or emotional ones, beside neutral words; whether its mode is minor, beside major;
- its genre and its section: each beside the mean over clips.

A coefficient is the change of the absolute error with everything else as it is. Columns that a corpus lacks are left
out. Intervals resample songs, the predictions as they are.

When not to use: as causes. What the corpus does not say (production, lyrics in another language) may stand behind a
genre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affetti.errors import InputError
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats, Texts

N_RESAMPLES = 1_000
MIN_SONGS = 5
"""Songs of a genre or section below which its clips count as none in particular."""
RIDGE = 1e-6
"""Added to the diagonal, so that a resample without a genre can be solved."""


@dataclass(frozen=True)
class Explained:
    """Coefficients of a regression of the absolute error."""

    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    """95 %, over songs."""
    left_out: Floats
    """The error of each clip ``[N]`` as these values predict it, fitted without its song."""


def explain_errors(errors: Floats, design: Mapping[str, Floats], songs: Texts, seed: int = 0) -> Explained:
    """Regress absolute errors ``[N]`` on the columns of ``design``, each ``[N]``.

    Raises:
        InputError: no column varies, or there are fewer songs than coefficients.
    """
    names = tuple(design)
    n_songs = np.unique(songs).size
    if not names or n_songs <= len(names) + 1:
        raise InputError(f"{n_songs} songs for {len(names)} values", hint="use a larger corpus")
    x = np.column_stack([np.ones(len(errors)), *design.values()])
    _, member = np.unique(songs, return_inverse=True)
    grams, moments = np.zeros((n_songs, x.shape[1], x.shape[1])), np.zeros((n_songs, x.shape[1]))
    np.add.at(grams, member, x[:, :, None] * x[:, None, :])
    np.add.at(moments, member, x * errors[:, None])
    ridge = RIDGE * len(errors) * np.eye(x.shape[1])
    counts = np.random.default_rng(seed).multinomial(n_songs, np.full(n_songs, 1 / n_songs), N_RESAMPLES)
    drawn = np.linalg.solve(np.tensordot(counts, grams, axes=1) + ridge, (counts @ moments)[:, :, None])[:, :, 0]
    whole = np.linalg.solve(grams.sum(axis=0) + ridge, moments.sum(axis=0))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Explained(
        {name: float(whole[1 + i]) for i, name in enumerate(names)},
        {name: (float(low[1 + i]), float(high[1 + i])) for i, name in enumerate(names)},
        linear_probe.cross_val_predict(x[:, 1:], errors, songs),
    )


def standardised(values: Floats, known: NDArray[np.bool_]) -> Floats | None:
    """Values in standard deviations about their mean, 0 where they are not known; None where they do not vary."""
    spread = float(values[known].std()) if known.any() else 0.0
    if not spread > 1e-9:
        return None
    return np.where(known, (np.where(known, values, 0.0) - values[known].mean()) / spread, 0.0)


def beside_the_mean(labels: Texts, songs: Texts) -> dict[str, Floats]:
    """A column for each label of enough songs but one, such that coefficients are differences from the mean over clips.

    The commonest label is left out: its difference follows from those of the others, which sum to 0 over clips.
    """
    common = [
        label for label in np.unique(labels).tolist() if label and np.unique(songs[labels == label]).size >= MIN_SONGS
    ]
    if len(common) < 2:
        return {}
    shares = {label: float((labels == label).mean()) for label in common}
    last = max(common, key=lambda label: shares[label])
    return {
        label: (labels == label) - (labels == last) * shares[label] / shares[last] for label in common if label != last
    }
