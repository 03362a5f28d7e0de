"""The controlled corpus: emotion cues, the notes that carry them, and their sound.

A corpus composed here proves things about representations and models, never about how people feel.
"""

from affetti.compose.cues import MELODIES, MODES, RANGES, TIMBRES, Cues, draw_cues, rate, valence_arousal, vary
from affetti.compose.render import read_midi, render, render_midi, save_midi, soundfont
from affetti.compose.score import Note, Part, Section, Song, compose, genre_of
from affetti.compose.styles import GENRES

__all__ = [
    "GENRES",
    "MELODIES",
    "MODES",
    "RANGES",
    "TIMBRES",
    "Cues",
    "Note",
    "Part",
    "Section",
    "Song",
    "compose",
    "draw_cues",
    "genre_of",
    "rate",
    "read_midi",
    "render",
    "render_midi",
    "save_midi",
    "soundfont",
    "valence_arousal",
    "vary",
]
