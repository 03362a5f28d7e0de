"""The controlled corpus: emotion cues, the notes that carry them, and their sound.

A corpus composed here proves things about representations and models, never about how people feel.
"""

from affetti.compose.arrangement import Note, Part, Section
from affetti.compose.cues import (
    MELODIES,
    MODES,
    RANGES,
    TIMBRES,
    Cues,
    draw_cues,
    simulate_ratings,
    valence_arousal,
    vary,
)
from affetti.compose.curve import CurveSettings, compose_along
from affetti.compose.ensemble import spread_timing
from affetti.compose.lyrics import valence_of, write_lines
from affetti.compose.renderer import (
    VOICES,
    find_soundfont,
    read_midi,
    render,
    render_midi,
    render_parts,
    save_midi,
)
from affetti.compose.score import Song, compose, genre_of, reword
from affetti.compose.space import Space, render_in_space
from affetti.compose.styles import GENRES
from affetti.compose.target_cues import cue_effects, cues_for
from affetti.compose.voice import FORMANTS, sing

__all__ = [
    "FORMANTS",
    "GENRES",
    "MELODIES",
    "MODES",
    "RANGES",
    "TIMBRES",
    "VOICES",
    "Cues",
    "CurveSettings",
    "Note",
    "Part",
    "Section",
    "Song",
    "Space",
    "compose",
    "compose_along",
    "cue_effects",
    "cues_for",
    "draw_cues",
    "find_soundfont",
    "genre_of",
    "read_midi",
    "render",
    "render_in_space",
    "render_midi",
    "render_parts",
    "reword",
    "save_midi",
    "simulate_ratings",
    "sing",
    "spread_timing",
    "valence_arousal",
    "valence_of",
    "vary",
    "write_lines",
]
