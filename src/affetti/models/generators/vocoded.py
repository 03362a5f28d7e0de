"""Whole clips of sound: a latent flow makes the log-mel, and a head predicts the STFT that it is the log-mel of.

Both are trained at once on the sound of clips: the flow as :mod:`affetti.models.generators.flow`, the head on pairs of
log-mels and STFTs, which needs no discriminator. What is made for an emotion, and how varied it is, is the flow's; the
head adds what a log-mel lacks. Latent diffusion with a vocoder makes sound in the same two steps (Liu et al. 2023,
AudioLDM). The head is also a vocoder for the log-mels of other generators of the front-end: ``generate --vocoder``.

Level: nothing is normalised; a clip is as loud as its log-mel says, limited to ±1.

When not to use: to hear a log-mel as it is, whatever it holds; the head has learnt the sounds of one corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from affetti import presets
from affetti.errors import UsageError
from affetti.models.base import Generator, SamplingParameter
from affetti.models.generators.conditioning import ConditionEmbedding, Fields
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.stft_head import StftHead
from affetti.models.layers import require
from affetti.signal.front_ends import spectrogram


@dataclass(frozen=True)
class VocodedConfig(FlowConfig):
    """Settings of the flow, and of the head."""

    front_end: str = "tiny"
    """Name of the clips' front-end."""
    head_width: int = 192
    """Channels of the head, ≥ 1."""
    head_blocks: int = 4
    """Blocks of the head, ≥ 1."""
    head_rate: float = 2e-3
    """Learning rate of the head, > 0."""
    iterations: int = 16
    """Iterations of Griffin-Lim, ≥ 0."""


class Vocoded(Generator):
    """Emotion-conditioned flow over log-mels of shape ``(M, F)`` with a head that turns them into waveforms."""

    samples: Tensor
    makes_sound = True
    draft_sampling: ClassVar[Mapping[str, float]] = Flow.draft_sampling

    def __init__(
        self, shape: tuple[int, int], config: VocodedConfig = VocodedConfig(), fields: Fields = Fields()
    ) -> None:
        super().__init__()
        front = presets.front_end(config.front_end)
        if front.n_bands != shape[0]:
            message = f"front_end {config.front_end} has {front.n_bands} bands, the clips {shape[0]}"
            raise UsageError(message, where="model settings", hint="leave it out: it is that of the corpus")
        for name, least in (("head_width", 1), ("head_blocks", 1), ("iterations", 0)):
            require(getattr(config, name) >= least, name, getattr(config, name), f"{least} or more")
        require(config.head_rate > 0, "head_rate", config.head_rate, "more than 0")
        self.config, self.fields, self.front = config, fields, front
        self.to_mel = spectrogram(front)
        self.flow = Flow(shape, config, fields)
        self.head = StftHead(front, config.head_width, config.head_blocks, config.iterations)
        self.register_buffer("samples", torch.tensor(front.hop_length * (shape[1] - 1)))

    @property
    def condition(self) -> ConditionEmbedding:
        """The flow's embedding of conditions."""
        return self.flow.condition

    @property
    def learnt_bases(self) -> tuple[str, ...]:
        """The flow's latent."""
        return ("flow.latent",)

    @torch.no_grad()
    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit flow and head to the training clips: waveforms ``[N, T]`` and conditions ``[N, K]``."""
        log_mel = torch.cat([self.analyse(part) for part in clips.split(16)])
        self.samples.fill_(clips.shape[1])
        self.head.fit_statistics(clips, log_mel)
        return self.flow.fit_statistics(log_mel, conditions)

    @torch.no_grad()
    def analyse(self, waveforms: Tensor) -> Tensor:
        """Log-mels ``[B, M, F]`` in dB of waveforms ``[B, T]``."""
        return self.to_mel(waveforms)

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """Those of the flow."""
        return self.flow.sampling_parameters

    @torch.no_grad()
    def sample(
        self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: Mapping[str, float] | None = None
    ) -> Tensor:
        """Generate waveforms ``[B, T]`` of the training clips' length and level.

        See :meth:`affetti.models.base.Generator.sample`.
        """
        log_mel = self.flow.sample(condition, seed, index, sampling)
        log_mel = torch.maximum(log_mel, log_mel.amax(dim=(1, 2), keepdim=True) - self.front.top_db)
        sounds = [self.head.synthesise(clip) for clip in log_mel]
        length = int(self.samples)
        padded = [F.pad(sound, (0, max(0, length - len(sound))))[:length].clamp(-1, 1) for sound in sounds]
        return torch.stack(padded) if padded else log_mel.new_zeros(0, length)
