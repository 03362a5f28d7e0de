"""Structure: how far emotion moves within a song, and whether knowing where a clip lies in it helps a reader.

The study says that valence moves by ±0.3 with the position of the clip, and that a spectrogram does not say where in a
song it is taken from. Measured: the spread within songs of labels, of the raters' noise and of what ridge regression
on log-mel statistics reads out of fold (:mod:`spread`); the section as read from a log-mel; R² gained
where position and section are given to the reader.

When not to use: where all clips of a song share its label, labels say nothing of structure, and then nothing is said of
them here.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from affetti.errors import InputError
from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, Lines, Measurement, NotMeasurableError, Origin, Question, Sound, told
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import Readings, added
from affetti.studies.audit.probes.emotion_spread import SEVERAL, course, half_ranges, of_labels
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.probes.song_position import positions, sections, structure_features, told_apart
from affetti.studies.audit.scope import Scope

KNOWN = "structure"
AXES = (("valence", ""), ("arousal", "_arousal"))
SECTIONS = f"a column section with two or more kinds, each in {linear_probe.FOLDS} songs or more"
OWN_LABELS = "a label of its own for each clip: here all clips of a song share one"


def measure(scope: Scope, progress: Progress) -> Answer:
    """Answer the question, see the module.

    Raises:
        NotMeasurableError: no song has several clips, and sections are not known either.
    """
    clips, labels, songs = scope.corpus.clips, scope.corpus.labels, scope.corpus.songs
    section, position = sections(clips), positions(clips)
    several = half_ranges(labels[:, 0], songs)[1].size > 0
    if not several and len(told_apart(section, songs)) < 2:
        raise NotMeasurableError(f"{SEVERAL}; or {SECTIONS}")
    own = any(half_ranges(labels[:, k], songs, 2)[0].any() for k in (0, 1))
    lack = "" if own else OWN_LABELS
    progress("structure", 0, 2)
    readings, untaught = _readings(scope)
    progress("structure", 1, 2)
    found: list[Measurement] = []
    for axis, ending in AXES:
        found += of_labels(clips, axis, ending, scope.rng("spread"), "" if several and own else lack or SEVERAL)
    read = readings.get(())
    found += _predictions(read if several else None, songs, untaught or SEVERAL)
    found += _section_read(scope.statistics, section, songs)
    found.append(_chorus_read(scope.statistics, section, songs))
    for k, (axis, _) in enumerate(AXES):
        told_as = f"structure_adds_{axis}", f"variance of {axis} that position and section add to log-mel"
        if own and (KNOWN,) in readings:
            found.append(added(scope, *told_as, readings, KNOWN, k))
        else:
            needs = untaught or lack or f"songs with two clips or more; or {SECTIONS}"
            found.append(Measurement.missing(*told_as, needs, "%"))
    found.append(_chorus(labels[:, 0], section, songs, lack))
    progress("structure", 2, 2)
    series = tuple(
        course(f"{axis}, {of}", values[:, k], position, songs)
        for of, values in (("labels", labels if own else None), ("read from log-mels", read))
        for k, (axis, _) in enumerate(AXES)
        if values is not None and np.isfinite(position).any()
    )
    drawn = Lines("How emotion moves over a song", "position in the song", "less the song's mean", series)
    return Answer(
        _sentence(Answer("", tuple(found))),
        tuple(found),
        lines=drawn if series else None,
        sounds=_sounds(scope, section, songs),
        cautions=_cautions(scope, own),
    )


def _readings(scope: Scope) -> tuple[Readings, str]:
    """What is read from log-mels, and from log-mels with position and section; or why nothing can be."""
    extra = structure_features(scope.corpus.clips)
    groups = {} if extra is None else {KNOWN: extra}
    try:
        return linear_probe.read_subsets(scope.statistics, groups, scope.corpus.labels, scope.corpus.songs), ""
    except InputError as error:
        return {}, f"more to learn from ({error.what})"


def _predictions(read: Floats | None, songs: Texts, lack: str) -> list[Measurement]:
    found: list[Measurement] = []
    for k, (axis, ending) in enumerate(AXES):
        told_as = f"spread_predictions{ending}", f"half-range of {axis} within a song, as read from log-mels"
        if read is None:
            found.append(Measurement.missing(*told_as, lack))
        else:
            ranges, of = half_ranges(read[:, k], songs)
            found.append(Measurement.of_mean(*told_as, ranges, songs=of))
    return found


def _section_read(features: Floats, section: Texts, songs: Texts) -> list[Measurement]:
    """The section as read from a log-mel: balanced accuracy, and how often as good as chance."""
    names = told_apart(section, songs)
    told_as = (
        ("section_read", "section read from a log-mel, balanced accuracy", "", 1),
        ("section_lift", "section read from a log-mel, against chance", "times", len(names)),
    )
    kept = np.isin(section, names)
    try:
        if len(names) < 2:
            raise InputError("sections of one kind")
        read = linear_probe.read_classes(features[kept], section[kept], songs[kept])
    except InputError:
        return [Measurement.missing(name, label, SECTIONS, unit) for name, label, unit, _ in told_as]
    codes = [np.searchsorted(names, kinds) for kinds in (read, section[kept])]
    return [
        Measurement.of_statistic(name, label, partial(_scaled, times), *codes, songs=songs[kept], unit=unit)
        for name, label, unit, times in told_as
    ]


def _chorus_read(features: Floats, section: Texts, songs: Texts) -> Measurement:
    """Whether a clip is of a verse or of a chorus, as read from its log-mel: balanced accuracy, chance 0.5."""
    told_as = "chorus_read", "verse or chorus, read from a log-mel, balanced accuracy"
    kinds = np.array([next((kind for kind in ("chorus", "verse") if name.startswith(kind)), "") for name in section])
    kept = kinds != ""
    try:
        read = linear_probe.read_classes(features[kept], kinds[kept], songs[kept])
    except (InputError, ValueError):
        return Measurement.missing(*told_as, f"sections named verse and chorus in {linear_probe.FOLDS} songs or more")
    names = np.unique(kinds[kept])
    codes = [np.searchsorted(names, each) for each in (read, kinds[kept])]
    return Measurement.of_statistic(*told_as, linear_probe.balanced_accuracy, *codes, songs=songs[kept])


def _scaled(times: int, read: Texts, target: Texts) -> float:
    return times * linear_probe.balanced_accuracy(read, target)


def _chorus(valence: Floats, section: Texts, songs: Texts, lack: str) -> Measurement:
    """Mean label of a song's choruses less that of its verses."""
    told_as = "chorus_minus_verse", "valence of a song's choruses less that of its verses, labels"
    chorus, verse = (np.char.startswith(section, kind) for kind in ("chorus", "verse"))
    both = np.intersect1d(songs[chorus], songs[verse])
    if not both.size or lack:
        return Measurement.missing(*told_as, "sections named verse and chorus in one song" if not both.size else lack)
    high, low = ([valence[kind & (songs == song)].mean() for song in both] for kind in (chorus, verse))
    return Measurement.of_mean(*told_as, np.subtract(high, low), songs=both)


