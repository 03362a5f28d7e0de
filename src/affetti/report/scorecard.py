"""The section on a scorecard, and its figures: where clips lie, band levels, their modulation, the nearest pairs.

Each figure is a function from the arrays that ``affetti score --out`` files (see
:mod:`affetti.studies.scorecard.plot_data`) to inline SVG with a text alternative. Real music is blue circles and solid
lines, synthetic clips orange squares and dashed ones: colour is never the only difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from affetti.presets import FRONT_ENDS, FrontEnd, MelFrontEnd
from affetti.progress import Progress, silent
from affetti.report.audio_examples import RANGE_DB, Tile, sounds, spectrogram
from affetti.report.band_axis import band_marks, picture_name
from affetti.report.drawing import Axis, Canvas, legend_line, legend_mark, span_of
from affetti.report.figures import components
from affetti.report.profiles import FAKE, REAL, profiles
from affetti.report.song_form import FormFigures, form_figures
from affetti.report.sources import Arrays
from affetti.report.wording import number
from affetti.studies.scorecard.copy_results import NearestPair
from affetti.studies.scorecard.result import Scorecard
from affetti.studies.scorecard.typicality_results import ClipTypicality

DEVIATION = "real and synthetic, each with the deviation between clips"
MARKS = (100, 500, 1_000, 2_000, 4_000, 8_000)
"""Hz that a frequency axis names."""
MAX_SECONDS = 10.0
"""Seconds of each clip of a pair that are played."""
PART_WORDS = {
    "frechet": "texture",
    "form": "form",
    "variety": "variety",
    "moments": "level",
    "coherence": "coherence",
    "smoothness": "motion",
    "transitions": "transitions",
    "rhythm": "rhythm",
    "frequency": "spectrum",
    "harmony": "harmony",
    "range": "dynamics",
    "steps": "fine steps",
}
"""Short words for the parts of the Quality Score."""


@dataclass(frozen=True)
class PairOfTiles:
    """A synthetic clip and the training clip nearest to it."""

    distance: float
    quantile: float | None
    tiles: tuple[Tile, Tile]


@dataclass(frozen=True)
class Pairs:
    """The nearest pairs, with spectrograms and players."""

    pairs: tuple[PairOfTiles, ...]
    low_db: float
    high_db: float
    sound_seconds: float
    """Length of a sound."""
    image_seconds: float
    """Length of an image."""


@dataclass(frozen=True)
class Atypical:
    """The least typical clips to see and hear."""

    clips: tuple[tuple[float, Tile], ...]
    """Typicality, and the clip."""
    low_db: float
    high_db: float
    sound_seconds: float
    """Length of a sound."""
    image_seconds: float
    """Length of an image."""


@dataclass(frozen=True)
class ScoreFigures:
    """What is drawn of the arrays of a scorecard."""

    map: Markup
    levels: Markup
    modulation: Markup


@dataclass(frozen=True)
class ScoreSection:
    """What the template ``score.html`` needs of one scorecard."""

    name: str
    card: Scorecard
    components: Markup
    """The parts of the Quality Score."""
    figures: ScoreFigures | None
    """None without arrays."""
    pairs: Pairs | None
    atypical: Atypical | None
    form: FormFigures | None
    """None where whole songs were not compared."""
    legend: tuple[tuple[str, Markup, Markup], ...]
    """Name, marker and line of real and of synthetic clips."""


def score_section(
    card: Scorecard, name: str, arrays: Arrays | None = None, progress: Progress = silent
) -> ScoreSection:
    """Draw a scorecard.

    Args:
        card: the scorecard.
        name: that the synthetic clips are called by.
        arrays: of ``pictures.npz``.
        progress: receives the number of sounds done.
    """
    arrays = arrays or {}
    front = front_end_of(card.front_end)
    drawn = None
    if arrays:
        drawn = ScoreFigures(
            feature_map(arrays), band_profiles(arrays, front), modulation_spectra(arrays, known=front is not None)
        )
    return ScoreSection(
        name=name,
        card=card,
        components=components(card.quality.components, PART_WORDS),
        figures=drawn,
        pairs=pairs(arrays, card.pairs_to_hear, front, name, progress),
        atypical=atypical(arrays, card.typicality, front, name, progress),
        form=None if card.form is None else form_figures(card.form),
        legend=(("real music", legend_mark(REAL), legend_line(REAL)), (name, legend_mark(FAKE), legend_line(FAKE))),
    )


def feature_map(arrays: Arrays) -> Markup:
    """Clips on the two directions along which real music varies most."""
    canvas = Canvas(400, 344)
    real, fake = arrays["map_real"], arrays["map_fake"]
    both = np.concatenate([real, fake])
    # A few clips far out would squeeze the rest: they are drawn on the rim.
    ends = [np.quantile(both[:, axis], [0.005, 0.995]) for axis in (0, 1)]
    x, y = Axis(*span_of(ends[0].tolist()), 46, 392), Axis(*span_of(ends[1].tolist()), 300, 8)
    canvas.across(x, 300, 8)
    canvas.upright(y, 46, 392)
    for series, points in ((REAL, real), (FAKE, fake)):
        for first, second in points.tolist():
            canvas.mark(x(_within(first, x)), y(_within(second, y)), series, 2.4)
    share = arrays["map_share"]
    canvas.text(219, 336, f"first direction of real music ({_percent(share, 0)} of its variance)", "middle")
    words = f"second direction ({_percent(share, 1)})"
    canvas.add(f'<text transform="translate(12 154) rotate(-90)" text-anchor="middle">{words}</text>')
    offsets = [number(float(fake[:, axis].mean() - real[:, axis].mean())) for axis in (0, 1)]
    spread = [number(float(fake[:, axis].std() / max(float(real[:, axis].std()), 1e-9))) for axis in (0, 1)]
    return canvas.svg(
        f"Map of {len(real)} real and {len(fake)} synthetic clips along the two directions in which real music varies "
        f"most. Synthetic clips are centred {offsets[0]} and {offsets[1]} from real ones and spread {spread[0]} and "
        f"{spread[1]} times as far."
    )


def band_profiles(arrays: Arrays, front: FrontEnd | None = None) -> Markup:
    """Mean level of each band with the spread between clips, over frequency: in notes for constant-Q bins."""
    hertz = arrays["band_hz"]
    bands = arrays["level_real"].shape[1]
    numbers = np.arange(bands, dtype=np.float64)
    shown = [mark for mark in MARKS if len(hertz) and hertz[0] <= mark <= hertz[-1] * 1.05]
    marks = [(float(np.interp(mark, hertz, numbers)), _hertz(mark)) for mark in shown]
    words = "frequency" if len(hertz) else "number of the band"
    if front is not None and not isinstance(front, MelFrontEnd):
        marks, words = band_marks(front), "note"
    return profiles(
        numbers,
        (_band(arrays["level_real"]), _band(arrays["level_fake"])),
        marks or [(float(band), str(band + 1)) for band in np.linspace(0, bands - 1, 5).round()],
        words,
        f"Mean level in dB of {bands} bands over {words}, {DEVIATION}",
    )


def modulation_spectra(arrays: Arrays, *, known: bool) -> Markup:
    """Power with which band levels swing, over the rate of the swing."""
    rate = np.log10(arrays["rate"])
    steps = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0) if known else (0.003, 0.01, 0.03, 0.1, 0.3)
    unit = "a second" if known else "a frame"
    marks = [(float(np.log10(step)), f"{step:g}") for step in steps if rate[0] <= np.log10(step) <= rate[-1]]
    return profiles(
        rate,
        (_band(arrays["modulation_real"]), _band(arrays["modulation_fake"])),
        marks,
        f"swings {unit}",
        f"Power in dB of level swings by their rate, times {unit}, {DEVIATION}",
    )


def _band(profile: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Low, mean and high of a mean and deviation ``[2, K]``."""
    mean, spread = profile
    return mean - spread, mean, mean + spread


