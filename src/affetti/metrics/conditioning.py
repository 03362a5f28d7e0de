"""Does a generator do what its condition asks?

A condition is not a label: a clip asked to be sad need not be. A regressor trained on real music reads valence and
arousal off each synthetic clip, and the reading is held against the request: correlation (does it follow?), slope of
reading on request (how much of an asked change arrives?), concordance (does it land there?) and mean absolute error
(how far off is it?).

The reader is no oracle. Regressors shrink towards the mean, so even real clips show a slope below 1 and a modest
correlation with their own labels. :func:`relative_to_real` puts the response over what the *same* reader shows on
held-out real clips: 1 means that the generator follows its condition as well as real music follows its label.

When not to use: with a reader trained on clips of the generator, or on the clips the generator learnt from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.agreement import bootstrap_ci, concordance, mae, pearson, slope
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, as_pair

AXES = ("valence", "arousal")
MEASURES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "correlation": pearson,
    "slope": slope,
    "ccc": concordance,
    "mae": mae,
}
RATIO_MEASURES = ("correlation", "slope", "ccc")
"""Measures of which more is better, and whose ratio to real music's means something."""
Response = dict[str, dict[str, Result] | None]
"""For each axis ``correlation``, ``slope``, ``ccc`` and ``mae``; ``None`` for an axis whose request never varies."""


def label_response(
    requested: ArrayLike, reading: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> Response:
    """How the reading of clips answers the emotion they were asked to have.

    Args:
        requested: valence and arousal asked for (for real clips: their labels), ``[N, 2]`` in [−1, 1].
        reading: valence and arousal that a regressor reads off the clips, ``[N, 2]``.
        groups: song id of each clip; without it every clip is a song.
        seed: of the resampling.
        resamples: draws of songs for each interval.

    Raises:
        InputError: not ``[N, 2]``, a value that is not finite, fewer than 2 songs, no request that varies, or a reading
            that never varies.
    """
    asked, read = _pair(requested, reading)
    varies = np.ptp(asked, axis=0) > 0
    if not varies.any():
        raise InputError(f"every clip asks for {asked[0].tolist()}", where="requested", hint="ask for several emotions")
    response: Response = {}
    for axis, name in enumerate(AXES):
        x, y = read[:, axis], asked[:, axis]
        response[name] = (
            {key: _measured(measure, x, y, groups, seed, resamples) for key, measure in MEASURES.items()}
            if varies[axis]
            else None
        )
    return response


def label_error(
    requested: ArrayLike, reading: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> dict[str, Result]:
    """How far the reading of clips lies from the emotion they were asked to have: mean |reading − request|.

    The label score of continuous conditional generators (Ding et al. 2021). Unlike the measures of
    :func:`label_response` it is defined, and fair, where the request hardly varies: within a quadrant, say. A reader
    errs on real clips too; put the same measure of real clips beside it.

    Args:
        requested: valence and arousal asked for (for real clips: their labels), ``[N, 2]`` in [−1, 1].
        reading: valence and arousal that a regressor reads off the clips, ``[N, 2]``.
        groups: song id of each clip; without it every clip is a song.
        seed: of the resampling.
        resamples: draws of songs for each interval.

    Returns:
        For each axis the error, 0 at best, in the unit of the labels, with its 95 % interval over songs.

    Raises:
        InputError: not ``[N, 2]``, a value that is not finite, or fewer than 2 songs.
    """
    asked, read = _pair(requested, reading)
    return {
        name: _measured(mae, x, y, groups, seed, resamples) for name, x, y in zip(AXES, read.T, asked.T, strict=True)
    }


def relative_to_real(response: Response, real: Response) -> dict[str, dict[str, float] | None]:
    """Correlation, slope and concordance over what the same reader shows on held-out real clips.

    Returns:
        For each axis the ratios ``correlation``, ``slope`` and ``ccc``: 1 is as good as real music, 0 no response.
        ``None`` where an axis was not asked to vary, or where on real clips too the reader's interval includes 0 or
        less, so that it cannot judge.
    """
    relative: dict[str, dict[str, float] | None] = {}
    for name in AXES:
        ours, theirs = response.get(name), real.get(name)
        able = (
            ours and theirs and all(r.ci is not None and r.ci[0] > 0 for r in (theirs[key] for key in RATIO_MEASURES))
        )
        relative[name] = (
            {key: ours[key].value / theirs[key].value for key in RATIO_MEASURES} if able and ours and theirs else None
        )
    return relative


def _measured(
    measure: Callable[[Floats, Floats], float],
    x: Floats,
    y: Floats,
    groups: ArrayLike | None,
    seed: int,
    resamples: int,
) -> Result:
    """A measure of readings ``x`` against requests ``y`` ``[N]``, with its interval over songs."""
    ci = bootstrap_ci(measure, x, y, groups=groups, seed=seed, resamples=resamples)
    return Result(measure(x, y), ci, None, (len(x),), seed)


def _pair(requested: ArrayLike, reading: ArrayLike) -> tuple[Floats, Floats]:
    asked, read = as_pair(requested, reading, ("requested", "reading"))
    if asked.shape != read.shape or asked.shape[1] != len(AXES):
        raise InputError(f"{asked.shape} requests against {read.shape} readings", hint="give both as [N, 2]")
    return asked, read
