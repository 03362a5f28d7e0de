"""``affetti generate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
    """uniform (default), matched to the training clips, gaps between them, a word (sad), V,A or a CSV."""
    genre: str | None = None
    """What every clip is asked for besides, of what the model was trained with: its genre …"""
    mode: Literal["major", "minor"] | None = None
    """… its mode,"""
    section: str | None = None
    """the section of a song (chorus),"""
    position: float | None = None
    """where in the song, 0 to 1,"""
    instruments: str | None = None
    """what plays (piano,bass), and nothing else,"""
    lyrics: str | None = None
    """and what is sung; lines are parted by a slash."""
    dial: tuple[str, ...] = field(default=())
    """How strongly: guidance=2, guide=0.3, steps=24 or a field (genre=3) for flow; truncation=0.7 for gan."""
    filter: Path | None = None
    """The corpus it was trained on: keep only clips that read as asked, by regressors cross-fitted on its songs."""
    audio: bool = False
    """Write each clip as FLAC too."""
    vocoder: str | None = None
    """With --audio: a HiFi-GAN trained on this front-end, by folder or Hub name (default: Griffin-Lim)."""
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
    for name, change in (("instruments", _names), ("lyrics", _lines), ("dial", _dials)):
        if name in settings:
            settings[name] = change(settings[name])
    settings = {{"dial": "dials", "filter": "filter_by"}.get(name, name): value for name, value in settings.items()}
    model, n, out = Path(settings.pop("model")), settings.pop("n"), Path(settings.pop("out"))
    from affetti import api

    if flags.dry_run:
        document = api.generate.plan(model, n, out, **settings)
        emit(document, flags.json, document["plan"])
        return 0
    with shown() as progress:
        document = api.generate.run(model, n, out, progress=progress, **settings)
    emit(document, flags.json, _text(document, out))
    return 0


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("/"))


def _dials(given: tuple[str, ...]) -> dict[str, float]:
    from affetti.errors import UsageError

    dials: dict[str, float] = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            dials[name] = float(value)
        except ValueError:
            raise UsageError(f"{text!r} is not a dial", where="--dial", hint="write name=number") from None
    return dials


def _text(document: dict[str, Any], out: Path) -> str:
    lines = [f"{document['clips']} clips by {document['generator']} in {out}"]
    if (found := document["filter"]) is not None:
        shift = ", ".join(f"{axis} {value:+.2f}" for axis, value in found["shift"].items())
        lines.append(
            f"kept {100 * found['accepted']:.0f} % of {found['tried']} tried; "
            f"they cover {100 * found['coverage']:.0f} % of the emotions asked for; mean shift: {shift}"
        )
    lines.append(f"next: affetti score CORPUS {out} --fold {document['fold']}")
    return "\n".join(lines)
