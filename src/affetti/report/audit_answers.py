"""What an answer of the audit shows and plays: estimates beside what is claimed, curves, log-mels and sounds.

Drawings are inline SVG with a text alternative. Log-mels of one answer share their axes and one colour scale; sounds of
one answer are equally loud (BS.1770). A sound that is not in the audit's folder is named, and the rest is played.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd
from affetti.report import figures
from affetti.report.audio_examples import RANGE_DB, encode_sounds, spectrogram
from affetti.report.band_axis import picture_name
from affetti.report.drawing import Axis, Canvas, legend_line, legend_mark, span_of
from affetti.report.wording import interval_in_words, three_figures, typeset
from affetti.signal import audio
from affetti.signal.loudness import MIN_SECONDS
from affetti.storage import is_file
from affetti.studies.audit.answer import Answer, LineFigure, Measurement, Sound

MAX_SECONDS = 10.0
"""Seconds of each sound that are played, so that the page stays small."""
MAX_LETTERS = 52
"""Letters in a line of a figure, so that it fits on a phone."""
MIN_RATIO = 10.0
"""Ratio of the largest to the smallest number across, from which on the axis is logarithmic."""

Range = tuple[float | None, float | None]
"""What is claimed; None where it is open."""


@dataclass(frozen=True)
class Player:
    """An audio example with its label."""

    label: str
    origin: str
    sound: str
    seconds: float


@dataclass(frozen=True)
class Curves:
    """The curves of an answer."""

    title: str
    figure: Markup | None
    """None where no curve has a point."""
    legend: tuple[tuple[str, Markup, Markup], ...]
    """Name, line and marker of each curve; empty for a single one."""


@dataclass(frozen=True)
class Picture:
    """A log-mel to see, with its sound where an answer has one of the same name."""

    label: str
    image: Markup
    player: Player | None


@dataclass(frozen=True)
class Pictures:
    """The log-mels of an answer."""

    title: str
    pictures: tuple[Picture, ...]
    low_db: float
    high_db: float
    image_seconds: float
    """Length of an image."""


def estimates(rows: Sequence[Measurement], claims: Mapping[str, Sequence[Range]], title: str, *, zero: bool) -> Markup:
    """A row for each measurement that has a value: its name, its interval, and in grey the range that is claimed.

    Args:
        rows: measurements of one quantity.
        claims: ranges claimed, by the name of the measurement.
        title: the quantity, for the text alternative.
        zero: whether to mark no difference.
    """
    known = [(row, row.value, row.ci or (row.value, row.value)) for row in rows if row.value is not None]
    names = _without_shared_words([typeset(row.label) for row, _, _ in known])
    named = [_lines(name, three_figures(row.value, row.ci)) for name, (row, _, _) in zip(names, known, strict=True)]
    ends = [0.0] if zero else []
    ends += [end for _, value, ci in known for end in (value, *ci)]
    ends += [end for row, _, _ in known for claimed in claims.get(row.name, ()) for end in claimed if end is not None]
    bottom = 8 + sum(15 * len(lines) + 27 for lines in named)
    canvas = Canvas(400, bottom + 24)
    x = Axis(*span_of(ends), 12, 388)
    canvas.across(x, bottom, bottom, "{:,.0f}" if max(map(abs, ends)) >= 10_000 else "{:g}")
    canvas.line(12, bottom, 388, bottom)
    y, words = 4.0, list[str]()
    for (row, value, (low, high)), lines in zip(known, named, strict=True):
        for line in lines:
            y += 15
            canvas.text(12, y, line, style="row-name")
        canvas.text(388, y, three_figures(row.value, row.ci), "end", "row-name strong")
        y += 14
        for mark in x.ticks():
            canvas.line(x(mark), y - 9, x(mark), y + 9, "grid")
        if zero:
            canvas.line(x(0), y - 9, x(0), y + 9, "zero")
        for claimed in claims.get(row.name, ()):
            left, right = (
                x(end) if end is not None else edge for end, edge in zip(claimed, (x.start, x.stop), strict=True)
            )
            canvas.box(min(left, right - 3), y - 6, max(right - left, 3), 12, "claimed")
        if high > low:
            canvas.line(x(low), y, x(high), y, "whisker c0")
        canvas.mark(x(value), y, 0, 5)
        y += 13
        stated = ", ".join(f"the study claims {interval_in_words(*claimed)}" for claimed in claims.get(row.name, ()))
        words.append(f"{row.label} {three_figures(row.value, row.ci)}" + (f" ({stated})" if stated else ""))
    return canvas.svg(f"{title}, with 95 % intervals. {'; '.join(words)}.")


def _without_shared_words(names: Sequence[str]) -> list[str]:
    """The names without the words before their first colon, or after their last, that all share."""
    heads = {name.partition(": ")[0] for name in names}
    tails = {name.rpartition(": ")[2] for name in names}
    if len(names) > 1 and all(": " in name for name in names):
        if len(heads) == 1:
            return [name.partition(": ")[2] for name in names]
        if len(tails) == 1:
            return [name.rpartition(": ")[0] for name in names]
    return list(names)


def _lines(name: str, value: str) -> list[str]:
    """A name in lines, the last with room for the value."""
    lines = wrap(name, MAX_LETTERS)
    return lines if lines and len(lines[-1]) + len(value) + 1 <= MAX_LETTERS else [*lines, ""]


def curves(lines: LineFigure) -> Curves:
    """Draw an answer's curves."""
    drawn = [figures.Line(typeset(series.name), list(series.points)) for series in lines.series if series.points]
    xs = [point[0] for line in drawn for point in line.points]
    steep = bool(xs) and min(xs) > 0 and max(xs) >= MIN_RATIO * min(xs)
    across = typeset(f"{lines.x} (equal steps are equal ratios)" if steep else lines.x)
    figure = figures.panels(across, [(typeset(lines.y), drawn)], f"{lines.title}.", high=210, logarithmic=steep)
    legend = tuple((line.name, legend_line(number), legend_mark(number)) for number, line in enumerate(drawn))
    return Curves(lines.title, figure if xs else None, legend if len(legend) > 1 else ())


