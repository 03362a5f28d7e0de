"""Genre: whether emotion is predicted less well in some, whether knowing it helps, and what generators average.

Five things, of which the first three need a column genre: CCC by genre
(:mod:`~affetti.studies.audit.probes.genre_ccc`); R² gained when the regressor is given the genre and how it bends the
leading components of the log-mel statistics; the mix of genres that generators make
(:mod:`~affetti.studies.audit.probes.genre_mix`); the idioms that the study calls alike
(:mod:`~affetti.studies.audit.counterfactuals.idioms`); and, on composed music, what a regressor that knows no genre
predicts after a change of style that leaves every cue as it is.

When not to use: to compare genres of corpora that were labelled by different people.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from affetti import compose
from affetti.compose.styles import GENRES
from affetti.embedders.statistics import embed_statistics
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, IntervalFigure, Measurement, Sound, format_measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.idioms import RIFFS, blue_notes, chord, distortion, riff
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import added_variance
from affetti.studies.audit.probes.emotion_regressor import EmotionRegressor
from affetti.studies.audit.probes.genre_ccc import (
    MIN_SONGS,
    N_PERMUTATIONS,
    N_PERMUTATIONS_QUICK,
    ccc_by_genre,
    clip_genres,
    fisher_interval,
    missing_measurements,
)
from affetti.studies.audit.probes.genre_mix import mix_shift
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.probes.song_position import learnable_classes
from affetti.studies.audit.question import Question

NEEDS_GENRES = "genre: a column with two or more kinds"
N_COMPONENTS = 6
"""Leading components of the log-mel statistics whose meaning a genre may bend."""
MAX_SONGS, MAX_SONGS_QUICK = 12, 5
GENRE_READ = "genre_read", "genre predicted from a log-mel, balanced accuracy"


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see the module."""
    genre = clip_genres(context.corpus.clips)
    progress("genre", 0, 4)
    measurements = (
        _corpus_measurements(context, genre)
        if np.unique(genre[genre != ""]).size > 1
        else _missing_measurements(NEEDS_GENRES)
    )
    measurements.append(pop_rock_share(genre, context.corpus.songs))
    progress("genre", 1, 4)
    measurements += mix_shift(context)
    measurements += fisher_interval()
    measurements += blue_notes()
    progress("genre", 2, 4)
    songs = context.sample_size(MAX_SONGS, MAX_SONGS_QUICK)
    measurements += distortion(context, songs)
    progress("genre", 3, 4)
    measurements += _style_effect(context, songs)
    progress("genre", 4, 4)
    names = tuple(m.name for m in measurements if m.name.startswith("ccc_") and m.value is not None)
    return Answer(
        _sentence({measurement.name: measurement for measurement in measurements}),
        tuple(measurements),
        intervals=IntervalFigure("CCC of emotion predicted from log-mels, by genre", names) if names else None,
        sounds=_sounds(context),
        cautions=_cautions(context),
    )


def _corpus_measurements(context: AuditContext, genre: Texts) -> list[Measurement]:
    """What needs a corpus of several genres."""
    labels, songs, features = context.corpus.labels, context.corpus.songs, context.statistics
    try:
        predictions = linear_probe.cross_val_subsets(
            features, {"genre": genre_features(features, genre, songs)}, labels, songs
        )
    except InputError as error:
        return _missing_measurements(f"more to learn from ({error.what})")
    measurements = ccc_by_genre(
        predictions[()],
        labels,
        genre,
        songs,
        context.rng("deals"),
        context.sample_size(N_PERMUTATIONS, N_PERMUTATIONS_QUICK),
    )
    names = learnable_classes(genre, songs)
    kept = np.isin(genre, names)
    if len(names) > 1:
        predicted = linear_probe.cross_val_classify(features[kept], genre[kept], songs[kept])
        codes = [np.searchsorted(names, kinds) for kinds in (predicted, genre[kept])]
        measurements.append(
            Measurement.of_statistic(*GENRE_READ, linear_probe.balanced_accuracy, *codes, songs=songs[kept])
        )
    else:
        measurements.append(
            Measurement.missing(*GENRE_READ, f"two genres or more, each of {linear_probe.N_FOLDS} songs")
        )
    return measurements + [
        added_variance(context, *_conditioning(axis), predictions, "genre", k) for k, axis in enumerate(AXES)
    ]


def pop_rock_share(genre: Texts, songs: Texts) -> Measurement:
    """Songs that are pop or rock, in % of those whose genre is known: a count, without an interval."""
    known = genre != ""
    label = "songs that are pop or rock, of those whose genre is known"
    if not known.any():
        return Measurement.missing("share_pop_rock", label, "a column genre", "%")
    named, first = np.unique(songs[known], return_index=True)
    value = 100.0 * float(np.isin(genre[known][first], ("pop", "rock")).mean())
    return Measurement("share_pop_rock", label, value, None, len(named), unit="%", exact=True)


def genre_features(features: Floats, genre: Texts, songs: Texts) -> Floats:
    """A column a genre, and its product with each leading component of the features ``[N, K (1 + C)]``.

    Components are of all clips; no label is used. Genres of too few songs have no column.
    """
    names = learnable_classes(genre, songs)
    is_of = (genre[:, None] == names[None]).astype(np.float64)
    centred = features - features.mean(axis=0)
    scaled = centred / np.maximum(centred.std(axis=0), 1e-9)
    _, axes = np.linalg.eigh(scaled.T @ scaled)
    leading = scaled @ axes[:, ::-1][:, :N_COMPONENTS]
    return linear_probe.concatenated(is_of, (is_of[:, :, None] * leading[:, None]).reshape(len(genre), -1))


