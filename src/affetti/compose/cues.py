"""Musical cues and the emotion that listeners perceived in them.

The seven cues of Eerola, Friberg & Bresin (2013, *Frontiers in Psychology* 4:487) and an additive, linear map from
them to valence and arousal. The weights are ordinary least squares on the study's public ratings (200 stimuli, 46
listeners, four emotions on 1-7 scales; Harvard Dataverse doi:10.7910/DVN/IFOBRN), projected on two axes by us:
V* = (happy + peaceful - sad - scary) / 2 and A* = (happy + scary - sad - peaceful) / 2. V* and A* are divided by
:data:`SCALE` so that every combination of cues falls inside [-1, 1].

Do not use these numbers to say how people feel: listeners rated four emotions, not two axes; five melodies stand for
all melodies; and only trumpet, flute and horn were played, so every other timbre weighs zero, as the trumpet does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError, UsageError

Mode = Literal["major", "minor"]
Melody = Literal["sad", "happy", "scary", "peaceful"]

MODES: tuple[Mode, ...] = get_args(Mode)
MELODIES: tuple[Melody, ...] = get_args(Melody)

RANGES: dict[str, tuple[float, float]] = {
    "register": (53.0, 83.0),
    "tempo": (1.2, 6.0),
    "level": (-10.0, 10.0),
    "articulation": (0.25, 1.0),
}
"""Lowest and highest value of each graded cue in the study; the weights say nothing beyond."""

TIMBRES: dict[str, int] = {
    "trumpet": 56,
    "flute": 73,
    "horn": 60,
    "oboe": 68,
    "clarinet": 71,
    "saxophone": 65,
    "violin": 40,
    "guitar": 24,
    "piano": 0,
    "synth": 81,
}
"""Lead timbres and their General MIDI programs, counted from 0."""

SCALE = 5.0
"""V* and A* over this are affetti's valence and arousal: V* spans -4.54 to 4.40, A* -3.68 to 4.04."""

INTERCEPT = (-5.178, -0.854)
GRADED: dict[str, tuple[float, float]] = {
    "register": (0.061, -0.013),
    "tempo": (0.135, 0.416),
    "level": (-0.046, 0.055),
    "articulation": (-0.667, -0.900),
}
"""(V*, A*) per unit: semitone, note a second, dB, unit of duration over inter-onset interval."""
CHOICES: dict[str, dict[str, tuple[float, float]]] = {
    "mode": {"minor": (0.0, 0.0), "major": (2.325, 1.137)},
    "timbre": {"flute": (0.545, -0.690), "horn": (0.103, 0.112)},
    "melody": {"sad": (0.0, 0.0), "happy": (0.545, 0.375), "scary": (-1.634, 1.514), "peaceful": (-0.141, -0.107)},
}
"""(V*, A*) of each choice against its reference (minor, trumpet, sad); what is not listed weighs zero."""


