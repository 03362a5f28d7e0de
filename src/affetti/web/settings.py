"""What ``affetti serve`` is started with, and the limits that it keeps."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from affetti.errors import UsageError

MAX_UPLOAD_BYTES = 200 * 2**20
"""Largest upload."""
MAX_UPLOAD_SECONDS = 120.0
"""Longest time that an upload may take to arrive."""
MAX_BODY_BYTES = 64 * 2**10
"""Largest request that is not an upload."""
MAX_BODY_SECONDS = 30.0
"""Longest time that it may take to arrive."""
MAX_SONG_SECONDS = 3600.0
"""Longest recording that is predicted."""
MAX_WAITING = 24
"""Jobs that may wait or run; more are refused with 503 until there is room."""
MAX_UPLOADS = 8
"""Uploads that may wait or run."""
RETRY_SECONDS = 2
"""When a client that met a full queue may try again."""
MAX_CONNECTIONS = 256
"""Connections at a time; more are answered with 503."""
HEADER_SECONDS = 15.0
"""Longest time in which the headers of a request may arrive."""
TAKE_SECONDS = 300.0
"""Longest time for which a client may take nothing of what it is sent."""
MAX_SOUNDS = 240
"""Sounds kept for playing; the oldest go first."""
MAX_SOUND_BYTES = 2 * 2**30
"""Disk space of these sounds."""
MAX_SEED = 2**31 - 1
"""Largest seed that a request may give."""
DECODE_SECONDS = 120
"""Longest computing time of decoding an upload; an hour at 192 kHz takes a fraction."""
JOB_SECONDS = 120.0
"""Longest time of a job that composes or samples."""
PREDICT_SECONDS = 600.0
"""Longest time of a job that decodes and predicts a recording."""
REPORT_SECONDS = 600.0
"""Longest time in which a report is made."""
WORKER_BYTES = 4 * 2**30
"""Memory that a worker process may take beyond what it has when it starts."""


@dataclass(frozen=True)
class ServeSettings:
    """What the page offers, and where.

    Raises:
        UsageError: a port out of range, or a host that is not an address or a name.
    """

    models: tuple[Path, ...] = ()
    """Runs of generators, a tab each."""
    regressor: Path | None = None
    """A run of a regressor, or a blend; None: nothing is predicted, and the page says so."""
    corpora: tuple[Path, ...] = ()
    """Corpora whose clips can be played beside generated ones."""
    results: tuple[Path, ...] = ()
    """Results and folders of results, shown as reports."""
    host: str = "127.0.0.1"
    port: int = 8765
    """0: any free one."""
    workers: int = 2
    """Processes that compute, ≥ 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65_536:
            raise UsageError(f"port {self.port}", where="--port", hint="give 0 to 65535; 0 is any free one")
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers", where="--workers", hint="give 1 or more")
        if not self.host or any(character in self.host for character in " /@"):
            raise UsageError(f"{self.host!r} is no host", where="--host", hint="give an address such as 127.0.0.1")

    @property
    def everywhere(self) -> bool:
        """Whether it listens on all addresses of this machine."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - what the user asked for

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the page."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
