"""``affetti predict``."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from affetti.cli.flags import CommonFlags, EngineFlags, parse, resolve, take_engine
from affetti.cli.output import note, print_result
from affetti.cli.progress import show_progress
from affetti.emotion import AXES, SCALES
from affetti.errors import one_line
from affetti.weights import SHIPPED

COLUMNS = ("path", "valence", "valence_low", "valence_high", "arousal", "arousal_low", "arousal_high")
ORIGINAL = ("interval_level", "scale", "valence_original", "arousal_original", "error")
CURVE_COLUMNS = ("path", "time", "valence", "arousal", "scale", "valence_original", "arousal_original")
DIGITS = 6
"""Significant digits of numbers in tables."""


@dataclass(frozen=True)
class Flags(EngineFlags, CommonFlags):
    """Predict valence and arousal of recordings, with intervals and the curve over time, in [-1, 1]."""

    audio: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="AUDIO...")]] = ()
    """Audio files, or folders of them; of several, one that cannot be read is skipped with a note."""
    model: str | None = None
    """Run of a regressor, USER/NAME on the Hugging Face Hub, or with --runtime onnx an ONNX file (default shipped: the
    regressor that ships with affetti, trained on composed music alone)."""
    hop: float | None = None
    """Seconds between points of the curve (default 1)."""
    csv: str | None = None
    """Write the songs' values as CSV to this file, or with - to stdout instead of text: path, valence, valence_low and
    valence_high (its interval), the same of arousal, interval_level, and the values on the scale of the model's labels
    (scale, valence_original, arousal_original); error says why a recording has none."""
    curve_csv: Path | None = None
    """Write the curves as CSV to this file, one row a window: path, time of its centre in seconds, valence and arousal
    (empty where it is silent), and both on the scale of the model's labels (scale, valence_original,
    arousal_original)."""
    picture: Path | None = None
    """Draw the curves, on the plane and over time, into this .png, .svg or .pdf."""
    lyrics: Path | None = None
    """With a regressor trained with --inputs mel,lyrics: the words, a text or .lrc file; of several recordings a folder
    of files named as they are."""
    genre: str | None = None
    """With --inputs mel,genre: the genre."""
    instruments: str | None = None
    """With --inputs mel,instruments: the instruments, joined by commas."""
    runtime: Literal["torch", "onnx"] | None = None
    """Runtime of the model (default torch)."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "predict")
    settings = resolve(flags, {"model": SHIPPED, "hop": 1.0, "device": "cpu", "runtime": "torch"}, flags.config)
    settings.pop("seed", None)
    take_engine(settings)
    table, curves = settings.pop("csv", None), settings.pop("curve_csv", None)
    model, audio = settings.pop("model"), settings.pop("audio", ())
    from affetti import api
    from affetti.storage import write_text

    with show_progress() as progress:
        predictions = api.predict.run(model, list(audio), progress=progress, **settings)
    document = [prediction.to_dict() for prediction in predictions]
    if described := {prediction.regressor for prediction in predictions if prediction.regressor is not None}:
        note(f"note: predicted by {described.pop()}")
    for entry in document:
        if entry["error"] is not None:
            note(f"skipped {entry['path']}: {entry['error']}")
        elif entry["silent"]:
            note(f"note: {entry['path']}: {entry['silent']} of {len(entry['curve'])} windows are silent and left out")
    if table is not None and table != "-":
        write_text(Path(table), _csv(document))
    if curves is not None:
        write_text(Path(curves), _curve_csv(document))
    text = _csv(document).rstrip("\n") if table == "-" else "\n".join(_line(e) for e in document if e["error"] is None)
    print_result(document, flags.json, text)
    return 0


def _line(entry: dict[str, Any]) -> str:
    def formatted(axis: str) -> str:
        interval = entry[f"{axis}_ci"]
        return f"{axis} {entry[axis]:+.2f}" + ("" if interval is None else f" [{interval[0]:+.2f}, {interval[1]:+.2f}]")

    line = f"{one_line(entry['path'])}: {formatted('valence')}, {formatted('arousal')}"
    if entry["interval_level"] is not None:
        line += f" ({100 * entry['interval_level']:.0f} % intervals)"
    if entry["inputs"]:
        sound = f"{entry['sound_valence']:+.2f}, {entry['sound_arousal']:+.2f}"
        line += f"; sound alone {sound}"
    if entry["scale"] in (None, "-1..1"):
        return line
    return f"{line} (on {entry['scale']}: {entry['valence_original']:.2f}, {entry['arousal_original']:.2f})"


def _csv(document: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *ORIGINAL])
    for entry in document:
        if entry["error"] is not None:
            writer.writerow([entry["path"], *[""] * (len(COLUMNS) + len(ORIGINAL) - 2), entry["error"]])
            continue
        cells: list[Any] = [entry["path"]]
        for axis in AXES:
            cells += [entry[axis], *(entry[f"{axis}_ci"] or ["", ""])]
        writer.writerow(map(_rounded, [*cells, *(entry[name] for name in ORIGINAL[:-1]), ""]))
    return text.getvalue()


def _curve_csv(document: list[dict[str, Any]]) -> str:
    """A row for each window of each recording; its values are empty where it is silent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for entry in document:
        name = entry["scale"]
        for point in entry["curve"] or ():
            values = [point[axis] for axis in AXES]
            originals: list[Any] = ["", ""]
            if name is not None and None not in values:
                originals = SCALES[name].from_unit(values).tolist()
            writer.writerow(map(_rounded, [entry["path"], point["time"], *values, name, *originals]))
    return text.getvalue()


def _rounded(cell: Any) -> Any:
    """A cell of a table; a number with the digits that it has a use for."""
    return f"{cell:.{DIGITS}g}" if isinstance(cell, float) else cell
