"""``affetti prepare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from affetti.cli.flags import Long, emit, note, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Make a corpus of log-mels from labelled music: labels checked, clips cut, folds dealt by song and artist."""

    source: tyro.conf.Positional[str]
    """composed, folder:PATH, midi:PATH, vgmidi:PATH or emopia:PATH."""
    out: Path
    """Folder of the corpus."""
    preset: str | None = None
    """Front-end: tiny (default), paper, paper45, full-band."""
    scale: str | None = None
    """Scale of the labels in labels.csv, such as 1..9; told from the values only where they allow no other."""
    windows: Literal["centre", "first", "all"] | None = None
    """Which clips to cut from a track (default centre)."""
    pad: bool = False
    """Fill a shorter track with silence instead of skipping it."""
    skip_broken: bool = False
    """Leave out tracks that cannot be used instead of stopping."""
    keep_audio: bool = False
    """Keep each clip as FLAC in audio/."""
    clips: int | None = None
    """Clips to compose, up to eight a song (composed only)."""
    keys: int | None = None
    """Tonics that composed songs may have, 1 to 12 (default 1)."""
    folds: int | None = None
    """Folds of the split (default 5)."""
    soundfont: Path | None = None
    """SoundFont 2 file for MIDI and composed songs (default: the one pretty_midi carries)."""
    workers: int | None = None
    """Processes (default: one a core)."""
    engine: Literal["local"] = "local"
    """Where the work runs."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "prepare")
    settings = settled(flags, {"preset": "tiny", "seed": 0}, flags.config)
    settings.pop("engine")
    source, out = settings.pop("source"), settings.pop("out")
    if flags.dry_run:
        from affetti.cli.dry_run import prepare

        document = prepare(source, Path(out), settings)
        emit(document, flags.json, document["plan"])
        return 0
    from affetti import verbs

    with shown() as progress:
        document = verbs.prepare(source, out, progress=progress, **settings)
    for line in document["notes"]:
        note(f"note: {line}")
    for entry in document["skipped"]:
        note(f"skipped {entry['path']}: {entry['reason']}")
    emit(document, flags.json, _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    lines = [
        f"{document['clips']} clips of {document['songs']} songs in {document['corpus']}, {document['folds']} folds"
    ]
    for name, ceiling in document["labels"]["ceiling"].items():
        if ceiling is None:
            lines.append(f"{name}: ceiling not known (the source gives no spread of raters)")
        else:
            r2, ccc = ceiling["r2"], ceiling["ccc"]
            lines.append(
                f"{name}: no predictor can pass R² {r2['value']:.3f} [{r2['ci'][0]:.3f}, {r2['ci'][1]:.3f}], "
                f"CCC {ccc['value']:.3f} [{ccc['ci'][0]:.3f}, {ccc['ci'][1]:.3f}]"
            )
    lines += [f"{c['verdict']:<14} {c['check']}: {c['detail']}" for c in document["labels"]["audit"]]
    lines.append(f"next: affetti train flow --corpus {document['corpus']} --fold 0 --out runs/flow")
    return "\n".join(lines)