@dataclass(frozen=True)
class Cues:
    """What a passage of music sounds like, in the cues the study manipulated.

    Raises:
        InputError: a cue lies outside :data:`RANGES` or is not one of its choices.
    """

    mode: Mode
    """``major`` or ``minor``."""
    register: float
    """Mean pitch of the melody, MIDI note number, 53 to 83."""
    tempo: float
    """Melody notes per second, 1.2 to 6."""
    level: float
    """Sound level against the middle level, dB, -10 to 10."""
    articulation: float
    """Duration of a note over its inter-onset interval, 0.25 (staccato) to 1 (legato)."""
    timbre: str
    """Lead instrument, a key of :data:`TIMBRES`."""
    melody: Melody
    """Archetype of the melodic line."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} {value:g} lies outside [{low:g}, {high:g}]", hint="stay in the studied range")
        for name, known in (("mode", MODES), ("timbre", tuple(TIMBRES)), ("melody", MELODIES)):
            if getattr(self, name) not in known:
                raise InputError(f"{getattr(self, name)!r} is not a {name}", hint=f"choose from {', '.join(known)}")


CUES: tuple[str, ...] = tuple(field.name for field in fields(Cues))


def valence_arousal(cues: Cues) -> tuple[float, float]:
    """Valence and arousal of ``cues``, each in [-1, 1]: the additive columns V* and A* over :data:`SCALE`."""
    total = np.array(INTERCEPT)
    for name, weight in GRADED.items():
        total += np.multiply(weight, getattr(cues, name))
    for name, weights in CHOICES.items():
        total += weights.get(getattr(cues, name), (0.0, 0.0))
    valence, arousal = (total / SCALE).tolist()
    return valence, arousal


def draw_cues(rng: np.random.Generator) -> Cues:
    """Cues drawn independently: each graded cue uniform over its range, each choice with equal chances."""
    drawn: dict[str, Any] = {name: _draw(name, child) for name, child in zip(CUES, rng.spawn(len(CUES)), strict=True)}
    return Cues(**drawn)


def vary(cues: Cues, rng: np.random.Generator, *, chance: float = 0.35, mode_chance: float = 0.25) -> Cues:
    """A section's cues: those of the song, each redrawn on its own with probability ``chance``.

    The timbre stays. The mode flips with probability ``mode_chance``. The tempo moves only by factors of two, inside
    its range, since the beat of a song is constant. Each cue has its own generator, spawned from ``rng``: what one cue
    draws does not depend on another cue.
    """
    new: dict[str, Any] = {}
    for name, child in zip(CUES, rng.spawn(len(CUES)), strict=True):
        redraw = child.random() < (mode_chance if name == "mode" else chance)
        if name == "timbre" or not redraw:
            continue
        if name == "mode":
            new[name] = "minor" if cues.mode == "major" else "major"
        elif name == "tempo":
            new[name] = float(child.choice([tempo for tempo in octaves(cues.tempo) if tempo != cues.tempo]))
        else:
            new[name] = _draw(name, child)
    return replace(cues, **new)


def octaves(tempo: float) -> list[float]:
    """The tempi in range that lie a power of two from ``tempo``, slowest first: two or three of them."""
    low, high = RANGES["tempo"]
    return [tempo * 2.0**k for k in range(-3, 4) if low <= tempo * 2.0**k <= high]


def simulate_ratings(
    truth: ArrayLike, raters: int, spread: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A simulated panel: what ``raters`` listeners would say of ``truth``.

    Each rating is the truth plus normal noise, independent between listeners, clips and axes: real panels are less
    tidy than that.

    Args:
        truth: valence and arousal, ``[n, 2]`` or one pair, in [-1, 1].
        raters: listeners, at least 2.
        spread: standard deviation of one listener's noise, ≥ 0.
        rng: source of the noise.

    Returns:
        Mean over listeners, clipped to [-1, 1], and their sample standard deviation (n - 1); both shaped as ``truth``.

    Raises:
        UsageError: fewer than two raters or a negative spread.
        InputError: ``truth`` is not made of finite pairs.
    """
    centre = np.asarray(truth, dtype=np.float64)
    if raters < 2 or not spread >= 0.0:
        raise UsageError(
            f"{raters} raters with spread {spread:g} give no standard deviation", hint="use at least 2 and ≥ 0"
        )
    if centre.ndim not in (1, 2) or centre.shape[-1] != 2 or not np.isfinite(centre).all():
        raise InputError(f"truth of shape {centre.shape} is not made of finite pairs", hint="give valence, arousal")
    ratings = centre + rng.normal(0.0, spread, size=(raters, *centre.shape))
    return np.clip(ratings.mean(axis=0), -1.0, 1.0), ratings.std(axis=0, ddof=1)


def _draw(name: str, rng: np.random.Generator) -> float | str:
    if name in RANGES:
        return float(rng.uniform(*RANGES[name]))
    known: tuple[str, ...] = {"mode": MODES, "timbre": tuple(TIMBRES), "melody": MELODIES}[name]
    return known[int(rng.integers(len(known)))]
