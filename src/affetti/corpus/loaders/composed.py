"""The composed corpus: songs composed from emotion cues (see :mod:`affetti.compose`), rendered on the fly.

A clip's true emotion is the mean of its sections' emotions, weighted by their duration in the clip. Its label is the
mean of ``RATERS`` simulated raters with independent errors of standard deviation ``RATER_STD``, so that the ceiling of
the labels is known. At ``tiny`` each clip is within one section, and a song gives up to eight clips. A clip's lyrics
are those of its longest section; no label depends on them. The corpus also stores ``sections.parquet`` (cues, true
emotion, words and their valence) and ``notes.parquet`` (every note).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.compose import cues, lyrics, score
from affetti.compose.cues import TIMBRES
from affetti.compose.renderer import render, require_voice
from affetti.compose.styles import GENRES
from affetti.corpus.track import Dataset, Labels, Source, Track, Windows
from affetti.emotion import AXES
from affetti.rows import evenly_spaced

DATASET = Dataset(
    "composed",
    "Songs composed from emotion cues",
    "CC0: composed by affetti; rendered with TimGM6mb.sf2 (GPL-2.0), which is not part of it",
    "Cue weights: Eerola, T., Friberg, A. & Bresin, R. (2013). Emotional expression in music: contribution, linearity, "
    "and additivity of primary musical cues. Frontiers in Psychology 4:487.",
    "",
    "-1..1",
)
SONGS = 240
RATERS = 10
RATER_STD = 0.35
"""Standard deviation of one simulated rater's error on [-1, 1]; DEAM's is about 0.40."""
WORDS_AND_MUSIC = 0.6
"""Correlation of the words' valence with the music's, over the sections with words; ``lyrics.VALENCE_NOISE`` is set to
give it."""


STYLE_NAMES = ("all", *GENRES)
"""Styles that songs may be in: each in turn, or one of them."""
INSTRUMENTATIONS = ("all", "piano")
"""What may play: each song's own instruments, or a piano alone, without drums."""


@lru_cache(maxsize=4)
def _song(seed: int, index: int, keys: int, style: str = "all", instruments: str = "all") -> score.Song:
    genre = None if style == "all" else style
    if instruments == "all":
        return score.compose(seed, index, keys=keys, genre=genre)
    # The timbre is a cue: labels must be those of a piano.
    song = score.compose(seed, index, {"timbre": "piano"}, keys, genre)
    parts = tuple(replace(part, program=TIMBRES["piano"]) for part in song.parts if not part.is_drum)
    return replace(song, parts=parts)


@dataclass(frozen=True)
class ComposedSound:
    """The sound of song ``index`` of composer ``seed``."""

    seed: int
    index: int
    keys: int = 1
    soundfont: Path | None = None
    voice: str | None = None
    style: str = "all"
    instrumentation: str = "all"
    """One of :data:`INSTRUMENTATIONS`."""

    @property
    def song(self) -> score.Song:
        """The song."""
        return _song(self.seed, self.index, self.keys, self.style, self.instrumentation)

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Compose and render."""
        return render(self.song, sample_rate, self.soundfont, self.voice)

    def stamp(self) -> str:
        """Empty: a composed song does not change."""
        return ""

    def fingerprint(self) -> str:
        """SHA-256 of the score; lyrics count only with a voice, because they are silent without one."""
        content = self.song.to_dict()
        if self.voice is None:
            for section in content["sections"]:
                del section["lines"]
        else:
            content["voice"] = self.voice
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ComposedTrack(Track):
    """A composed song, whose labels follow its sections."""

    seed: int = 0
    index: int = 0
    keys: int = 1
    style: str = "all"
    instrumentation: str = "all"
    """One of :data:`INSTRUMENTATIONS`."""

    @property
    def song(self) -> score.Song:
        """The song."""
        return _song(self.seed, self.index, self.keys, self.style, self.instrumentation)

    def starts(self, duration: float, clip: float, windows: Windows) -> list[float]:  # noqa: ARG002 - its own cut
        """One clip per section, in evenly spaced sections, if each section is long enough; else clips evenly spaced."""
        sections = self.song.sections
        if all(section.duration >= clip for section in sections) and self.clips <= len(sections):
            chosen = evenly_spaced(len(sections), self.clips) if self.clips > 1 else [len(sections) // 2]
            return [sections[i].start for i in chosen]
        room = duration - clip
        if room < 0:
            return []
        count = min(self.clips, int(duration / clip))
        return [room / 2] if count == 1 else [float(at) for at in np.linspace(0.0, room, count)]

    def describe(self, start: float, clip: float) -> dict[str, Any]:
        """Labels, mode, section and instruments of the stretch that starts at ``start``."""
        song = self.song
        overlap = np.array([min(s.start + s.duration, start + clip) - max(s.start, start) for s in song.sections]).clip(
            0
        )
        truths = np.array([cues.valence_arousal(section.cues) for section in song.sections])
        valence, arousal = overlap @ truths / overlap.sum()
        main = song.sections[int(overlap.argmax())]
        # Ratings depend on (seed, song, start in ms) alone: the same clip always has the same ratings.
        rng = np.random.default_rng([self.seed, self.index, round(start * 1000), 0x5EED])
        mean, std = cues.simulate_ratings(np.array([[valence, arousal]]), RATERS, RATER_STD, rng)
        return {
            "valence": float(mean[0, 0]),
            "arousal": float(mean[0, 1]),
            "valence_std": float(std[0, 0]),
            "arousal_std": float(std[0, 1]),
            "raters": RATERS,
            "mode": main.cues.mode,
            "section": main.name,
            "valence_original": float(mean[0, 0]),
            "arousal_original": float(mean[0, 1]),
            "tags": "",
            "instruments": "|".join(song.instruments),
            "lyrics": "\n".join(main.lines),
            "valence_true": float(valence),
            "arousal_true": float(arousal),
        }

    def label_rows(self, clip: float) -> list[dict[str, Any]]:
        """The labels of each of its clips."""
        duration = self.song.duration
        return [self.describe(at, clip) for at in self.starts(duration, clip, "first")]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Sections with their cues, true emotion, words and the words' valence (NaN without), and all notes."""
        song = self.song
        sections = [
            {"song_id": self.song_id, "genre": song.genre, "section": s.name, "start": s.start, "duration": s.duration}
            | asdict(s.cues)
            | dict(zip(AXES, cues.valence_arousal(s.cues), strict=True))
            | {"lyrics": "\n".join(s.lines), "word_valence": lyrics.valence_of(s.lines)}
            for s in song.sections
        ]
        notes = [
            {"song_id": self.song_id, "part": part.name, "program": part.program, "is_drum": part.is_drum}
            | asdict(note)
            for part in song.parts
            for note in part.notes
        ]
        return {"sections": sections, "notes": notes}


