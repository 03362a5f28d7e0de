"""Structure: how far emotion moves within a song, and whether knowing where a clip lies in it helps a regressor.

The study says that valence moves by ±0.3 with the position of the clip, and that a spectrogram does not say where in a
song it is taken from. Measured: the spread within songs of labels, of the raters' noise and of what ridge regression on
log-mel statistics predicts out of fold (:mod:`~affetti.studies.audit.probes.emotion_spread`); the section predicted
from a log-mel; R² gained where position and section are given to the regressor; and the form of whole songs, as
``affetti score --form`` measures it (:mod:`affetti.metrics.song_form`): repetition, contrast of sections, returns.

When not to use: where all clips of a song share its label, labels carry no information on structure, and the parts that
need it are not measured.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from affetti.embedders.clip_set import corpus_clips
from affetti.errors import InputError
from affetti.progress import Progress
from affetti.studies.audit.answer import (
    Answer,
    LineFigure,
    Measurement,
    NotMeasurableError,
    Origin,
    Sound,
    format_measurement,
)
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import SubsetPredictions, added_variance
from affetti.studies.audit.probes.emotion_spread import NEEDS_CLIPS, half_ranges, label_spread, mean_course
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.probes.song_position import learnable_classes, positions, sections, structure_features
from affetti.studies.audit.question import Question
from affetti.studies.scorecard.form import SongNumbers, whole_songs

STRUCTURE = "structure"
NEEDS_FORM_SECTIONS = "songs with several clips and a column section with two or more kinds"
AXES = (("valence", ""), ("arousal", "_arousal"))
NEEDS_SECTIONS = f"a column section with two or more kinds, each in {linear_probe.N_FOLDS} songs or more"
NEEDS_CLIP_LABELS = "a label of its own for each clip: here all clips of a song share one"


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see the module.

    Raises:
        NotMeasurableError: no song has several clips, and sections are not known either.
    """
    clips, labels, songs = context.corpus.clips, context.corpus.labels, context.corpus.songs
    section, position = sections(clips), positions(clips)
    several = half_ranges(labels[:, 0], songs)[1].size > 0
    if not several and len(learnable_classes(section, songs)) < 2:
        raise NotMeasurableError(f"{NEEDS_CLIPS}; or {NEEDS_SECTIONS}")
    own = any(half_ranges(labels[:, k], songs, 2)[0].any() for k in (0, 1))
    lack = "" if own else NEEDS_CLIP_LABELS
    progress("structure", 0, 2)
    predictions, too_little = _predict(context)
    progress("structure", 1, 2)
    measurements: list[Measurement] = []
    for axis, ending in AXES:
        measurements += label_spread(
            clips, axis, ending, context.rng("spread"), "" if several and own else lack or NEEDS_CLIPS
        )
    predicted = predictions.get(())
    measurements += _prediction_spread(predicted if several else None, songs, too_little or NEEDS_CLIPS)
    measurements += _section_probe(context.statistics, section, songs)
    measurements.append(_chorus_probe(context.statistics, section, songs))
    for k, (axis, _) in enumerate(AXES):
        naming = f"structure_adds_{axis}", f"variance of {axis} that position and section add to log-mel"
        if own and (STRUCTURE,) in predictions:
            measurements.append(added_variance(context, *naming, predictions, STRUCTURE, k))
        else:
            needs = too_little or lack or f"songs with two clips or more; or {NEEDS_SECTIONS}"
            measurements.append(Measurement.missing(*naming, needs, "%"))
    measurements.append(_chorus_valence(labels[:, 0], section, songs, lack))
    measurements += _form(context)
    progress("structure", 2, 2)
    series = tuple(
        mean_course(f"{axis}, {of}", values[:, k], position, songs)
        for of, values in (("labels", labels if own else None), ("predicted from log-mels", predicted))
        for k, (axis, _) in enumerate(AXES)
        if values is not None and np.isfinite(position).any()
    )
    drawn = LineFigure("How emotion moves over a song", "position in the song", "less the song's mean", series)
    return Answer(
        _sentence(Answer("", tuple(measurements))),
        tuple(measurements),
        lines=drawn if series else None,
        sounds=_sounds(context, section, songs),
        cautions=_cautions(context, own),
    )


