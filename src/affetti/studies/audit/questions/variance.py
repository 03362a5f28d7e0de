"""The variance table: what words, timbre, structure, genre, phase and harmony explain of emotion beyond a log-mel.

Ridge regression predicts labels from log-mel statistics joined by every subset of the groups; a group's share is
Shapley's: what it adds to R², mean over all orders in which the groups could have come, so that what two groups both
say is divided between them, and the shares add up to what all say together. Beside it what a group adds when it comes
last, which nothing else says. All in % of the labels' variance, mean of valence and arousal and each alone.

When not to use: as how much words or phase matter to listeners. A share is what these numbers say of these labels, to a
linear regressor, beyond what the same regressor finds in the log-mel; a group that goes with what the log-mel shows
badly gets a share of that. A difference of two regressors, each of whom bounds from below, is no bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from affetti.corpus.ceiling import ceiling
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.progress import Progress, silent
from affetti.studies.audit.answer import Answer, IntervalFigure, Measurement, format_measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import of_gain, with_selection_note
from affetti.studies.audit.probes.aspects import ASPECTS, STUDY_ASPECTS, Aspects, extract_aspects
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.question import Question

MAX_CLIPS, MAX_CLIPS_QUICK = 1_200, 480
N_REFITS, N_REFITS_QUICK = 100, 0
"""Draws of songs on which everything is fitted again, for intervals."""
LABELS = {
    "log_mel": "variance{} that log-mel explains",
    "total": "variance{} that the study's five explain beyond log-mel, without harmony",
    "total_known": "variance{} that all that is known explains beyond log-mel",
    **{name: "variance{} that " + name + " explains beyond log-mel, Shapley's share" for name in ASPECTS},
    **{f"{name}_last": "variance{} that only " + name + " explains, and nothing else" for name in ASPECTS},
}
NAMES = tuple(LABELS)
NOISE = "variance of {} that is noise of raters, which nothing explains"
Statistic = Callable[[Floats, Floats], float]
"""Of values and labels, both ``[N, K]``."""


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see the module."""
    rows = context.select_rows(context.sample_size(MAX_CLIPS, MAX_CLIPS_QUICK))
    known = extract_aspects(context, rows, progress)
    labels, songs = context.corpus.labels[rows], context.corpus.songs[rows]
    measurements = [
        *variance_table(
            context.statistics[rows],
            known,
            labels,
            songs,
            context.seed,
            context.sample_size(N_REFITS, N_REFITS_QUICK),
            progress,
        ),
        *_rater_noise(context),
    ]
    shown = known.names
    return Answer(
        _sentence({measurement.name: measurement for measurement in measurements}, shown),
        tuple(measurements),
        intervals=IntervalFigure("Variance of valence and arousal explained beyond log-mel, %", shown, zero=True)
        if shown
        else None,
        cautions=_cautions(context, known, len(rows)),
    )


