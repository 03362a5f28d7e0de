"""``affetti predict``."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from affetti.cli.flags import Everyday, emit, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Everyday):
    """Read valence and arousal, with intervals and the curve over time, off recordings. Both run from -1 to 1."""

    model: Path
    """Run of a regressor."""
    audio: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="AUDIO...")]] = ()
    """Audio files, or folders of them."""
    hop: float | None = None
    """Seconds between points of the curve (default 1)."""
    csv: bool = False
    """Print CSV instead of text."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "predict")
    settings = settled(flags, {"hop": 1.0, "device": "cpu"}, flags.config)
    settings.pop("csv", None)
    settings.pop("seed", None)
    model, audio = settings.pop("model"), settings.pop("audio", ())
    from affetti import verbs

    with shown() as progress:
        document = verbs.predict(model, list(audio), progress=progress, **settings)
    if flags.csv and not flags.json:
        _csv(document)
    else:
        emit(document, flags.json, "\n".join(_line(entry) for entry in document))
    return 0


def _line(entry: dict[str, Any]) -> str:
    def told(axis: str) -> str:
        interval = entry[f"{axis}_ci"]
        return f"{axis} {entry[axis]:+.2f}" + ("" if interval is None else f" [{interval[0]:+.2f}, {interval[1]:+.2f}]")

    return f"{entry['path']}: {told('valence')}, {told('arousal')}"


def _csv(document: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(["path", "valence", "valence_low", "valence_high", "arousal", "arousal_low", "arousal_high"])
    for entry in document:
        low_high = {axis: entry[f"{axis}_ci"] or ["", ""] for axis in ("valence", "arousal")}
        writer.writerow([entry["path"], entry["valence"], *low_high["valence"], entry["arousal"], *low_high["arousal"]])
