"""The families of models: what each is made of, what it is trained on, how, and for how long.

A new family is one file in ``models/``, one objective in ``training/objectives/`` and one entry of :data:`FAMILIES`;
nothing else names a family. The condition fields of a generator (:class:`Fields`) follow from the corpus that it is
trained on. Importing this module imports no PyTorch: a family's classes are imported when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from affetti.errors import UsageError
from affetti.presets import SMALL_PRESETS

if TYPE_CHECKING:
    from affetti.corpus import Corpus
    from affetti.models.base import Generator, Regressor
    from affetti.models.generators.conditioning import Fields
    from affetti.training.clips import Clips
    from affetti.training.objectives.base import Objective, ObjectiveOptions

FULL = "full"
"""Key, in :attr:`Family.budgets` and :attr:`Family.settings`, of all presets but the small ones."""


@dataclass(frozen=True)
class Budget:
    """How long a model trains by default."""

    steps: int
    """Updates."""
    batch_size: int
    """Clips an update."""
    evaluations: int = 4
    """How often a generator is evaluated in training (see :mod:`affetti.training.monitor`)."""
    patience: int = 0
    """Evaluations without better coverage after which training ends; 0: all steps are taken."""


@dataclass(frozen=True, kw_only=True)
class PublishedClaim:
    """What the study states for a method."""

    quality: str
    information: str
    emotion: str


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
    budgets: Mapping[str, Budget]
    """How long it trains by default: ``tiny`` for :data:`~affetti.presets.SMALL_PRESETS`, ``full`` for all others."""
    objective_name: str | None = None
    """What makes its objective; None: it is fitted in closed form."""
    closed_form_name: str | None = None
    """What fits it in closed form."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Settings of the model that differ from its defaults, by preset as :attr:`budgets`."""
    sound: bool = False
    """Whether it generates waveforms, not log-mels, and is trained on the sound of clips."""
    needs_front_end: bool = False
    """Whether its model analyses sound itself: its setting ``front_end`` names the preset."""
    adversarial: bool = False
    """Whether it is trained against a discriminator, so that its loss need not fall."""
    learns_from_teacher: bool = False
    """Whether it can be trained on the outputs of another regressor."""
    learns_preference: bool = False
    """Whether a trained one can be aligned, see :mod:`affetti.training.objectives.preference`."""
    predicts_from_embeddings: bool = False
    """Whether it can be trained on an embedding of each clip instead of the log-mel."""
    published_claim: PublishedClaim | None = None
    """What the study states for training with its clips."""

    @property
    def augmentable(self) -> bool:
        """Whether it is a regressor that is trained step by step, on batches that can be augmented."""
        return not self.generates and self.objective_name is not None

    @property
    def model(self) -> Callable[..., Generator | Regressor]:
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

    def budget(self, preset: str) -> Budget:
        """How long it trains by default on a corpus of ``preset``."""
        return self.budgets["tiny" if preset in SMALL_PRESETS else FULL]

    def settings_at(self, preset: str) -> dict[str, Any]:
        """The settings of the model for a corpus of ``preset`` that differ from its defaults."""
        named = {"front_end": preset} if self.needs_front_end else {}
        return named | dict(self.settings.get("tiny" if preset in SMALL_PRESETS else FULL, {}))

    def training_clips(self, clips: Clips, corpus: Corpus, model: Generator | Regressor) -> Clips:
        """``clips`` of ``corpus`` as ``model`` is trained on them: as sound where it makes sound, else unchanged.

        Raises:
            InputError: the corpus kept no audio, or a file is missing.
        """
        if not self.sound:
            return clips
        from affetti.models.base import require_generator
        from affetti.training.waveform_clips import sound_clips

        window = require_generator(model, self.model_name).training_window
        return sound_clips(corpus, clips.labels, clips.rows, window)


def _import(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"affetti.{module}"), attribute)


MAKES_LOG_MELS = "makes log-mel spectrograms of music for a point of the valence-arousal plane"
MAKES_SOUND = "makes a few seconds of sound for a point of the valence-arousal plane"
PREDICTS = "predicts valence and arousal from a log-mel spectrogram of music"
PREDICTS_FROM_STATISTICS = "predicts valence and arousal from statistics of a log-mel spectrogram of music"

TINY_FLOW: dict[str, Any] = {"normaliser": "quantiles", "rate": 2e-3, "steps": 6, "guidance": 2.5, "emotion": 1.0}
"""Settings of a flow at the small presets, chosen by quality in a given time (docs/explanation/generators.md)."""
FULL_FLOW: dict[str, Any] = {
    "latent": "autoencoder",
    "components": 8,
    "widths": (160, 320, 448),
    "blocks": 2,
    "attention": 2,
    "dropout": 0.1,
    "steps": 20,
}
"""Settings of a flow at full size."""

