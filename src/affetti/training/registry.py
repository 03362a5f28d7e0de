"""The families of models: what each is made of, what it is trained on, and how.

A new family is one file in ``models/``, one objective in ``training/objectives/`` and one entry of :data:`FAMILIES`;
nothing else asks for a family by its name. What a generator can be asked for (:class:`Fields`) is known from the corpus
it is trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from torch import nn

from affetti import config
from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective, ObjectiveOptions


@dataclass(frozen=True)
class Family:
    """One kind of model."""

    purpose: str
    """What it does, for the model card: "This model …"."""
    generates: bool
    """Whether it generates clips; otherwise it predicts valence and arousal."""
    model_name: str
    """Its class, as ``module:name`` of affetti; imported when first used, so that no verb loads all families."""
    config_name: str
    """The class of its settings."""
    objective_name: str | None = None
    """What makes its objective; None: it is fitted in closed form."""
    closed_form_name: str | None = None
    """What fits it in closed form."""
    sound: bool = False
    """Whether it generates waveforms, not log-mels, and is trained on the sound of clips."""
    learns_from_teacher: bool = False
    """Whether it can be trained on the outputs of another regressor."""
    predicts_from_embeddings: bool = False
    """Whether it can be trained on an embedding of each clip instead of the log-mel."""

    @property
    def model(self) -> Callable[..., nn.Module]:
        """Called as ``model(shape, config, fields)`` if it generates, else as ``model(shape, config)``."""
        return _import(self.model_name)

    @property
    def config(self) -> type[Any]:
        """Its settings: a frozen dataclass."""
        return _import(self.config_name)

    @property
    def objective(self) -> Callable[[Any, int, ObjectiveOptions], Objective] | None:
        """Called as ``objective(model, steps, options)``; None: it is fitted by :attr:`closed_form`."""
        return None if self.objective_name is None else _import(self.objective_name)

    @property
    def closed_form(self) -> Callable[[Any, Clips], None] | None:
        """Called as ``closed_form(model, clips)``; for a model that is fitted to all clips at once."""
        return None if self.closed_form_name is None else _import(self.closed_form_name)


def _import(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"affetti.{module}"), attribute)


MAKES_LOG_MELS = "makes log-mel spectrograms of music for a point of the valence-arousal plane"
MAKES_SOUND = "makes a few seconds of sound for a point of the valence-arousal plane"
PREDICTS = "predicts valence and arousal from a log-mel spectrogram of music"
PREDICTS_FROM_STATISTICS = "predicts valence and arousal from statistics of a log-mel spectrogram of music"

FAMILIES: dict[str, Family] = {
    "gan": Family(
        MAKES_LOG_MELS,
        True,
        "models.generators.gan:Gan",
        "models.generators.gan:GanConfig",
        "training.objectives.published_gan:gan_objective",
    ),
    "waveform": Family(
        MAKES_SOUND,
        True,
        "models.generators.waveform:Waveform",
        "models.generators.waveform:WaveformConfig",
        "training.objectives.waveform_adversarial:waveform_objective",
        sound=True,
    ),
    "flow": Family(
        MAKES_LOG_MELS,
        True,
        "models.generators.flow:Flow",
        "models.generators.flow:FlowConfig",
        "training.objectives.flow_matching:flow_objective",
    ),
    "vit": Family(
        PREDICTS,
        False,
        "models.regressors.vit:ViT",
        "models.regressors.vit:ViTConfig",
        "training.objectives.fine_tuning:fine_tuning_objective",
    ),
    "student": Family(
        PREDICTS,
        False,
        "models.regressors.student:Student",
        "models.regressors.student:StudentConfig",
        "training.objectives.distillation:student_objective",
        learns_from_teacher=True,
    ),
    "baseline": Family(
        PREDICTS_FROM_STATISTICS,
        False,
        "models.regressors.baseline:Baseline",
        "models.regressors.baseline:BaselineConfig",
        closed_form_name="training.closed_form:fit_baseline",
        predicts_from_embeddings=True,
    ),
}
GENERATORS = tuple(name for name, family in FAMILIES.items() if family.generates)
SPECTROGRAM_GENERATORS = tuple(name for name in GENERATORS if not FAMILIES[name].sound)
"""Generators of log-mels, which need no sound kept with the corpus: what a study trains by default."""
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
    """An untrained model.

    Args:
        kind: name of its family.
        shape: ``(M, F)`` of the log-mels.
        settings: those that differ from the defaults of the family.
        fields: what a generator can be asked for beside valence and arousal.
        where: what an error names as the place of the settings.

    Raises:
        UsageError: the family or a setting is unknown.

    Example:
        >>> model = make("student", (64, 128), {"width": 8})
        >>> sum(value.numel() for value in model.parameters()) > 0
        True
    """
    chosen = family(kind)
    settings_of_model = config.structure(settings, chosen.config, where)
    if chosen.generates:
        return chosen.model(shape, settings_of_model, fields)
    return chosen.model(shape, settings_of_model)
