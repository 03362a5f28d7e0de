"""Lyrics: how much of the words a log-mel keeps, and what they would add to it.

Composed songs are sung to happy words, to sad words and not at all, by the embedded voice and by espeak-ng where that
is installed, see :mod:`reworded`; what a corpus' own words add is in
:mod:`text_gain`. The counterfactuals need no corpus but its front-end, and are made for any.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affetti.compose.render import require_voice
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError, MissingDependencyError
from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, Measurement, Question, told
from affetti.studies.audit.counterfactuals.reworded_lyrics import excerpt
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.emotion_regressor import LABELS, Reader
from affetti.studies.audit.probes.text_gain import text_gain
from affetti.studies.audit.resynthesis import similarity
from affetti.studies.audit.scope import Scope

SONGS, SONGS_QUICK, LEAST = 120, 36, 24
SINGING, SINGING_QUICK = 1_800, 400
"""Seconds of excerpts, beyond which no more songs are sung than :data:`LEAST`: singing takes time by the second."""
SPOKEN, SPOKEN_QUICK = 24, 8
"""Songs for espeak-ng, which starts a program for each line."""
WORDS = ("happy", "sad", "one list", "other list")
Mels = NDArray[np.float32]
Comparison = Callable[[Mels, Mels], float]


def measure(scope: Scope, progress: Progress) -> Answer:
    """Answer the question, see :data:`QUESTION`."""
    cap = round(scope.few(SINGING, SINGING_QUICK) / scope.front.seconds)
    n = max(min(scope.few(SONGS, SONGS_QUICK), cap), LEAST)
    mels = _sung(scope, n, progress)
    songs = np.array([f"song {index:03d}" for index in range(n)])
    espeak, cautions = _spoken(scope)
    found = [*_alike(mels, songs, scope), *_told_apart(mels, songs, scope), *_shift(mels, scope), *espeak]
    found += text_gain(scope)
    progress("lyrics", n, n)
    example = excerpt(scope, scope.fresh_song(0), "formant", ("happy", "sad"))
    kinds = {"happy words": "happy", "sad words": "sad", "no words": "none"}
    title = "The same music with happy, sad and no words"
    return Answer(
        _sentence({measurement.name: measurement for measurement in found}),
        tuple(found),
        mels=scope.keep_mels("lyrics", title, {label: mels[kind][0] for label, kind in kinds.items()}),
        sounds=tuple(scope.keep("lyrics", label, "composed", example.sung(kind)) for label, kind in kinds.items()),
        cautions=(*_cautions(scope), *cautions),
    )


def _sung(scope: Scope, n: int, progress: Progress) -> dict[str, Mels]:
    """Log-mels ``[N, M, F]`` of ``n`` songs with each kind of words and without, and of voices alone."""
    found: dict[str, list[Mels]] = {}
    for index in range(n):
        progress("lyrics", index, n)
        heard = excerpt(scope, scope.fresh_song(index), "formant", WORDS)
        for words in ("none", *WORDS):
            found.setdefault(words, []).append(scope.mel(heard.sung(words)))
        for words in WORDS[:2]:
            found.setdefault(f"{words}, voice alone", []).append(scope.mel(heard.voices[words]))
    return {words: np.stack(each) for words, each in found.items()}


def _alike(mels: dict[str, Mels], songs: NDArray[np.str_], scope: Scope) -> list[Measurement]:
    """How alike clips are that differ in words alone, beside clips of different songs."""
    r, in_time, decibels = similarity.correlation, similarity.correlation_in_time, similarity.distance_db
    asked: tuple[tuple[str, str, Comparison, str], ...] = (
        ("similarity", "r of mels, happy and sad words", r, "sad"),
        ("similarity_other_songs", "r of mels, different songs: the floor", r, "other"),
        ("similarity_in_time", "r with band means taken out, happy and sad words", in_time, "sad"),
        ("similarity_in_time_other_songs", "r with band means taken out, different songs", in_time, "other"),
        ("distance_db", "log-spectral distance, happy and sad words", decibels, "sad"),
        ("distance_db_other_songs", "log-spectral distance, different songs", decibels, "other"),
        ("voice_adds", "r of mels, happy words and none", r, "none"),
        ("voice_adds_db", "log-spectral distance, happy words and none", decibels, "none"),
    )
    sides = mels | {"other": np.roll(mels["happy"], 1, axis=0)}
    return [
        Measurement.of_mean(
            name,
            label,
            [compare(a, b) for a, b in zip(mels["happy"], sides[side], strict=True)],
            songs=songs,
            seed=scope.seed,
            unit="dB" if compare is decibels else "",
        )
        for name, label, compare, side in asked
    ]


def _told_apart(mels: dict[str, Mels], songs: NDArray[np.str_], scope: Scope) -> list[Measurement]:
    """Balanced accuracy of a probe that tells which words are sung; chance is 0.5."""
    features = {words: embed_statistics(each) for words, each in mels.items()}
    alone = ("happy, voice alone", "sad, voice alone")
    asked = (
        ("words_read", "happy or sad words, told from one clip", ("happy", "sad"), _apart),
        ("words_read_paired", "which of two clips of the same music has the happy words", ("happy", "sad"), _paired),
        ("words_read_voice", "happy or sad words, told from the voice alone", alone, _apart),
        ("words_read_voice_paired", "which of two voices alone sings happy words", alone, _paired),
        ("lists_read_paired", "which of two clips has one list of neutral words: the control", WORDS[2:], _paired),
    )
    found: list[Measurement] = []
    for name, label, (one, other), design in asked:
        x, which = design(features[one], features[other]), np.repeat(["one", "other"], len(songs))
        both = np.tile(songs, 2)
        read = linear_probe.read_classes(x, which, both)
        found.append(
            Measurement.of_statistic(
                name, label, linear_probe.balanced_accuracy, read, which, songs=both, seed=scope.seed
            )
        )
    return found


def _apart(one: linear_probe.Floats, other: linear_probe.Floats) -> linear_probe.Floats:
    return np.concatenate([one, other])


def _paired(one: linear_probe.Floats, other: linear_probe.Floats) -> linear_probe.Floats:
    """Differences within the same music, each in both orders: of the music nothing is left that could be learnt."""
    return np.concatenate([one - other, other - one])


def _shift(mels: dict[str, Mels], scope: Scope) -> list[Measurement]:
    """What the corpus' reader makes of a change of words."""
    asked = (
        ("valence_shift", "valence read, happy less sad words", 0, "sad"),
        ("arousal_shift", "arousal read, happy less sad words", 1, "sad"),
        ("valence_shift_voice", "valence read, happy words less none", 0, "none"),
    )
    reader = Reader.of(scope)
    if reader is None:
        return [Measurement.missing(name, label, LABELS) for name, label, _, _ in asked]
    read = {words: reader(embed_statistics(mels[words])) for words in ("happy", "sad", "none")}
    return [
        reader.measured(name, label, (read["happy"] - read[other])[..., axis]) for name, label, axis, other in asked
    ]


