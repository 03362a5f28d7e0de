"""Why songs are misread: what goes with the errors of a regressor of emotion, and the songs of the largest.

The regression is in :mod:`~affetti.studies.audit.probes.error_causes`. Words against music: the distance between the
valence that the words predict and the one that the sound does, both out of fold. Words are emotional where the
composer's list knows their valence and it is 0.25 or more from 0, else neutral.

When not to use: to say that raters are wrong. A large error may be the label's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affetti import compose
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.progress import Progress
from affetti.signal.descriptors import HARMONY_NAMES
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    Measurement,
    NotMeasurableError,
    Sound,
    format_measurement,
)
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.emotion_regressor import caution, cross_val_emotion
from affetti.studies.audit.probes.error_causes import beside_the_mean, explain_errors, standardised
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.probes.text_gain import text_features
from affetti.studies.audit.question import Question

MAX_CLIPS, MAX_CLIPS_QUICK = 1_920, 320
N_WORST = 8
EMOTIONAL = 0.25
"""Valence of words, from 0, from which they are emotional."""
KNOWN_ASPECTS = {
    "raters_spread": ("disagreement of the raters, per standard deviation", "the raters' spread"),
    "words_against_music": ("distance of words from music, per standard deviation", "lyrics: a column of words"),
    "no_words": ("no words, beside neutral words", "lyrics: a column of words, and clips without"),
    "emotional_words": ("emotional words, beside neutral words", "lyrics: words that the list knows"),
    "minor": ("minor, beside major", "mode: a column of major and minor"),
    "key_strength": ("strength of the key, per standard deviation", "sound: prepare the corpus with --keep-audio"),
}


@dataclass(frozen=True)
class _Clips:
    """What is known of the clips, a row each."""

    error: Floats
    """Absolute, ``[N, 2]``."""
    prediction: Floats
    songs: Texts
    design: dict[str, dict[str, Floats]] = field(default_factory=dict[str, dict[str, Floats]])
    """Columns of the regression by axis."""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """What each column is, for a table."""


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see :data:`QUESTION`."""
    rows = context.select_rows(context.sample_size(MAX_CLIPS, MAX_CLIPS_QUICK))
    songs, labels = context.corpus.songs[rows], context.corpus.labels[rows]
    try:
        predicted = cross_val_emotion(context, rows, progress)
    except InputError as error:
        return Answer(
            f"Why songs are misread is not measurable here: {error.what}.", needs="5 songs or more that differ"
        )
    prediction = predicted.prediction
    clips = _Clips(np.abs(prediction - labels), prediction, songs)
    _fill_design(context, rows, clips, progress)
    measurements = [
        Measurement.of_mean(
            f"error_{axis}", f"absolute error of {axis}", clips.error[:, i], songs=songs, seed=context.seed
        )
        for i, axis in enumerate(AXES)
    ]
    for i, axis in enumerate(AXES):
        measurements += _coefficients(context, clips, axis, clips.error[:, i])
    worst, sounds = _worst(context, rows, clips)
    progress("errors", len(rows), len(rows))
    shown = tuple(it.name for it in measurements if it.name.endswith("_valence") and it.ci and not it.unit)[1:]
    return Answer(
        _sentence(measurements),
        (*measurements, *worst),
        intervals=IntervalFigure("Change of the absolute error of valence", shown, zero=True),
        sounds=sounds,
        cautions=(caution(from_harmony=predicted.from_harmony), *_cautions(context, measurements)),
    )


