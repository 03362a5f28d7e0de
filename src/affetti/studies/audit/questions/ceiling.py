"""What caps quality: the representation, the generator, or the raters?

Quality Scores (100: other real songs) of real clips, of clips degraded in steps down to noise, with trained generators
among them. Beside it, the ceiling that the raters' disagreement sets on CCC, and how much of it a linear regressor
reaches.

When not to use: the score compares log-mels at the corpus' own front-end, so that it cannot detect the loss of what
that front-end does not hold. It says what a log-mel loses on the way to sound and back, not what listeners would say of
it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus
from affetti.corpus.ceiling import ceiling
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.metrics.quality import MIN_SONGS
from affetti.presets import with_mel_bands
from affetti.progress import Progress
from affetti.signal.mel import MelSpectrogram
from affetti.signal.vocoder import GriffinLim
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    Measurement,
    NotMeasurableError,
    Sound,
    format_measurement,
)
from affetti.studies.audit.context import NEEDS_AUDIO, AuditContext
from affetti.studies.audit.counterfactuals import generator_penalties, score_penalties
from affetti.studies.audit.probes import generator_costs, linear_probe
from affetti.studies.audit.question import Question
from affetti.studies.audit.resynthesis.degradations import BAND_COUNTS, degradations
from affetti.training import run as runs

MAX_SONGS_A_SIDE, MAX_SONGS_A_SIDE_QUICK = 120, 32
"""Songs a side of the ladder, a clip each."""
MODALITIES = ("emotion", "lyrics", "section", "instruments")
"""What the study's generator of several modalities is conditioned on."""
RESAMPLES = 40
"""Of the published score, which takes a while."""
CAUTION_FRONT_END = (
    "The score compares the corpus' own log-mels: it measures what they lose on the way to sound and back, "
    "not what listeners would miss."
)
CAUTION_PENALTIES = (
    "Penalties of one kind alone, of other words and of none show which losses the score detects. They are no "
    "bound on what a generator loses; no penalty means that the score does not detect the loss."
)


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Score every degradation and generator, and measure the ceiling of the labels; see :data:`QUESTION`."""
    real, held = _split_songs(context)
    mel, songs = context.corpus.mel, context.corpus.songs
    material = np.asarray(mel[held], dtype=np.float32)
    audible = _has_audio(context)
    measurements: list[Measurement] = [_quality(context, "real", "other real songs", real, material)]
    made: dict[str, NDArray[np.float32]] = {}
    steps = degradations()
    for index, degradation in enumerate(steps):
        progress("ceiling", index, len(steps))
        if degradation.needs_audio and not audible:
            measurements.append(
                Measurement.missing(f"quality_{degradation.name}", _label(degradation.label), NEEDS_AUDIO)
            )
            continue
        made[degradation.name] = degradation.apply(context, held, material)
        measurements.append(_quality(context, degradation.name, degradation.label, real, made[degradation.name]))
    measurements += _differences(context, real, made)
    whole = {its.name: its for its in measurements}
    measurements += _generators(context, whole["quality_roundtrip"])
    measurements += score_penalties.penalty_measurements(context, real, songs[held])
    measurements += generator_penalties.generator_penalties(context)
    measurements += _labels(context)
    names = tuple(its.name for its in measurements if its.name.startswith("quality_"))
    return Answer(
        _sentence(measurements),
        tuple(measurements),
        IntervalFigure("Quality Score (100: other real songs)", names),
        sounds=_sounds(context, int(held[0])) if audible else (),
        cautions=(CAUTION_FRONT_END, CAUTION_PENALTIES, linear_probe.CAUTION_FIXED_FITS),
    )


def _split_songs(context: AuditContext) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two halves of the songs, a clip each."""
    songs = np.unique(context.corpus.songs)
    side = min(context.sample_size(MAX_SONGS_A_SIDE, MAX_SONGS_A_SIDE_QUICK), len(songs) // 2)
    if side < MIN_SONGS:
        raise NotMeasurableError(f"{2 * MIN_SONGS} songs or more, here are {len(songs)}")
    rng = context.rng("sides")
    order = rng.permutation(songs)
    rows = context.select_rows(len(songs))
    first = rows[np.isin(context.corpus.songs[rows], order[:side])]
    second = rows[np.isin(context.corpus.songs[rows], order[side : 2 * side])]
    return first, second


def _has_audio(context: AuditContext) -> bool:
    try:
        context.require_audio()
    except NotMeasurableError:
        return False
    return True


def _label(what: str) -> str:
    return f"Quality Score: {what}"


def _quality(
    context: AuditContext, name: str, label: str, real: NDArray[np.intp], fake: NDArray[np.float32]
) -> Measurement:
    """The score of clips, one a song, against the real side."""
    measurement = metrics.quality_score(context.corpus.mel[real], fake, context.corpus.songs[real], seed=context.seed)
    return _points_of(f"quality_{name}", _label(label), measurement)


def _points_of(name: str, label: str, result: metrics.QualityResult) -> Measurement:
    return Measurement(name, label, result.score, result.ci, result.n, "songs a side")


def _differences(
    context: AuditContext, real: NDArray[np.intp], made: dict[str, NDArray[np.float32]]
) -> list[Measurement]:
    """Points that phase costs, 128 bands beyond that, and, with another inverse, the mel scale and the logarithm."""
    pairs = {
        "penalty_phase": ("stft", "griffin_lim", "points that lost phases cost, magnitudes kept"),
        "penalty_bands": ("griffin_lim", "bands_128", "points that 128 bands cost beyond lost phases"),
        "penalty_mel_scale": ("scale_equal", "scale_mel", "points that mel bands cost beside bands of equal width"),
        "penalty_logarithm": ("scale_magnitudes", "scale_mel", "points that decibels and their floor cost"),
    }
    measurements: list[Measurement] = []
    for name, (better, worse, label) in pairs.items():
        if better not in made or worse not in made:
            measurements.append(Measurement.missing(name, label, NEEDS_AUDIO, "points"))
            continue
        songs = (context.corpus.songs[real], None, None)
        result = metrics.quality_difference(context.corpus.mel[real], made[better], made[worse], songs, context.seed)
        low, high = result.difference.ci or (result.difference.value,) * 2
        measurements.append(
            Measurement(name, label, result.difference.value, (low, high), result.n, "songs a side", "points")
        )
    return measurements


def _generators(context: AuditContext, cap: Measurement) -> list[Measurement]:
    """Scores of trained generators, against songs not seen in training, and what they cost."""
    measurements: list[Measurement] = []
    for kind, path in context.generated:
        made = Corpus.open(path)
        trained_on = set(made.meta["provenance"]["training_songs"])
        rows = np.flatnonzero(~np.isin(context.corpus.songs, sorted(trained_on)))
        try:
            result = metrics.quality_score(
                context.corpus.mel[rows], made.mel, context.corpus.songs[rows], seed=context.seed
            )
        except InputError as error:
            measurements.append(Measurement.missing(f"quality_{kind}", _label(kind), error.what))
            continue
        measurements.append(_points_of(f"quality_{kind}", _label(kind), result))
        label = f"the study's own formula: {kind}"
        fakes = np.asarray(made.mel, dtype=np.float32)
        measurements.append(
            Measurement.of_statistic(
                f"published_{kind}",
                label,
                partial(_published_quality, np.asarray(context.corpus.mel[rows], dtype=np.float32)),
                fakes,
                songs=np.arange(len(fakes)),
                seed=context.seed,
                of="clips",
                resamples=RESAMPLES,
            )
        )
        if cap.value:
            ends = tuple(100 * end / cap.value for end in result.ci)
            label = f"{kind} as a share of what its log-mels keep on the way to sound and back"
            measurements.append(
                Measurement(
                    f"share_of_ceiling_{kind}",
                    label,
                    100 * result.score / cap.value,
                    (ends[0], ends[1]),
                    result.n,
                    "songs a side",
                    "%",
                    "the interval is the generator's alone",
                )
            )
    # Of several runs of a kind the first is timed.
    trained = {run.kind: run for run in map(runs.load, reversed(context.models))}
    return [
        *measurements,
        _multimodal(context, {its.name: its for its in measurements}),
        *generator_costs.cost_measurements(context.front_end, trained),
    ]


def _multimodal(context: AuditContext, by_name: dict[str, Measurement]) -> Measurement:
    """The scores of all generators that are conditioned on words, sections and instruments beside emotion."""
    label = _label(f"generators conditioned on {', '.join(MODALITIES)}")
    several = [
        by_name[f"quality_{name}"]
        for (name, _), path in zip(context.generated, context.models, strict=False)
        if set(MODALITIES) <= set(runs.load(path).generator.followed_fields)
    ]
    scored = [its for its in several if its.value is not None]
    if not scored:
        needs = "a generator trained on a corpus with words, sections and instruments: give --models"
        return Measurement.missing("quality_multimodal", label, needs)
    return Measurement.over_definitions("quality_multimodal", label, scored)


def _published_quality(real: NDArray[np.float32], fakes: NDArray[np.float32]) -> float:
    return metrics.published_quality(real, fakes).score


def _labels(context: AuditContext) -> list[Measurement]:
    """The ceiling that raters' disagreement sets on CCC, and how much of it a linear regressor reaches."""
    clips, songs = context.corpus.clips, context.corpus.songs
    needs = "labels with their spread and number of raters"
    rated = {axis: its for axis, its in ceiling(clips, context.seed).by_axis().items() if its is not None}
    if len(rated) < len(AXES):
        names = {"label_ccc": "highest CCC that raters' disagreement allows", "rater_agreement": "agreement of raters"}
        return [Measurement.missing(name, label, needs) for name, label in names.items()]
    count = int(np.unique(songs).size)
    measurements: list[Measurement] = []
    for axis, its in rated.items():
        low, high = its.ccc.ci
        label = f"highest CCC that raters' disagreement allows, {axis}"
        measurements.append(Measurement(f"label_ccc_{axis}", label, its.ccc.value, (low, high), count))
        low, high = its.r2.ci
        label = f"share of the labels' variance that is raters' disagreement, {axis}"
        measurements.append(
            Measurement(
                f"noise_{axis}",
                label,
                100 * (1 - its.r2.value),
                (100 * (1 - high), 100 * (1 - low)),
                count,
                unit="%",
            )
        )
    middle = float(np.mean([its.ccc.value for its in rated.values()]))
    ends = [float(np.mean([its.ccc.ci[end] for its in rated.values()])) for end in (0, 1)]
    label = "highest CCC that raters' disagreement allows, mean of both"
    measurements.append(Measurement("label_ccc", label, middle, (ends[0], ends[1]), count))
    columns = [f"{axis}{end}" for axis in AXES for end in ("", "_std")]
    values = clips[[*columns, "raters"]].to_numpy(dtype=np.float64)
    known = np.isfinite(values).all(axis=1) & (values[:, -1] > 1)
    label = "agreement of single raters, ICC(1), mean of both"
    measurements.append(
        Measurement.of_statistic(
            "rater_agreement", label, rater_agreement, values[known], songs=songs[known], seed=context.seed
        )
    )
    try:
        predicted = linear_probe.cross_val_predict(context.statistics, context.corpus.labels, songs)
    except InputError as error:
        return [
            *measurements,
            Measurement.missing(
                "reached", "share of that CCC that a linear regressor of the log-mel reaches", error.what
            ),
        ]

    def reached(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> float:
        return 100 * metrics.concordance(prediction, target) / middle

    label = "share of that CCC that a linear regressor of the log-mel reaches on held-out songs"
    labels = context.corpus.labels
    return [
        *measurements,
        Measurement.of_statistic(
            "reached", label, reached, predicted, labels, songs=songs, seed=context.seed, unit="%"
        ),
    ]


def rater_agreement(rows: NDArray[np.float64]) -> float:
    """ICC(1) of single raters, mean of valence and arousal: the variance between clips over that of single ratings.

    Args:
        rows: valence, its spread, arousal, its spread, raters ``[N, 5]``.
    """
    agreements: list[float] = []
    for column in (0, 2):
        within = float((rows[:, column + 1] ** 2).mean())
        between = float(rows[:, column].var(ddof=1) - (rows[:, column + 1] ** 2 / rows[:, 4]).mean())
        if not between + within > 0:
            raise InputError("labels that do not vary", hint="give more clips")
        agreements.append(max(0.0, between) / (max(0.0, between) + within))
    return float(np.mean(agreements))


def _sounds(context: AuditContext, row: int) -> tuple[Sound, ...]:
    """One clip by way of ever fewer bands."""
    wave = context.waveform(row)
    kept = [context.save_sound("ceiling", "original", "composed" if context.composed else "recording", wave)]
    for bands in BAND_COUNTS:
        front = with_mel_bands(context.front_end, bands)
        with torch.inference_mode():
            rebuilt = GriffinLim(front)(MelSpectrogram(front)(wave))
        kept.append(context.save_sound("ceiling", f"rebuilt from {bands} mel bands", "rebuilt", rebuilt))
    return tuple(kept)


def _sentence(measurements: list[Measurement]) -> str:
    by = {its.name: its for its in measurements}
    said = (
        f"Turned into sound and back, the log-mels of real songs keep "
        f"{format_measurement(by['quality_roundtrip'], 0)} of 100, where other real songs score "
        f"{format_measurement(by['quality_real'], 0)} and noise {format_measurement(by['quality_noise'], 0)}"
    )
    made = [name for name in by if name.startswith("published_")]
    for name in made:
        kind = name.removeprefix("published_")
        said += f"; {kind} scores {format_measurement(by[f'quality_{kind}'], 0)}"
    said += "."
    if by["label_ccc"].value is not None and "reached" in by:
        said += (
            f" Raters' disagreement caps CCC at {format_measurement(by['label_ccc'])}, "
            f"of which a linear regressor of the log-mel reaches {format_measurement(by['reached'], 0)}."
        )
    return said


QUESTION = Question(
    "ceiling",
    "What caps quality: the representation, the generator, or the raters?",
    "Songs are halved. The Quality Score compares clips of one half with those of the other after each step of loss: "
    "100 is what untouched songs score, 25 one clip repeated for ever. Steps with bands of their own are turned into "
    "sound by mel inversion and Griffin-Lim and analysed again. Generators are scored against songs that were not "
    "seen in training. Intervals are over songs. The ceiling of the labels comes from the spread of their raters "
    "(reliability of the mean), and what is reached is the CCC of ridge regression on held-out songs; its interval "
    "resamples songs, not fits.",
    measure,
)
