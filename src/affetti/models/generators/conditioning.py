"""The condition: what is requested of a generator.

A condition is a row of numbers ``[B, K]``, laid out by :class:`Fields`: valence and arousal first, in [-1, 1], then the
fields a corpus knows: the raters' spread, mode, genre, instruments, section, position in the song, lyrics. A field that
is NaN is unspecified and becomes that field's own learned null, so that a corpus without lyrics trains too, and a
request may name any of them. Null is also what classifier-free guidance (Ho & Salimans 2022) compares with, and since
each field has its own, each can have its own guidance.

A condition is a request, not a label: whether a clip follows it is measured afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import MISSING, dataclass, fields, replace

import torch
from torch import Tensor, nn

from affetti.errors import InputError, UsageError

OCTAVES = 4
EMOTION = "emotion"
PARTS_OF_FIELDS: dict[str, tuple[str, ...]] = {
    "spread": ("spread",),
    "mode": ("mode",),
    "genre": ("genres",),
    "instruments": ("instruments",),
    "section": ("sections",),
    "position": ("position",),
    "lyrics": ("lines", "text"),
}
"""Attributes of :class:`Fields` by the name of a field, besides emotion, which every condition has."""


@dataclass(frozen=True)
class Fields:
    """The fields that a generator accepts besides valence and arousal, and their place in a condition."""

    spread: bool = False
    """Standard deviations of the raters, of valence and arousal, ≥ 0: two columns."""
    mode: bool = False
    """-1 minor, 1 major: one column."""
    genres: tuple[str, ...] = ()
    """Names of the genres; one column, the number of the genre."""
    instruments: tuple[str, ...] = ()
    """Names of the instruments; a column each, 1 where it plays."""
    sections: tuple[str, ...] = ()
    """Names of the sections; one column, the number of the section."""
    position: bool = False
    """Where in the song, 0 its start and 1 its end: one column."""
    lines: int = 0
    """Lines of lyrics, each a text embedding; a line of NaN is none."""
    text: int = 0
    """Size of a line's embedding."""

    @property
    def sizes(self) -> dict[str, int]:
        """Columns of each field that is there, in their order."""
        sizes = {
            EMOTION: 2,
            "spread": 2 * self.spread,
            "mode": int(self.mode),
            "genre": int(bool(self.genres)),
            "instruments": len(self.instruments),
            "section": int(bool(self.sections)),
            "position": int(self.position),
            "lyrics": self.lines * self.text,
        }
        return {name: size for name, size in sizes.items() if size}

    @property
    def columns(self) -> dict[str, slice]:
        """The columns of each field in a condition."""
        columns: dict[str, slice] = {}
        at = 0
        for name, size in self.sizes.items():
            columns[name] = slice(at, at + size)
            at += size
        return columns

    @property
    def width(self) -> int:
        """Length K of a condition."""
        return sum(self.sizes.values())

    def without(self, names: Collection[str]) -> Fields:
        """These fields without ``names``, keys of :data:`PARTS_OF_FIELDS`.

        Example:
            >>> Fields(mode=True, genres=("jazz", "rock")).without(["genre"]).columns
            {'emotion': slice(0, 2, None), 'mode': slice(2, 3, None)}
        """
        parts = {part for name in names for part in PARTS_OF_FIELDS[name]}
        empty = {each.name: each.default for each in fields(self) if each.name in parts and each.default is not MISSING}
        return replace(self, **empty)

    def complete(self, condition: Tensor) -> Tensor:
        """``[B, 2]`` of valence and arousal alone becomes ``[B, K]``, asking for nothing else."""
        if condition.ndim != 2 or condition.shape[1] not in (2, self.width):
            wanted = "[B, 2]: valence and arousal" + (f", or [B, {self.width}]" if self.width > 2 else "")
            raise InputError(f"conditions of shape {tuple(condition.shape)}", hint=f"give {wanted}")
        missing = self.width - condition.shape[1]
        return torch.cat([condition, condition.new_full((len(condition), missing), torch.nan)], dim=1)

    def require_valid(self, condition: Tensor) -> Tensor:
        """Complete conditions, refusing what lies outside a field's range.

        Raises:
            InputError: another shape, or a value out of range; names the row and the field.
        """
        condition = self.complete(condition)
        for name, (low, high) in self._ranges().items():
            values = condition[:, self.columns[name]]
            bad = ((values < low) | (values > high)).any(dim=1)
            if bool(bad.any()):
                row = int(bad.int().argmax())
                shown = ", ".join(f"{value:g}" for value in values[row].tolist())
                named = f"({shown})" if name == EMOTION else f"{shown} in {name}"
                hint = "valence and arousal run from -1 to 1" if name == EMOTION else f"{name}: {low:g} to {high:g}"
                raise InputError(f"condition {row} is {named}, outside [{low:g}, {high:g}]", hint=hint)
        return condition

    def withhold(self, condition: Tensor, names: Collection[str]) -> Tensor:
        """A copy of ``condition [B, K]`` with the fields ``names`` unspecified (NaN).

        Raises:
            UsageError: there is no such field.
        """
        condition = condition.clone()
        for name in names:
            if name not in self.columns:
                raise UsageError(f"no field {name!r}", where="condition", hint=f"there are {', '.join(self.columns)}")
            condition[:, self.columns[name]] = torch.nan
        return condition

    def drop(self, condition: Tensor, probability: float) -> Tensor:
        """Withhold everything with the given probability, and each of several fields on its own with the same.

        Uses torch's global generator.
        """
        rows = len(condition)
        dropped = torch.rand(rows, 1, device=condition.device) < probability
        condition = torch.where(dropped, torch.nan, condition)
        if len(self.columns) > 1:
            for place in self.columns.values():
                dropped = torch.rand(rows, 1, device=condition.device) < probability
                condition[:, place] = torch.where(dropped, torch.nan, condition[:, place])
        return condition

    def jitter(self, condition: Tensor, bandwidth: Tensor) -> Tensor:
        """Vicinal training in two dimensions: valence and arousal moved by a Gaussian of ``bandwidth [2]``.

        A clip of label y trained at y + ε is, seen the other way, a condition y* served by the clips around it with
        Gaussian weights: the soft vicinity of Ding et al. (2021, CcGAN) on the plane. Uses torch's global generator.
        """
        moved = (condition[:, :2] + bandwidth * torch.randn_like(condition[:, :2])).clamp(-1, 1)
        return torch.cat([moved, condition[:, 2:]], dim=1)

    def _ranges(self) -> dict[str, tuple[float, float]]:
        ranges = {
            EMOTION: (-1.0, 1.0),
            "spread": (0.0, 2.0),
            "mode": (-1.0, 1.0),
            "genre": (0.0, len(self.genres) - 1.0),
            "instruments": (0.0, 1.0),
            "section": (0.0, len(self.sections) - 1.0),
            "position": (0.0, 1.0),
        }
        return {name: limits for name, limits in ranges.items() if name in self.columns}


