"""Handcrafted descriptors of sound as embedders: no weights, coordinates with a name each.

``harmony`` is the 42 numbers of :func:`affetti.signal.descriptors.harmony_descriptors`; ``handcrafted`` adds the 14 of
loudness, onsets, register and articulation. Both are standardised, since their coordinates have no common scale.

When not to use: to compare timbre or production, or clips without notes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from affetti.embedders.base import FunctionEmbedder
from affetti.signal.descriptors import expression_descriptors, harmony_descriptors
from affetti.signal.harmony import SAMPLE_RATE


def embed_harmony(waveform: Tensor) -> Tensor:
    """Harmony of waveforms ``[B, T]`` at 22,050 Hz: ``[B, 42]``."""
    return torch.from_numpy(np.stack([harmony_descriptors(clip, SAMPLE_RATE) for clip in waveform])).float()


def embed_handcrafted(waveform: Tensor) -> Tensor:
    """Harmony and expression of waveforms ``[B, T]`` at 22,050 Hz: ``[B, 56]``."""
    expression = np.stack([expression_descriptors(clip, SAMPLE_RATE) for clip in waveform])
    return torch.cat([embed_harmony(waveform), torch.from_numpy(expression).float()], dim=1)


HARMONY = FunctionEmbedder("harmony", "harmony-1", embed_harmony, SAMPLE_RATE, standardise=True)
HANDCRAFTED = FunctionEmbedder("handcrafted", "handcrafted-1", embed_handcrafted, SAMPLE_RATE, standardise=True)
