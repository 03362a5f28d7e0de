"""The sections on single recordings and on pairs of them: numbers, pictures and sounds of every stage.

Pictures are log-mels of the sounds that were filed, at the preset of the audit; those of one recording share one colour
scale, and their sounds are equally loud. A sound that is not in the folder is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray

from affetti.presets import FrontEnd, front_end
from affetti.report.audio_examples import RANGE_DB, encode_sounds, spectrogram
from affetti.report.audit_answers import MAX_SECONDS
from affetti.report.band_axis import picture_name
from affetti.signal import audio, front_ends
from affetti.storage import is_file
from affetti.studies.audit.recordings.result import PairResult, RecordingAudit, RecordingsResult

MAX_PLAYED = 8
"""Recordings whose sounds are on the page; of others the numbers alone, so that the page stays small."""


@dataclass(frozen=True)
class SoundTile:
    """A sound with its picture."""

    label: str
    image: Markup
    sound: str
    """A data URI."""
    seconds: float


@dataclass(frozen=True)
class RecordingSection:
    """One recording."""

    name: str
    audit: RecordingAudit
    tiles: tuple[SoundTile, ...]


@dataclass(frozen=True)
class RecordingsSection:
    """What the template ``recordings.html`` needs of an audit of recordings."""

    result: RecordingsResult
    recordings: tuple[RecordingSection, ...]
    with_emotion: bool


@dataclass(frozen=True)
class PairSection:
    """What the template ``pairs.html`` needs of a pair."""

    result: PairResult
    names: tuple[str, str]
    rows: tuple[tuple[str, float | None, str, str], ...]
    """What is measured, its value, its unit, and how to read it."""
    tiles: tuple[SoundTile, ...]


def recordings_section(result: RecordingsResult) -> RecordingsSection:
    """Draw an audit of recordings, with what lies in its folder."""
    front = front_end(result.preset)
    sections: list[RecordingSection] = []
    for audited in result.recordings:
        sounds = [(stage.label, stage.sound) for stage in audited.stages]
        played = len([section for section in sections if section.tiles]) < MAX_PLAYED
        tiles = _tiles(result.folder, sounds, front) if played else ()
        sections.append(RecordingSection(Path(audited.path).name, audited, tiles))
    with_emotion = any(stage.emotion for audited in result.recordings for stage in audited.stages)
    return RecordingsSection(result, tuple(sections), with_emotion)


def pair_section(result: PairResult) -> PairSection:
    """Draw a pair of recordings, with what lies in its folder."""
    names = Path(result.first.path).name, Path(result.second.path).name
    sounds = [(names[0], result.first.sound), (names[1], result.second.sound)]
    return PairSection(result, names, pair_rows(result), _tiles(result.folder, sounds, front_end(result.preset)))


def pair_rows(result: PairResult) -> tuple[tuple[str, float | None, str, str], ...]:
    """The measures of a pair: name, value, unit, and what the value means."""
    its = result.similarity
    lag = "" if its.lag is None else f"the second {abs(its.lag):.2f} s {'later' if its.lag >= 0 else 'earlier'}"
    steps = "" if its.transposition is None else f"the second {its.transposition:+d} semitones"
    return (
        ("log-mel, r of all cells", its.correlation, "", "as the study compares spectrograms; 1: the same"),
        ("the same, shifted in time", its.correlation_shifted, "", "where only the spectra agree: compare with it"),
        ("the same, band means out", its.correlation_in_time, "", "whether bands sound at the same times"),
        ("the same, aligned", its.correlation_aligned, "", lag),
        ("log-spectral distance", its.distance, "dB", "0: the same"),
        ("difference of mean spectra", its.spectrum_difference, "%", "power that would have to move to other bands"),
        ("chroma, r", its.chroma, "", "which notes sound when"),
        ("chroma, transposed", its.chroma_transposed, "", steps),
        ("level over time, r", its.level, "", "loud and soft at the same times"),
        ("loudness, second less first", its.level_difference, "LU", ""),
        ("valence, second less first", its.valence_difference, "", "as predicted"),
        ("arousal, second less first", its.arousal_difference, "", "as predicted"),
    )


def _tiles(folder: Path | None, sounds: Sequence[tuple[str, str | None]], front: FrontEnd) -> tuple[SoundTile, ...]:
    """Pictures and sounds of those files that are in ``folder``."""
    here = [(label, folder / file) for label, file in sounds if folder is not None and file is not None]
    here = [(label, file) for label, file in here if is_file(file)]
    if not here:
        return ()
    samples = int(MAX_SECONDS * front.sample_rate)
    waves = [audio.load(file, front.sample_rate)[:samples] for _, file in here]
    analyse = front_ends.spectrogram(front)
    with torch.inference_mode():
        mels: list[NDArray[np.float32]] = [analyse(wave).numpy() for wave in waves]
    high = float(np.ceil(max(np.quantile(mel, 0.999) for mel in mels) / 5) * 5)
    shown = replace(front, seconds=len(waves[0]) / front.sample_rate)
    return tuple(
        SoundTile(
            label,
            spectrogram(mel, shown, high - RANGE_DB, high, f"{picture_name(front)}, {label}"),
            sound,
            len(wave) / front.sample_rate,
        )
        for (label, _), mel, wave, sound in zip(here, mels, waves, encode_sounds(waves, front.sample_rate), strict=True)
    )
