"""Lyrics: how much of the words a log-mel keeps, and what they would add to it.

Composed songs are sung to happy words, to sad words and not at all, by the embedded voice and by espeak-ng where that
is installed, see :mod:`~affetti.studies.audit.counterfactuals.reworded_lyrics`; what a corpus' own words add is in
:mod:`~affetti.studies.audit.probes.text_gain`. The counterfactuals need no corpus but its front-end, and are made for
any. That words and music each move felt emotion is Juslin & Laukka's (2004, "Expression, Perception, and Induction of
Musical Emotions", Journal of New Music Research 33:217).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affetti.compose.renderer import require_voice
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError, MissingDependencyError
from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, Measurement, format_measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.reworded_lyrics import sung_excerpt
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.emotion_regressor import NEEDS_LABELS, EmotionRegressor, caution, harmony_of
from affetti.studies.audit.probes.text_gain import text_gain
from affetti.studies.audit.question import Question
from affetti.studies.audit.resynthesis import similarity

MAX_SONGS, MAX_SONGS_QUICK, MIN_SONGS = 120, 36, 24
MAX_SECONDS, MAX_SECONDS_QUICK = 1_800, 400
"""Seconds of excerpts, beyond which no more songs are sung than :data:`MIN_SONGS`: singing takes time by the second."""
MAX_SPOKEN_SONGS, MAX_SPOKEN_SONGS_QUICK = 24, 8
"""Songs for espeak-ng, which starts a program for each line."""
WORDS = ("happy", "sad", "one list", "other list")
EMOTIONAL = ("happy", "sad", "none")
"""Kinds whose emotion is predicted."""
LogMels = NDArray[np.float32]
Comparison = Callable[[LogMels, LogMels], float]


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see :data:`QUESTION`."""
    cap = round(context.sample_size(MAX_SECONDS, MAX_SECONDS_QUICK) / context.front_end.seconds)
    n = max(min(context.sample_size(MAX_SONGS, MAX_SONGS_QUICK), cap), MIN_SONGS)
    regressor = EmotionRegressor.fit(context, progress)
    mels, harmony = _sung_clips(context, n, harmony_of(regressor), progress)
    songs = np.array([f"song {index:03d}" for index in range(n)])
    espeak, cautions = _espeak_similarity(context)
    measurements = [
        *_similarities(mels, songs, context),
        *_probe_accuracies(mels, songs, context),
        *_predicted_shifts(regressor, mels, harmony),
        *espeak,
    ]
    measurements += text_gain(context)
    progress("lyrics", n, n)
    example = sung_excerpt(context, context.compose_song(0), "formant", ("happy", "sad"))
    kinds = {"happy words": "happy", "sad words": "sad", "no words": "none"}
    title = "The same music with happy, sad and no words"
    return Answer(
        _sentence({measurement.name: measurement for measurement in measurements}),
        tuple(measurements),
        mels=context.save_log_mels("lyrics", title, {label: mels[kind][0] for label, kind in kinds.items()}),
        sounds=tuple(
            context.save_sound("lyrics", label, "composed", example.with_words(kind)) for label, kind in kinds.items()
        ),
        cautions=(*_cautions(context, regressor), *cautions),
    )


def _sung_clips(
    context: AuditContext, n: int, harmony_of_sound: Callable[[Tensor], linear_probe.Floats], progress: Progress
) -> tuple[dict[str, LogMels], dict[str, linear_probe.Floats]]:
    """Log-mels ``[N, M, F]`` of ``n`` songs with each kind of words and without, and of voices alone; their harmony.

    Harmony is what ``harmony_of_sound`` gives, of :data:`EMOTIONAL` kinds.
    """
    log_mels: dict[str, list[LogMels]] = {}
    harmony: dict[str, list[linear_probe.Floats]] = {}
    for index in range(n):
        progress("lyrics", index, n)
        excerpt = sung_excerpt(context, context.compose_song(index), "formant", WORDS)
        for words in ("none", *WORDS):
            sung = excerpt.with_words(words)
            log_mels.setdefault(words, []).append(context.log_mel(sung))
            if words in EMOTIONAL:
                harmony.setdefault(words, []).append(harmony_of_sound(sung))
        for words in WORDS[:2]:
            log_mels.setdefault(f"{words}, voice alone", []).append(context.log_mel(excerpt.voices[words]))
    return (
        {words: np.stack(each) for words, each in log_mels.items()},
        {words: np.stack(each) for words, each in harmony.items()},
    )


