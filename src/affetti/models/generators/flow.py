"""Latent flow matching: noise becomes music along straight paths.

With clean latent x, noise n and time t in [0, 1], xₜ = (1-t) x + t n and the network learns the velocity n - x
(Lipman et al. 2023; Liu et al. 2023). t is drawn logit-normally (Esser et al. 2024). Sampling integrates from t = 1 to
0 with Heun's method.

Three sampling parameters act on t in [0.2, 0.9] (Kynkäänniemi et al. 2024: outside that range guidance costs
diversity and buys nothing):

- ``guidance`` g: v(∅) + g (v(condition) - v(∅)), classifier-free guidance (Ho & Salimans 2022); 1 follows the condition
  as learnt.
- a field's name, such as ``genre``: adds (g - 1) (v(condition) - v(condition without it)), for that field alone.
- ``guide``: a small regressor trained beside the flow predicts the emotion of the clean clip at the end of the
  velocity, and that clip is moved by this share of the least change after which, to first order, the prediction equals
  the condition: Δ = Jᵀ (J Jᵀ)⁻¹ (condition - prediction). 0 is off. It optimises the predictions of one regressor:
  evaluate the result with a regressor of another family, trained on other clips.

When not to use: for more detail than the latent keeps (``latent_variance_kept`` in the run's result).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from affetti.errors import UsageError
from affetti.models.base import SamplingParameter, VelocityGenerator, resolve_sampling
from affetti.models.generators.conditioning import EMOTION, ConditionEmbedding, Fields, vicinal_bandwidth
from affetti.models.generators.mel_autoencoder import REDUCTION, MelAutoencoder
from affetti.models.generators.patch_pca import PatchPCA
from affetti.models.generators.quantile_norm import QuantileNorm
from affetti.models.generators.unet import Tokens, VelocityUNet
from affetti.models.integration import heun
from affetti.models.layers import BandNorm, require
from affetti.models.noise import noise
from affetti.models.regressors.student import Student, StudentConfig

GUIDED = (0.2, 0.9)
"""Times between which guidance acts."""
DAMPING = 0.05
"""Of the guide's least change, as a share of J Jᵀ's mean diagonal."""
STEPS_MEANING, MAX_STEPS = "integration steps; more are slower and more accurate", 1000.0


@dataclass(frozen=True)
class FlowConfig:
    """Sizes, training and sampling settings of the latent flow."""

    latent: Literal["pca", "autoencoder"] = "pca"
    """How log-mels become latents: patch PCA, fitted at once, or a mel autoencoder, trained first."""
    normaliser: Literal["bands", "quantiles"] = "bands"
    """How levels are normalised, band by band: by mean and deviation, or to a normal distribution by quantiles."""
    patch: int = 8
    """Side of a patch of the PCA, bins."""
    components: int = 24
    """Latent channels: principal components kept, ≤ patch²; of the autoencoder, its channels."""
    autoencoder_share: float = 0.2
    """Share of the steps that train the autoencoder, in (0, 1); without effect with the PCA."""
    widths: tuple[int, ...] = (64, 128)
    """Channels of the UNet's levels, finest first, multiples of 8."""
    blocks: int = 1
    """Residual blocks a level, ≥ 1."""
    attention: int = 1
    """Coarsest levels at which positions attend to each other, ≥ 0."""
    embedding: int = 256
    """Size of the condition and time embedding, even."""
    dropout: float = 0.0
    """Dropout inside blocks, in [0, 1)."""
    drop: float = 0.12
    """Share of training clips whose condition, or any one field of it, is withheld, in [0, 1)."""
    vicinity: float = 0.5
    """Bandwidth of vicinal training, in units of Scott's rule, ≥ 0."""
    rate: float = 1e-3
    """Highest learning rate, above 0; half of it for the autoencoder."""
    guide_width: int = 16
    """Channels of the guiding regressor's first stage; 0: no guide is trained."""
    steps: int = 12
    """Sampling steps, ≥ 1; all but the last evaluate the network twice."""
    guidance: float = 1.5
    """Default of the sampling parameter ``guidance``: guidance by the whole condition."""
    emotion: float = 1.5
    """Default of the sampling parameter ``emotion``: guidance by valence and arousal, on top of ``guidance``."""
    guide: float = 0.2
    """Default of the sampling parameter ``guide``: guidance by the regressor, ≥ 0."""


