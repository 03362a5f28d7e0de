"""What every model offers to the code that trains, samples and evaluates it: :class:`Generator` and :class:`Regressor`.

Both are abstract classes, and modules of PyTorch: a model is also saved, moved to a device and averaged. Code
outside ``models/`` uses only what they declare; what belongs to one family alone (its discriminator, its
latent) is known to that family and to its training objective.

Tensors in, tensors out. Files, corpora and words belong to ``training/`` and ``inference/``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields


@dataclass(frozen=True)
class SamplingParameter:
    """One parameter of a generator's sampling, such as ``guidance``: it changes the clips, not the weights."""

    name: str
    default: float
    """Its value where none is given."""
    meaning: str
    """What it does, in one line."""
    minimum: float = 0.0
    """Smallest value."""
    maximum: float = math.inf
    """Largest value; infinity itself is never valid."""


class Generator(nn.Module, ABC):
    """A model that makes clips of music for conditions.

    A new generator derives from this class in a file of its own in ``models/generators/``.
    """

    config: Any
    """Its settings: a frozen dataclass."""
    fields: Fields
    """What a condition may request, and in which columns."""
    makes_sound: ClassVar[bool] = False
    """Whether :meth:`sample` returns waveforms ``[B, T]`` rather than log-mels ``[B, M, F]`` in dB."""
    training_window: int | None = None
    """Samples of a clip that a training batch holds at most, where it makes sound; None: the whole clip."""
    draft_sampling: ClassVar[Mapping[str, float]] = {}
    """Sampling parameters for clips that are measured during training: quicker, and of less quality."""

    @property
    def followed_fields(self) -> tuple[str, ...]:
        """Names of the fields of a condition that its clips depend on."""
        return tuple(self.fields.columns)

    @property
    def learnt_bases(self) -> tuple[str, ...]:
        """Dotted names of the submodules in whose terms its network learns, such as principal components.

        Where training starts from the weights of another run they stay that run's. All else that
        :meth:`fit_statistics` fits (normaliser, bandwidth, known conditions) is fitted to the new clips.
        """
        return ()

    @property
    @abstractmethod
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """The parameters of its sampling, in the order in which they are applied."""

    @abstractmethod
    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit what is not learnt by gradient: normalisers, scales, bandwidths.

        Args:
            clips: training clips, log-mels ``[N, M, F]`` in dB; waveforms ``[N, T]`` where it makes sound.
            conditions: their conditions ``[N, K]``.

        Returns:
            Statistics to report, such as the share of variance that a latent keeps.
        """

    @abstractmethod
    def sample(
        self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: Mapping[str, float] | None = None
    ) -> Tensor:
        """Generate clips.

        Args:
            condition: valence and arousal ``[B, 2]`` in [-1, 1], or all fields ``[B, K]``; NaN requests nothing.
            seed: of the noise.
            index: number of each sample ``[B]``; the noise depends on (seed, index) alone. Default 0 … B-1.
            sampling: values of :attr:`sampling_parameters`; the defaults for those that are not given.

        Returns:
            Log-mels ``[B, M, F]`` in dB, or waveforms ``[B, T]`` in [-1, 1] where it makes sound. On its device.

        Raises:
            InputError: a condition is out of range.
            UsageError: a sampling parameter is unknown or out of range.
        """


class VelocityGenerator(Generator):
    """A generator that integrates a velocity from noise, at t = 1, to a latent ``[B, C, H, W]``, at t = 0.

    For what needs the steps themselves, such as windows of a song that are denoised together. One of its
    :attr:`sampling_parameters` is ``steps``; :meth:`velocity` takes the values of the others.
    """

    @property
    @abstractmethod
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of a clip's latent, ``(C, H, W)``; W columns, in the order of time."""

    @property
    @abstractmethod
    def frames_per_column(self) -> int:
        """Frames of the log-mel that a column of the latent stands for."""

    @abstractmethod
    def velocity(self, x: Tensor, t: float, condition: Tensor, sampling: Mapping[str, float]) -> Tensor:
        """Velocity ``[B, C, H, W]`` at time ``t`` in [0, 1] of latents ``x``, for conditions ``[B, K]``."""

    @abstractmethod
    def decode(self, latent: Tensor) -> Tensor:
        """Latents ``[B, C, H, W]`` to log-mels ``[B, M, F]`` in dB."""


class Regressor(nn.Module, ABC):
    """A model that predicts valence and arousal from log-mels ``[B, M, F]`` in dB.

    :meth:`forward` gives ``[B, 2]`` in [-1, 1]; :meth:`predict` adds the half-width of the calibrated interval.
    """

    config: Any
    """Its settings: a frozen dataclass."""
    half_width: Tensor
    """Half-width ``[2]`` of the calibrated interval of valence and arousal; NaN: not calibrated."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("half_width", torch.full((2,), torch.nan))

    @abstractmethod
    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]`` in [-1, 1]."""

    @abstractmethod
    def embedding(self, mel: Tensor) -> Tensor:
        """The features ``[B, D]`` of log-mels ``[B, M, F]`` in dB that the last layers predict from."""

    @torch.inference_mode()
    def predict(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Valence and arousal ``[B, 2]``, and the half-width of their 90 % interval (NaN: not calibrated)."""
        emotion = self(mel)
        return emotion, self.half_width.expand_as(emotion)


def require_generator(
    model: nn.Module, kind: str, where: str | Path = "MODEL", hint: str = "give a generator"
) -> Generator:
    """``model``, of family ``kind``, if it generates.

    Raises:
        UsageError: it does not.
    """
    if isinstance(model, Generator):
        return model
    raise UsageError(f"a {kind} does not generate", where=where, hint=hint)


def require_regressor(
    model: nn.Module, kind: str, where: str | Path = "MODEL", hint: str = "give a regressor"
) -> Regressor:
    """``model``, of family ``kind``, if it predicts.

    Raises:
        UsageError: it does not.
    """
    if isinstance(model, Regressor):
        return model
    raise UsageError(f"a {kind} does not predict", where=where, hint=hint)


def resolve_sampling(
    sampling: Mapping[str, float] | None, parameters: tuple[SamplingParameter, ...]
) -> dict[str, float]:
    """The value of each sampling parameter: the one given, or its default. In the order of ``parameters``.

    Raises:
        UsageError: a parameter is unknown, or its value is out of range or not a number.

    Example:
        >>> truncation = SamplingParameter("truncation", 1.0, "factor on the noise")
        >>> resolve_sampling({"truncation": 0.5}, (truncation,))
        {'truncation': 0.5}
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name, value in (sampling or {}).items():
        if name not in known:
            raise UsageError(
                f"no sampling parameter {name!r}", where="--sampling", hint=f"choose from {', '.join(known)}"
            )
        low, high = known[name].minimum, known[name].maximum
        if not (low <= value <= high and math.isfinite(value)):
            wanted = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
            raise UsageError(f"{name} {value:g} is invalid", where="--sampling", hint=f"give {wanted}")
    return {name: parameter.default for name, parameter in known.items()} | dict(sampling or {})