def _similarities(mels: dict[str, LogMels], songs: NDArray[np.str_], context: AuditContext) -> list[Measurement]:
    """How alike clips are that differ in words alone, beside clips of different songs."""
    r, in_time, decibels = similarity.correlation, similarity.correlation_in_time, similarity.distance_db
    comparisons: tuple[tuple[str, str, Comparison, str], ...] = (
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
            seed=context.seed,
            unit="dB" if compare is decibels else "",
        )
        for name, label, compare, side in comparisons
    ]


def _probe_accuracies(mels: dict[str, LogMels], songs: NDArray[np.str_], context: AuditContext) -> list[Measurement]:
    """Balanced accuracy of a probe that predicts which words are sung; chance is 0.5."""
    features = {words: embed_statistics(each) for words, each in mels.items()}
    alone = ("happy, voice alone", "sad, voice alone")
    probes = (
        ("words_read", "happy or sad words, predicted from one clip", ("happy", "sad"), _single_clips),
        (
            "words_read_paired",
            "which of two clips of the same music has the happy words",
            ("happy", "sad"),
            _pair_differences,
        ),
        ("words_read_voice", "happy or sad words, predicted from the voice alone", alone, _single_clips),
        ("words_read_voice_paired", "which of two voices alone sings happy words", alone, _pair_differences),
        (
            "lists_read_paired",
            "which of two clips has one list of neutral words: the control",
            WORDS[2:],
            _pair_differences,
        ),
    )
    measurements: list[Measurement] = []
    for name, label, (one, other), design in probes:
        x, which = design(features[one], features[other]), np.repeat(["one", "other"], len(songs))
        both = np.tile(songs, 2)
        predicted = linear_probe.cross_val_classify(x, which, both)
        measurements.append(
            Measurement.of_statistic(
                name, label, linear_probe.balanced_accuracy, predicted, which, songs=both, seed=context.seed
            )
        )
    return measurements


def _single_clips(one: linear_probe.Floats, other: linear_probe.Floats) -> linear_probe.Floats:
    return np.concatenate([one, other])


def _pair_differences(one: linear_probe.Floats, other: linear_probe.Floats) -> linear_probe.Floats:
    """Differences within the same music, each in both orders: of the music nothing is left that could be learnt."""
    return np.concatenate([one - other, other - one])


def _predicted_shifts(
    regressor: EmotionRegressor | None, mels: dict[str, LogMels], harmony: dict[str, linear_probe.Floats]
) -> list[Measurement]:
    """How the predictions of the corpus' regressor change with the words."""
    shifts = (
        ("valence_shift", "predicted valence, happy less sad words", 0, "sad"),
        ("arousal_shift", "predicted arousal, happy less sad words", 1, "sad"),
        ("valence_shift_voice", "predicted valence, happy words less none", 0, "none"),
    )
    if regressor is None:
        return [Measurement.missing(name, label, NEEDS_LABELS) for name, label, _, _ in shifts]
    predicted = {words: regressor.predict(embed_statistics(mels[words]), harmony[words]) for words in EMOTIONAL}
    return [
        regressor.mean_effect(name, label, (predicted["happy"] - predicted[other])[..., axis])
        for name, label, axis, other in shifts
    ]