def pictures(
    answer: Answer, arrays: Mapping[str, NDArray[Any]], front: FrontEnd | None, players: Sequence[Player]
) -> Pictures | None:
    """Draw the log-mels of an answer; None where there are none here, or where the front-end is not known."""
    if answer.mels is None or front is None:
        return None
    panels = [panel for panel in answer.mels.panels if panel.key in arrays]
    mels = [np.asarray(arrays[panel.key], dtype=np.float32) for panel in panels]
    if not mels:
        return None
    high = float(np.ceil(max(np.quantile(mel, 0.999) for mel in mels) / 5) * 5)
    frames = max(mel.shape[1] for mel in mels)
    shown = max(frames - 1, 1) * front.hop_length / front.sample_rate
    axes = replace(front, seconds=shown)
    by_label = {player.label: player for player in players}
    drawn: list[Picture] = []
    for panel, mel in zip(panels, mels, strict=True):
        # A shorter one ends before the axis does.
        full = np.pad(mel, ((0, 0), (0, frames - mel.shape[1])), constant_values=high - RANGE_DB)
        image = spectrogram(full, axes, high - RANGE_DB, high, f"{picture_name(front)}, {panel.label}")
        drawn.append(Picture(panel.label, image, by_label.get(panel.label)))
    return Pictures(answer.mels.title, tuple(drawn), high - RANGE_DB, high, shown)


def players(folder: Path, answer: Answer, *, composed: bool) -> tuple[list[Player], list[str]]:
    """The sounds of an answer, equally loud, and the names of those whose file is not here.

    Args:
        folder: of the audit.
        answer: names the files.
        composed: whether affetti composed the audited corpus.

    Raises:
        InputError: a file is no sound.
    """
    here = [sound for sound in answer.sounds if is_file(folder / sound.file)]
    missing = [sound.label for sound in answer.sounds if sound not in here]
    if not here:
        return [], missing
    decoded = [audio.decode(folder / sound.file) for sound in here]
    rate = decoded[0][1]
    waves = [_cut(audio.resample(samples, own, rate), rate) for samples, own in decoded]
    played = [
        Player(sound.label, origin(sound, answer.sounds, composed=composed), data, len(wave) / rate)
        for sound, wave, data in zip(here, waves, encode_sounds(waves, rate), strict=True)
    ]
    return played, missing


def origin(sound: Sound, beside: Sequence[Sound], *, composed: bool) -> str:
    """Where a sound comes from, in words; what was rebuilt is of the kind of the sounds beside it.

    A clip of a composed corpus is composed, and not a recording.
    """
    if sound.origin != "rebuilt":
        return "composed" if composed and sound.origin == "recording" else sound.origin
    kinds = {"composed" if composed else other.origin for other in beside if other.origin in ("recording", "composed")}
    words = list(kinds) if len(kinds) == 1 else []
    return ", ".join(words if words and "rebuilt" in sound.label else [*words, "rebuilt"])


def _cut(samples: NDArray[np.float32], rate: int) -> Tensor:
    """The part that is played, padded with silence where it is too short to have a loudness."""
    played = samples[: int(MAX_SECONDS * rate)]
    lack = int(np.ceil(MIN_SECONDS * rate)) + 1 - len(played)
    return torch.from_numpy(np.pad(played, (0, max(lack, 0))))