def _fill_design(context: AuditContext, rows: NDArray[np.intp], clips: _Clips, progress: Progress) -> None:
    """Fill the columns of the regression with what the corpus knows."""
    table = context.corpus.clips.iloc[rows]
    words = table["lyrics"].fillna("").to_numpy(dtype=str)
    sung = np.char.strip(words) != ""
    common: dict[str, Floats | None] = {}
    if sung.any() and not sung.all():
        common["no_words"] = (~sung).astype(np.float64)
    word_valence = np.array([compose.valence_of(text.splitlines()) for text in words.tolist()])
    emotional = np.abs(np.nan_to_num(word_valence)) >= EMOTIONAL
    if emotional.any() and not emotional[sung].all():
        common["emotional_words"] = emotional.astype(np.float64)
    elif emotional.any():  # there are no neutral words to compare with
        clips.labels["no_words"] = "no words, beside words"
    common["words_against_music"] = _words_against_music(words, sung, context.corpus.labels[rows, 0], clips)
    mode = table["mode"].fillna("").to_numpy(dtype=str)
    if {"major", "minor"} <= set(mode.tolist()):
        common["minor"] = np.select([mode == "minor", mode == "major"], [0.5, -0.5], 0.0)
    try:
        strength = context.harmony(rows, progress)[:, HARMONY_NAMES.index("key strength")]
        common["key_strength"] = standardised(strength, np.isfinite(strength))
    except NotMeasurableError:
        pass
    for column in ("genre", "section"):
        for label, values in beside_the_mean(table[column].fillna("").to_numpy(dtype=str), clips.songs).items():
            common[f"{column}_{_slug(label)}"] = values
            clips.labels[f"{column}_{_slug(label)}"] = f"{column} {label}, beside the mean"
    known = {name: values for name, values in common.items() if values is not None}
    for axis in AXES:
        spread = table[f"{axis}_std"].to_numpy(dtype=np.float64)
        own = standardised(spread, np.isfinite(spread))
        clips.design[axis] = ({} if own is None else {"raters_spread": own}) | known


def _words_against_music(words: Texts, sung: NDArray[np.bool_], valence: Floats, clips: _Clips) -> Floats | None:
    """Distance of the valence predicted from words from that predicted from sound, standardised; None without words."""
    if not sung.any():
        return None
    features = linear_probe.concatenated(*text_features(words[sung]).values())
    try:
        predicted = linear_probe.cross_val_predict(features, valence[sung], clips.songs[sung])
    except InputError:
        return None
    distance = np.zeros(len(words))
    distance[sung] = np.abs(predicted - clips.prediction[sung, 0])
    return standardised(distance, sung)


def _coefficients(context: AuditContext, clips: _Clips, axis: str, errors: Floats) -> list[Measurement]:
    design = clips.design[axis]
    missing = [
        Measurement.missing(f"{name}_{axis}", f"{axis}: {label}", needs)
        for name, (label, needs) in KNOWN_ASPECTS.items()
        if name not in design
    ]
    n = int(np.unique(clips.songs).size)
    share = (f"explained_{axis}", f"variance of the error of {axis} that these values predict in songs left out")
    try:
        explained = explain_errors(errors, design, clips.songs, context.seed)
    except InputError as error:
        return [*missing, Measurement.missing(*share, f"more songs ({error.what})", "%")]
    named = {name: label for name, (label, _) in KNOWN_ASPECTS.items()} | clips.labels
    return [
        *(
            Measurement(f"{name}_{axis}", f"{axis}: {named[name]}", value, explained.intervals[name], n)
            for name, value in explained.values.items()
        ),
        *missing,
        Measurement.of_statistic(
            *share, _percent_explained, explained.left_out, errors, songs=clips.songs, seed=context.seed, unit="%"
        ),
    ]


def _percent_explained(prediction: Floats, errors: Floats) -> float:
    """Share of the variance, %; below 0: nothing is predicted."""
    return 100.0 * linear_probe.r2(prediction, errors)


