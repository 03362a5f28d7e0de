"""A listening study as labelled music: its clips, labelled with what listeners said of them.

The tree is a study's folder (``affetti listen new``) with ``labels.csv``: ``file, valence, arousal, valence_std,
arousal_std, raters, condition``, in [-1, 1], one row a rated clip; ``affetti prepare listening:`` writes it from the
answers, without listeners that screening leaves out. Clips of one request (``condition``) share a ``song_id``: they
stay on one side of a split. Spread is the sample standard deviation (``ddof`` 1) over listeners.
"""

from __future__ import annotations

from pathlib import Path

from affetti import tables
from affetti.corpus.track import AudioFile, Dataset, Labels, Options, Source, Track

DATASET = Dataset(
    "listening",
    "a listening study",
    "the user's own",
    "your listening study",
    "affetti listen new",
    "-1..1",
)
COLUMNS = ("file", "valence", "arousal", "valence_std", "arousal_std", "raters", "condition")


def load(path: Path, options: Options) -> Source:
    """Read ``labels.csv``.

    Raises:
        InputError: the table is missing, lacks a column, or holds what is no number.
    """
    del options  # none concerns a listening study
    rows = tables.read(path / "labels.csv", COLUMNS, hint="write it with affetti prepare listening:STUDY")
    here: list[Track] = []
    absent: list[Track] = []
    for name, row in tables.unique(rows, "file", "keep one of the lines").items():
        nan = float("nan")
        labels = Labels.on(
            "-1..1",
            row.number("valence", -1, 1),
            row.number("arousal", -1, 1),
            row.number("valence_std", 0, empty=nan),
            row.number("arousal_std", 0, empty=nan),
            int(row.number("raters", 1, whole=True)),
        )
        file = path / name
        track = Track(f"listening-{file.stem}", f"listening-{row['condition']}", name, AudioFile(file), labels)
        (here if file.is_file() else absent).append(track)
    notes = ["labels are means over the listeners of a study, without those that screening leaves out"]
    return Source(DATASET, here, absent, notes=tuple(notes))
