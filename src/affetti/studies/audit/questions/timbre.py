"""Timbre: what fewer bands keep of what identifies an instrument, what generators keep, what a regressor predicts.

Composed songs whose melody is played by seven instruments, alone and in the mix
(:mod:`~affetti.studies.audit.counterfactuals.instrument_spectra`), are measured at the resolutions of
:mod:`~affetti.studies.audit.codec.resolutions`. Instruments of the corpus' own clips and of generated clips are
predicted in :mod:`~affetti.studies.audit.probes.instrument_probes`. The counterfactuals need nothing of the corpus but
its front-end. When not to use: to say how listeners take an instrument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from affetti import compose
from affetti.compose.cues import CHOICES, SCALE
from affetti.errors import InputError
from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, IntervalFigure, Measurement, format_measurement
from affetti.studies.audit.codec.resolutions import PAPER, RESOLUTION_LABELS, RESOLUTIONS, power_spectrograms, to_db
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.instrument_spectra import (
    PAIRS,
    SIGNALS,
    InstrumentSpectra,
    instrument_spectra,
)
from affetti.studies.audit.counterfactuals.instruments import INSTRUMENTS, c_major_scale, with_lead
from affetti.studies.audit.probes import instrument_probes, linear_probe
from affetti.studies.audit.probes.emotion_regressor import NEEDS_LABELS, EmotionRegressor, caution, harmony_of
from affetti.studies.audit.question import Question
from affetti.studies.audit.resynthesis import similarity

MAX_SONGS, MAX_SONGS_QUICK = 60, 20
PLAYED_INSTRUMENTS = ("piano", "acoustic guitar", "distorted guitar", "flute")
"""Instruments of the audio examples."""
MAIN_PAIR = ("piano", "acoustic guitar")
GUITARS = ("acoustic guitar", "distorted guitar")
PIANO_GUITARS = ("similarity_piano_clean_guitar", "similarity_piano_distorted_guitar")
CHANCE = 1.0 / len(INSTRUMENTS)


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question, see :data:`QUESTION`."""
    regressor = EmotionRegressor.fit(context, progress)
    n = context.sample_size(MAX_SONGS, MAX_SONGS_QUICK)
    spectra = instrument_spectra(context, n, progress, harmony_of(regressor))
    measurements = [
        *_pair_similarities(spectra, context),
        *_instrument_accuracies(spectra, context),
        *_predicted_emotions(regressor, spectra),
        *instrument_probes.instrument_measurements(context),
    ]
    measurements += _over_definitions({measurement.name: measurement for measurement in measurements})
    rate = context.front_end.sample_rate
    return Answer(
        _sentence({measurement.name: measurement for measurement in measurements}),
        tuple(measurements),
        intervals=IntervalFigure(
            f"Balanced accuracy of predicting which of {len(INSTRUMENTS)} instruments plays (chance {CHANCE:.2f})",
            tuple(f"read_{place}_{name}" for place in SIGNALS for name in RESOLUTIONS),
        ),
        sounds=tuple(
            context.save_sound("timbre", f"C major on {it}", "composed", _scale(it, rate)) for it in PLAYED_INSTRUMENTS
        ),
        cautions=_cautions(context, regressor),
    )


def _pair_similarities(spectra: InstrumentSpectra, context: AuditContext) -> list[Measurement]:
    """Likeness of the same notes on two instruments."""
    songs = np.arange(len(spectra.other_songs))
    return [
        *(
            Measurement.of_mean(name, label, values, songs=songs, seed=context.seed, unit=unit)
            for name, label, values, unit in (*_similarities(spectra), *_differences(spectra))
        ),
        Measurement.of_statistic(
            "difference_kept",
            "difference of mean spectra that 128 mel bands keep, mean over pairs",
            difference_kept,
            spectra.differences["mel128"],
            spectra.differences["stft"],
            songs=songs,
            seed=context.seed,
            unit="%",
        ),
        _scale_similarity(),
    ]


def difference_kept(bands: linear_probe.Floats, bins: linear_probe.Floats) -> float:
    """Mean difference ``[N, P]`` at mel bands as a share of that at the STFT, %."""
    return 100.0 * float(bands.mean() / bins.mean())