def variance_table(
    base: Floats,
    known: Aspects,
    labels: Floats,
    songs: Texts,
    seed: int = 0,
    refits: int = 0,
    progress: Progress = silent,
) -> list[Measurement]:
    """What the base explains, each aspect's share, what it adds when it comes last, and what all explain together.

    Each as the mean of valence and arousal and, but for what comes last, for either alone. What the study's five
    aspects explain is measured where none of them is lacking, what all that are known explain always.

    Args:
        base: log-mel statistics ``[N, D]``.
        known: aspects of the same clips; one that is neither known nor lacking counts as lacking.
        labels: valence and arousal ``[N, 2]``.
        songs: of each clip.
        seed: of the intervals.
        refits: draws of songs on which everything is fitted again, for the intervals; with 0 fits are kept, and the
            intervals of what aspects add are widened instead (:func:`.linear_probe.widen_interval`).
        progress: receives the number of refits done.
    """
    try:
        predictions = known.predict(base, labels, songs)
    except InputError as error:
        return [missing for name in NAMES for missing in _missing(name, f"more to learn from ({error.what})")]
    sums = _statistics(predictions, known, labels)
    absent = {name: known.missing.get(name, name) for name in ASPECTS if name not in known.names}
    lacks = {f"{name}{last}": needs for name, needs in absent.items() for last in ("", "_last")}
    lacks["total"] = "; ".join(needs for name, needs in absent.items() if name in STUDY_ASPECTS)
    lacks["total_known"] = "; ".join(absent.values())
    redrawn = _redrawn(base, known, labels, songs, seed, refits, progress)
    measurements: list[Measurement] = []
    for name in NAMES:
        if name not in sums:
            measurements += _missing(name, lacks[name])
            continue
        statistic, values = sums[name]
        for measured_as, label, columns in _variants(name):
            pair = values[:, columns], labels[:, columns]
            row = Measurement.of_statistic(measured_as, label, statistic, *pair, songs=songs, seed=seed, unit="%")
            if redrawn and row.value is not None:
                low, high = np.quantile([numbers[measured_as] for numbers in redrawn], [0.025, 0.975])
                row = replace(row, ci=(min(float(low), row.value), max(float(high), row.value)))
                measurements.append(with_selection_note(row, pair[0], songs) if statistic is _share_percent else row)
            else:
                measurements.append(of_gain(row, pair[0], songs) if statistic is _share_percent else row)
    return measurements


def _redrawn(
    base: Floats, known: Aspects, labels: Floats, songs: Texts, seed: int, refits: int, progress: Progress
) -> list[dict[str, float]]:
    """The numbers of the table on each of ``refits`` draws of songs with replacement, with everything fitted again."""
    rng = np.random.default_rng(seed)
    redrawn: list[dict[str, float]] = []
    for done in range(refits):
        progress("variance, refits", done, refits)
        rows = linear_probe.draw_songs(songs, rng)
        again = Aspects({name: features[rows] for name, features in known.features.items()}, known.missing)
        target = labels[rows]
        try:
            sums = _statistics(again.predict(base[rows], target, songs[rows]), again, target)
            redrawn.append(
                {
                    measured_as: statistic(values[:, columns], target[:, columns])
                    for name, (statistic, values) in sums.items()
                    for measured_as, _, columns in _variants(name)
                }
            )
        except InputError:  # a draw of too few different songs, or of labels that do not vary
            continue
    return redrawn


def _statistics(
    predictions: Mapping[tuple[str, ...], Floats], known: Aspects, labels: Floats
) -> dict[str, tuple[Statistic, Floats]]:
    """The statistic of each row of the table that can be had, and what it is of."""
    errors = {chosen: (labels - prediction) ** 2 for chosen, prediction in predictions.items()}
    statistics: dict[str, tuple[Statistic, Floats]] = {"log_mel": (_r2_percent, predictions[()])}
    for name in known.names:
        others = tuple(other for other in known.names if other != name)
        statistics[name] = _share_percent, linear_probe.shapley_contributions(predictions, name, labels)
        statistics[f"{name}_last"] = _share_percent, errors[others] - errors[known.names]
    if known.names:
        statistics["total_known"] = _share_percent, errors[()] - errors[known.names]
    if set(STUDY_ASPECTS) <= set(known.names):
        statistics["total"] = _share_percent, errors[()] - errors[STUDY_ASPECTS]
    return statistics


def _variants(name: str) -> list[tuple[str, str, slice]]:
    """What is measured as ``name``: names, labels and columns, of both axes and, but for what comes last, of each."""
    axes = [] if name.endswith("_last") else list(enumerate(AXES))
    columns = [("", "", slice(0, 2)), *((f"_{axis}", f" of {axis}", slice(k, k + 1)) for k, axis in axes)]
    return [(f"{name}{ending}", LABELS[name].format(of), which) for ending, of, which in columns]