def _worst(context: AuditContext, rows: NDArray[np.intp], clips: _Clips) -> tuple[list[Measurement], tuple[Sound, ...]]:
    """The songs of the largest mean distance on the plane: a line each, and the clip of the largest to be played."""
    distance = np.linalg.norm(clips.error, axis=1)
    by_song = {song: float(distance[clips.songs == song].mean()) for song in np.unique(clips.songs).tolist()}
    ranked = sorted(by_song, key=lambda song: -by_song[song])[:N_WORST]
    lines: list[Measurement] = []
    sounds: list[Sound] = []
    for rank, song in enumerate(ranked, 1):
        own = np.flatnonzero(clips.songs == song)
        at = int(own[distance[own].argmax()])
        label = _describe_clip(context, int(rows[at]), clips.prediction[at])
        lines.append(
            Measurement(f"worst_{rank}", f"{song}: {label}", by_song[song], None, len(own), "clips", exact=True)
        )
        try:
            wave = context.waveform(int(rows[at]))
            origin = "composed" if context.composed else "recording"
            sounds.append(context.save_sound("errors", f"{rank}. {song[:40]}", origin, wave))
        except (NotMeasurableError, InputError):
            continue
    return lines, tuple(sounds)


def _describe_clip(context: AuditContext, row: int, prediction: Floats) -> str:
    """What is known of a clip, in words."""
    clip = context.corpus.clips.iloc[row]
    words = str(clip["lyrics"] or "")
    valence = compose.valence_of(words.splitlines())
    kind = "no words" if not words.strip() else "words" if np.isnan(valence) else f"words of valence {valence:+.2f}"
    spread = np.array([clip[f"{axis}_std"] for axis in AXES], dtype=np.float64)
    known = [str(clip[column]) for column in ("genre", "section", "mode") if clip[column]]
    raters = [f"raters ±{spread[0]:.2f}, ±{spread[1]:.2f}"] if np.isfinite(spread).all() else []
    label = context.corpus.labels[row]
    parts = [f"predicted {prediction[0]:+.2f}, {prediction[1]:+.2f}", f"label {label[0]:+.2f}, {label[1]:+.2f}"]
    return "; ".join([*parts, *known, *([kind] if (context.corpus.clips["lyrics"] != "").any() else []), *raters])


def _slug(label: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in label.casefold()).split())


def _excluding_zero(measurements: list[Measurement]) -> list[Measurement]:
    """Coefficients whose interval excludes 0, the largest first."""
    named = [it for it in measurements if it.ci is not None and not it.name.startswith("error_")]
    coefficients = [it for it in named if it.ci is not None and (it.ci[0] > 0 or it.ci[1] < 0)]
    return sorted(coefficients, key=lambda it: -abs(it.value or 0.0))


def _sentence(measurements: list[Measurement]) -> str:
    by_name = {measurement.name: measurement for measurement in measurements}
    sizes = " and ".join(f"{format_measurement(by_name[f'error_{axis}'])} in {axis}" for axis in AXES)
    coefficients = _excluding_zero(measurements)
    if not coefficients:
        return f"A linear regressor errs by {sizes}; nothing known of the clips goes with it."
    listed = "; ".join(f"{it.label}, {format_measurement(it)}" for it in coefficients[:3])
    return f"A linear regressor errs by {sizes}. What goes with larger or smaller errors: {listed}."


def _cautions(context: AuditContext, measurements: list[Measurement]) -> tuple[str, ...]:
    count = sum(it.ci is not None for it in measurements) - len(AXES)
    cautions = [
        f"Of {count} coefficients, one in twenty excludes 0 by chance; they are differences, not causes.",
        linear_probe.CAUTION_FIXED_FITS,
    ]
    if context.composed:
        cautions.append("The music is composed: its raters are simulated, and their errors depend on nothing.")
    return tuple(cautions)


QUESTION = Question(
    "errors",
    "Why are songs misread: what goes with large errors?",
    "Ridge regression predicts emotion from log-mel statistics, out of fold by song; valence from harmony of the "
    "sound, where there is sound and that predicts held-out songs better. The absolute error of each clip "
    "is regressed on what the corpus records of it: spread of the raters, distance of the valence that the words "
    "predict from the one that the sound does, no words or emotional ones beside neutral, genre, section, mode and "
    "strength of the key. Coefficients are changes of the error with all else as it is; intervals resample songs. The "
    "songs of the largest errors are listed, and can be played where the corpus has sound.",
    measure,
)
