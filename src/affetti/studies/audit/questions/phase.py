"""What is lost with the phase, and what is lost with the magnitude, on the way from a log-mel back to sound.

The ways back are those of :mod:`~affetti.studies.audit.resynthesis.reconstruction`, measured on excerpts of the corpus;
held notes and sung vowels are rendered for the purpose (:mod:`~affetti.studies.audit.resynthesis.sustained_notes`,
:mod:`~affetti.studies.audit.resynthesis.formants`), and what a regressor of arousal predicts is measured at the corpus'
own front-end (:mod:`~affetti.studies.audit.resynthesis.arousal_shift`).

When not to use: as a listening test. The measures of :mod:`affetti.signal.fidelity` are of signals, and the split of
the loss is of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import front_end
from affetti.progress import Progress
from affetti.signal.fidelity import fidelity, onsets
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    Measurement,
    NotMeasurableError,
    Sound,
    format_measurement,
)
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.question import Question
from affetti.studies.audit.resynthesis import arousal_shift, formants, sustained_notes
from affetti.studies.audit.resynthesis.excerpts import excerpts
from affetti.studies.audit.resynthesis.reconstruction import (
    METHODS,
    magnitude_loss,
    magnitude_share,
    phase_share,
    reconstruct,
)

FRONT_END = front_end("paper")
FIELDS: dict[str, tuple[str, str]] = {
    "sharpness": ("sharpness of onsets", "%"),
    "crest": ("change of the crest after onsets", "dB"),
    "convergence": ("spectral convergence", "dB"),
    "convergence_multi": ("spectral convergence over three windows", "dB"),
    "inconsistency": ("inconsistency of magnitude and phase", ""),
    "si_sdr": ("SI-SDR", "dB"),
}
"""What is measured of each way: the beginning of the name, its words and its unit."""
PLAYED_METHODS = ("fast", "random", "mel")
SPLITS = (("", "fast Griffin-Lim", "fast", "mel"), ("_griffin_lim", "Griffin-Lim", "griffin_lim", "mel_griffin_lim"))
"""Ending of the names and words of each split of the loss; the ways that lose phase alone, and both."""
SHARES = {"phase": "Share of the loss that is phase's", "magnitude": "Share of the loss that is magnitude's"}


@dataclass(frozen=True)
class FidelityTable:
    """The measures of clips ``[N]``."""

    values: dict[str, dict[str, NDArray[np.float64]]]
    """By way, by field of :data:`FIELDS` or ``loss``; what is not defined is NaN."""
    songs: NDArray[np.str_]
    sounds: tuple[Sound, ...]


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question; where there is no sound, for held notes and vowels alone."""
    measurements: list[Measurement] = []
    sounds: tuple[Sound, ...] = ()
    try:
        clips = _fidelity_table(context, context.sample_size(48, 8), progress)
        measurements += fidelities(clips) + loss_shares(clips)
        sounds = clips.sounds
    except NotMeasurableError as lack:
        measurements += _missing_measurements(lack.needs)
    # A clip of 30 s takes as long as five of six seconds.
    measurements += arousal_shift.measurements(
        context, max(8, round(context.sample_size(576, 120) / context.front_end.seconds))
    )
    measurements += formants.measurements(context.compose_song(0), FRONT_END, context.sample_size(3, 1))
    measurements += sustained_notes.measurements(context.compose_song(0), FRONT_END, context.sample_size(4, 2))
    answer = Answer("", tuple(measurements))
    figure = IntervalFigure("Sharpness of onsets, % of the original's", tuple(f"sharpness_{name}" for name in METHODS))
    return Answer(_sentence(answer), tuple(measurements), figure, sounds=sounds, cautions=_cautions(context, answer))


def fidelities(clips: FidelityTable) -> list[Measurement]:
    """Every measure of every way."""
    return [
        Measurement.of_mean(
            f"{field}_{name}", f"{words}: {label}", clips.values[name][field], songs=clips.songs, unit=unit
        )
        for field, (label, unit) in FIELDS.items()
        for name, words in METHODS.items()
    ]


def loss_shares(clips: FidelityTable) -> list[Measurement]:
    """The loss of the whole way, split into phase's and magnitude's, together 100 %."""
    measurements: list[Measurement] = []
    for ending, words, phase, both in SPLITS:
        losses = tuple(clips.values[name]["loss"] for name in ("oracle", phase, both))
        for name, share in (("phase", phase_share), ("magnitude", magnitude_share)):
            called, label = f"share_of_loss_{name}{ending}", f"{SHARES[name]}, {words}"
            measurements.append(Measurement.of_statistic(called, label, share, *losses, songs=clips.songs, unit="%"))
    return measurements


