"""How much of sound and of its emotion is left at each step from the waveform to a latent.

Four things are kept apart that the study's one number mixes: how many numbers a second a step has (a closed
form of the front-end), how many bits they take (:mod:`~affetti.studies.audit.codec.entropy`), what comes back when the
step is inverted (:mod:`~affetti.studies.audit.codec.round_trips`), and how well a probe still predicts emotion
(:mod:`~affetti.studies.audit.probes.emotion_by_stage`). The steps are those of
:mod:`~affetti.studies.audit.codec.stages`, at the presets ``paper`` and, prefixed ``full_band_``, ``full-band``;
prefixed ``own_``, what can be predicted from the corpus' own log-mels, for which no sound is needed.

When not to use: bits do not measure what is audible, and none of the four bounds a quality score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affetti.presets import MelFrontEnd, mel_front_end
from affetti.progress import Progress
from affetti.signal.front_ends import describe
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    Measurement,
    NotMeasurableError,
    Sound,
    format_measurement,
)
from affetti.studies.audit.codec import round_trips
from affetti.studies.audit.codec.aliasing import alias_db
from affetti.studies.audit.codec.round_trips import RoundTrip, round_trip
from affetti.studies.audit.codec.stages import STAGES, mel_stages, numbers_per_second, spectral_stages
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import emotion_by_stage
from affetti.studies.audit.question import Question
from affetti.studies.audit.resynthesis.excerpts import excerpts

FRONT_END_BY_PREFIX: dict[str, MelFrontEnd] = {"": mel_front_end("paper"), "full_band_": mel_front_end("full-band")}
"""Prefix of the measurements' names, and the front-end."""
LATENT_NUMBERS, LATENT_BITS = 356, 16
"""The study's latent: numbers a clip, and bits a number at its stated rate."""
TONE_HZ = 15_000.0
"""Hz: a tone over the band, to be resampled."""
MAX_SECONDS = 15_000.0
"""Seconds of the corpus' own log-mels, at most."""
PLAYED_STAGES = ("magnitude", "quantised", "bands_32", "latent")
"""Steps whose sound is kept."""


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question; where there is no sound, with the closed forms and the corpus' own log-mels."""
    measurements = closed_forms("", FRONT_END_BY_PREFIX[""]) + closed_forms(
        "full_band_", FRONT_END_BY_PREFIX["full_band_"]
    )
    label = f"Loudest frequency left of a tone of {TONE_HZ:.0f} Hz, resampled to 22,050"
    measurements.append(Measurement("alias_db", label, alias_db(TONE_HZ), None, 1, "tones", "dB", exact=True))
    measurements += corpus_log_mels(context)
    sounds: Sequence[Sound] = ()
    try:
        rows, shown = emotion_by_stage.stage_features(
            context, FRONT_END_BY_PREFIX, context.sample_size(720, 128), progress
        )
        for prefix, stage in zip(FRONT_END_BY_PREFIX, shown, strict=True):
            labels, songs = context.corpus.labels[rows], context.corpus.songs[rows]
            measurements += emotion_by_stage.measurements(prefix, stage.features, labels, songs)
        more, sounds = _round_trips(context, rows, shown, context.sample_size(20, 6), progress)
        measurements += [*more, _returned_energy({it.name: it for it in more})]
    except NotMeasurableError as lack:
        measurements += round_trips.missing_measurements(lack.needs) + emotion_by_stage.missing_measurements(lack.needs)
    answer = Answer(
        sentence="",
        measurements=tuple(measurements),
        intervals=IntervalFigure(
            "Lossless bits, % of the waveform's as FLAC, at the preset paper",
            tuple(f"retention_{name}" for name in STAGES),
        ),
    )
    return Answer(
        _sentence(answer),
        answer.measurements,
        answer.intervals,
        sounds=tuple(sounds),
        cautions=_cautions(context, answer),
    )


