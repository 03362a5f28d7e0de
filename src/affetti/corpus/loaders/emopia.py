"""EMOPIA: pop piano, transcribed to MIDI, one quadrant a clip.

Hung et al., "EMOPIA: A Multi-Modal Pop Piano Dataset For Emotion Recognition and Emotion-based Music Generation", ISMIR
2021; CC BY-NC-SA 4.0. The tree is ``label.csv`` (``ID,4Q,annotator``) and ``midis/*.mid``. File names are
``Q<1-4>_<YouTube id>_<segment>``: a YouTube id may itself hold ``_``, and it is the song. The labels are categories:
the coordinates given here are the centres of the quadrants, so read accuracies from them, not CCC.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from affetti.corpus.track import Labels, MidiFile, Source, Track
from affetti.emotion import QUADRANTS
from affetti.errors import InputError

NAME = "emopia"
LICENCE = "CC BY-NC-SA 4.0"
CITATION = "Hung, H.-T. et al. (2021). EMOPIA: A Multi-Modal Pop Piano Dataset. ISMIR."


def load(path: Path, *, scale: str | None = None, soundfont: Path | None = None) -> Source:  # noqa: ARG001
    """Read ``label.csv``; clips whose MIDI is absent are counted in the notes.

    Raises:
        InputError: the tree is not EMOPIA's, a quadrant is not 1 to 4, or a file name contradicts the table.
    """
    table = path / "label.csv"
    if not table.is_file() or not (path / "midis").is_dir():
        raise InputError("not the EMOPIA tree", where=path, hint="give the folder that holds label.csv and midis/")
    try:
        labels = pd.read_csv(table, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"not a CSV table ({str(error).strip()})", where=table, hint="fetch EMOPIA 1.0 again"
        ) from error
    missing = [column for column in ("ID", "4Q") if column not in labels.columns]
    if missing:
        raise InputError(f"column {missing[0]!r} is missing", where=table, hint="fetch EMOPIA 1.0 again")
    tracks: list[Track] = []
    absent = 0
    for line, (clip, category) in enumerate(zip(labels["ID"], labels["4Q"], strict=True), start=2):
        quadrant = f"Q{category}"
        if quadrant not in QUADRANTS or not clip.startswith(f"{quadrant}_"):
            raise InputError(
                f"line {line}: clip {clip!r} with quadrant {category!r}", where=table, hint="fetch EMOPIA 1.0 again"
            )
        midi = path / "midis" / f"{clip}.mid"
        if not midi.is_file():
            absent += 1
            continue
        song = clip.split("_", 1)[1].rsplit("_", 1)[0]
        tracks.append(
            Track(
                clip,
                song,
                str(midi.relative_to(path)),
                MidiFile(midi, soundfont),
                Labels(*QUADRANTS[quadrant]),
                genre="pop",
            )
        )
    if not tracks:
        raise InputError("no labelled MIDI file is present", where=path / "midis", hint="fetch EMOPIA 1.0 again")
    notes = ["labels are quadrants: coordinates are their centres"]
    if absent:
        notes.append(f"{absent} labelled clips have no MIDI file here")
    return Source(NAME, tracks, "quadrants", LICENCE, CITATION, tuple(notes))