def _espeak_similarity(context: AuditContext) -> tuple[list[Measurement], tuple[str, ...]]:
    """Similarity with the words spoken by espeak-ng; where it is not installed, a caution."""
    names = ("similarity_espeak", "r of mels, happy and sad words spoken by espeak-ng")
    try:
        require_voice("espeak")
        n = context.sample_size(MAX_SPOKEN_SONGS, MAX_SPOKEN_SONGS_QUICK)
        spoken = [sung_excerpt(context, context.compose_song(index), "espeak", ("happy", "sad")) for index in range(n)]
    except (MissingDependencyError, InputError) as error:
        missing = Measurement.missing(*names, "espeak-ng")
        return [missing], (f"One voice alone was measured, affetti's own: {error.what}.",)
    alike = [
        similarity.correlation(*(context.log_mel(each.with_words(words)) for words in ("happy", "sad")))
        for each in spoken
    ]
    return [Measurement.of_mean(*names, alike, songs=np.arange(n), seed=context.seed)], ()


def _cautions(context: AuditContext, regressor: EmotionRegressor | None) -> tuple[str, ...]:
    words = (
        "Happy and sad words are other words, with other sounds: a probe that distinguishes them need not know what "
        "they mean. Compare it with the control, two lists of words of one valence."
    )
    cautions = [
        words,
        "The regressor of emotion was fitted to the corpus; sung counterfactuals are composed, and may be unlike it.",
    ]
    if regressor is not None:
        cautions.append(caution(from_harmony=regressor.from_harmony))
    if context.composed:
        tie = float(context.corpus.meta["planted"]["lyrics"]["correlation"])
        cautions.append(
            f"No label here depends on words. They are tied to the valence of the music (r = {tie:g}), so that what "
            "they add to the mel is information about the music. It says nothing of listeners."
        )
    return tuple(cautions)


def _sentence(by_name: dict[str, Measurement]) -> str:
    text = by_name["text_adds_valence"]
    adds = (
        "What a corpus' own words add to it is not measurable here."
        if text.value is None
        else f"Beyond the mel, the corpus' own words explain {format_measurement(text, 1)} of the variance of valence."
    )
    return (
        f"Clips whose words alone differ, happy or sad, have mels with r = "
        f"{format_measurement(by_name['similarity'])}, clips of different songs "
        f"{format_measurement(by_name['similarity_other_songs'])}. A probe distinguishes happy words from sad in "
        f"{format_measurement(by_name['words_read'])} of single clips (chance 0.5) and in "
        f"{format_measurement(by_name['words_read_paired'])} of pairs of the same music; two lists of neutral words "
        f"in {format_measurement(by_name['lists_read_paired'])} of pairs. {adds}"
    )


QUESTION = Question(
    "lyrics",
    "How much of the words does a log-mel keep, and what would they add to it?",
    "Composed songs that no corpus has are sung by the embedded voice with words of valence 0.8, with words of valence "
    "-0.8, and not at all; no note differs. Their log-mels, at the corpus' front-end and from where singing begins, "
    "are compared cell by cell: Pearson's r as the study's code has it, which the slope of all spectra from bass to "
    "treble keeps high, so the r of different songs is given as a floor; r after each band's mean is taken out; "
    "log-spectral distance. A linear probe on log-mel statistics predicts which words are sung, tested on held-out "
    "songs: of single clips, of pairs of the same music (features are then their differences), and of the voice "
    "alone. As a control it distinguishes two lists of words of valence 0. A regressor of emotion, ridge regression "
    "fitted to the whole corpus (valence from harmony of the sound, where there is sound and held-out songs prefer "
    "it), predicts what the change of words does; its interval resamples songs and regressors. "
    "Where the corpus has a column of lyrics, labels are predicted from log-mel statistics, and from these with the "
    "words' valence (by the composer's list) and 48 numbers of hashed words and stems, each with a penalty of its own "
    "and left out where it does not help: the difference of R² on held-out songs is what words add. Other intervals, "
    "95 %, resample songs, not fits. A linear probe and hashed words are lower bounds on what mel and text hold.",
    measure,
)