def _sounds(scope: Scope, section: Texts, songs: Texts) -> tuple[Sound, ...]:
    """A verse and a chorus of one song, where there is sound."""
    kinds = ("verse", "chorus")
    origin: Origin = "composed" if scope.composed else "recording"
    chosen = [np.char.startswith(section, kind) for kind in kinds]
    both = np.intersect1d(songs[chosen[0]], songs[chosen[1]])
    try:
        return tuple(
            scope.keep("structure", f"{kind} of a song", origin, scope.sound(int(np.flatnonzero(here)[0])))
            for kind, of_kind in zip(kinds, chosen, strict=True)
            for here in [of_kind & (songs == song) for song in both[:1]]
        )
    except NotMeasurableError:
        return ()


def _sentence(found: Answer) -> str:
    parts: list[str] = []
    if found["spread_labels"].value is not None:
        noise = found["spread_beyond_noise"]
        more = "" if noise.value is None else f", ±{told(noise)} beyond the raters' noise"
        parts.append(f"Within a song, valence labels spread by ±{told(found['spread_labels'])}{more}.")
    if found["spread_predictions"].value is not None:
        parts.append(f"The valence read from log-mels spreads by ±{told(found['spread_predictions'])}.")
    if found["section_lift"].value is not None:
        parts.append(
            f"A log-mel tells the section {told(found['section_lift'], 1)} as often as chance; "
            f"verse from chorus in {told(found['chorus_read'])} of clips (chance 0.5)."
        )
    adds = [found[f"structure_adds_{axis}"] for axis, _ in AXES]
    if all(measured.value is not None for measured in adds):
        valence, arousal = (told(measured, 1) for measured in adds)
        parts.append(
            f"Position and section add {valence} of the variance of valence and {arousal} of that of arousal to what "
            "is read from log-mels."
        )
    return " ".join(parts) or "Nothing could be read: too few songs, or labels that do not differ."


def _cautions(scope: Scope, own: bool) -> tuple[str, ...]:
    found = [
        "A half-range grows with the number of clips of a song.",
        "What is read spreads by the reader's error too, and little where the reader can read little.",
    ]
    if not own:
        found.append("All clips of a song share its label, so labels cannot tell how emotion moves within it.")
    if scope.composed:
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
    "the section are then given to the reader beside the log-mel: the difference of R². Intervals draw songs again, "
    "not fits. A linear reader bounds from below what a log-mel says of structure.",
    measure,
)
