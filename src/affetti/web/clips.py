"""Clips of generators as the page plays them: number 0 of what ``affetti generate`` makes with the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor

from affetti.inference.generation import resolve_conditions, vocoder_for
from affetti.models.sampling import Sampler
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


def sample_clip(
    trained: runs.TrainedModel,
    emotion: tuple[float, float],
    seed: int,
    sampling: Mapping[str, float],
    conditions: Mapping[str, Any],
) -> SampledClip:
    """Sample one clip.

    Args:
        trained: a generator.
        emotion: valence and arousal requested, in [-1, 1].
        seed: of the noise, ≥ 0.
        sampling: values of its sampling parameters.
        conditions: what is requested besides the emotion.

    Raises:
        UsageError: a condition or a sampling parameter is invalid for this generator.
        InputError: the emotion lies off the plane.
    """
    resolved = resolve_conditions(trained, ",".join(map(repr, emotion)), 1, conditions, seed)
    samples = Sampler(trained.generator, trained.front_end, seed, sampling)(resolved)
    mel = samples.mel[0].half().float()
    waveform = vocoder_for(trained, None, "cpu")(mel) if samples.waveform is None else samples.waveform[0]
    return SampledClip(mel, waveform, trained.front_end.sample_rate)
