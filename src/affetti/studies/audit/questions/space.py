"""Space and ensemble: what a log-mel keeps of stereo, a room and tight playing, and what a regressor predicts of them.

The songs are those of :mod:`~affetti.studies.audit.counterfactuals.spaces`, at the corpus' own front-end; the corpus'
regressor predicts them (:mod:`~affetti.studies.audit.probes.emotion_regressor`). They need nothing of the corpus but
its front-end and labels. When not to use: to say what listeners make of a hall or of a loose ensemble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from affetti import compose
from affetti.progress import Progress
from affetti.signal.vocoder import GriffinLim
from affetti.studies.audit.answer import Answer, IntervalFigure, Measurement, Sound, format_measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.spaces import (
    CHANGED,
    LABELS,
    ROOMS,
    SPREADS,
    SpaceVariants,
    measure_variants,
    stereo_variants,
)
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.emotion_regressor import NEEDS_LABELS, EmotionRegressor, caution, harmony_of
from affetti.studies.audit.question import Question

MAX_SONGS, MAX_SONGS_QUICK = 60, 20
PLAYED = ("dry", "room_2", "spread_60")


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see :data:`QUESTION`."""
    progress("space", 0, 1)
    songs = context.compose_songs(context.sample_size(MAX_SONGS, MAX_SONGS_QUICK))
    regressor = EmotionRegressor.fit(context, progress)
    variants = measure_variants(context, songs, harmony_of(regressor))
    measurements = [*_kept(variants, context), *_probes(variants, context), *_shifts(regressor, variants)]
    by_name = {measurement.name: measurement for measurement in measurements}
    return Answer(
        _sentence(by_name),
        tuple(measurements),
        intervals=IntervalFigure(
            "Change of predicted arousal against the dry song", tuple(f"arousal_{name}" for name in CHANGED), zero=True
        ),
        sounds=_sounds(context, songs[0]),
        cautions=_cautions(context, regressor),
    )


def _kept(variants: SpaceVariants, context: AuditContext) -> Iterator[Measurement]:
    """How far the log-mel of each variant is from the dry one."""
    tables = (
        ("similarity", "r of log-mels", variants.correlations, ""),
        ("distance", "log-spectral distance", variants.distances, "dB"),
        ("sharpness", "sharpness of onsets", variants.sharpness, "%"),
    )
    for name, words, table, unit in tables:
        for variant, values in table.items():
            label = f"{words}, dry and {LABELS[variant]}"
            yield Measurement.of_mean(
                f"{name}_{variant}", label, values, songs=variants.songs, seed=context.seed, unit=unit
            )
    yield Measurement.of_mean(
        "similarity_other_songs", "r of log-mels of different dry songs: the floor", variants.other_songs,
        songs=variants.songs, seed=context.seed,
    )  # fmt: skip
    yield Measurement.of_mean(
        "side_energy", "energy of the panned song that one channel does not contain", variants.side,
        songs=variants.songs, seed=context.seed, unit="%",
    )  # fmt: skip


def _probes(variants: SpaceVariants, context: AuditContext) -> Iterator[Measurement]:
    """How well a probe predicts pan, reverberation time and spread of songs that it was not fitted to.

    From the log-mel alone; and, ``_paired``, from its difference to the mean over the variants of the same song.
    """
    logarithms = {name: float(np.log2(seconds)) for name, seconds in ROOMS.items()}
    for ending, words in (("", "from the log-mel"), ("_paired", "from log-mels of the same song side by side")):
        features, amount, songs = _stacked(variants, {"dry": 0.0, "wide": 1.0}, paired=bool(ending))
        sides = np.where(amount > 0.0, "wide", "middle")
        yield Measurement.of_statistic(
            f"read_pan{ending}",
            f"whether parts are panned, predicted {words} (chance 0.5)",
            linear_probe.balanced_accuracy,
            linear_probe.cross_val_classify(features, sides, songs),
            sides,
            songs=songs,
            seed=context.seed,
        )
        for name, label, amounts in (
            ("read_room", "R² of the logarithm of the reverberation time", logarithms),
            ("read_spread", "R² of the spread of onsets", {"dry": 0.0, **SPREADS}),
        ):
            features, amount, songs = _stacked(variants, amounts, paired=bool(ending))
            yield Measurement.of_statistic(
                f"{name}{ending}",
                f"{label}, predicted {words}",
                linear_probe.r2,
                linear_probe.cross_val_predict(features, amount, songs),
                amount,
                songs=songs,
                seed=context.seed,
            )


def _stacked(
    variants: SpaceVariants, amounts: Mapping[str, float], *, paired: bool
) -> tuple[linear_probe.Floats, linear_probe.Floats, linear_probe.Texts]:
    """Features of the named variants, less their mean over a song's variants where paired; amounts, and songs."""
    n = len(variants.songs)
    features = np.stack([variants.features[name] for name in amounts])
    if paired:
        features = features - features.mean(axis=0)
    return (
        np.concatenate(features),
        np.repeat(np.array(list(amounts.values())), n),
        np.tile(variants.songs, len(amounts)),
    )


