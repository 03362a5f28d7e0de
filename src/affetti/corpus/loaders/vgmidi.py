"""VGMIDI: piano arrangements of video game music with valence and arousal by about 30 listeners, one value a measure.

Ferreira & Whitehead, "Learning to Generate Music With Sentiment", ISMIR 2019. The tree is
``labelled/annotations/vgmidi_raw_{1,2}.json`` and ``labelled/midi/*.mid``. A piece's label is the mean over listeners
of each listener's mean over measures, its spread the sample standard deviation over listeners. The repository states no
licence and the compositions are third parties': for research.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from affetti.corpus.track import Labels, MidiFile, Source, Track
from affetti.errors import InputError
from affetti.storage import read_json

NAME = "vgmidi"
LICENCE = "none stated; game music by third parties, for research"
CITATION = "Ferreira, L. N. & Whitehead, J. (2019). Learning to Generate Music With Sentiment. ISMIR."
ANNOTATIONS = ("vgmidi_raw_1.json", "vgmidi_raw_2.json")


def load(path: Path, *, scale: str | None = None, soundfont: Path | None = None) -> Source:  # noqa: ARG001
    """Read the annotations of the VGMIDI tree at ``path``; pieces whose MIDI is absent are counted in the notes.

    Raises:
        InputError: the tree is not VGMIDI's, or an annotation is outside [-1, 1].
    """
    root = path / "labelled"
    if not (root / "annotations" / ANNOTATIONS[0]).is_file():
        raise InputError(
            "not the VGMIDI tree", where=path, hint=f"give the folder that holds labelled/annotations/{ANNOTATIONS[0]}"
        )
    tracks: list[Track] = []
    absent = 0
    for number, part in enumerate(ANNOTATIONS, start=1):
        file = root / "annotations" / part
        if not file.is_file():
            continue
        raw = read_json(file)
        try:
            pieces = {piece_id: str(piece["midi"]) for piece_id, piece in sorted(raw["pieces"].items())}
            ratings = _by_piece(raw["annotations"])
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError("not VGMIDI's annotations", where=file, hint="fetch it again") from error
        for piece_id, name in pieces.items():
            midi = root / "midi" / name
            if not midi.is_file():
                absent += 1
                continue
            labels = _labels(ratings.get(piece_id, []), piece_id, file)
            song_id = f"r{number}_{piece_id}"
            # The first field of the file's name is the game series, the nearest thing to an artist.
            series = name.split("_")[0]
            artist = "" if series == "Other" else series
            tracks.append(
                Track(song_id, song_id, str(midi.relative_to(path)), MidiFile(midi, soundfont), labels, artist, "game")
            )
    if not tracks:
        raise InputError("no labelled MIDI file is present", where=root / "midi", hint="fetch the whole repository")
    notes = ["one value a listener and measure; a piece's label is the mean over both"]
    if absent:
        notes.append(f"{absent} annotated pieces have no MIDI file here")
    return Source(NAME, tracks, "-1..1", LICENCE, CITATION, tuple(notes))


def _by_piece(annotations: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Each listener's mean valence and arousal over measures, by piece; keys are ``PIECE_LISTENER``."""
    found: dict[str, list[tuple[float, float]]] = {}
    for key, values in annotations.items():
        valence, arousal = (
            float(np.mean(values[name])) if values[name] else float("nan") for name in ("valence", "arousal")
        )
        found.setdefault(key.rsplit("_", 1)[0], []).append((valence, arousal))
    return found


def _labels(listeners: list[tuple[float, float]], piece_id: str, file: Path) -> Labels:
    if not listeners:
        raise InputError(f"no listener rated {piece_id}", where=file, hint="the file was edited: fetch it again")
    found: dict[str, tuple[float, float]] = {}
    for name, means in zip(("valence", "arousal"), np.array(listeners).T, strict=True):
        if not (np.abs(means) <= 1).all():
            raise InputError(
                f"{piece_id}: {name} outside [-1, 1]", where=file, hint="the file was edited: fetch it again"
            )
        found[name] = float(means.mean()), float(means.std(ddof=1)) if len(means) > 1 else float("nan")
    return Labels(found["valence"][0], found["arousal"][0], found["valence"][1], found["arousal"][1], len(listeners))
