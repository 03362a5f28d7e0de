"""``affetti prepare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from affetti.cli.flags import Long, emit, note, parse, settled
from affetti.cli.progress import shown
from affetti.errors import UsageError


@dataclass(frozen=True)
class Flags(Long):
    """Make a corpus of log-mels from labelled music: labels checked, clips cut, folds dealt by song and artist."""

    source: tyro.conf.Positional[tuple[str, ...]] = ()
    """composed, or NAME:PATH of a data set: folder, midi, deam, emomusic, pmemo, emopia, jamendo, vgmidi; several are
    joined, songs that lie in more than one taken once."""
    out: Path | None = None
    """Folder of the corpus; needed but for --dry-run."""
    preset: str | None = None
    """Front-end: tiny (default), paper, paper45, full-band."""
    scale: str | None = None
    """Scale of the labels in labels.csv, such as 1..9; told from the values only where they allow no other."""
    windows: Literal["centre", "first", "all"] | None = None
    """Which clips to cut from a track (default centre)."""
    pad: bool = False
    """Fill a shorter track with silence instead of skipping it."""
    strict: bool = False
    """Stop at a track that cannot be used instead of leaving it out."""
    keep_audio: bool = False
    """Keep each clip as FLAC in audio/."""
    clips: int | None = None
    """Clips to compose, up to eight a song (composed only)."""
    keys: int | None = None
    """Tonics that composed songs may have, 1 to 12 (default 1)."""
    split: str | None = None
    """folds (default), train-validation-test, a published split by name, or a CSV with the columns song and part."""
    folds: int | None = None
    """Folds of the split (default 5)."""
    soundfont: Path | None = None
    """SoundFont 2 file for MIDI and composed songs (default: the one pretty_midi carries)."""
    voice: Literal["formant", "espeak"] | None = None
    """What sings (formant) or says (espeak) the words of composed songs (default: nothing)."""
    deam_labels: Literal["corrected", "as-shipped"] | None = None
    """Whether DEAM's swapped axes are put right (default corrected)."""
    full_songs: bool = False
    """Read DEAM's 58 full songs of 2015 too."""
    lexicon: Path | None = None
    """CSV of words with valence and arousal on --scale that places Jamendo's mood tags (default: affetti's words)."""
    workers: int | None = None
    """Processes (default: one a core)."""
    engine: Literal["local"] = "local"
    """Where the work runs."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "prepare")
    settings = settled(flags, {"preset": "tiny", "seed": 0}, flags.config)
    settings.pop("engine")
    source, out = settings.pop("source", ()), settings.pop("out", None)
    if not source:
        raise UsageError("no source", where="prepare", hint="name one, such as composed or folder:PATH")
    from affetti import api

    if flags.dry_run:
        document = api.prepare.plan(source, out, **settings)
        tell(document)
        emit(document, flags.json, "\n".join([*audit_lines(document["labels"]), document["plan"]]))
        return 0
    if out is None:
        raise UsageError("--out is missing", where="prepare", hint="name a folder for the corpus: --out CORPUS")
    with shown() as progress:
        document = api.prepare.run(source, out, progress=progress, **settings)
    tell(document)
    emit(document, flags.json, _text(document))
    return 0


def tell(document: dict[str, Any]) -> None:
    """Notes and what was left out, on stderr."""
    for line in document["notes"]:
        note(f"note: {line}")
    for entry in document["skipped"]:
        note(f"skipped {entry['path']}: {entry['reason']}")


def audit_lines(labels: dict[str, Any]) -> list[str]:
    """The ceiling and the audit of the labels, a line each."""
    lines: list[str] = []
    for name, ceiling in labels["ceiling"].items():
        if ceiling is None:
            lines.append(f"{name}: ceiling not known (the source gives no spread of raters)")
        else:
            r2, ccc = ceiling["r2"], ceiling["ccc"]
            lines.append(
                f"{name}: no predictor can pass R² {r2['value']:.3f} [{r2['ci'][0]:.3f}, {r2['ci'][1]:.3f}], "
                f"CCC {ccc['value']:.3f} [{ccc['ci'][0]:.3f}, {ccc['ci'][1]:.3f}]"
            )
    return lines + [f"{c['verdict']:<14} {c['check']}: {c['detail']}" for c in labels["audit"]]


def _text(document: dict[str, Any]) -> str:
    lines = [
        f"{document['clips']} clips of {document['songs']} songs in {document['corpus']}, {document['folds']} folds"
    ]
    lines += audit_lines(document["labels"])
    leaks = {called: share for called, share in document["leakage"].items() if share}
    for called, share in leaks.items():
        lines.append(f"split {document['split']}: {share:.0%} of the test clips share {called} with training")
    lines.append(f"next: affetti train flow --corpus {document['corpus']} --fold 0 --out runs/flow")
    return "\n".join(lines)