class Flow(VelocityGenerator):
    """Emotion-conditioned latent flow over log-mels of shape ``(M, F)``."""

    bandwidth: Tensor
    draft_sampling: ClassVar[Mapping[str, float]] = {"steps": 6, "guide": 0}

    def __init__(self, shape: tuple[int, int], config: FlowConfig = FlowConfig(), fields: Fields = Fields()) -> None:
        super().__init__()
        _check(config)
        self.config, self.fields = config, fields
        self.normalise = QuantileNorm(shape[0]) if config.normaliser == "quantiles" else BandNorm(shape[0])
        self.latent = (
            PatchPCA(shape, config.patch, config.components)
            if config.latent == "pca"
            else MelAutoencoder(shape, config.components)
        )
        self.condition = ConditionEmbedding(config.embedding, fields)
        self.net = VelocityUNet(
            config.components,
            config.widths,
            config.embedding,
            blocks=config.blocks,
            attention=config.attention,
            lyrics=fields.lines > 0,
            dropout=config.dropout,
        )
        self.guide = Student(shape, StudentConfig(config.guide_width)) if config.guide_width else None
        self.register_buffer("bandwidth", torch.zeros(2))

    @torch.no_grad()
    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit normaliser, PCA and vicinity to the training clips, dB ``[N, M, F]`` and conditions ``[N, K]``."""
        self.normalise.fit(clips)
        self.bandwidth.copy_(vicinal_bandwidth(conditions, self.config.vicinity))
        if self.guide is not None:
            self.guide.fit_statistics(clips, conditions)
        return {"latent_variance_kept": self.latent.fit(self.normalise(clips))}

    @property
    def learnt_bases(self) -> tuple[str, ...]:
        """The latent: the velocity is learnt in it."""
        return ("latent",)

    def encode(self, mel: Tensor) -> Tensor:
        """DB log-mel to latent."""
        return self.latent.encode(self.normalise(mel))

    def decode(self, latent: Tensor) -> Tensor:
        """Latent to dB log-mel."""
        return self.normalise.inverse(self.latent.decode(latent))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of a clip's latent, ``(C, H, W)``."""
        return self.latent.latent_shape

    @property
    def frames_per_column(self) -> int:
        """Frames that a column of the latent stands for."""
        return self.latent.patch if isinstance(self.latent, PatchPCA) else REDUCTION

    def loss(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Loss on latents ``[B, C, H, W]`` and their conditions ``[B, K]``; uses torch's global generator."""
        conditions, t, n = self.draw(latent, condition)
        return F.mse_loss(self._learnt_velocity(latent, conditions, t, n), n - latent)

    def draw(self, latent: Tensor, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What a training step draws for latents ``[B, C, H, W]``, from torch's global generator.

        Returns:
            The conditions ``[B, K]``, jittered and partly withheld, times ``[B]`` in (0, 1) and noise
            ``[B, C, H, W]``.
        """
        conditions = self.fields.drop(self.fields.jitter(condition, self.bandwidth), self.config.drop)
        t = torch.sigmoid(torch.randn(len(latent), device=latent.device))
        return conditions, t, torch.randn_like(latent)

    def velocity_errors(self, latent: Tensor, conditions: Tensor, t: Tensor, n: Tensor) -> Tensor:
        """Mean squared error ``[B]`` of the velocity of each clip, for what :meth:`draw` returns."""
        error = self._learnt_velocity(latent, conditions, t, n) - (n - latent)
        return error.square().flatten(1).mean(dim=1)

    def _learnt_velocity(self, latent: Tensor, conditions: Tensor, t: Tensor, n: Tensor) -> Tensor:
        mixed = torch.lerp(latent, n, t[:, None, None, None])
        return self.net(mixed, t, *self._embed(conditions))

    def latent_loss(self, mel: Tensor) -> Tensor:
        """The autoencoder's loss on dB log-mels; uses torch's global generator."""
        return self.latent.loss(self.normalise(mel))  # type: ignore[operator]

    def guide_prediction(self, latent: Tensor) -> Tensor:
        """Valence and arousal ``[B, 2]`` that the guide predicts from latents ``[B, C, H, W]``.

        Raises:
            UsageError: the flow was trained without one.
        """
        if self.guide is None:
            raise UsageError("no guide was trained", where="guide", hint="train with guide_width above 0, or set it 0")
        return self.guide.emotion_of_normalised(self.latent.decode(latent))

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """``steps``, ``guide``, one for each field of a condition, and ``guidance``; see the module."""
        config = self.config
        default_guide = config.guide if self.guide is not None else 0.0
        by_field = [
            SamplingParameter(name, config.emotion if name == EMOTION else 1.0, f"guidance by {name} alone; 1: none")
            for name in self.fields.columns
        ]
        return (
            SamplingParameter("steps", float(config.steps), STEPS_MEANING, maximum=MAX_STEPS),
            SamplingParameter("guide", default_guide, "guidance by the regressor trained with the flow; 0: none"),
            *by_field,
            SamplingParameter("guidance", config.guidance, "guidance by the whole condition; 1: none"),
        )

    @torch.inference_mode(False)  # in a caller's inference mode the guide would have no gradient
    @torch.no_grad()
    def sample(
        self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: Mapping[str, float] | None = None
    ) -> Tensor:
        """Generate log-mels ``[B, M, F]``, dB; see :meth:`affetti.models.base.Generator.sample`."""
        values = resolve_sampling(sampling, self.sampling_parameters)
        device = self.bandwidth.device
        condition = self.fields.require_valid(condition).clone().to(device, torch.float32)
        index = torch.arange(len(condition)) if index is None else index
        steps = values.pop("steps")
        first = noise(seed, index, self.latent_shape).to(device)
        return self.decode(heun(lambda x, t: self.velocity(x, t, condition, values), first, steps))

    def velocity(self, x: Tensor, t: float, condition: Tensor, sampling: Mapping[str, float]) -> Tensor:
        """Guided velocity ``[B, C, H, W]`` at time ``t``, of all sampling parameters but ``steps``."""
        if not GUIDED[0] <= t <= GUIDED[1]:
            return self._velocities(x, t, [condition])[0]
        others = {name: value - 1 for name, value in sampling.items() if name != "guide" and value != 1}
        withheld = [list(self.fields.columns) if name == "guidance" else [name] for name in others]
        unconditional = [self.fields.withhold(condition, names) for names in withheld]
        conditional, *without = self._velocities(x, t, [condition, *unconditional])
        velocity = conditional
        for more, less in zip(others.values(), without, strict=True):
            velocity = velocity + more * (conditional - less)
        if sampling["guide"] > 0:
            clean = x - t * velocity
            velocity = velocity - sampling["guide"] * self._least_change(clean, condition) / t
        return velocity

    def _velocities(self, x: Tensor, t: float, conditions: list[Tensor]) -> tuple[Tensor, ...]:
        """The network's velocity for each of several conditions, in one call."""
        count = len(conditions)
        time = torch.full((count * len(x),), t, device=x.device)
        return self.net(x.repeat(count, 1, 1, 1), time, *self._embed(torch.cat(conditions))).chunk(count)

    def _embed(self, condition: Tensor) -> tuple[Tensor, Tokens]:
        return self.condition(condition), self.condition.tokens(condition)

    def _least_change(self, clean: Tensor, condition: Tensor) -> Tensor:
        """The smallest change of ``clean`` after which the guide, to first order, predicts the requested emotion."""
        target = condition[:, self.fields.columns[EMOTION]]
        with torch.enable_grad():
            clean = clean.detach().requires_grad_()
            prediction = self.guide_prediction(clean)
            rows = [torch.autograd.grad(prediction[:, axis].sum(), clean, retain_graph=axis == 0)[0] for axis in (0, 1)]
        jacobian = torch.stack(rows, dim=1).flatten(2)  # [B, 2, C·H·W]
        gap = (target - prediction.detach()).nan_to_num(0.0)
        gram = jacobian @ jacobian.transpose(1, 2)
        # Where the prediction hardly changes (its tanh is saturated) the least change would be huge: damp it.
        damping = DAMPING * gram.diagonal(dim1=1, dim2=2).mean(dim=1) + 1e-12
        weights = torch.linalg.solve(gram + damping[:, None, None] * torch.eye(2, device=gram.device), gap.unsqueeze(2))
        return (jacobian.transpose(1, 2) @ weights).reshape(clean.shape)


def _check(config: FlowConfig) -> None:
    require(config.patch >= 1, "patch", config.patch, "1 or more")
    most = config.patch**2 if config.latent == "pca" else 64
    require(1 <= config.components <= most, "components", config.components, f"1 to {most}")
    for width in config.widths or (0,):
        require(width >= 8 and width % 8 == 0, "widths", width, "multiples of 8")
    require(config.blocks >= 1, "blocks", config.blocks, "1 or more")
    require(0 <= config.attention <= len(config.widths), "attention", config.attention, "0 to the number of levels")
    require(config.embedding >= 2 and config.embedding % 2 == 0, "embedding", config.embedding, "an even number")
    for name in ("drop", "dropout"):
        require(0 <= getattr(config, name) < 1, name, getattr(config, name), "a share from 0 to below 1")
    share = config.autoencoder_share
    require(0 < share < 1, "autoencoder_share", share, "a share between 0 and 1")
    require(config.rate > 0 and math.isfinite(config.rate), "rate", config.rate, "a number above 0")
    for name in ("vicinity", "guide", "guide_width"):
        require(getattr(config, name) >= 0, name, getattr(config, name), "0 or more")
    require(config.steps >= 1, "steps", config.steps, "1 or more")
    for name in ("guidance", EMOTION):
        require(math.isfinite(getattr(config, name)), name, getattr(config, name), "a number")
