"""What harmony adds to the prediction of emotion from the log-mel, and what chroma of each representation explains.

Nested models, as for words (:mod:`.text_gain`): labels are predicted from log-mel statistics, and from these joined by
the 42 numbers of harmony of the sound (:func:`affetti.signal.descriptors.harmony_descriptors`); the difference of R² on
held-out songs, in % of the labels' variance, is what harmony adds. Beside it what the 24 chroma numbers relative to the
tonic (all notes, and the bass) explain of valence alone, from the constant-Q transform and from what else shows notes:
the same numbers and the same regressor, so that the difference is the representation's.

When not to use: as what a log-mel lacks. The regressor of the log-mel predicts from its statistics; harmony may add
because it is relative to a tonic, which these are not, though the log-mel holds some of it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.progress import Progress
from affetti.signal import audio
from affetti.signal.descriptors import HARMONY_NAMES
from affetti.signal.harmony import Harmony, Tuning, estimate_tuning, harmony_of_notes
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.notes import BANDS, FRONT_END, HOP_SECONDS, REPRESENTATIONS, representations_of
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import added_percent, of_gain
from affetti.studies.audit.probes.linear_probe import Floats

PROBED = ("cqt", "stft", *BANDS)
"""Representations whose chroma is probed."""
LABELS = {
    "harmony_adds": "variance of {} that harmony explains beyond log-mel",
    "mel_explains": "variance of {} that log-mel explains",
    "harmony_explains": "variance of {} that harmony explains alone",
}
HAS_KEY = HARMONY_NAMES.index("has key")


def harmony_gain(context: AuditContext, rows: NDArray[np.intp], progress: Progress) -> list[Measurement]:
    """All of the module, of clips ``rows``.

    Raises:
        NotMeasurableError: there is no sound.
    """
    harmony = context.harmony(rows, progress)
    songs, labels = context.corpus.songs[rows], context.corpus.labels[rows]
    keys = Measurement.of_mean(
        "clips_with_key", "clips in which a key is recognised", 100.0 * harmony[:, HAS_KEY], songs=songs, unit="%"
    )
    return [
        keys,
        *nested_models(context.statistics[rows], harmony, labels, songs, context.seed),
        *_by_representation(chroma_numbers(context, rows, progress), labels[:, 0], songs, context.seed),
    ]


def nested_models(
    mel: Floats, harmony: Floats, labels: Floats, songs: linear_probe.Texts, seed: int = 0
) -> list[Measurement]:
    """For either axis what harmony adds to log-mel, and what each explains alone, % of the variance.

    Args:
        mel: log-mel statistics ``[N, D]``.
        harmony: numbers of harmony ``[N, 42]``.
        labels: valence and arousal ``[N, 2]``.
        songs: of each clip.
        seed: of the intervals.
    """
    try:
        beside = linear_probe.cross_val_subsets(mel, {"harmony": harmony}, labels, songs)
        alone = linear_probe.cross_val_predict(harmony, labels, songs)
    except InputError as error:
        return [
            Measurement.missing(*_named(what, axis), f"songs with labels that differ ({error.what})", "%")
            for axis in AXES
            for what in LABELS
        ]
    measurements: list[Measurement] = []
    for column, axis in enumerate(AXES):
        of_mel, of_both, of_harmony = (each[:, column] for each in (beside[()], beside[("harmony",)], alone))
        target = labels[:, column]
        statistics = (
            ("harmony_adds", added_percent, (of_both, of_mel, target)),
            ("mel_explains", _explained, (of_mel, target)),
            ("harmony_explains", _explained, (of_harmony, target)),
        )
        measured = [
            Measurement.of_statistic(*_named(what, axis), statistic, *arrays, songs=songs, seed=seed, unit="%")
            for what, statistic, arrays in statistics
        ]
        measured[0] = of_gain(measured[0], of_both - of_mel, songs)
        measurements += measured
    return measurements


def missing_measurements(needs: str) -> list[Measurement]:
    """What is not measurable without sound."""
    named = [_named(what, axis) for axis in AXES for what in LABELS] + [_chroma_naming(name) for name in PROBED]
    return [Measurement.missing(*naming, needs, "%") for naming in named]


def chroma_numbers(context: AuditContext, rows: NDArray[np.intp], progress: Progress) -> dict[str, Floats]:
    """The 24 chroma numbers of clips ``[N, 24]``, by representation."""
    numbers: dict[str, list[Floats]] = {name: [] for name in PROBED}
    for done, row in enumerate(rows.tolist()):
        progress("chroma", done, len(rows))
        own = context.waveform(row)
        wave = torch.from_numpy(audio.resample(own.numpy(), context.front_end.sample_rate, FRONT_END.sample_rate))
        tuning = estimate_tuning(wave, FRONT_END.sample_rate)
        for name, notes in representations_of(wave, PROBED, tuning=tuning.semitones):
            numbers[name].append(chroma_profile(harmony_of_notes(notes, HOP_SECONDS, Tuning(0.0, 1.0))))
    return {name: np.stack(each) for name, each in numbers.items()}


def chroma_profile(harmony: Harmony) -> Floats:
    """Shares of the pitch classes from the tonic upward, of all notes and of the bass ``[24]``."""
    return np.concatenate([harmony.profile, harmony.bass_profile])


def _by_representation(
    numbers: dict[str, Floats], valence: Floats, songs: linear_probe.Texts, seed: int
) -> list[Measurement]:
    measurements: list[Measurement] = []
    for name, features in numbers.items():
        try:
            prediction = linear_probe.cross_val_predict(features, valence, songs)
        except InputError as error:
            needs = f"songs with labels that differ ({error.what})"
            measurements.append(Measurement.missing(*_chroma_naming(name), needs, "%"))
            continue
        pair = prediction, valence
        measurements.append(
            Measurement.of_statistic(*_chroma_naming(name), _explained, *pair, songs=songs, seed=seed, unit="%")
        )
    return measurements


def _named(what: str, axis: str) -> tuple[str, str]:
    return f"{what}_{axis}", LABELS[what].format(axis)


def _chroma_naming(name: str) -> tuple[str, str]:
    return f"chroma_explains_{name}", f"variance of valence that chroma explains alone: {REPRESENTATIONS[name]}"


def _explained(prediction: Floats, target: Floats) -> float:
    return 100.0 * linear_probe.r2(prediction, target)
