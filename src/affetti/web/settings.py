"""What ``affetti serve`` is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from affetti.errors import UsageError
from affetti.web.server import ServerSettings


@dataclass(frozen=True, kw_only=True)
class ServeSettings(ServerSettings):
    """What the page offers, and where.

    Raises:
        UsageError: no worker, or what :class:`~affetti.web.server.ServerSettings` refuses.
    """

    models: tuple[Path, ...] = ()
    """Runs of generators, a tab each."""
    regressor: Path | None = None
    """A run of a regressor, or a blend; None: nothing is predicted, and the page says so."""
    corpora: tuple[Path, ...] = ()
    """Corpora whose clips can be played beside generated ones."""
    results: tuple[Path, ...] = ()
    """Results and folders of results, shown as reports."""
    workers: int = 2
    """Processes that compute, ≥ 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers", where="--workers", hint="give 1 or more")