FAMILIES: dict[str, Family] = {
    "gan": Family(
        MAKES_LOG_MELS,
        True,
        "models.generators.gan:Gan",
        "models.generators.gan:GanConfig",
        {"tiny": Budget(900, 32), FULL: Budget(100_000, 32, 40, 10)},
        "training.objectives.published_gan:gan_objective",
        adversarial=True,
        published_claim=PublishedClaim(quality="50–70", information="51 %", emotion="74 %"),
    ),
    "waveform": Family(
        MAKES_SOUND,
        True,
        "models.generators.waveform:Waveform",
        "models.generators.waveform:WaveformConfig",
        {"tiny": Budget(600, 8), FULL: Budget(200_000, 16, 40, 10)},
        "training.objectives.waveform_adversarial:waveform_objective",
        sound=True,
        adversarial=True,
        published_claim=PublishedClaim(quality="70–85", information="70 %", emotion="85 %"),
    ),
    "flow": Family(
        MAKES_LOG_MELS,
        True,
        "models.generators.flow:Flow",
        "models.generators.flow:FlowConfig",
        {"tiny": Budget(1_600, 16), FULL: Budget(50_000, 32, 40, 10)},
        "training.objectives.preference:flow_objective",
        settings={"tiny": TINY_FLOW, FULL: FULL_FLOW},
        learns_preference=True,
        published_claim=PublishedClaim(quality="65–80", information="55 %", emotion="80 %"),
    ),
    "vocoded": Family(
        MAKES_SOUND,
        True,
        "models.generators.vocoded:Vocoded",
        "models.generators.vocoded:VocodedConfig",
        {"tiny": Budget(800, 16), FULL: Budget(50_000, 32, 40, 10)},
        "training.objectives.vocoded:vocoded_objective",
        settings={"tiny": TINY_FLOW, FULL: FULL_FLOW | {"head_width": 512, "head_blocks": 8}},
        sound=True,
        needs_front_end=True,
    ),
    "vit": Family(
        PREDICTS,
        False,
        "models.regressors.vit:ViT",
        "models.regressors.vit:ViTConfig",
        {"tiny": Budget(400, 32), FULL: Budget(4_000, 16)},
        "training.objectives.fine_tuning:fine_tuning_objective",
    ),
    "student": Family(
        PREDICTS,
        False,
        "models.regressors.student:Student",
        "models.regressors.student:StudentConfig",
        {"tiny": Budget(220, 32), FULL: Budget(4_000, 32)},
        "training.objectives.distillation:student_objective",
        learns_from_teacher=True,
    ),
    "baseline": Family(
        PREDICTS_FROM_STATISTICS,
        False,
        "models.regressors.baseline:Baseline",
        "models.regressors.baseline:BaselineConfig",
        {"tiny": Budget(1, 2), FULL: Budget(1, 2)},
        closed_form_name="training.closed_form:fit_baseline",
        predicts_from_embeddings=True,
    ),
}
GENERATORS = tuple(name for name, family in FAMILIES.items() if family.generates)
SPECTROGRAM_GENERATORS = tuple(name for name in GENERATORS if not FAMILIES[name].sound)
"""Generators of log-mels, which need no sound kept with the corpus: what a study trains by default."""
REFERENCE_GENERATOR = "gan"
"""The generator of the study, which others are compared with."""
REGRESSORS = tuple(name for name, family in FAMILIES.items() if not family.generates)
SMALL_REGRESSOR = "student"
"""The network that studies train many times."""
LINEAR_REGRESSOR = "baseline"
"""The regressor on statistics that every network must beat."""


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
    settings: Mapping[str, Any],
    fields: Fields | None = None,
    where: str = "model settings",
) -> Generator | Regressor:
    """An untrained model.

    Args:
        kind: name of its family.
        shape: ``(M, F)`` of the log-mels.
        settings: those that differ from the defaults of the family.
        fields: what a condition of a generator may request; None: valence and arousal alone.
        where: what an error names as the place of the settings.

    Raises:
        UsageError: the family or a setting is unknown.

    Example:
        >>> model = make("student", (64, 128), {"width": 8})
        >>> sum(value.numel() for value in model.parameters()) > 0
        True
    """
    from affetti import config
    from affetti.models.generators.conditioning import Fields

    chosen = family(kind)
    settings_of_model = config.structure(dict(settings), chosen.config, where)
    if chosen.generates:
        return chosen.model(shape, settings_of_model, Fields() if fields is None else fields)
    return chosen.model(shape, settings_of_model)