def _shifts(regressor: EmotionRegressor | None, variants: SpaceVariants) -> list[Measurement]:
    """What each change does to the emotion that the corpus' regressor predicts."""
    named = [
        (f"{axis}_{name}", f"change of predicted {axis}, {LABELS[name]}")
        for name in CHANGED
        for axis in ("valence", "arousal")
    ]
    if regressor is None:
        return [Measurement.missing(*names, NEEDS_LABELS) for names in named]
    predicted = {name: regressor.predict(variants.features[name], variants.harmony[name]) for name in LABELS}
    moved = [predicted[name] - predicted["dry"] for name in CHANGED]
    return [regressor.mean_effect(*names, moved[place // 2][..., place % 2]) for place, names in enumerate(named)]


def _sounds(context: AuditContext, song: compose.Song) -> tuple[Sound, ...]:
    """Variants of a song as one channel, what that channel lacks of the panned one, and the room from its log-mel."""
    stereo = dict(stereo_variants(context, song))
    played = [context.save_sound("space", LABELS[name], "composed", stereo[name].mean(dim=0)) for name in PLAYED]
    lost = 0.5 * (stereo["wide"][0] - stereo["wide"][1])
    played.append(context.save_sound("space", "panned wide: what one channel lacks", "composed", lost))
    mel = torch.from_numpy(context.log_mel(stereo["room_2"].mean(dim=0)))
    rebuilt = GriffinLim(context.front_end)(mel)
    played.append(context.save_sound("space", f"{LABELS['room_2']}, from its log-mel", "rebuilt", rebuilt))
    return tuple(played)


def _cautions(context: AuditContext, regressor: EmotionRegressor | None) -> tuple[str, ...]:
    synthetic = (
        "Rooms are decaying noise without early reflections, and onsets are displaced at random: real halls and "
        "ensembles differ."
    )
    extrapolated = (
        "The regressor was fitted to the corpus, which may hold no such rooms and no such timing: it extrapolates, and "
        "no interval shows that."
    )
    lines = [synthetic, extrapolated]
    if regressor is not None:
        lines.append(caution(from_harmony=regressor.from_harmony))
    if context.composed:
        lines.append(
            "The composer plants no effect of space or tightness: changes of the prediction are the regressor's own."
        )
    else:
        lines.append("Changes are what the regressor predicts for composed songs, not what listeners feel.")
    return tuple(lines)


def _sentence(by_name: Mapping[str, Measurement]) -> str:
    moved = by_name["arousal_room_2"].value is not None
    predicted = (
        f" Predicted arousal changes by {format_measurement(by_name['arousal_room_2'])} in a room of 2 s and by "
        f"{format_measurement(by_name['arousal_spread_60'])} with onsets 60 ms apart."
        if moved
        else ""
    )
    said = {name: format_measurement(one) for name, one in by_name.items()}
    whole = {name: format_measurement(by_name[name], 0) for name in ("side_energy", "sharpness_room_2")}
    decibels = {name: format_measurement(by_name[f"distance_{name}"], 1) for name in ("wide", "room_2")}
    return (
        f"One channel lacks {whole['side_energy']} of the energy of a panned song, and its log-mel is "
        f"{decibels['wide']} from that of the song in the middle. A room of 2 s moves the log-mel by "
        f"{decibels['room_2']} and leaves {whole['sharpness_room_2']} of the sharpness of onsets. From log-mels of "
        f"other songs a probe predicts whether parts are panned in {said['read_pan']} (chance 0.50), the reverberation "
        f"time with R² {said['read_room']} and the spread of onsets with R² {said['read_spread']}.{predicted}"
    )


QUESTION = Question(
    "space",
    "What does a log-mel keep of stereo, of a room and of a tight ensemble, and what do they do to the prediction?",
    "Composed songs that no corpus has are rendered dry, with all parts in the middle and on the beat; with parts "
    "panned at constant power; in synthetic rooms (decaying noise of as much energy as the direct sound) of 0.3, 0.5, "
    "1 and 2 s; and with onsets of parts apart by a deviation of 20, 40 and 60 ms. A clip of each, from its first "
    "verse or chorus, is averaged to one channel and analysed at the corpus' front-end. Measured are Pearson's r and "
    "the log-spectral distance of its log-mel to the dry one, sharpness of onsets, and the energy that the average of "
    "two channels does not contain. A linear probe on log-mel statistics predicts pan, reverberation time and spread, "
    "tested on held-out songs: a lower bound on what a log-mel holds. Ridge regression fitted to the whole corpus "
    "(valence from harmony of the sound, where there is sound and held-out songs prefer it) predicts the emotion of "
    "each; intervals, 95 %, resample songs and, for predictions, regressors.",
    measure,
)