def vicinal_bandwidth(labels: Tensor, scale: float) -> Tensor:
    """Bandwidth ``[2]`` of the vicinity around labels ``[N, 2]``, ``scale`` in units of Scott's rule (1992).

    In two dimensions that is the axis's standard deviation times N^(-1/6).
    """
    return scale * labels[:, :2].std(dim=0) * len(labels) ** (-1 / 6)


class EmotionEmbedding(nn.Module):
    """Points of the unit square (or line) to a vector: Fourier features of four octaves, then two linear layers.

    Shape: ``[B, axes]`` → ``[B, dim]``.
    """

    def __init__(self, dim: int = 256, axes: int = 2) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(axes * (1 + 2 * OCTAVES), 128), nn.SiLU(), nn.Linear(128, dim))

    def forward(self, point: Tensor) -> Tensor:
        """Embed."""
        angles = torch.cat([point * (math.pi / 2 * 2**octave) for octave in range(OCTAVES)], dim=1)
        return self.net(torch.cat([point, angles.sin(), angles.cos()], dim=1))


class _Choice(nn.Module):
    """One of several: the number of the choice ``[B, 1]`` → ``[B, dim]``."""

    def __init__(self, choices: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(choices, dim)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(dim))

    def forward(self, number: Tensor) -> Tensor:
        return self.table(number.squeeze(1).round().long())


class _Lyrics(nn.Module):
    """The mean of the text embeddings of the lines that are there: ``[B, lines * text]`` → ``[B, dim]``."""

    def __init__(self, lines: int, text: int, dim: int) -> None:
        super().__init__()
        self.shape = (lines, text)
        self.net = nn.Linear(text, dim)

    def forward(self, lyrics: Tensor) -> Tensor:
        # Lines that are not there came in as zeros: those of a text embedding have length one.
        lines = lyrics.reshape(-1, *self.shape)
        there = (lines != 0).any(dim=2, keepdim=True)
        return self.net((lines * there).sum(dim=1) / there.sum(dim=1).clamp_min(1))


class ConditionEmbedding(nn.Module):
    """A condition to a vector: the sum of its fields' embeddings, a learned null for each unspecified one.

    Shape: ``[B, K]`` → ``[B, dim]``. :meth:`tokens` gives the lyrics line by line, for cross-attention.
    """

    def __init__(self, dim: int = 256, fields: Fields = Fields()) -> None:
        super().__init__()
        self.fields = fields
        makers = {
            EMOTION: lambda: EmotionEmbedding(dim),
            "spread": lambda: nn.Linear(2, dim),
            "mode": lambda: nn.Linear(1, dim, bias=False),
            "genre": lambda: _Choice(len(fields.genres), dim),
            "instruments": lambda: nn.Linear(len(fields.instruments), dim),
            "section": lambda: _Choice(len(fields.sections), dim),
            "position": lambda: EmotionEmbedding(dim, 1),
            "lyrics": lambda: _Lyrics(fields.lines, fields.text, dim),
        }
        self.encoders = nn.ModuleDict({name: makers[name]() for name in fields.columns})
        self.nulls = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(dim) / math.sqrt(dim)) for name in fields.columns}
        )
        self.line = nn.Linear(fields.text, dim) if fields.lines else None

    def forward(self, condition: Tensor) -> Tensor:
        """Embed."""
        return torch.stack([self.embed_field(name, condition) for name in self.fields.columns]).sum(dim=0)

    def embed_field(self, name: str, condition: Tensor) -> Tensor:
        """What the field ``name`` of conditions ``[B, K]`` adds to the embedding, ``[B, dim]``."""
        return self._field(name, condition[:, self.fields.columns[name]])

    def tokens(self, condition: Tensor) -> tuple[Tensor, Tensor] | None:
        """The lyrics ``[B, lines, dim]`` and which lines are there ``[B, lines]``; None without lyrics."""
        if self.line is None:
            return None
        lines = condition[:, self.fields.columns["lyrics"]].reshape(-1, self.fields.lines, self.fields.text)
        there = lines.isfinite().all(dim=2)
        return self.line(lines.nan_to_num()), there

    def _field(self, name: str, values: Tensor) -> Tensor:
        # Any line of lyrics specifies the field; every other field needs all of its columns.
        finite = values.isfinite()
        specified = finite.any(dim=1, keepdim=True) if name == "lyrics" else finite.all(dim=1, keepdim=True)
        known = torch.where(finite & specified, values, 0.0)
        return torch.where(specified, self.encoders[name](known), self.nulls[name])
