"""How typical synthetic clips are of real songs, as typed values of the scorecard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AtypicalClip:
    """One of the least typical clips."""

    clip: str
    file: str | None
    row: int
    """In the synthetic set."""
    typicality: float
    """Conformal p-value, in (0, 1]: the share of real songs that lie at least as far from the others."""


@dataclass(frozen=True)
class ClipTypicality:
    """How typical clips are of held-out real songs; no measure of quality. Every clip is in ``typicality.parquet``."""

    share_low: float | None = None
    """Share of synthetic clips below 0.05."""
    real_low: float | None = None
    """The same of real clips, each against the other songs; about 0.05."""
    smallest: float | None = None
    """The smallest value that there can be, 1/(n + 1) for n real songs."""
    songs: int | None = None
    """Real songs."""
    least: tuple[AtypicalClip, ...] = ()
    """The least typical clips, from the least on."""
    reason: str | None = None
    """Why there is none."""
