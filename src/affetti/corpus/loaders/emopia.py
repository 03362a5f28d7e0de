"""EMOPIA: pop piano from YouTube, one quadrant a clip, as transcribed MIDI or as audio.

Hung et al., "EMOPIA: A Multi-Modal Pop Piano Dataset For Emotion Recognition and Emotion-based Music Generation", ISMIR
2021. Versions 1.0 and 2.x are read, in any subfolder::

    label.csv                            ID,4Q,annotator
    midis/Q1_YOUTUBEID_0.mid             quadrant, song and number of the clip; the YouTube id may itself hold ``_``
    …/Q1_YOUTUBEID_0.mp3                 audio, not distributed; read instead of the MIDI where it is present
    split/{train,val,test}.csv           fname,label: the split of the authors' classifiers (repository EMOPIA_cls)
    split/{train,val,test}_clip.csv      ,clip_name: the split that the data set's own notebook writes

The labels are categories: their coordinates are the centres of the quadrants, so report accuracies, not CCC.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from affetti import tables
from affetti.corpus.loaders import tree
from affetti.corpus.track import AudioFile, Dataset, Labels, MidiFile, Options, Source, Track
from affetti.errors import InputError

DATASET = Dataset(
    "emopia",
    "EMOPIA",
    "CC BY-NC-SA 4.0",
    "Hung, H.-T. et al. (2021). EMOPIA: A Multi-Modal Pop Piano Dataset for Emotion Recognition and Emotion-based "
    "Music Generation. ISMIR.",
    "https://zenodo.org/records/5090631",
    "quadrants",
)
CLIP = re.compile(r"(Q[1-4])_(.+)_\d+")
SPLITS = {"emopia-cls": ("{}.csv", "fname"), "emopia": ("{}_clip.csv", "clip_name")}
"""Published splits by name: the files of their parts, and the column that names clips."""
PARTS = {"train": "train", "validation": "val", "test": "test"}


def load(path: Path, options: Options) -> Source:
    """Read ``label.csv`` of the EMOPIA tree below ``path``; audio and MIDI may be absent.

    Raises:
        InputError: there is no ``label.csv``, it lacks a column, an id is missing or twice, a quadrant is not 1 to 4,
            or a file name contradicts it.
    """
    paths = tree.files(path)
    table = tree.only(paths, "label.csv")
    if table is None:
        what = "no labels of EMOPIA (expected label.csv)"
        raise InputError(what, where=path, hint="give the folder that holds label.csv and midis/")
    near = sorted(paths, key=lambda file: not file.is_relative_to(table.parent))  # first those next to the labels
    audio = tree.sounds(near)
    midi = tree.sounds(near, (".mid", ".midi"))
    here: list[Track] = []
    absent: list[Track] = []
    for clip, row in sorted(tables.unique(tables.read(table, ("id", "4q")), "id").items()):
        name = CLIP.fullmatch(clip)
        if name is None or name[1] != f"Q{row['4q']}":
            raise row.wrong(f"clip {clip!r} with quadrant {row['4q']!r}; expected Q1_SONG_0 with 1", tables.AGAIN)
        file = audio.get(clip) or midi.get(clip, table.parent / "midis" / f"{clip}.mid")
        sound = AudioFile(file) if clip in audio else MidiFile(file, options.soundfont, options.renderer)
        labels = Labels.category("quadrants", name[1])
        track = Track(clip, name[2], str(file.relative_to(path)), sound, labels, genre="pop")
        (here if clip in audio or clip in midi else absent).append(track)
    n_audio = sum(isinstance(track.sound, AudioFile) for track in here)
    notes = ["labels are quadrants: coordinates are their centres"]
    if n_audio:
        notes.append(f"{n_audio} clips are read from audio, {len(here) - n_audio} from MIDI")
    if absent:
        notes.append(f"{len(absent)} of {len(here) + len(absent)} labelled clips have neither MIDI nor audio here")
    return Source(DATASET, here, absent, notes=tuple(notes), official=_splits(tree.below(paths, "split")))


def _splits(paths: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Part by clip of the published splits whose files are all present."""
    official: dict[str, dict[str, str]] = {}
    for split, (pattern, column) in SPLITS.items():
        files = {part: tree.only(paths, pattern.format(called)) for part, called in PARTS.items()}
        parts: dict[str, str] = {}
        for part, file in files.items():
            for clip, row in tables.unique(tables.read(file, (column,)), column).items() if file else ():
                name = clip.removesuffix(".mid")
                if name in parts:
                    raise row.wrong(f"clip {name} is in the {parts[name]} part too", tables.AGAIN)
                parts[name] = part
        if all(files.values()):
            official[split] = parts
    return official