def _spoken(scope: Scope) -> tuple[list[Measurement], tuple[str, ...]]:
    """Likeness with the words spoken by espeak-ng; where it is not installed, a caution."""
    names = ("similarity_espeak", "r of mels, happy and sad words spoken by espeak-ng")
    try:
        require_voice("espeak")
        n = scope.few(SPOKEN, SPOKEN_QUICK)
        heard = [excerpt(scope, scope.fresh_song(index), "espeak", ("happy", "sad")) for index in range(n)]
    except (MissingDependencyError, InputError) as error:
        missing = Measurement.missing(*names, "espeak-ng")
        return [missing], (f"One voice alone was heard, affetti's own: {error.what}.",)
    alike = [similarity.correlation(*(scope.mel(each.sung(words)) for words in ("happy", "sad"))) for each in heard]
    return [Measurement.of_mean(*names, alike, songs=np.arange(n), seed=scope.seed)], ()


def _cautions(scope: Scope) -> tuple[str, ...]:
    words = (
        "Happy and sad words are other words, with other sounds: a probe that tells them apart need not know what they "
        "mean. Read it beside the control, two lists of words of one valence."
    )
    found = [
        words,
        "The reader of emotion was fitted to the corpus; sung counterfactuals are composed, and may be unlike it.",
    ]
    if scope.composed:
        tie = float(scope.corpus.meta["planted"]["lyrics"]["correlation"])
        found.append(
            f"No label here depends on words. They are tied to the valence of the music (r = {tie:g}), so that what "
            "they add to the mel is what they tell of the music. Of listeners it says nothing."
        )
    return tuple(found)


def _sentence(found: dict[str, Measurement]) -> str:
    text = found["text_adds_valence"]
    adds = (
        "What a corpus' own words add to it is not measurable here."
        if text.value is None
        else f"Beyond the mel, the corpus' own words explain {told(text, 1)} of the variance of valence."
    )
    return (
        f"Clips whose words alone differ, happy or sad, have mels with r = {told(found['similarity'])}, clips of "
        f"different songs {told(found['similarity_other_songs'])}. A probe tells happy words from sad in "
        f"{told(found['words_read'])} of single clips (chance 0.5) and in {told(found['words_read_paired'])} of pairs "
        f"of the same music; two lists of neutral words in {told(found['lists_read_paired'])} of pairs. {adds}"
    )


QUESTION = Question(
    "lyrics",
    "How much of the words does a log-mel keep, and what would they add to it?",
    "Composed songs that no corpus has are sung by the embedded voice with words of valence 0.8, with words of valence "
    "-0.8, and not at all; no note differs. Their log-mels, at the corpus' front-end and from where singing begins, "
    "are compared cell by cell: Pearson's r as the study's code has it, which the slope of all spectra from bass to "
    "treble keeps high, so different songs stand beside it as a floor; r after each band's mean is taken out; "
    "log-spectral distance. A linear probe on log-mel statistics is asked which words are sung, tested on songs it has "
    "not met: of single clips, of pairs of the same music (features are then their differences), and of the voice "
    "alone. As a control it tells two lists of words of valence 0 apart. A reader of emotion, ridge regression fitted "
    "to the whole corpus, says what it makes of the change of words; its interval draws songs and readers again. Where "
    "the corpus has a column of lyrics, labels are read off log-mel statistics, and off these with the words' valence "
    "(by the composer's list) and 48 numbers of hashed words and stems, each with a penalty of its own and left out "
    "where it does not help: the difference of R² on songs held out is what words add. Other intervals, 95 %, draw "
    "songs again, not fits. A linear probe and hashed words bound what mel and text hold from below.",
    measure,
)
