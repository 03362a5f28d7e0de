"""``affetti generate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from affetti.cli.flags import EngineFlags, LongFlags, parse, resolve, take_engine
from affetti.cli.output import print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.errors import UsageError

if TYPE_CHECKING:
    from affetti.api.generate import GenerateResult

SONGS = ("curve", "curve_from", "form", "seconds")
"""Flags that request whole songs."""


@dataclass(frozen=True)
class Flags(EngineFlags, LongFlags):
    """Generate a synthetic corpus. Its labels are the emotions requested: check them with affetti score."""

    model: Path
    """Run of a generator."""
    out: Path
    """Folder of the synthetic corpus."""
    n: int | None = None
    """Clips to generate; of whole songs, their number (default 1)."""
    emotions: str | None = None
    """uniform (default), matched to the training clips, gaps between them, a word (sad), V,A or a CSV."""
    genre: str | None = None
    """Condition of every clip besides its emotion, if the model was trained on it: genre."""
    mode: Literal["major", "minor"] | None = None
    """Condition: mode."""
    section: str | None = None
    """Condition: section of a song, such as chorus."""
    position: float | None = None
    """Condition: position in the song, 0 to 1."""
    instruments: str | None = None
    """Condition: the instruments that play, and no others, such as piano,bass."""
    lyrics: str | None = None
    """Condition: the words that are sung; a slash separates lines."""
    curve: str | None = None
    """Whole songs that follow a curve: a CSV of time,valence,arousal[,section], or words: "sad@0 calm@60"."""
    curve_from: Annotated[tuple[str, str] | None, tyro.conf.arg(metavar="CORPUS SONG_ID")] = None
    """Whole songs that follow the curve of a song of a corpus: its ratings over time, or the labels of its clips."""
    form: str | None = None
    """Whole songs of equal sections: "intro verse chorus"; with --emotions or --curve."""
    seconds: float | None = None
    """Whole songs of this length (default: that of the curve)."""
    sampling: tuple[str, ...] = field(default=())
    """Sampling parameters: guidance=2, guide=0.3, steps=24 or a field (genre=3) for flow; truncation=0.7 for gan."""
    filter: Path | None = None
    """The corpus it was trained on: keep only clips whose predicted emotion is near the one requested, by
    regressors cross-fitted on its songs."""
    audio: bool = False
    """Write each clip as FLAC too."""
    vocoder: str | None = None
    """With --audio: a run of vocoded, or a HiFi-GAN by folder or Hub name, of this front-end (default: Griffin-Lim)."""
    batch_size: int | None = None
    """Clips per batch (default 32)."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "generate")
    defaults = {"emotions": "uniform", "seed": 0, "batch_size": 32, "device": "cpu"}
    settings = resolve(flags, defaults, flags.config)
    take_engine(settings)
    for name, change in (("instruments", _names), ("lyrics", _lines), ("sampling", _parameters)):
        if name in settings:
            settings[name] = change(settings[name])
    settings = {"filter_by" if name == "filter" else name: value for name, value in settings.items()}
    model, n, out = Path(settings.pop("model")), settings.pop("n", None), Path(settings.pop("out"))
    if n is None and not any(name in settings for name in SONGS):
        raise UsageError("how many clips?", where="--n", hint="give --n 200")
    n = 1 if n is None else n
    from affetti import api

    if flags.dry_run:
        print_plan(api.generate.plan(model, n, out, **settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.generate.run(model, n, out, progress=progress, **settings)
    print_result(result.to_dict(), flags.json, _text(result))
    return 0


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("/"))


def _parameters(given: tuple[str, ...]) -> dict[str, float]:
    parameters: dict[str, float] = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            parameters[name] = float(value)
        except ValueError:
            raise UsageError(
                f"{text!r} is not a sampling parameter", where="--sampling", hint="write name=number"
            ) from None
    return parameters


def _text(result: GenerateResult) -> str:
    lines = [f"{result.clips} clips by {result.generator} in {result.corpus}"]
    if result.songs is not None:
        count = "1 song" if result.songs == 1 else f"{result.songs} songs"
        lines[0] = f"{count} ({result.clips} clips) by {result.generator}, {result.method}, in {result.corpus}"
    if result.filter is not None:
        kept = result.filter
        shift = ", ".join(f"{axis} {value:+.2f}" for axis, value in kept.shift.items())
        lines.append(
            f"kept {100 * kept.accepted:.0f} % of {kept.tried} tried; "
            f"they cover {100 * kept.coverage:.0f} % of the emotions requested; mean shift: {shift}"
        )
    lines.append(f"next: affetti score CORPUS {result.corpus} --fold {result.fold}")
    return "\n".join(lines)