def _over_definitions(by_name: dict[str, Measurement]) -> list[Measurement]:
    """What the study states without saying of which guitar, or in which measure: all definitions together."""
    guitars = [by_name[name] for name in ("similarity_piano_guitar", *PIANO_GUITARS)]
    alike = Measurement.over_definitions("similarity_guitars", "r of mels, piano and any of three guitars", guitars)
    in_percent = replace(
        alike,
        name="similarity_percent_guitars",
        label="the same in %",
        value=None if alike.value is None else 100 * alike.value,
        ci=None if alike.ci is None else (100 * alike.ci[0], 100 * alike.ci[1]),
        unit="%",
    )
    return [
        alike,
        in_percent,
        *(
            Measurement.over_definitions(
                f"difference_{short}_readings",
                f"difference of two instruments, {naming}, by total variation or 100 (1 − r)",
                [by_name[f"difference_{short}"], by_name[f"unlikeness_{short}"]],
            )
            for short, naming in (("stft", RESOLUTION_LABELS["stft"]), ("mel", RESOLUTION_LABELS["mel128"]))
        ),
    ]


def _similarities(spectra: InstrumentSpectra) -> Iterator[tuple[str, str, linear_probe.Floats, str]]:
    r = {name: values[:, PAIRS.index(MAIN_PAIR)] for name, values in spectra.correlations.items()}
    yield "similarity_piano_guitar", "r of mels, piano and acoustic guitar", r["mel128"], ""
    yield "similarity_percent_piano_guitar", "the same in %", 100.0 * r["mel128"], "%"
    for name, short in (("stft", "stft"), ("mel128", "mel")):
        label = f"100 (1 − r), mean over pairs, {RESOLUTION_LABELS[name]}"
        yield f"unlikeness_{short}", label, 100.0 * (1.0 - spectra.correlations[name].mean(axis=1)), "%"
    yield "similarity_other_songs", "r of mels, a piano in different songs: the floor", spectra.other_songs, ""
    for name in RESOLUTIONS:
        if name != "mel128":
            yield (
                f"similarity_{name}_piano_guitar",
                f"r, piano and acoustic guitar, {RESOLUTION_LABELS[name]}",
                r[name],
                "",
            )
    for pair, values in zip(PAIRS, spectra.correlations["mel128"].T, strict=True):
        if pair != MAIN_PAIR:
            yield f"similarity_{_slug('_'.join(pair))}", f"r of mels, {' and '.join(pair)}", values, ""


def _differences(spectra: InstrumentSpectra) -> Iterator[tuple[str, str, linear_probe.Floats, str]]:
    for name, short in (("stft", "stft"), ("mel128", "mel")):
        label, apart = f"difference of mean spectra, {RESOLUTION_LABELS[name]}", spectra.differences[name]
        yield f"difference_{short}", f"{label}, mean over pairs", apart.mean(axis=1), "%"
        for pair, which in ((MAIN_PAIR, "piano_guitar"), (GUITARS, "guitars")):
            yield f"difference_{short}_{which}", f"{label}, {' and '.join(pair)}", apart[:, PAIRS.index(pair)], "%"


def _scale_similarity() -> Measurement:
    mels = [
        to_db(power_spectrograms(_scale(instrument, PAPER.sample_rate))["mel128"]).numpy() for instrument in MAIN_PAIR
    ]
    label = f"r of mels, C major scale on {' and '.join(MAIN_PAIR)}"
    return Measurement("similarity_scale_piano_guitar", label, similarity.correlation(*mels), None, 1, "scale")


def _scale(instrument: str, rate: int) -> torch.Tensor:
    return torch.from_numpy(compose.render(with_lead(c_major_scale(), instrument), rate))


def _instrument_accuracies(spectra: InstrumentSpectra, context: AuditContext) -> list[Measurement]:
    """How well a probe predicts the instrument, at each resolution."""
    instruments, songs = spectra.instruments, spectra.songs
    predictions = {
        key: linear_probe.cross_val_classify(features, instruments, songs) for key, features in spectra.features.items()
    }
    measurements = [
        Measurement.of_statistic(
            f"read_{place}_{name}",
            f"instrument predicted from {SIGNALS[place]}, {RESOLUTION_LABELS[name]}",
            linear_probe.balanced_accuracy,
            guess,
            instruments,
            songs=songs,
            seed=context.seed,
        )
        for (place, name), guess in predictions.items()
    ]
    for whole in ("stft", "stft8k"):
        label = f"accuracy from 128 mel bands, the whole song, as a share of that from this: {RESOLUTION_LABELS[whole]}"
        arrays = (predictions["mix", "mel128"], predictions["mix", whole], instruments)
        measurements.append(
            Measurement.of_statistic(
                f"read_mel_over_{whole}", label, accuracy_share, *arrays, songs=songs, seed=context.seed, unit="%"
            )
        )
    return measurements


def accuracy_share(less: linear_probe.Texts, more: linear_probe.Texts, target: linear_probe.Texts) -> float:
    """Balanced accuracy of one prediction as a share of another's, both above chance, in %.

    Raises:
        InputError: the other is no better than chance.
    """
    over = linear_probe.balanced_accuracy(more, target) - CHANCE
    if not over > 0:
        raise InputError("an STFT from which instruments cannot be predicted")
    return 100.0 * (linear_probe.balanced_accuracy(less, target) - CHANCE) / over


