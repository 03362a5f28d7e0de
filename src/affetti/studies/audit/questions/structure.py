"""Structure: how far emotion moves within a song, and whether knowing where a clip lies in it helps a regressor.

The study says that valence moves by ±0.3 with the position of the clip, and that a spectrogram does not say where in a
song it is taken from. Measured: the spread within songs of labels, of the raters' noise and of what ridge regression
on log-mel statistics reads out of fold (:mod:`spread`); the section as read from a log-mel; R² gained
where position and section are given to the regressor.

When not to use: where all clips of a song share its label, labels say nothing of structure, and then nothing is said of
them here.
"""

from __future__ import annotations

from functools import partial

import numpy as np

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

STRUCTURE = "structure"
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
    readings, untaught = _predict(context)
    progress("structure", 1, 2)
    found: list[Measurement] = []
    for axis, ending in AXES:
        found += label_spread(
            clips, axis, ending, context.rng("spread"), "" if several and own else lack or NEEDS_CLIPS
        )
    read = readings.get(())
    found += _prediction_spread(read if several else None, songs, untaught or NEEDS_CLIPS)
    found += _section_probe(context.statistics, section, songs)
    found.append(_chorus_probe(context.statistics, section, songs))
    for k, (axis, _) in enumerate(AXES):
        told_as = f"structure_adds_{axis}", f"variance of {axis} that position and section add to log-mel"
        if own and (STRUCTURE,) in readings:
            found.append(added_variance(context, *told_as, readings, STRUCTURE, k))
        else:
            needs = untaught or lack or f"songs with two clips or more; or {NEEDS_SECTIONS}"
            found.append(Measurement.missing(*told_as, needs, "%"))
    found.append(_chorus_valence(labels[:, 0], section, songs, lack))
    progress("structure", 2, 2)
    series = tuple(
        mean_course(f"{axis}, {of}", values[:, k], position, songs)
        for of, values in (("labels", labels if own else None), ("read from log-mels", read))
        for k, (axis, _) in enumerate(AXES)
        if values is not None and np.isfinite(position).any()
    )
    drawn = LineFigure("How emotion moves over a song", "position in the song", "less the song's mean", series)
    return Answer(
        _sentence(Answer("", tuple(found))),
        tuple(found),
        lines=drawn if series else None,
        sounds=_sounds(context, section, songs),
        cautions=_cautions(context, own),
    )


def _predict(context: AuditContext) -> tuple[SubsetPredictions, str]:
    """What is read from log-mels, and from log-mels with position and section; or why nothing can be."""
    extra = structure_features(context.corpus.clips)
    groups = {} if extra is None else {STRUCTURE: extra}
    try:
        return linear_probe.cross_val_subsets(
            context.statistics, groups, context.corpus.labels, context.corpus.songs
        ), ""
    except InputError as error:
        return {}, f"more to learn from ({error.what})"


def _prediction_spread(read: Floats | None, songs: Texts, lack: str) -> list[Measurement]:
    found: list[Measurement] = []
    for k, (axis, ending) in enumerate(AXES):
        told_as = f"spread_predictions{ending}", f"half-range of {axis} within a song, as read from log-mels"
        if read is None:
            found.append(Measurement.missing(*told_as, lack))
        else:
            ranges, of = half_ranges(read[:, k], songs)
            found.append(Measurement.of_mean(*told_as, ranges, songs=of))
    return found


def _section_probe(features: Floats, section: Texts, songs: Texts) -> list[Measurement]:
    """The section as read from a log-mel: balanced accuracy, and how often as good as chance."""
    names = learnable_classes(section, songs)
    told_as = (
        ("section_read", "section read from a log-mel, balanced accuracy", "", 1),
        ("section_lift", "section read from a log-mel, against chance", "times", len(names)),
    )
    kept = np.isin(section, names)
    try:
        if len(names) < 2:
            raise InputError("sections of one kind")
        read = linear_probe.cross_val_classify(features[kept], section[kept], songs[kept])
    except InputError:
        return [Measurement.missing(name, label, NEEDS_SECTIONS, unit) for name, label, unit, _ in told_as]
    codes = [np.searchsorted(names, kinds) for kinds in (read, section[kept])]
    return [
        Measurement.of_statistic(name, label, partial(_scaled, times), *codes, songs=songs[kept], unit=unit)
        for name, label, unit, times in told_as
    ]