def _predict(context: AuditContext) -> tuple[SubsetPredictions, str]:
    """Predictions from log-mels, and from log-mels with position and section; or why there are none."""
    extra = structure_features(context.corpus.clips)
    groups = {} if extra is None else {STRUCTURE: extra}
    try:
        return linear_probe.cross_val_subsets(
            context.statistics, groups, context.corpus.labels, context.corpus.songs
        ), ""
    except InputError as error:
        return {}, f"more to learn from ({error.what})"


def _prediction_spread(predicted: Floats | None, songs: Texts, lack: str) -> list[Measurement]:
    measurements: list[Measurement] = []
    for k, (axis, ending) in enumerate(AXES):
        naming = f"spread_predictions{ending}", f"half-range of {axis} within a song, as predicted from log-mels"
        if predicted is None:
            measurements.append(Measurement.missing(*naming, lack))
        else:
            ranges, of = half_ranges(predicted[:, k], songs)
            measurements.append(Measurement.of_mean(*naming, ranges, songs=of))
    return measurements


def _section_probe(features: Floats, section: Texts, songs: Texts) -> list[Measurement]:
    """The section predicted from a log-mel: balanced accuracy, and its ratio to chance."""
    names = learnable_classes(section, songs)
    naming = (
        ("section_read", "section predicted from a log-mel, balanced accuracy", "", 1),
        ("section_lift", "section predicted from a log-mel, against chance", "times", len(names)),
    )
    kept = np.isin(section, names)
    try:
        if len(names) < 2:
            raise InputError("sections of one kind")
        predicted = linear_probe.cross_val_classify(features[kept], section[kept], songs[kept])
    except InputError:
        return [Measurement.missing(name, label, NEEDS_SECTIONS, unit) for name, label, unit, _ in naming]
    codes = [np.searchsorted(names, kinds) for kinds in (predicted, section[kept])]
    return [
        Measurement.of_statistic(name, label, partial(_scaled, times), *codes, songs=songs[kept], unit=unit)
        for name, label, unit, times in naming
    ]


def _chorus_probe(features: Floats, section: Texts, songs: Texts) -> Measurement:
    """Verse or chorus, predicted from a clip's log-mel: balanced accuracy, chance 0.5."""
    naming = "chorus_read", "verse or chorus, predicted from a log-mel, balanced accuracy"
    kinds = np.array([next((kind for kind in ("chorus", "verse") if name.startswith(kind)), "") for name in section])
    kept = kinds != ""
    try:
        predicted = linear_probe.cross_val_classify(features[kept], kinds[kept], songs[kept])
    except (InputError, ValueError):
        return Measurement.missing(*naming, f"sections named verse and chorus in {linear_probe.N_FOLDS} songs or more")
    names = np.unique(kinds[kept])
    codes = [np.searchsorted(names, each) for each in (predicted, kinds[kept])]
    return Measurement.of_statistic(*naming, linear_probe.balanced_accuracy, *codes, songs=songs[kept])


def _scaled(times: int, predicted: Texts, target: Texts) -> float:
    return times * linear_probe.balanced_accuracy(predicted, target)


def _chorus_valence(valence: Floats, section: Texts, songs: Texts, lack: str) -> Measurement:
    """Mean label of a song's choruses less that of its verses."""
    naming = "chorus_minus_verse", "valence of a song's choruses less that of its verses, labels"
    chorus, verse = (np.char.startswith(section, kind) for kind in ("chorus", "verse"))
    both = np.intersect1d(songs[chorus], songs[verse])
    if not both.size or lack:
        return Measurement.missing(*naming, "sections named verse and chorus in one song" if not both.size else lack)
    high, low = ([valence[kind & (songs == song)].mean() for song in both] for kind in (chorus, verse))
    return Measurement.of_mean(*naming, np.subtract(high, low), songs=both)


