"""Clips and songs of generators as the page plays them.

Each is number 0 of what ``affetti generate`` makes with the same settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from affetti.emotion import EmotionCurve
from affetti.inference.generation import GenerationSettings, resolve_conditions, vocoder_for
from affetti.inference.song_request import SongSettings, curve_words
from affetti.inference.songs import make_song, resolve_songs, song_sound
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.training import run as runs


@dataclass(frozen=True)
class SampledClip:
    """A clip of a generator."""

    mel: Tensor
    """dB ``[M, F]``, rounded to float16 as in a corpus."""
    waveform: Tensor
    """``[T]``, the generator's own or the vocoder's of ``mel``."""
    sample_rate: int


@lru_cache(maxsize=4)
def open_generator(path: Path) -> runs.TrainedModel:
    """The generator of a run, kept in memory."""
    return runs.load(path)


def sample_clip(trained: runs.TrainedModel, emotion: tuple[float, float], settings: GenerationSettings) -> SampledClip:
    """Sample one clip.

    Args:
        trained: a generator.
        emotion: valence and arousal requested, in [-1, 1].
        settings: seed, sampling parameters and conditions; the emotions are left aside.

    Raises:
        UsageError: a condition or a sampling parameter is invalid for this generator.
        InputError: the emotion lies off the plane.
    """
    resolved = resolve_conditions(trained, ",".join(map(repr, emotion)), 1, settings.conditions, settings.seed)
    samples = Sampler(trained.generator, trained.front_end, settings.seed, settings.sampling)(resolved)
    mel = samples.mel[0].half().float()
    waveform = vocoder_for(trained, None, "cpu")(mel) if samples.waveform is None else samples.waveform[0]
    return SampledClip(mel, waveform, trained.front_end.sample_rate)


def sample_song(
    model: Path, curve: EmotionCurve, seconds: float, settings: GenerationSettings, progress: Progress = silent
) -> tuple[Tensor, int]:
    """Sample one song that follows a curve.

    Args:
        model: run of a generator.
        curve: emotion over time.
        seconds: length of the song, at least that of the generator's clips.
        settings: seed, sampling parameters and conditions; the emotions are left aside.
        progress: called with the steps, or the windows, done.

    Returns:
        Its sound ``[T]``, and the sample rate.

    Raises:
        AffettiError: what :func:`affetti.inference.songs.resolve_songs` says.
    """
    request = resolve_songs(model, 1, settings, SongSettings(curve_words(curve), seconds=seconds))
    made = make_song(request.trained, request.layout, request.conditions, settings, 0, progress)
    progress("make the sound", 0, 1)
    return song_sound(request.trained, made, settings), request.trained.front_end.sample_rate