def _chorus_probe(features: Floats, section: Texts, songs: Texts) -> Measurement:
    """Whether a clip is of a verse or of a chorus, as read from its log-mel: balanced accuracy, chance 0.5."""
    told_as = "chorus_read", "verse or chorus, read from a log-mel, balanced accuracy"
    kinds = np.array([next((kind for kind in ("chorus", "verse") if name.startswith(kind)), "") for name in section])
    kept = kinds != ""
    try:
        read = linear_probe.cross_val_classify(features[kept], kinds[kept], songs[kept])
    except (InputError, ValueError):
        return Measurement.missing(*told_as, f"sections named verse and chorus in {linear_probe.N_FOLDS} songs or more")
    names = np.unique(kinds[kept])
    codes = [np.searchsorted(names, each) for each in (read, kinds[kept])]
    return Measurement.of_statistic(*told_as, linear_probe.balanced_accuracy, *codes, songs=songs[kept])


def _scaled(times: int, read: Texts, target: Texts) -> float:
    return times * linear_probe.balanced_accuracy(read, target)


def _chorus_valence(valence: Floats, section: Texts, songs: Texts, lack: str) -> Measurement:
    """Mean label of a song's choruses less that of its verses."""
    told_as = "chorus_minus_verse", "valence of a song's choruses less that of its verses, labels"
    chorus, verse = (np.char.startswith(section, kind) for kind in ("chorus", "verse"))
    both = np.intersect1d(songs[chorus], songs[verse])
    if not both.size or lack:
        return Measurement.missing(*told_as, "sections named verse and chorus in one song" if not both.size else lack)
    high, low = ([valence[kind & (songs == song)].mean() for song in both] for kind in (chorus, verse))
    return Measurement.of_mean(*told_as, np.subtract(high, low), songs=both)


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


def _sentence(found: Answer) -> str:
    parts: list[str] = []
    if found["spread_labels"].value is not None:
        noise = found["spread_beyond_noise"]
        more = "" if noise.value is None else f", ±{format_measurement(noise)} beyond the raters' noise"
        parts.append(f"Within a song, valence labels spread by ±{format_measurement(found['spread_labels'])}{more}.")
    if found["spread_predictions"].value is not None:
        parts.append(f"The valence read from log-mels spreads by ±{format_measurement(found['spread_predictions'])}.")
    if found["section_lift"].value is not None:
        parts.append(
            f"A log-mel tells the section {format_measurement(found['section_lift'], 1)} as often as chance; "
            f"verse from chorus in {format_measurement(found['chorus_read'])} of clips (chance 0.5)."
        )
    adds = [found[f"structure_adds_{axis}"] for axis, _ in AXES]
    if all(measured.value is not None for measured in adds):
        valence, arousal = (format_measurement(measured, 1) for measured in adds)
        parts.append(
            f"Position and section add {valence} of the variance of valence and {arousal} of that of arousal to what "
            "is read from log-mels."
        )
    return " ".join(parts) or "Nothing could be read: too few songs, or labels that do not differ."


def _cautions(context: AuditContext, own: bool) -> tuple[str, ...]:
    found = [
        "A half-range grows with the number of clips of a song.",
        "What is read spreads by the regressor's error too, and little where the regressor can read little.",
    ]
    if not own:
        found.append("All clips of a song share its label, so labels cannot tell how emotion moves within it.")
    if context.composed:
        found.append(
            "In composed songs the cues are drawn anew by section, whatever its name: the spread of labels is the "
            "composer's choice, position and section must add nothing, and intro, bridge and outro are thin by design."
        )
    return tuple(found)


QUESTION = Question(
    "structure",
    "Does emotion move within a song, and does a log-mel say where in the song it is?",
    "Half-range (max − min) / 2 over the clips of each song with three or more: of labels; of normal noise of the "
    "raters' standard error (simulated); of labels beyond it, √(spread² − noise²); and of ridge regression on log-mel "
    "statistics, read out of fold. Sections are read by ridge classification, folds by song, as balanced accuracy and "
    "as a multiple of chance. Position (the middle of the clip over the end of the song's last clip), its square and "
    "the section are then given to the regressor beside the log-mel: the difference of R². Intervals draw songs again, "
    "not fits. A linear regressor bounds from below what a log-mel says of structure.",
    measure,
)
