"""The sampler: conditions in, log-mels as a corpus holds them out.

Whatever compares, files or shows generated clips makes them here, so that all of it is about the same clips. A model
that makes sound has its waveforms analysed by the front-end first. Power in dB is floored ``top_db`` under a real
clip's own maximum (:func:`affetti.signal.front_ends.spectrogram`); a generated clip is floored alike: otherwise a level
that no real clip can have would distinguish the two.

Sample number i of a seed depends on (seed, i) alone: within 0.05 dB the same at any batch size and in any order, the
same bytes at the same batch size and thread count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from affetti.models.base import Generator
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram


@dataclass(frozen=True)
class Samples:
    """Generated clips, on the CPU."""

    index: Tensor
    """Number of each sample ``[B]``."""
    mel: Tensor
    """Log-mels ``[B, M, F]`` in dB, float32, none more than ``top_db`` under its own maximum."""
    waveform: Tensor | None
    """Sound ``[B, T]`` in [-1, 1], where that is what the model makes."""


@dataclass(frozen=True)
class Sampler:
    """Samples a generator in batches.

    Example:
        >>> from affetti import presets
        >>> from affetti.models.generators.flow import Flow, FlowConfig
        >>> front_end = presets.front_end("tiny")
        >>> model = Flow(front_end.shape, FlowConfig(widths=(8,), steps=1)).eval()
        >>> sampler = Sampler(model, front_end, seed=7)
        >>> tuple(sampler(torch.tensor([[0.5, -0.5]])).mel.shape)
        (1, 64, 128)
    """

    model: Generator
    """In evaluation mode; the clips are made on its device."""
    front_end: FrontEnd
    """That of the clips it was trained on."""
    seed: int = 0
    sampling: Mapping[str, float] = field(default_factory=dict)
    """Values of the model's sampling parameters; the defaults for those that are not given."""
    batch_size: int = 32

    def batches(self, conditions: Tensor, start: int = 0, stop: int | None = None) -> Iterator[Samples]:
        """Samples number ``start`` up to ``stop`` of ``conditions [N, K]``, batch by batch.

        Raises:
            InputError: a condition is out of range.
            UsageError: a sampling parameter is unknown or out of range.
        """
        to_mel = spectrogram(self.front_end) if self.model.makes_sound else None
        stop = len(conditions) if stop is None else stop
        for first in range(start, stop, self.batch_size):
            index = torch.arange(first, min(first + self.batch_size, stop))
            clips = self.model.sample(conditions[index], self.seed, index, self.sampling).cpu()
            mel = clips if to_mel is None else to_mel(clips)
            # Like a real clip, a generated one ends top_db under its own maximum.
            floor = mel.amax(dim=(1, 2), keepdim=True) - self.front_end.top_db
            yield Samples(index, torch.maximum(mel, floor), None if to_mel is None else clips)

    def __call__(self, conditions: Tensor) -> Samples:
        """All samples of ``conditions [N, K]``, N at least 1, in memory; errors as :meth:`batches`."""
        parts = list(self.batches(conditions))
        waveforms = [part.waveform for part in parts if part.waveform is not None]
        return Samples(
            torch.cat([part.index for part in parts]),
            torch.cat([part.mel for part in parts]),
            torch.cat(waveforms) if waveforms else None,
        )