def closed_forms(prefix: str, front: MelFrontEnd) -> list[Measurement]:
    """What follows from the front-end alone; with a prefix, only what is compared between front-ends."""
    wave, bins = numbers_per_second("waveform", front), 1 + front.linear_n_fft // 2
    hertz = np.linspace(0.0, front.sample_rate / 2, bins)
    reached = np.count_nonzero((hertz > front.f_min) & (hertz < front.f_max))
    reduction = 100.0 * (1.0 - LATENT_NUMBERS / (front.n_bands * front.frames))
    rows = [
        (
            "stft_numbers_ratio",
            "Numbers of the waveform for one of the complex STFT",
            wave / numbers_per_second("stft", front),
            "",
        ),
        (
            "mel_numbers_ratio",
            "Numbers of the waveform for one of the log-mel",
            wave / numbers_per_second("mel", front),
            "",
        ),
        (
            "latent_numbers_ratio",
            f"Samples of a clip for one of {LATENT_NUMBERS} numbers",
            front.seconds * wave / LATENT_NUMBERS,
            "",
        ),
        ("latent_reduction", f"Fewer numbers in {LATENT_NUMBERS} than in a clip's log-mel", reduction, "%"),
        ("bins_per_band", "STFT bins for one mel band", bins / front.n_bands, ""),
        ("bins_reached_per_band", "STFT bins in the bands' range for one mel band", reached / front.n_bands, ""),
        ("hop_ms", "From frame to frame", 1e3 * front.hop_length / front.sample_rate, "ms"),
    ]
    if not prefix:
        rows += [
            ("window_ms", "Length of a frame", 1e3 * front.linear_n_fft / front.sample_rate, "ms"),
            ("pcm_bits", f"The waveform in {LATENT_BITS} bits a sample", LATENT_BITS * wave, "bit/s"),
            (
                "latent_bits",
                f"{LATENT_NUMBERS} numbers of {LATENT_BITS} bits a clip",
                LATENT_NUMBERS * LATENT_BITS / front.seconds,
                "bit/s",
            ),
        ]
        rows += [
            (f"numbers_{name}", f"{words}: numbers", numbers_per_second(name, front), "1/s")
            for name, words in STAGES.items()
        ]
    return [_exact(prefix + name, label, value, unit) for name, label, value, unit in rows]


def corpus_log_mels(context: AuditContext) -> list[Measurement]:
    """How well a probe predicts emotion from the corpus' own log-mels: as stored, rounded, and after either latent."""
    # As many clips as fit into memory where they are long.
    rows = context.select_rows(min(context.sample_size(960, 240), round(MAX_SECONDS / context.front_end.seconds)))
    songs = context.corpus.songs[rows]
    halves = emotion_by_stage.split_in_halves(songs, context.rng("halves"))
    features, _ = emotion_by_stage.log_mel_features(np.asarray(context.corpus.mel[rows]), halves, context.front_end)
    return emotion_by_stage.measurements("own_", features, context.corpus.labels[rows], songs)


def _round_trips(
    context: AuditContext,
    rows: NDArray[np.intp],
    shown: Sequence[emotion_by_stage.StageFeatures],
    n: int,
    progress: Progress,
) -> tuple[list[Measurement], list[Sound]]:
    """The measures of every step of some of the ``rows``, at both front-ends; and the sounds of the first."""
    place = {row: number for number, row in enumerate(rows.tolist())}
    trips: dict[str, list[dict[str, RoundTrip]]] = {prefix: [] for prefix in FRONT_END_BY_PREFIX}
    measured_rows: list[int] = []
    sounds: list[Sound] = []
    for row, wave in excerpts(context, n):
        progress("coding", len(measured_rows), n)
        shared = list(spectral_stages(wave, FRONT_END_BY_PREFIX[""]))
        plain = {step.name: round_trip(step, wave, FRONT_END_BY_PREFIX[""]) for step in shared}
        for (prefix, front), stage in zip(FRONT_END_BY_PREFIX.items(), shown, strict=True):
            steps = list(mel_stages(wave, front, stage.fitted[stage.halves[place[row]]]))
            trips[prefix].append(plain | {step.name: round_trip(step, wave, front) for step in steps})
            if not sounds:
                kind = "composed" if context.composed else "recording"
                sounds = [context.save_sound("information", "original", kind, wave)]
                played = [step for step in (*shared, *steps) if step.name in PLAYED_STAGES]
                sounds += [
                    context.save_sound("information", STAGES[step.name], "rebuilt", step.sound) for step in played
                ]
        measured_rows.append(row)
    songs = context.corpus.songs[measured_rows]
    return [
        it for prefix in FRONT_END_BY_PREFIX for it in round_trips.measurements(prefix, trips[prefix], songs)
    ], sounds


def _returned_energy(by_name: dict[str, Measurement]) -> Measurement:
    """Energy of the waveform that the inverse STFT of the rounded spectrum returns, 100 (1 − 10^(−SI-SDR / 10)) %."""
    ratio = by_name["si_sdr_stft"]
    label = "complex STFT: energy of the waveform that its inverse returns"
    if ratio.value is None or ratio.ci is None:
        return Measurement.missing("returned_stft", label, "sound that is not silent", "%")
    value, low, high = (100.0 * (1.0 - 10.0 ** (-db / 10.0)) for db in (ratio.value, *ratio.ci))
    return Measurement("returned_stft", label, value, (low, high), ratio.n, ratio.of, "%")


