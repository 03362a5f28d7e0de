"""``affetti generate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from affetti.cli.flags import Long, emit, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Generate a synthetic corpus. Its labels are the emotions asked for: check them with affetti score."""

    model: Path
    """Run of a generator."""
    n: int
    """Clips to generate."""
    out: Path
    """Folder of the synthetic corpus."""
    emotions: str | None = None
    """uniform (default), matched to the training labels, a word (sad), V,A or a CSV with columns valence, arousal."""
    audio: bool = False
    """Write each clip as FLAC too."""
    batch_size: int | None = None
    """Clips a batch (default 32)."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""
    workers: int | None = None
    """Processes (default: one a core)."""
    engine: Literal["local"] = "local"
    """Where the work runs."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "generate")
    defaults = {"emotions": "uniform", "seed": 0, "batch_size": 32, "device": "cpu"}
    settings = settled(flags, defaults, flags.config)
    settings.pop("engine")
    model, n, out = Path(settings.pop("model")), settings.pop("n"), Path(settings.pop("out"))
    if flags.dry_run:
        from affetti.cli.dry_run import generate

        document = generate(model, n, out, settings)
        emit(document, flags.json, document["plan"])
        return 0
    from affetti import verbs

    with shown() as progress:
        document = verbs.generate(model, n, out, progress=progress, **settings)
    emit(
        document,
        flags.json,
        f"{document['clips']} clips by {document['generator']} in {out}\n"
        f"next: affetti score CORPUS {out} --fold {document['fold']}",
    )
    return 0