def _conditioning(axis: str) -> tuple[str, str]:
    return f"conditioning_adds_{axis}", f"variance of {axis} that knowing the genre adds to log-mel"


def _missing_measurements(needs: str) -> list[Measurement]:
    return [
        *missing_measurements(needs),
        Measurement.missing(*GENRE_READ, needs),
        *(Measurement.missing(*_conditioning(axis), needs, "%") for axis in AXES),
    ]


def _style_effect(context: AuditContext, songs: int) -> list[Measurement]:
    """How far predicted valence and arousal move where the style of a song changes, and no cue does."""
    naming = [
        (f"style_moves_{axis}", f"half-range over five styles of the predicted {axis}, same cues") for axis in AXES
    ]
    regressor = EmotionRegressor.fit(context) if context.composed else None
    if regressor is None:
        return [
            Measurement.missing(*each, "a composed corpus, whose regressor was trained on such music")
            for each in naming
        ]
    sounds = (_styled_song(context, index, style) for index in range(songs) for style in GENRES)
    mels, harmony = zip(*((context.log_mel(sound), regressor.harmony(sound)) for sound in sounds), strict=True)
    predicted = regressor.predict(embed_statistics(np.stack(mels)), np.stack(harmony))
    predicted = predicted.reshape(-1, songs, len(GENRES), 2)
    moved = np.ptp(predicted, axis=2) / 2
    return [regressor.mean_effect(*each, moved[..., k]) for k, each in enumerate(naming)]


def _styled_song(context: AuditContext, index: int, style: str) -> Tensor:
    """The middle of a fresh song in a style."""
    song = context.compose_song(index, genre=style)
    return context.central_excerpt(compose.render(song, context.front_end.sample_rate))


def _sounds(context: AuditContext) -> tuple[Sound, ...]:
    rate = context.front_end.sample_rate
    rock = context.compose_song(0, genre="rock")
    examples = [
        ("a minor chord", chord("broken", 0, "plain", rate)),
        ("with blue notes", chord("broken", 0, "held", rate)),
    ]
    examples += [(sound, riff(rock, sound, rate)) for sound in list(RIFFS)[:2]]
    examples += [(f"one song as {style}", _styled_song(context, 0, style)) for style in GENRES]
    return tuple(context.save_sound("genre", label, "composed", wave) for label, wave in examples)


def _sentence(by_name: dict[str, Measurement]) -> str:
    parts: list[str] = []
    by_chance, alike = by_name["spread_ccc_by_chance"].value, by_name["genres_alike"].value
    if by_chance is not None and alike is not None:
        verdict = "no more than chance gives" if alike > 0.05 else "more than chance gives"
        parts.append(
            f"CCC differs by {format_measurement(by_name['spread_ccc'])} over genres, and by {by_chance:.2f} where "
            f"genres are assigned at random: {verdict} (p = {alike:.3f})."
        )
    adds = [by_name[f"conditioning_adds_{axis}"] for axis in AXES]
    if all(measured.value is not None for measured in adds):
        valence, arousal = (format_measurement(measured, 1) for measured in adds)
        parts.append(f"Knowing the genre adds {valence} of the variance of valence and {arousal} of that of arousal.")
    if by_name["mix_shift"].value is not None:
        chance = by_name["mix_shift_by_chance"].value or 0.0
        parts.append(
            f"The generator moves {format_measurement(by_name['mix_shift'], 0)} of clips to other genres "
            f"({chance:.0f}% by chance)."
        )
    parts.append(
        f"Blue notes move {format_measurement(by_name['blues_difference_stft'], 0)} of a minor chord's spectrum and "
        f"{format_measurement(by_name['blues_difference_mel'], 0)} of its mel bands; a distorted guitar and a "
        f"distorted synthesizer are {format_measurement(by_name['distortion_similarity'], 0)} alike."
    )
    return " ".join(parts)


def _cautions(context: AuditContext) -> tuple[str, ...]:
    cautions = [
        "A genre whose labels vary little has a low CCC at the same error.",
        "A spread is never negative, and its interval lies too high: compare it with the spread by chance.",
        f"Genres of fewer than {MIN_SONGS} songs are not measured.",
        "Blue notes, guitar and synthesizer are played by a soundfont, not by people.",
    ]
    if context.composed:
        cautions.append(
            "The composer gives genres no emotion of their own: knowing the genre must add nothing here, and a change "
            "of style must move nothing; what it moves is the regressor's error."
        )
    return tuple(cautions)


QUESTION = Question(
    "genre",
    "Is emotion predicted less well in some genres, does it help to know the genre, and what do generators average?",
    "Ridge regression on log-mel statistics predicts every clip out of fold. CCC (mean of valence's and arousal's) by "
    f"genre of {MIN_SONGS} songs or more; the largest less the smallest against the same with genres assigned to "
    f"songs at random. The genre and its products with {N_COMPONENTS} leading components are given to the regressor: "
    f"the difference of R². A probe trained on the genres of a generator's training clips predicts those of generated "
    f"and of held-out real clips; ½ Σ |p − q| of the two mixes. A D minor chord with and without blue notes on a "
    f"piano, twelve ways of playing it: ½ Σ |p − q| of power spectra averaged over time. Chords of rock songs on "
    f"distorted guitar and on a synthesizer through tanh: Pearson's r of log-mels, 128 bands. One song in five styles "
    f"with the same cues, as predicted by the corpus' regressor. Intervals resample songs, or ways of playing, not "
    f"fits.",
    measure,
)