def _sentence(answer: Answer) -> str:
    """The answer in words, of what was measured."""
    stft, mel = (answer[f"{name}_numbers_ratio"].value or 1.0 for name in ("stft", "mel"))
    counted = (
        f"For a second of sound, 22,050 samples, the complex STFT has {1.0 / stft:.1f} times as many numbers and the "
        f"log-mel {mel:.1f} times fewer."
    )
    if answer["waveform_bits"].value is None:
        return f"{counted} What bits they take and what comes back was not measured."
    of = {
        name: format_measurement(answer[f"retention_{name}"], 0) for name in ("stft", "magnitude", "mel", "quantised")
    }
    return (
        f"{counted} FLAC keeps the waveform in {format_measurement(answer['waveform_bits'], 0)}; rounded as finely, "
        f"the complex STFT takes {of['stft']} of that, the magnitude {of['magnitude']}, mel bands {of['mel']}, and a "
        f"log-mel in whole decibels {of['quantised']}. Of the emotion that a probe predicts from linear magnitudes, "
        f"it predicts {format_measurement(answer['probe_kept_mel'], 0)} from the log-mel."
    )


def _cautions(context: AuditContext, answer: Answer) -> tuple[str, ...]:
    said = {it.name: format_measurement(it, 1 if it.name == "mel_numbers_ratio" else 0) for it in answer.measurements}
    front = context.front_end
    arithmetic = (
        "The study sets 45 s of waveform (992,250 samples) against 30 s of log-mel (128 × 1,292) and gets 6.0 and "
        f"2,800; over the same time it is {said['mel_numbers_ratio']} and {said['latent_numbers_ratio']}."
    )
    redundant = (
        "A complex STFT at hop 512 has 2 × 1,025 numbers for every 512 samples: it is larger than the waveform, not "
        "smaller, and its inverse is exact. That its bits exceed the waveform's is redundancy, not information."
    )
    rates = (
        "The study's 352,800 bits a second is what 16-bit PCM stores whatever it holds, not an entropy; its 5,700 is "
        f"356 numbers of 16 bits, which is a clip's and not a second's: {said['latent_bits']}."
    )
    filtered = (
        f"Content over 11,025 Hz is filtered out, not aliased: of a tone of 15 kHz {said['alias_db']} is left. The "
        "preset paper drops what lies over 8 kHz as well."
    )
    resolution = (
        f"The hop is how often a frame is taken; a frame spans {said['window_ms']}, and when something happens within "
        "it is in its phase."
    )
    bits = (
        "Lossless bits depend on the rounding step, on the level of the music and on the coder; order-0 entropy knows "
        "neither time nor pitch. They measure what is stored, not what is audible."
    )
    probing = (
        "A probe is a lower bound that rises with the number of training songs, and rises more for many features than "
        "for few: shares of CCC are of this corpus at this size."
    )
    here = (
        f"The corpus' own front-end has {describe(front)}; what can be predicted from its spectrograms is listed with "
        "all numbers."
    )
    lines = [arithmetic, redundant, rates, filtered, resolution, bits, probing, here]
    if answer["waveform_bits"].n in range(1, 10):
        lines.append("Bits and what comes back are of fewer than ten songs, whose intervals are too narrow.")
    if context.composed:
        lines.append(
            "The music is composed: CCC measures what each step keeps of planted cues, not of what people feel."
        )
    return tuple(lines)


def _exact(name: str, label: str, value: float, unit: str) -> Measurement:
    return Measurement(name, label, float(value), None, 1, "closed form", unit, exact=True)


QUESTION = Question(
    "information",
    "How much of the sound, and of its emotion, is left at each step from waveform to latent?",
    "Six seconds from the middle of each clip go through waveform, complex STFT, magnitude, mel bands, log-mel as "
    "stored (float16), log-mel in whole decibels, 64 and 32 bands, and two linear latents fitted to other songs. "
    "Numbers a second follow from the front-end. Spectra are rounded in the step, 39 times that of 16-bit PCM, at "
    "which the inverse STFT errs as much as 16 bits do; log-mel and latents in whole decibels. Bits are given as "
    "order-0 entropy, which depends on how often values occur and on nothing else, and as those of real coders, which "
    "are an upper bound: FLAC for the waveform, the better of LZMA and Rice codes for the rest. Retention is the "
    "coder's bits in per cent of FLAC's. What comes back is compared with the original; magnitudes get their phase "
    "from fast Griffin-Lim. The probe is ridge regression on means, deviations, changes and modulation of bands, the "
    "same at each step, tested on held-out songs.",
    measure,
)