def _form(context: AuditContext) -> list[Measurement]:
    """Repetition, contrast and returns of sections in whole songs; sections are those of the corpus."""
    naming = {
        "repetition": ("how alike four seconds of a song are to its most similar others", NEEDS_CLIPS),
        "section_contrast": ("share of variance within a song between its sections", NEEDS_FORM_SECTIONS),
        "section_returns": (
            "how much more alike returns of a section are than other songs' section",
            NEEDS_FORM_SECTIONS,
        ),
    }
    clips = corpus_clips(context.corpus)
    chosen = np.unique(clips.songs)
    limit = context.sample_size(200, 60)
    if len(chosen) > limit:
        chosen = context.rng("form").choice(chosen, limit, replace=False)
    try:
        numbers = SongNumbers.of(whole_songs(clips.subset(np.flatnonzero(np.isin(clips.songs, chosen)))))
    except InputError:
        return [Measurement.missing(name, label, NEEDS_CLIPS) for name, (label, _) in naming.items()]
    songs = np.array([song.song for song in numbers.songs])
    measurements: list[Measurement] = []
    for (name, (label, needs)), values in zip(
        naming.items(), (numbers.repetition, numbers.contrast, numbers.returns), strict=True
    ):
        known = np.isfinite(values)
        if known.sum() < 2:
            measurements.append(Measurement.missing(name, label, needs))
        else:
            measurements.append(Measurement.of_mean(name, label, values[known], songs=songs[known]))
    return measurements


def _sounds(context: AuditContext, section: Texts, songs: Texts) -> tuple[Sound, ...]:
    """A verse and a chorus of one song, where there is sound."""
    kinds = ("verse", "chorus")
    origin: Origin = "composed" if context.composed else "recording"
    chosen = [np.char.startswith(section, kind) for kind in kinds]
    both = np.intersect1d(songs[chosen[0]], songs[chosen[1]])
    try:
        return tuple(
            context.save_sound("structure", f"{kind} of a song", origin, context.waveform(int(np.flatnonzero(here)[0])))
            for kind, of_kind in zip(kinds, chosen, strict=True)
            for here in [of_kind & (songs == song) for song in both[:1]]
        )
    except NotMeasurableError:
        return ()


def _sentence(answer: Answer) -> str:
    parts: list[str] = []
    if answer["spread_labels"].value is not None:
        noise = answer["spread_beyond_noise"]
        more = "" if noise.value is None else f", ±{format_measurement(noise)} beyond the raters' noise"
        parts.append(f"Within a song, valence labels vary by ±{format_measurement(answer['spread_labels'])}{more}.")
    if answer["spread_predictions"].value is not None:
        parts.append(
            f"The valence predicted from log-mels varies by ±{format_measurement(answer['spread_predictions'])}."
        )
    if answer["section_lift"].value is not None:
        parts.append(
            f"The section is predicted from a log-mel {format_measurement(answer['section_lift'], 1)} as often as "
            f"chance; verse from chorus in {format_measurement(answer['chorus_read'])} of clips (chance 0.5)."
        )
    adds = [answer[f"structure_adds_{axis}"] for axis, _ in AXES]
    if all(measured.value is not None for measured in adds):
        valence, arousal = (format_measurement(measured, 1) for measured in adds)
        parts.append(
            f"Position and section add {valence} of the variance of valence and {arousal} of that of arousal to what "
            "is predicted from log-mels."
        )
    return " ".join(parts) or "Nothing could be predicted: too few songs, or labels that do not differ."


def _cautions(context: AuditContext, own: bool) -> tuple[str, ...]:
    cautions = [
        "A half-range grows with the number of clips of a song.",
        "Predictions also vary with the regressor's error, and vary little where it can predict little.",
    ]
    if not own:
        cautions.append("All clips of a song share its label, so labels cannot show how emotion moves within it.")
    if context.composed:
        cautions.append(
            "In composed songs the cues are drawn anew by section, whatever its name: the spread of labels is the "
            "composer's choice, position and section must add nothing, and intro, bridge and outro are thin by design."
        )
    return tuple(cautions)


QUESTION = Question(
    "structure",
    "Does emotion move within a song, and does a log-mel say where in the song it is?",
    "Half-range (max − min) / 2 over the clips of each song with three or more: of labels; of normal noise of the "
    "raters' standard error (simulated); of labels beyond it, √(spread² − noise²); and of ridge regression on log-mel "
    "statistics, predicted out of fold. Sections are predicted by ridge classification, folds by song, as balanced "
    "accuracy and as a multiple of chance. Position (the middle of the clip over the end of the song's last clip), "
    "its square and the section are then given to the regressor beside the log-mel: the difference of R². Repetition, "
    "contrast and returns of sections are means over songs of what the self-similarity of band levels shows. Intervals "
    "resample songs, not fits. A linear regressor is a lower bound on what a log-mel holds of structure.",
    measure,
)