def _fidelity_table(context: AuditContext, n: int, progress: Progress) -> FidelityTable:
    """The measures of at most ``n`` excerpts; the sounds of the one with drums that has the most onsets."""
    rows: list[int] = []
    values: dict[str, dict[str, list[float]]] = {name: {field: [] for field in (*FIELDS, "loss")} for name in METHODS}
    most: tuple[bool, int] = (False, -1)
    kept: dict[str, Tensor] = {}
    for row, wave in excerpts(context, n):
        progress("rebuilding", len(rows), n)
        rows.append(row)
        made = reconstruct(wave, FRONT_END, seed=row)
        for name, (sound, inconsistent) in made.items():
            near = fidelity(wave, sound, FRONT_END.sample_rate, FRONT_END.linear_n_fft, FRONT_END.hop_length)
            by_field = {
                "sharpness": np.nan if near.sharpness is None else 100.0 * near.sharpness,
                "crest": np.nan if near.crest is None else near.crest,
                "convergence": near.convergence,
                "convergence_multi": near.convergence_multi,
                "inconsistency": inconsistent,
                "si_sdr": near.si_sdr,
                "loss": magnitude_loss(near),
            }
            for field, value in by_field.items():
                values[name][field].append(value)
        strikes = bool(arousal_shift.has_drums(context, np.array([row]))[0]), len(onsets(wave, FRONT_END.sample_rate))
        if strikes > most:
            most, kept = strikes, {"original": wave, **{name: made[name][0] for name in PLAYED_METHODS}}
    sounds = [
        context.save_sound("phase", "original", "composed" if context.composed else "recording", kept["original"])
    ]
    sounds += [context.save_sound("phase", METHODS[name], "rebuilt", kept[name]) for name in PLAYED_METHODS]
    arrays = {name: {field: np.array(each) for field, each in by.items()} for name, by in values.items()}
    return FidelityTable(arrays, context.corpus.songs[rows], tuple(sounds))


def _missing_measurements(needs: str) -> list[Measurement]:
    """What claims are about and the figure shows, without sound."""
    words = {f"share_of_loss_{name}{it[0]}": f"{SHARES[name]}, {it[1]}" for it in SPLITS for name in SHARES}
    words |= {f"sharpness_{name}": f"{way}: {FIELDS['sharpness'][0]}" for name, way in METHODS.items()}
    return [Measurement.missing(name, label, needs, "%") for name, label in words.items()]


def _sentence(answer: Answer) -> str:
    """The answer in words, of what was measured."""
    loss_shares = (format_measurement(answer[f"share_of_loss_phase{ending}"], 0) for ending in ("", "_griffin_lim"))
    clips = (
        f"Where the magnitude is true, fast Griffin-Lim keeps {format_measurement(answer['sharpness_fast'], 0)} of "
        f"the sharpness of onsets and plain Griffin-Lim {format_measurement(answer['sharpness_griffin_lim'], 0)}; the "
        f"whole way from a log-mel keeps {format_measurement(answer['sharpness_mel'], 0)}, and phase's share of its "
        f"loss is {' or '.join(loss_shares)}. "
    )
    said = "" if answer["sharpness_fast"].value is None else clips
    moved, flutter = format_measurement(answer["formant_error"], 1), format_measurement(answer["sustained_change"])
    arousal, drums = answer["arousal_shift"], format_measurement(answer["arousal_shift_drums"])
    predicted = (
        ""
        if arousal.value is None
        else f"; predicted arousal changes by {format_measurement(arousal)}, with drums by {drums}"
    )
    return (
        f"{said}From a log-mel back to sound, the formants of sung vowels move by {moved} and held notes flutter by "
        f"{flutter} more{predicted}."
    )


def _cautions(context: AuditContext, answer: Answer) -> tuple[str, ...]:
    hearing = "These measure signals, not perception: phases can differ and sound alike, and no listener rated them."
    split = (
        "The split of the loss is of errors of magnitude seen through three windows. What lies over 8 kHz, which paper "
        "drops, counts as magnitude's; what comes of both together is halved between them."
    )
    regressor = (
        "A change of predicted arousal is that of a regressor on log-mels of the rebuilt sound. The study's 0.3 is "
        "about people; only ratings of rebuilt sound would decide it."
    )
    waveforms = "SI-SDR compares waveforms sample by sample; it is meaningless for a sound with estimated phases."
    synthetic = "Held notes and vowels are synthetic and solo; none is from the corpus."
    lines = [hearing, split, regressor, waveforms, synthetic]
    if answer["sharpness_fast"].n in range(1, 10):
        lines.append("Sharpness and loss are of fewer than ten songs, whose intervals are too narrow.")
    if context.composed:
        lines.append("The music is composed, and its drums are of one kit: what recordings lose may differ.")
    return tuple(lines)


QUESTION = Question(
    "phase",
    "What does a log-mel lose with the phase, what with the magnitude, and what does it do to predicted arousal?",
    "The middle six seconds of clips at 2,048 samples a frame and hop 512 are rebuilt seven ways: the magnitude that "
    "the inverted log-mel gives with the true phase; the true magnitude with phases of plain Griffin-Lim (random "
    "start, 32 iterations, no momentum), of fast Griffin-Lim started from the slopes, of heap integration alone and "
    "at random; and inverted magnitude with fast and with plain Griffin-Lim, the whole way. The loss is the energy "
    "of the error of the magnitudes over the original's, geometric mean over windows of 512, 1,024 and 4,096 "
    "samples; phase's share is its Shapley value, half of (loss of phase alone + loss of both - loss of magnitude "
    "alone), and magnitude's the rest. Held notes of four instruments: the deviation of their level, in dB, in "
    "pieces of 23 ms. Sung vowels: F1 and F2 by linear prediction, before and after. Arousal: ridge regression on "
    "log-mel statistics, trained on other songs, predicts the arousal of a clip before and after the whole way at the "
    "corpus' own front-end.",
    measure,
)