def _missing(name: str, needs: str) -> list[Measurement]:
    return [Measurement.missing(measured_as, label, needs, "%") for measured_as, label, _ in _variants(name)]


def _r2_percent(prediction: Floats, labels: Floats) -> float:
    """R², %, mean over columns."""
    return float(np.mean([100 * linear_probe.r2(p, y) for p, y in zip(prediction.T, labels.T, strict=True)]))


def _share_percent(lessened: Floats, labels: Floats) -> float:
    """Squared errors lessened, % of the variation of labels, mean over columns."""
    return float(np.mean([100 * linear_probe.variance_share(e, y) for e, y in zip(lessened.T, labels.T, strict=True)]))


def _rater_noise(context: AuditContext) -> list[Measurement]:
    """Share of the labels' variance that is the raters' disagreement, of all clips."""
    measurements: list[Measurement] = []
    for axis, known in ceiling(context.corpus.clips, context.seed).by_axis().items():
        naming = f"noise_{axis}", NOISE.format(axis)
        if known is None:
            measurements.append(Measurement.missing(*naming, "the raters' number and spread for each clip", "%"))
            continue
        low, high = known.r2.ci
        value, ci = 100 * (1 - known.r2.value), (100 * (1 - high), 100 * (1 - low))
        measurements.append(Measurement(*naming, value, ci, int(np.unique(context.corpus.songs).size), unit="%"))
    return measurements


def _sentence(by_name: Mapping[str, Measurement], shown: tuple[str, ...]) -> str:
    if by_name["log_mel"].value is None:
        return f"Nothing could be measured: {by_name['log_mel'].note}."
    parts = [f"A log-mel explains {format_measurement(by_name['log_mel'], 0)} of the variance of valence and arousal"]
    if shown:
        shares = ", ".join(f"{name} {format_measurement(by_name[name], 1)}" for name in shown)
        parts.append(f"; beyond it {shares}; all of these {format_measurement(by_name['total_known'], 1)}")
    absent = [name for name in ASPECTS if name not in shown]
    ending = f". Not measurable here: {', '.join(absent)}." if absent else "."
    return "".join(parts) + ending


def _cautions(context: AuditContext, known: Aspects, clips: int) -> tuple[str, ...]:
    cautions = [
        (
            f"Of {clips:,} clips, by a linear regressor: a share is what it predicts from these numbers, not what "
            "listeners perceive."
        ),
        "Out of fold a useless group can cost more than it gives: a share below zero is none.",
        "Two linear regressors bound from below what log-mel and groups hold; their difference is no bound.",
    ]
    if "phase" in known.features:
        cautions.append(
            "The phase features have a finer time resolution than the log-mel: their share is that of both."
        )
    if context.composed:
        cautions.append(
            "On composed music this only checks what the composer planted, and says nothing of people: cues alone make "
            "the labels. Words follow the valence of the music, and some lead instruments weigh: where they add, the "
            "regressor did not predict it from the log-mel. Mode is a cue, and harmony shows it more clearly. "
            "Structure, genre and phase must add nothing but a clearer view of the cues."
        )
    return tuple(cautions)


QUESTION = Question(
    "variance",
    "How much of valence and arousal do words, timbre, structure, genre, phase and harmony explain beyond a log-mel?",
    "Ridge regression predicts labels out of fold (by song) from log-mel statistics joined by every subset of six "
    "groups: words (hashed, and their valence by the composer's list), instruments, position and section, genre, and "
    "numbers of phase and of harmony from the sound. Each has a penalty of its own, chosen on validation songs out "
    "of the training songs, and is left out where it does not help. A share is Shapley's: what a group adds to R², "
    "mean over all orders of coming; beside it what it adds when it comes last. In % of the labels' variance; "
    "intervals draw songs again and fit everything again on each draw (a quick audit keeps the fits and widens "
    "intervals of shares).",
    measure,
)