def pairs(
    arrays: Arrays, nearest: Sequence[NearestPair], front: FrontEnd | None, name: str, progress: Progress
) -> Pairs | None:
    """The nearest pairs with spectrograms and players; None where there are none, or the front-end is not known."""
    if front is None or "pairs_fake" not in arrays or not len(arrays["pairs_fake"]):
        return None
    mels = [
        mel.astype(np.float32) for pair in zip(arrays["pairs_fake"], arrays["pairs_train"], strict=True) for mel in pair
    ]
    shown = nearest[: len(mels) // 2]
    words = [words for pair in shown for words in ((name, pair.fake), ("training", pair.train))]
    tiles, high, seconds = _tiles(mels, words, front, progress)
    drawn = [
        PairOfTiles(pair.distance, pair.quantile, (tiles[2 * row], tiles[2 * row + 1]))
        for row, pair in enumerate(shown)
    ]
    return Pairs(tuple(drawn), high - RANGE_DB, high, seconds, front.seconds)


def atypical(
    arrays: Arrays, typicality: ClipTypicality | None, front: FrontEnd | None, name: str, progress: Progress
) -> Atypical | None:
    """The least typical clips with spectrograms and players; None where there are none, or without a front-end."""
    if front is None or typicality is None or "atypical_fake" not in arrays:
        return None
    mels = [mel.astype(np.float32) for mel in arrays["atypical_fake"]]
    shown = typicality.least[: len(mels)]
    tiles, high, seconds = _tiles(mels, [(name, clip.clip) for clip in shown], front, progress)
    clips = tuple((clip.typicality, tile) for clip, tile in zip(shown, tiles, strict=True))
    return Atypical(clips, high - RANGE_DB, high, seconds, front.seconds)


def _tiles(
    mels: list[NDArray[np.float32]], words: list[tuple[str, str]], front: FrontEnd, progress: Progress
) -> tuple[list[Tile], float, float]:
    """Spectrograms on one scale and sounds, each with its name and detail; the top of the scale in dB, and seconds."""
    high = float(np.ceil(max(np.quantile(mel, 0.999) for mel in mels) / 5) * 5)
    seconds = min(front.seconds, MAX_SECONDS)
    played = sounds(mels, front, seconds, progress)
    tiles = [
        Tile(
            name,
            detail,
            spectrogram(mel, front, high - RANGE_DB, high, f"{picture_name(front)}, {name}, {detail}"),
            sound,
        )
        for mel, (name, detail), sound in zip(mels, words, played, strict=True)
    ]
    return tiles, high, seconds


def front_end_of(digest: str | None) -> FrontEnd | None:
    """The preset whose hash is ``digest``, if there is one."""
    return next((front for front in FRONT_ENDS.values() if front.hash == digest), None)


def _within(value: float, axis: Axis) -> float:
    return min(max(value, axis.low), axis.high)


def _percent(share: NDArray[np.float64], axis: int) -> str:
    return f"{100 * float(share[axis]):.0f} %" if len(share) > axis else "0 %"


def _hertz(value: float) -> str:
    return f"{value / 1000:g} kHz" if value >= 1_000 else f"{value:g} Hz"
