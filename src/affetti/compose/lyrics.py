"""Lyrics: short lines of known valence.

A line is a template of unscored words (*we … in …*) whose places take nouns, adjectives and verbs of :data:`WORDS`.
Each of these has one of five steps: 1 names happiness or its height, 0.5 what is pleasant, 0 what is neither, -0.5 what
is unpleasant, -1 names suffering. The valence of a line is the mean over its words that have one. Words and steps are
our own assignment, not ratings: no listener gave them and no lexicon was copied.

Do not use these numbers to say how words feel, or to score lyrics of others: the list knows 75 words and no grammar
("not happy" is happy).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np

from affetti.errors import UsageError

Kind = Literal["noun", "adjective", "verb"]

STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""The ordinal scale of valence, from suffering to happiness; equal distances are a convention."""

# Nouns that need no article, adjectives that can stand before any of them, verbs that need no object: whatever is drawn
# makes a sentence.
_TABLE: dict[Kind, tuple[str, str, str, str, str]] = {
    "noun": (
        "sorrow misery despair grief death",
        "shadows winter distance dust worry",
        "paper water numbers windows corners",
        "hope sunshine friendship summer music",
        "joy love laughter delight wonder",
    ),
    "adjective": (
        "hopeless miserable cruel dreadful ruined",
        "cold tired empty pale heavy",
        "round square wooden yellow common",
        "warm gentle sweet calm bright",
        "happy joyful glorious wonderful merry",
    ),
    "verb": (
        "weep suffer mourn grieve die",
        "stumble shiver fade sigh wander",
        "walk stand turn sit wait",
        "smile sing play bloom rest",
        "dance laugh rejoice celebrate shine",
    ),
}

WORDS: dict[str, dict[str, float]] = {
    kind: {word: step for step, words in zip(STEPS, rows, strict=True) for word in words.split()}
    for kind, rows in _TABLE.items()
}
"""Valence of each word, by what it can stand for."""
VALENCE: dict[str, float] = {word: step for words in WORDS.values() for word, step in words.items()}
"""Valence of each word."""

TEMPLATES: tuple[str, ...] = (
    "we verb in adjective noun",
    "adjective noun and adjective noun",
    "I verb and you verb",
    "all the adjective noun",
    "they verb with noun and noun",
    "my noun and my noun",
    "oh the adjective adjective noun",
    "we verb and verb for noun",
)
"""Lines of four to six words, two to four of them with a valence."""

LINES_PER_SECTION = (2, 4)
"""Fewest and most lines of a section."""
WORD_SPREAD = 0.35
"""Standard deviation of the words of a line around the requested valence, before they are rounded to the scale's
steps."""

SUNG_SECTIONS = frozenset({"verse", "chorus", "bridge"})
"""Sections that have words."""
INSTRUMENTAL_SHARE = 0.2
"""Share of songs without words."""
VALENCE_NOISE = 0.3
"""Standard deviation of what the words of a section are about around the valence of its music."""


def write_lines(valence: float, rng: np.random.Generator, lines: int | None = None) -> tuple[str, ...]:
    """Lines whose words have, on average, nearly the requested ``valence``.

    Each word takes the step of the scale nearest to its target, and the rounding error is passed on to the next word:
    over n words the mean misses by at most 1 / (4 n) wherever no target lies beyond the scale.

    Args:
        valence: mean valence of the words, in [-1, 1].
        rng: source of templates, words and the words' spread. What is drawn from it does not depend on ``valence``, so
            that the same seed gives lines of the same form for any.
        lines: how many, ≥ 1; drawn from :data:`LINES_PER_SECTION` when not given.

    Raises:
        UsageError: ``valence`` lies outside [-1, 1], or fewer than one line is requested.
    """
    if not -1.0 <= valence <= 1.0:
        raise UsageError(f"valence {valence:g} of words lies outside [-1, 1]", hint="stay on the plane")
    drawn = int(rng.integers(LINES_PER_SECTION[0], LINES_PER_SECTION[1] + 1))
    count = drawn if lines is None else lines
    if count < 1:
        raise UsageError(f"{count} lines", hint="request at least one")
    # Without replacement as far as that goes, so that a section has lines of several forms.
    order = [int(i) for _ in range(-(-count // len(TEMPLATES))) for i in rng.permutation(len(TEMPLATES))]
    templates = [TEMPLATES[i].split() for i in order[:count]]
    places = sum(word in WORDS for template in templates for word in template)
    spread = rng.normal(0.0, WORD_SPREAD, places)
    targets = iter((valence + spread - spread.mean()).tolist())
    choices = iter(rng.random(places).tolist())
    written: list[str] = []
    carried = 0.0
    for template in templates:
        line: list[str] = []
        for word in template:
            if word in WORDS:
                target = next(targets) + carried
                step = min(STEPS, key=lambda step: abs(step - target))
                carried = target - step
                fitting = [known for known, value in WORDS[word].items() if value == step and known not in line]
                word = fitting[int(next(choices) * len(fitting))]
            line.append(word)
        written.append(" ".join(line))
    return tuple(written)


def write_song(
    sections: Sequence[str],
    valences: Sequence[float],
    stream: Callable[..., np.random.Generator],
    noise: float = VALENCE_NOISE,
) -> list[tuple[str, ...]]:
    """The lines of each section of a song: verses and bridges have their own, choruses repeat theirs.

    The words are about the valence of their section (of the choruses, its mean) plus normal noise, drawn once for the
    words that are written once, and kept on the scale.

    Args:
        sections: names, in order; those not in :data:`SUNG_SECTIONS` get no lines.
        valences: of each section's music, in [-1, 1].
        stream: gives the generator of a decision by its labels; no other decision must share them.
        noise: standard deviation, ≥ 0.
    """
    of = list(zip(sections, valences, strict=True))
    chorus = float(np.mean([valence for name, valence in of if name == "chorus"] or [0.0]))
    seen: Counter[str] = Counter()
    lines: list[tuple[str, ...]] = []
    for name, valence in of:
        number = 0 if name == "chorus" else seen[name]
        seen[name] += 1
        if name not in SUNG_SECTIONS:
            lines.append(())
            continue
        about = (chorus if name == "chorus" else valence) + noise * stream("about", name, number).standard_normal()
        lines.append(write_lines(float(np.clip(about, -1.0, 1.0)), stream("lyrics", name, number)))
    return lines


def valence_of(text: str | Iterable[str]) -> float:
    """Mean valence, in [-1, 1], of the words of ``text`` (or of all its lines) that :data:`VALENCE` knows.

    NaN where it knows none: unknown, not neutral.
    """
    lines: Sequence[str] = [text] if isinstance(text, str) else list(text)
    known = [VALENCE[word] for line in lines for word in re.findall(r"[a-z]+", line.lower()) if word in VALENCE]
    return float(np.mean(known)) if known else float("nan")
