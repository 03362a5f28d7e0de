"""Whether synthetic clips go with the emotion they were conditioned on, as a whole and by quadrant and genre.

A regressor that was trained on real clips alone predicts valence and arousal of the synthetic clips, and of real clips
it was not trained on; the second prediction is what the first can be at best. Without a regressor, the Fréchet joint
distance compares the joint distribution of features and conditions with that of real music.

By quadrant and genre sets are compared by the kernel distance: it has no bias in the number of songs, of which a
quadrant holds few, where Fréchet distances would be mostly bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.emotion import AXES, quadrant
from affetti.errors import InputError
from affetti.results import PointEstimate
from affetti.studies.scorecard.emotion_predictions import EmotionPredictions, conditions_vary
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.result import (
    AxisConditioning,
    ByStratum,
    Conditioning,
    GenreMeasures,
    JointDistance,
    QuadrantMeasures,
    RelativeResponse,
    Response,
    Strata,
    StratumMeasure,
)

Rows = NDArray[np.float64]


def conditioning(fake: ClipSet, predictions: EmotionPredictions | None, seed: int) -> Conditioning | None:
    """How predictions of synthetic clips follow their condition, beside how those of real clips follow their labels."""
    if predictions is None or fake.labels is None:
        return None
    response, reason = _response(fake.labels, predictions.fake, fake.songs, seed)
    try:
        permuted = metrics.permuted_response(fake.labels, predictions.fake, fake.songs, seed)
    except InputError:  # songs that cannot trade their conditions
        permuted = dict.fromkeys(AXES)
    held_out = predictions.held_out
    if held_out.labels is None or len(np.unique(held_out.songs)) < 2:
        return Conditioning(*(_axis(response[axis], None, None, permuted[axis], reason) for axis in AXES))
    real, _ = _response(held_out.labels, predictions.real, held_out.songs, seed)
    songs = len(np.unique(fake.songs)), len(np.unique(held_out.songs))
    relative = metrics.relative_to_real(response, real, songs)
    return Conditioning(*(_axis(response[axis], real[axis], relative[axis], permuted[axis], reason) for axis in AXES))


def _response(
    labels: Rows, predicted: Rows, songs: NDArray[np.str_], seed: int
) -> tuple[dict[str, dict[str, metrics.Result] | None], str | None]:
    """How predictions follow the labels of clips, or the reason why it is undefined: a collapsed generator, say."""
    try:
        return metrics.label_response(labels, predicted, songs, seed), None
    except InputError as error:
        same = (np.ptp(predicted, axis=0) == 0).any()
        return dict.fromkeys(AXES), "the regressor predicts the same emotion of every clip" if same else str(error)


def _axis(
    response: dict[str, metrics.Result] | None,
    real: dict[str, metrics.Result] | None,
    relative: dict[str, metrics.Result] | None,
    permuted: metrics.PermutedResponse | None,
    reason: str | None,
) -> AxisConditioning:
    return AxisConditioning(
        **({} if response is None else _estimates(response)),
        real=None if real is None else Response(**_estimates(real)),
        relative=None if relative is None else _shares(relative),
        permuted=permuted,
        reason=reason,
    )


def _shares(relative: dict[str, metrics.Result]) -> RelativeResponse:
    values: dict[str, Any] = {name: share.value for name, share in relative.items()}
    values |= {f"{name}_ci": share.ci for name, share in relative.items()}
    return RelativeResponse(**values)


def _estimates(results: dict[str, metrics.Result]) -> dict[str, Any]:
    return {name: PointEstimate(result.value, result.ci) for name, result in results.items()}


def joint_distance(reference: ClipSet, fake: ClipSet, x: Rows, y: Rows, seed: int) -> JointDistance:
    """The Fréchet joint distance of features and emotion, with the null of permuted conditions.

    Args:
        reference: real clips.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.
        seed: of every resampling.
    """
    if reference.labels is None or fake.labels is None or not conditions_vary(fake):
        return JointDistance(reason="needs labels of real clips, and synthetic clips conditioned on different emotions")
    labels, songs = (reference.labels, fake.labels), (reference.songs, fake.songs)
    centre = x.mean(axis=0)
    try:
        result = metrics.frechet_joint_distance(x - centre, y - centre, labels, songs, seed=seed)
    except InputError as error:
        return JointDistance(reason=str(error))
    return JointDistance(
        None if result.joint is None else Measure.of(result.joint),
        None if result.features is None else Measure.of(result.features),
        result.alpha,
        result.plain,
        result.null,
        result.p,
        result.permutations,
        result.seed,
        result.reason,
    )


def strata(
    reference: ClipSet, fake: ClipSet, x: Rows, y: Rows, predictions: EmotionPredictions | None, seed: int
) -> Strata:
    """Kernel distance by quadrant and by genre, and by quadrant how far predictions lie from the condition.

    Args:
        reference: real clips.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.
        predictions: the emotions of both sides, where they could be predicted.
        seed: of every resampling.
    """
    songs = (reference.songs, fake.songs)

    def kernel(rows: Sequence[NDArray[np.intp]], draw: int) -> metrics.Result:
        real, made = rows
        return metrics.kernel(x[real], y[made], (songs[0][real], songs[1][made]), draw)

    quadrants = QuadrantMeasures(reason="needs labels on both sides")
    if reference.labels is not None and fake.labels is not None:
        kernels, reason = _by_stratum(kernel, (quadrant(*reference.labels.T), quadrant(*fake.labels.T)), songs, seed)
        errors, other = _errors(fake, predictions, seed)
        quadrants = QuadrantMeasures(kernels, errors.get("valence"), errors.get("arousal"), reason or other)
    genres = GenreMeasures(reason="needs genres on both sides")
    of_real, of_fake = _known_genres(reference), _known_genres(fake)
    if of_real is not None and of_fake is not None:
        genres = GenreMeasures(*_by_stratum(kernel, (of_real, of_fake), songs, seed))
    return Strata(quadrants, genres)


def _by_stratum(
    measure: Any, strata: tuple[NDArray[np.str_], NDArray[np.str_]], songs: tuple[Any, Any], seed: int
) -> tuple[ByStratum | None, str | None]:
    """A measure by stratum, or the reason why there is none."""
    try:
        results = metrics.by_stratum(measure, strata, songs, seed=seed)
    except InputError as error:
        return None, str(error)
    return {
        name: StratumMeasure(
            None if stratum.result is None else Measure.of(stratum.result), stratum.reason, stratum.songs, stratum.drawn
        )
        for name, stratum in results.items()
    }, None


def _known_genres(clips: ClipSet) -> NDArray[np.str_] | None:
    return clips.genres if clips.genres is not None and (clips.genres != "").any() else None


def _errors(
    fake: ClipSet, predictions: EmotionPredictions | None, seed: int
) -> tuple[dict[str, ByStratum | None], str | None]:
    """By axis the mean absolute error in each quadrant of conditions; the floor is that of held-out real clips."""
    if predictions is None or fake.labels is None or predictions.held_out.labels is None:
        return {}, "needs predictions of the emotions of both sides"
    held_out, conditions, labels = predictions.held_out, fake.labels, predictions.held_out.labels
    quadrants = quadrant(*labels.T), quadrant(*conditions.T)
    errors: dict[str, ByStratum | None] = {}
    reason: str | None = None
    for axis in AXES:

        def error(rows: Sequence[NDArray[np.intp]], draw: int, axis: str = axis) -> metrics.Result:
            a, b = rows
            made = metrics.label_error(conditions[b], predictions.fake[b], fake.songs[b], draw)[axis]
            real = metrics.label_error(labels[a], predictions.real[a], held_out.songs[a], draw)[axis]
            return metrics.Result(made.value, made.ci, real.value, (len(a), len(b)), draw)

        errors[axis], failure = _by_stratum(error, quadrants, (held_out.songs, fake.songs), seed)
        reason = reason or failure
    return errors, reason
