"""The families of models: what each is made of, what it hears, and how it is trained.

A family is one line here, one file in ``models/`` and an objective. What a model is asked for (:class:`Fields`) is
known from the corpus it is trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from affetti import config
from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.gan import Gan, GanConfig
from affetti.models.generators.waveform import Waveform, WaveformConfig
from affetti.models.regressors.baseline import Baseline, BaselineConfig
from affetti.models.regressors.student import Student, StudentConfig
from affetti.models.regressors.vit import ViT, ViTConfig
from affetti.training.loop import Objective
from affetti.training.objectives.fine_tuning import FineTuningObjective
from affetti.training.objectives.flow_matching import FlowObjective
from affetti.training.objectives.published_gan import gan_objective
from affetti.training.objectives.regression import RegressionObjective
from affetti.training.objectives.waveform_adversarial import WaveformGanObjective


@dataclass(frozen=True)
class Family:
    """One kind of model."""

    purpose: str
    """What it does, for the model card: "This model …"."""
    generates: bool
    make: Callable[..., nn.Module]
    """Called as ``make(shape, config, fields)`` if it generates, else as ``make(shape, config)``."""
    config: type[Any] | None = None
    """Its settings; None: it has none."""
    objective: Callable[..., Objective] | None = None
    """Called as ``objective(model, steps)``; None: fitted in closed form."""
    sound: bool = False
    """Whether it makes waveforms, not log-mels, and is trained on the sound of clips."""


MAKES_LOG_MELS = "makes log-mel spectrograms of music for a point of the valence-arousal plane"
MAKES_SOUND = "makes a few seconds of sound for a point of the valence-arousal plane"
PREDICTS = "reads valence and arousal off a log-mel spectrogram of music"

FAMILIES: dict[str, Family] = {
    "gan": Family(MAKES_LOG_MELS, True, Gan, GanConfig, gan_objective),
    "waveform": Family(MAKES_SOUND, True, Waveform, WaveformConfig, WaveformGanObjective, sound=True),
    "flow": Family(MAKES_LOG_MELS, True, Flow, FlowConfig, FlowObjective),
    "vit": Family(PREDICTS, False, ViT, ViTConfig, FineTuningObjective),
    "student": Family(PREDICTS, False, Student, StudentConfig, RegressionObjective),
    "baseline": Family(
        "reads valence and arousal off statistics of a log-mel spectrogram of music", False, Baseline, BaselineConfig
    ),
}
GENERATORS = tuple(name for name, family in FAMILIES.items() if family.generates)
SPECTROGRAM_GENERATORS = tuple(name for name in GENERATORS if not FAMILIES[name].sound)
"""Generators of log-mels, which need no sound kept with the corpus: what a study trains unless told otherwise."""
REGRESSORS = tuple(name for name, family in FAMILIES.items() if not family.generates)


def family(kind: str) -> Family:
    """The family named ``kind``.

    Raises:
        UsageError: there is none.
    """
    if kind not in FAMILIES:
        raise UsageError(f"unknown model {kind!r}", where="MODEL", hint=f"choose from {', '.join(FAMILIES)}")
    return FAMILIES[kind]


def make(
    kind: str,
    shape: tuple[int, int],
    settings: dict[str, Any],
    fields: Fields = Fields(),
    where: str = "model settings",
) -> nn.Module:
    """An untrained model of family ``kind`` over log-mels of ``shape``, to be asked for ``fields``.

    Raises:
        UsageError: the family or a setting is unknown.
    """
    chosen = family(kind)
    if chosen.config is None:
        config.require_known(settings, (), where)
        return chosen.make(shape)
    made = config.structure(settings, chosen.config, where)
    return chosen.make(shape, made, fields) if chosen.generates else chosen.make(shape, made)
