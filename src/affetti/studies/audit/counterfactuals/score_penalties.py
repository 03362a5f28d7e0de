"""Which losses the Quality Score detects: the points that it takes off real clips that are all of one kind.

The study gives lyrics, timbre, structure and genre 8 to 12 points each. Here real clips of the commonest genre, section
or instrument alone are scored against real clips of all kinds; for lyrics, songs sung with words of the opposite
valence, and the same songs without words or voice, against other songs sung with their own.

When not to use: as what a generator loses that lacks a thing. This bounds that from neither side. Another kind may lose
more points, for the most common is often the most similar to all; a blend of kinds, which a generator that does not
know them may make, is none of them; and songs without words lack the sound of a voice too. Where no points are taken
off, the score does not detect the loss; listeners may.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from affetti import compose, metrics
from affetti.errors import InputError
from affetti.metrics.quality import MIN_SONGS
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext

ONE_KIND = {
    "genre": ("genre", "one genre alone"),
    "structure": ("section", "one kind of section alone"),
    "timbre": ("instruments", "one instrument in all clips"),
}
"""Column, and description of the degraded set, by factor."""
MAX_SONGS, MAX_SONGS_QUICK = 32, 12
VOICE = "formant"


def penalty_measurements(context: AuditContext, real: NDArray[np.intp], held: NDArray[np.str_]) -> list[Measurement]:
    """A penalty for each factor, and two for lyrics, in points.

    Args:
        context: the audit's.
        real: rows of the reference.
        held: the songs that the degraded sets are taken from; none of them is in ``real``.
    """
    return [*(_one_kind_penalty(context, real, held, factor) for factor in ONE_KIND), *_word_penalties(context)]


def penalty_measurement(name: str, label: str, result: metrics.QualityResult, note: str = "") -> Measurement:
    """Points that a score lacks to 100."""
    low, high = result.ci
    return Measurement(
        f"penalty_{name}", label, 100 - result.score, (100 - high, 100 - low), result.n, unit="points", note=note
    )


def most_common(values: NDArray[np.str_]) -> str:
    """The value, or of lists joined by ``|`` the item, that most clips have, but not all."""
    sets = [set(text.split("|")) - {""} for text in values.tolist()]
    counts = {item: sum(item in some for some in sets) for item in sorted(set().union(*sets))}
    counts = {item: count for item, count in counts.items() if count < len(values)}
    if not counts:
        return ""
    return max(counts, key=counts.__getitem__)


def _one_kind_penalty(
    context: AuditContext, real: NDArray[np.intp], held: NDArray[np.str_], factor: str
) -> Measurement:
    column, what = ONE_KIND[factor]
    label = f"points taken off for {what}"
    values = context.corpus.clips[column].fillna("").to_numpy(dtype=str)
    kind = most_common(values)
    if not kind:
        return Measurement.missing(f"penalty_{factor}", label, f"a column {column} with two kinds or more", "points")
    rows = np.flatnonzero(np.isin(context.corpus.songs, held) & [kind in text.split("|") for text in values])
    songs, mel = context.corpus.songs, context.corpus.mel
    if np.unique(songs[rows]).size < MIN_SONGS:
        needs = f"{MIN_SONGS} songs or more of {kind}"
        return Measurement.missing(f"penalty_{factor}", label, needs, "points")
    measurement = metrics.quality_score(mel[real], mel[rows], songs[real], songs[rows], seed=context.seed)
    return penalty_measurement(factor, f"{label} ({kind})", measurement)


def _word_penalties(context: AuditContext) -> list[Measurement]:
    """Songs sung with words of the opposite valence, and not sung at all, beside other songs sung with their own."""
    count = context.sample_size(MAX_SONGS, MAX_SONGS_QUICK)
    own: list[NDArray[np.float32]] = []
    opposite: list[NDArray[np.float32]] = []
    unsung: list[NDArray[np.float32]] = []
    for index in range(2 * count):
        song = context.compose_song(index)
        if index % 2 == 0:
            own.append(_song_log_mel(context, song, VOICE))
            continue
        reworded = replace(song, sections=compose.reword(song, -np.sign(_valence(song)) * 0.8).sections)
        opposite.append(_song_log_mel(context, reworded, VOICE))
        unsung.append(_song_log_mel(context, song, None))
    measurements: list[Measurement] = []
    for name, (clips, label) in {
        "lyrics": (opposite, "points taken off for words of the opposite valence"),
        "voice": (unsung, "points taken off for songs without any words or voice"),
    }.items():
        try:
            result = metrics.quality_score(np.stack(own), np.stack(clips), seed=context.seed)
        except InputError as error:
            measurements.append(
                Measurement(f"penalty_{name}", label, None, None, count, unit="points", note=error.what)
            )
            continue
        measurements.append(
            penalty_measurement(name, label, result, "songs composed for this, the others sung by the embedded voice")
        )
    return measurements


def _song_log_mel(context: AuditContext, song: compose.Song, voice: str | None) -> NDArray[np.float32]:
    """The log-mel of the middle of a song."""
    return context.log_mel(context.central_excerpt(compose.render(song, context.front_end.sample_rate, voice=voice)))


def _valence(song: compose.Song) -> float:
    """Mean valence of a song's music, never 0."""
    mean = float(np.mean([compose.valence_arousal(section.cues)[0] for section in song.sections]))
    return mean or 1.0
