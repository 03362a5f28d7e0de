"""Signal augmentation of a batch: from log-mels and labels to others, drawn anew at every update.

Stretch and shift act on the log-mel, within limits in which a label holds. Their ``-relabelled`` kin go further and
move the label by the additive cue model of Eerola, Friberg & Bresin (2013): speed by r is (r − 1) · 2.8 notes a
second (the middle tempo of that study, for a clip's own is not known), and a shift moves the register by so many
semitones. SpecAugment is left to the training loop, which masks normalised log-mels.

When not to use: the relabelled ones as truth about listeners; the weights are of short melodies of three timbres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from affetti.augment.mixup import c_mixup, mixup
from affetti.augment.warp import SAFE_RATE, SAFE_SEMITONES, shift, stretch
from affetti.compose.cues import GRADED, SCALE
from affetti.presets import FrontEnd
from affetti.training.clips import Clips

Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Log-mels ``[B, M, F]`` in dB and labels ``[B, 2]`` to others."""
MAX_RELABELLED_RATE = 1.25
"""Fastest and, as its inverse, slowest speed with labels moved."""
MAX_RELABELLED_SEMITONES = 5.0
"""Farthest shift with labels moved."""
MIDDLE_TEMPO = 2.8
"""Notes a second: the middle level of the study that the cue weights come from."""
SPECAUGMENT = "specaugment"


def stretched(mel: Tensor, labels: Tensor, most: float = SAFE_RATE, *, relabel: bool = False) -> tuple[Tensor, Tensor]:
    """Speed drawn log-uniformly from 1 / ``most`` to ``most``."""
    rate = torch.exp(np.log(most) * (2 * torch.rand(len(mel)) - 1))
    moved = _moved(labels, "tempo", (rate - 1) * MIDDLE_TEMPO) if relabel else labels
    return stretch(mel, rate), moved


def shifted(
    mel: Tensor, labels: Tensor, front: FrontEnd, most: float = SAFE_SEMITONES, *, relabel: bool = False
) -> tuple[Tensor, Tensor]:
    """A shift drawn evenly from -``most`` to ``most`` semitones."""
    semitones = most * (2 * torch.rand(len(mel)) - 1)
    moved = _moved(labels, "register", semitones) if relabel else labels
    return shift(mel, semitones, front), moved


def _moved(labels: Tensor, cue: str, by: Tensor) -> Tensor:
    """Labels after a cue has changed ``by`` its unit, kept on the plane."""
    weights = torch.tensor(GRADED[cue]) / SCALE
    return (labels + by[:, None] * weights).clamp(-1, 1)


SIGNALS: dict[str, Callable[[FrontEnd], Change] | None] = {
    SPECAUGMENT: None,
    "mixup": lambda _: mixup,
    "c-mixup": lambda _: c_mixup,
    "time-stretch": lambda _: stretched,
    "pitch-shift": lambda front: partial(shifted, front=front),
    "time-stretch-relabelled": lambda _: partial(stretched, most=MAX_RELABELLED_RATE, relabel=True),
    "pitch-shift-relabelled": lambda front: partial(shifted, front=front, most=MAX_RELABELLED_SEMITONES, relabel=True),
}
"""By name: given the front-end, the change; None for the one that the training loop makes."""


def changes(names: tuple[str, ...], front: FrontEnd) -> tuple[Change, ...]:
    """The changes of ``names``, in their order, SpecAugment left out."""
    makers = [SIGNALS[name] for name in names]
    return tuple(maker(front) for maker in makers if maker is not None)


@dataclass(frozen=True)
class ChangedClips(Clips):
    """As :class:`affetti.training.clips.Clips`, with batches changed; statistics are of the clips as they are."""

    changes: tuple[Change, ...] = ()

    def batch(self, size: int, seed: int, step: int) -> tuple[Tensor, Tensor]:
        """Batch number ``step``, changed; draws are of torch's global generator, which the loop seeds by step."""
        mel, labels = super().batch(size, seed, step)
        for change in self.changes:
            mel, labels = change(mel, labels)
        return mel, labels
