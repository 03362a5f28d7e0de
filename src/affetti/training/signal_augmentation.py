"""Signal augmentation of a batch of log-mels and labels, drawn at every update.

Stretch and shift act on the log-mel, within limits in which a label holds. Their ``-relabelled`` variants go further
and move the label by the additive cue model of Eerola, Friberg & Bresin (2013): speed by r is (r − 1) · 2.8 notes a
second (the middle tempo of that study, for a clip's own is not known), and a shift moves the register by so many
semitones. SpecAugment is left to the training loop, which masks normalised log-mels. :data:`RECIPE` is what regressors
are trained with unless a user says otherwise.

When not to use: the relabelled variants as evidence about listeners; the weights are of short melodies in three
timbres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from affetti.augment.mixup import c_mixup, mixup
from affetti.augment.spectrogram import spec_augment
from affetti.augment.warp import SAFE_RATE, SAFE_SEMITONES, shift, stretch
from affetti.compose.cues import GRADED, SCALE
from affetti.errors import UsageError
from affetti.presets import FrontEnd
from affetti.training.clips import Clips
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import FAMILIES, family

Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Log-mels ``[B, M, F]`` in dB and labels ``[B, 2]`` to others."""
MAX_RELABELLED_RATE = 1.25
"""Fastest and, as its inverse, slowest speed with labels moved."""
MAX_RELABELLED_SEMITONES = 5.0
"""Farthest shift with labels moved."""
MIDDLE_TEMPO = 2.8
"""Notes a second: the middle level of the study that the cue weights come from."""
SPECAUGMENT = "specaugment"
RECIPE = (SPECAUGMENT,)
"""How networks that predict emotion are trained by default; ``docs/how-to/regressors.md`` states how it was chosen."""
NONE = "none"
"""The training without augmentation and without early stopping, by name."""


def stretched(
    mel: Tensor, labels: Tensor, max_rate: float = SAFE_RATE, *, relabel: bool = False
) -> tuple[Tensor, Tensor]:
    """Change the speed of each clip by a rate drawn log-uniformly from 1 / ``max_rate`` to ``max_rate``.

    Args:
        mel: log-mels in dB ``[B, M, F]``.
        labels: ``[B, 2]``.
        max_rate: the fastest speed, above 1.
        relabel: whether labels move with the tempo.
    """
    rate = torch.exp(np.log(max_rate) * (2 * torch.rand(len(mel)) - 1))
    moved = _moved(labels, "tempo", (rate - 1) * MIDDLE_TEMPO) if relabel else labels
    return stretch(mel, rate), moved


def shifted(
    mel: Tensor, labels: Tensor, front: FrontEnd, max_semitones: float = SAFE_SEMITONES, *, relabel: bool = False
) -> tuple[Tensor, Tensor]:
    """Shift the pitch of each clip by semitones drawn uniformly from -``max_semitones`` to ``max_semitones``.

    Args:
        mel: log-mels in dB ``[B, M, F]``.
        labels: ``[B, 2]``.
        front: the front-end of the log-mels.
        max_semitones: the farthest shift.
        relabel: whether labels move with the register.
    """
    semitones = max_semitones * (2 * torch.rand(len(mel)) - 1)
    moved = _moved(labels, "register", semitones) if relabel else labels
    return shift(mel, semitones, front), moved


def _moved(labels: Tensor, cue: str, by: Tensor) -> Tensor:
    """Labels after a cue has changed by ``by`` of its units, clipped to the plane."""
    weights = torch.tensor(GRADED[cue]) / SCALE
    return (labels + by[:, None] * weights).clamp(-1, 1)


SIGNALS: dict[str, Callable[[FrontEnd], Change] | None] = {
    SPECAUGMENT: None,
    "mixup": lambda _: mixup,
    "c-mixup": lambda _: c_mixup,
    "time-stretch": lambda _: stretched,
    "pitch-shift": lambda front: partial(shifted, front=front),
    "time-stretch-relabelled": lambda _: partial(stretched, max_rate=MAX_RELABELLED_RATE, relabel=True),
    "pitch-shift-relabelled": lambda front: partial(
        shifted, front=front, max_semitones=MAX_RELABELLED_SEMITONES, relabel=True
    ),
}
"""By name: from the front-end to the change; None for the one that the training loop makes."""


def changes(names: tuple[str, ...], front: FrontEnd) -> tuple[Change, ...]:
    """The changes called ``names``, in their order, without SpecAugment."""
    makers = [SIGNALS[name] for name in names]
    return tuple(maker(front) for maker in makers if maker is not None)


def parse_augmentations(text: str | None) -> tuple[str, ...]:
    """The augmentations that ``text`` names, joined by ``+``; ``none``: none; None: those of :data:`RECIPE`.

    Raises:
        UsageError: there is no such augmentation, or one is named twice.

    Example:
        >>> parse_augmentations("specaugment+time-stretch")
        ('specaugment', 'time-stretch')
    """
    if text is None:
        return RECIPE
    names = () if text == NONE else tuple(text.split("+"))
    for name in names:
        if name not in SIGNALS or names.count(name) > 1:
            wrong = f"unknown augmentation {name!r}" if name not in SIGNALS else f"{name} is named twice"
            hint = f"give {NONE}, or of {', '.join(SIGNALS)}, joined by +"
            raise UsageError(wrong, where="--augment", hint=hint)
    return names


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


def augmented(
    clips: Clips, names: tuple[str, ...], front: FrontEnd, options: ObjectiveOptions = ObjectiveOptions()
) -> tuple[Clips, ObjectiveOptions]:
    """Training clips and options of a regressor that is trained with the augmentations ``names``.

    Without any it takes all its steps, unless its way of training always stops early (``vit``).
    """
    batch_changes = changes(names, front)
    changed = ChangedClips(clips.mel, clips.labels, clips.rows, batch_changes) if batch_changes else clips
    masked = spec_augment if SPECAUGMENT in names else None
    return changed, replace(options, augment=masked, stop_early=bool(names))


def resolve_augmentations(kind: str, augment: str | None) -> tuple[str, ...]:
    """The augmentations that a model of family ``kind`` is trained with; none for one that takes none.

    Raises:
        UsageError: there is no such augmentation, or the model takes none.
    """
    if family(kind).augmentable:
        return parse_augmentations(augment)
    if augment is not None:
        others = " or ".join(name for name, other in FAMILIES.items() if other.augmentable)
        raise UsageError(
            f"a {kind} takes no augmentation", where="--augment", hint=f"leave it out, or train a {others}"
        )
    return ()
