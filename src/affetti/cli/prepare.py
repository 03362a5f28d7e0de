"""``affetti prepare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from affetti.cli.flags import EngineFlags, LongFlags, parse, resolve, take_engine
from affetti.cli.output import note, print_result
from affetti.cli.progress import show_progress
from affetti.errors import UsageError

if TYPE_CHECKING:
    from affetti.api.prepare import LabelReport, PreparePlan, PrepareResult
    from affetti.results import Estimate


@dataclass(frozen=True)
class Flags(EngineFlags, LongFlags):
    """Make a corpus of spectrograms from labelled music: check labels, cut clips, split by song and artist."""

    source: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="SOURCE...")]] = ()
    """composed, or NAME:PATH of a data set: folder, midi, deam, emomusic, pmemo, emopia, jamendo, vgmidi, listening
    (a study's folder); several are joined; songs in more than one are used once."""
    out: Path | None = None
    """Folder of the corpus; required except with --dry-run."""
    preset: Annotated[str | None, tyro.conf.arg(name="front-end")] = None
    """Front-end: tiny (default), paper, paper45, full-band, cqt-tiny, cqt."""
    scale: str | None = None
    """Scale of the labels in labels.csv, such as 1..9; inferred only if the values allow no other."""
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
    """SoundFont 2 or 3 file for MIDI and composed songs (default: that of pretty_midi)."""
    renderer: Literal["affetti", "fluidsynth"] | None = None
    """Renderer of MIDI (default affetti)."""
    voice: Literal["formant", "espeak"] | None = None
    """Voice that sings (formant) or speaks (espeak) the words of composed songs (default: none)."""
    deam_labels: Literal["corrected", "as-shipped"] | None = None
    """Whether DEAM's swapped axes are corrected (default corrected)."""
    full_songs: bool = False
    """Read DEAM's 58 full songs of 2015 too."""
    lexicon: Path | None = None
    """CSV of words with valence and arousal on --scale that places Jamendo's mood tags (default: affetti's words)."""
    metadata: Path | None = None
    """CSV that adds to the songs of any data set, by the column song: lyrics, lyrics_file, language, section,
    sections_file, instruments, mode, tempo, genre, artist, title."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "prepare")
    settings = resolve(flags, {"preset": "tiny", "seed": 0}, flags.config)
    take_engine(settings)
    source, out = settings.pop("source", ()), settings.pop("out", None)
    if not source:
        raise UsageError("no source", where="prepare", hint="name one, such as composed or folder:PATH")
    from affetti import api

    if flags.dry_run:
        plan = api.prepare.plan(source, out, **settings)
        _note_omissions(plan)
        print_result(plan.to_dict(), flags.json, "\n".join([*_label_lines(plan.labels), plan.plan]))
        return 0
    if out is None:
        raise UsageError("--out is missing", where="prepare", hint="name a folder for the corpus: --out CORPUS")
    with show_progress() as progress:
        result = api.prepare.run(source, out, progress=progress, **settings)
    _note_omissions(result)
    print_result(result.to_dict(), flags.json, _text(result))
    return 0


def _note_omissions(result: PrepareResult | PreparePlan) -> None:
    """Notes and skipped tracks, on stderr."""
    for line in result.notes:
        note(f"note: {line}")
    for track in result.skipped:
        note(f"skipped {track.path}: {track.reason}")


def _label_lines(labels: LabelReport) -> list[str]:
    """The ceiling and the audit of the labels, a line each."""
    lines: list[str] = []
    for axis, ceiling in labels.ceiling.by_axis().items():
        if ceiling is None:
            lines.append(f"{axis}: ceiling not known (the source gives no spread of raters)")
        else:
            lines.append(f"{axis}: no predictor can exceed R² {_estimate(ceiling.r2)}, CCC {_estimate(ceiling.ccc)}")
    return lines + [f"{check.verdict:<14} {check.check}: {check.detail}" for check in labels.audit]


def _estimate(estimate: Estimate) -> str:
    low, high = estimate.ci
    return f"{estimate.value:.3f} [{low:.3f}, {high:.3f}]"


def _text(result: PrepareResult) -> str:
    lines = [f"{result.clips} clips of {result.songs} songs in {result.corpus}, {result.folds} folds"]
    lines += _label_lines(result.labels)
    for name, share in result.leakage.items():
        if share:
            lines.append(f"split {result.split}: {share:.0%} of the test clips share {name} with training")
    lines.append(f"next: affetti train flow --corpus {result.corpus} --fold 0 --out runs/flow")
    return "\n".join(lines)
