"""The same music with other words: composed songs that differ in what is sung and in nothing else.

``happy`` and ``sad`` have words of valence 0.8 and -0.8, ``none`` has no words. ``one list`` and ``other list`` are a
control: words of valence 0 in both, and no word in both. What distinguishes these two distinguishes words by their
sounds, not by their valence. No note differs; nor do the number of lines and their forms.

When not to use: as listeners' response to words. They are drawn from a list of 75 words without ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import compose
from affetti.compose.lyrics import SUNG_SECTIONS, WORDS
from affetti.studies.audit.context import AuditContext

HAPPY, SAD = 0.8, -0.8
Lines = Sequence[Sequence[str]]


def _halves() -> tuple[dict[str, str], dict[str, str]]:
    """Each word's stand-in from either half of the list: of its own kind and valence, every other word in the order."""
    halves: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for words in WORDS.values():
        order = list(words)
        for half, stand_ins in enumerate(halves):
            for word in order:
                peers = [peer for peer in order[half::2] if words[peer] == words[word]]
                alike = [peer for peer in order if words[peer] == words[word]]
                stand_ins[word] = peers[alike.index(word) % len(peers)]
    return halves


HALVES = _halves()


def reworded_variants(song: compose.Song) -> dict[str, compose.Song]:
    """The song with each kind of words, see the module."""
    neutral = compose.reword(song, 0.0)
    return {
        "happy": compose.reword(song, HAPPY),
        "sad": compose.reword(song, SAD),
        "none": compose.reword(song, None),
        "one list": _substitute(neutral, HALVES[0]),
        "other list": _substitute(neutral, HALVES[1]),
    }


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a song as long as a clip: its music, and what is sung over it."""

    music: Tensor
    voices: dict[str, Tensor]
    """By kind of words; ``none`` is not among them."""

    def with_words(self, words: str) -> Tensor:
        """The music with those words, or with ``none``."""
        return self.music if words == "none" else self.music + self.voices[words]


def sung_excerpt(context: AuditContext, song: compose.Song, voice: str, words: Sequence[str]) -> Excerpt:
    """The part of ``song`` that begins where singing does, with each of ``words`` (:func:`reworded_variants`)."""
    rate, seconds = context.front_end.sample_rate, context.front_end.seconds
    first = next(section.start for section in song.sections if section.name in SUNG_SECTIONS)
    first = min(first, max(0.0, song.duration - seconds))
    begin = round(first * rate)
    known = reworded_variants(song)

    def excerpt(wave: NDArray[np.float32]) -> Tensor:
        return context.fit_length(torch.from_numpy(wave)[begin:])

    voices = {
        name: excerpt(compose.VOICES[voice](song, _lines_between(known[name], first, first + seconds), rate))
        for name in words
    }
    return Excerpt(excerpt(compose.render(song, rate)), voices)


def _lines_between(song: compose.Song, first: float, last: float) -> Lines:
    """The lines of the sections that sound between two times; the others are not sung, which saves time alone."""
    return [s.lines if s.start < last and s.start + s.duration > first else () for s in song.sections]


def _substitute(song: compose.Song, words: dict[str, str]) -> compose.Song:
    sections = [
        replace(s, lines=tuple(" ".join(words.get(word, word) for word in line.split()) for line in s.lines))
        for s in song.sections
    ]
    return replace(song, sections=tuple(sections))