def _predicted_emotions(regressor: EmotionRegressor | None, spectra: InstrumentSpectra) -> list[Measurement]:
    """What each lead instrument does to the predicted valence, and what arousal is predicted with guitars."""
    named = [(f"bias_{_slug(it)}", f"predicted valence with {it}, less the mean of the seven") for it in INSTRUMENTS]
    levels = [(f"arousal_{_slug(it)}", f"predicted arousal with {it}") for it in GUITARS]
    if regressor is None:
        return [Measurement.missing(*names, NEEDS_LABELS) for names in (*named, *levels)]
    predicted = regressor.predict(spectra.clips, spectra.harmony)
    predicted = predicted.reshape(len(predicted), -1, len(INSTRUMENTS), 2)
    bias = predicted[..., 0] - predicted[..., 0].mean(axis=2, keepdims=True)
    return [
        *(regressor.mean_effect(*names, bias[..., place]) for place, names in enumerate(named)),
        *(
            regressor.mean_effect(*names, predicted[:, :, INSTRUMENTS.index(it), 1])
            for it, names in zip(GUITARS, levels, strict=True)
        ),
    ]


def _slug(instrument: str) -> str:
    return instrument.replace(" ", "_")


def _cautions(context: AuditContext, regressor: EmotionRegressor | None) -> tuple[str, ...]:
    cautions = ["The instruments are those of one small soundfont, balanced in level and all played alike."]
    if regressor is not None:
        cautions.append(caution(from_harmony=regressor.from_harmony))
    if context.generated:
        cautions.append("A generator that does not play the requested instruments counts as one that blurs.")
    if context.composed:
        flute = CHOICES["timbre"]["flute"][0] / SCALE
        cautions.append(
            f"The composer plants that a flute raises valence by {flute:.2f}, and that no other instrument here does "
            "anything: other biases are the regressor's own. They say nothing of listeners."
        )
    else:
        cautions.append(
            "Biases are what a regressor fitted to the corpus predicts for composed songs, not what listeners feel."
        )
    return tuple(cautions)


def _sentence(by_name: dict[str, Measurement]) -> str:
    blur = by_name["generated_blur"]
    blurred = (
        ""
        if blur.value is None
        else f" Generated clips lose {format_measurement(blur, 0)} of what identifies their instruments."
    )
    return (
        f"The same melodies on piano and on guitar have mels with r = "
        f"{format_measurement(by_name['similarity_piano_guitar'])}; their mean spectra differ by "
        f"{format_measurement(by_name['difference_stft_piano_guitar'], 1)} at the STFT and "
        f"{format_measurement(by_name['difference_mel_piano_guitar'], 1)} at 128 bands. From whole songs a probe "
        f"predicts which of {len(INSTRUMENTS)} instruments leads in {format_measurement(by_name['read_mix_stft'])} "
        f"from the STFT, in {format_measurement(by_name['read_mix_mel128'])} from 128 bands and in "
        f"{format_measurement(by_name['read_mix_mel32'])} from 32 (chance {CHANCE:.2f}).{blurred}"
    )


QUESTION = Question(
    "timbre",
    "How much of an instrument's sound do mel bands keep, and what does it do to the predicted emotion?",
    "The melodies of composed songs that no corpus has are played by piano, acoustic, clean and distorted guitar, "
    "violin, flute and synthesizer, balanced in level; nothing else differs. Six seconds of each song, from its first "
    "verse or chorus, are analysed at an STFT of 1,025 bins, at its part below 8 kHz, where mel bands end, and at 128, "
    "64 and 32 mel bands (front-end paper), in dB. Of two instruments on the same melody: Pearson's r of all cells, as "
    "the study's code has it, with different songs on one instrument as a floor; and the difference of their mean "
    "spectra, the total variation distance of power "
    "spectra averaged over time and scaled to sum to 1, in %: the share of power that would have to move to other "
    "bands. A linear probe on statistics of the spectrogram predicts the instrument, tested on held-out songs, from "
    "the melody alone and from the whole song. Bias: ridge regression fitted to the whole corpus (valence from "
    "harmony of the sound, where there is sound and held-out songs prefer it) predicts the valence "
    "of each song on each instrument, less the mean over the seven, and the arousal with two guitars; its interval "
    "resamples songs and regressors. Where the corpus names instruments, a probe for each is tested on its clips, out "
    "of fold, and on generated clips for which it was requested; what is lost of balanced accuracy above chance is the "
    "blur. Other intervals, 95 %, resample songs (and generated clips), not fits. A linear probe is a lower bound on "
    "what a representation holds.",
    measure,
)