def load(
    clips: int,
    clips_per_song: int,
    seed: int,
    soundfont: Path | None = None,
    keys: int = 1,
    voice: str | None = None,
    style: str = "all",
    instruments: str = "all",
) -> Source:
    """Compose ``clips`` clips with ``clips_per_song`` of each song; the last song gives the remainder.

    Args:
        clips: number of clips, ≥ 1.
        clips_per_song: clips of each song, ≥ 1.
        seed: seed of the composer.
        soundfont: the soundfont to render with; None: the default one.
        keys: how many tonics songs may have.
        voice: the voice that sings or speaks the lyrics; None: instrumental.
        style: one of :data:`STYLE_NAMES`.
        instruments: one of :data:`INSTRUMENTATIONS`.

    Raises:
        UsageError, MissingDependencyError: the voice is unknown or not installed, see
            :func:`affetti.compose.renderer.require_voice`.
    """
    require_voice(voice)
    songs = -(-clips // clips_per_song)
    tracks: list[Track] = []
    for index in range(songs):
        name = f"composed-{index:05d}"
        genre = score.genre_of(seed, index) if style == "all" else style
        sound = ComposedSound(seed, index, keys, soundfont, voice, style, instruments)
        tracks.append(
            ComposedTrack(
                name,
                name,
                name,
                sound,
                Labels(0.0, 0.0),
                genre=genre,
                seed=seed,
                index=index,
                keys=keys,
                style=style,
                instrumentation=instruments,
                clips=min(clips_per_song, clips - index * clips_per_song),
            )
        )
    every = {"voice": (voice, None), "style": (style, "all"), "instruments": (instruments, "all")}
    chosen = {name: str(value) for name, (value, default) in every.items() if value != default}
    return Source(DATASET, tracks, planted=declaration(keys, voice), options=chosen)


def declaration(keys: int = 1, voice: str | None = None) -> dict[str, Any]:
    """Every effect that the composer plants in the labels, with its size, and the correlations it creates besides."""
    return {
        "labels": "additive cue weights of Eerola, Friberg & Bresin (2013), V and A columns, divided by 5",
        "weights": {
            "intercept": cues.INTERCEPT,
            "graded": cues.GRADED,
            "choices": cues.CHOICES,
            "divided_by": cues.SCALE,
        },
        "raters": {"k": RATERS, "std": RATER_STD},
        "keys": keys,
        "loudness": "each instrument and key is balanced, so that timbre and register are no change of level",
        "articulation": "melody, chords and bass follow the cue; drums do not",
        "sections": "intro, bridge and outro are thinner; this changes no label",
        "section_effect": 0.0,
        "genre_effect": 0.0,
        "lyrics_effect": 0.0,
        "lyrics": {
            "words": "valence of the section's music (of a song's choruses, its mean) plus normal noise; our word list",
            "noise": lyrics.VALENCE_NOISE,
            "correlation": WORDS_AND_MUSIC,
            "sections": sorted(lyrics.SUNG_SECTIONS),
            "instrumental": lyrics.INSTRUMENTAL_SHARE,
            "voice": voice or "none",
        },
    }
