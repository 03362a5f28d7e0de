"""MTG-Jamendo, mood/theme: full tracks under Creative Commons with tags that their uploaders chose; no ratings.

Bogdanov et al., "The MTG-Jamendo Dataset for Automatic Music Tagging", ICML workshop 2019. Of a clone of
MTG/mtg-jamendo-dataset and its audio, anywhere below one folder::

    data/autotagging_moodtheme.tsv                                              18 486 tracks, 59 tags
    data/splits/split-{0..4}/autotagging_moodtheme-{train,validation,test}.tsv  17 982 tracks, 56 tags
    …/46/3346.mp3 (320 kbit/s) or …/46/3346.low.mp3

Tables have the header ``TRACK_ID ARTIST_ID ALBUM_ID PATH DURATION TAGS``, tabs and CRLF; TAGS is all the rest of the
line, one cell a tag, each ``mood/theme---NAME``. Where the first table is absent, the tracks are those of the splits.

``autotagging_instrument.tsv`` and ``autotagging_genre.tsv`` beside the first table (or, without them, the files of one
split) give instruments and genres. A track's label is the mean of its tags' points on the plane (see
:mod:`affetti.corpus.loaders.moods`); tracks whose tags have no point are left out and counted. These labels have no
raters and no spread, so their ceiling is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from affetti import tables
from affetti.corpus.annotations import Annotations
from affetti.corpus.loaders import genres, moods, tree
from affetti.corpus.track import AudioFile, Dataset, Labels, Options, Source, Track
from affetti.errors import InputError
from affetti.folders import normal_name
from affetti.signal.audio import AUDIO_SUFFIXES

DATASET = Dataset(
    "jamendo",
    "MTG-Jamendo, mood/theme",
    "tracks: a Creative Commons licence each, see audio_licenses.txt; tags: CC BY-NC-SA 4.0",
    "Bogdanov, D., Won, M., Tovstogan, P., Porter, A. & Serra, X. (2019). The MTG-Jamendo Dataset for Automatic Music "
    "Tagging. Machine Learning for Music Discovery Workshop, ICML.",
    "https://github.com/MTG/mtg-jamendo-dataset",
    "tags",
)
COLUMNS = ("track_id", "artist_id", "album_id", "path", "duration", "tags")
CATEGORY = "mood/theme---"
TABLE = "autotagging_moodtheme.tsv"
PARTS = ("train", "validation", "test")
INSTRUMENT, GENRE = "instrument---", "genre---"
MEANINGS = {CATEGORY: "a mood or theme", INSTRUMENT: "an instrument", GENRE: "a genre"}
PART = re.compile(rf"autotagging_moodtheme-({'|'.join(PARTS)})\.tsv")


def load(path: Path, options: Options) -> Source:
    """Read the tags of the MTG-Jamendo tree below ``path``; audio may be absent.

    Raises:
        InputError: there is no table of tags, one of its lines is malformed, the lexicon cannot be used, or no track
            has a tag with a point on the plane.
        UsageError: the scale of the lexicon is unknown.
    """
    paths = tree.files(path)
    whole = tree.only(paths, TABLE)
    listed = _read(whole) if whole else {}
    splits: dict[str, dict[str, list[str]]] = {}
    for file, part in ((file, match[1]) for file in paths if (match := PART.fullmatch(file.name))):
        table = _read(file)
        splits.setdefault(file.parent.name, {}).setdefault(part, list(table))
        listed = listed if whole else table | listed
    if not listed:
        what = f"no tags of MTG-Jamendo (expected {TABLE} and autotagging_moodtheme-{{train,validation,test}}.tsv)"
        raise InputError(what, where=path, hint="give the folder that holds the clone of MTG/mtg-jamendo-dataset")
    points = moods.read(options.lexicon, options.scale) if options.lexicon else moods.MOODS
    sounds = _sounds(paths)
    instruments, genre_tags = _further_tags(paths, INSTRUMENT), _further_tags(paths, GENRE)
    here: list[Track] = []
    absent: list[Track] = []
    tagged: set[str] = set()
    for name, row in sorted(listed.items()):
        tags = _tags(row, CATEGORY)
        tagged.update(tags)
        point = moods.place(tags, points)
        if point is None:
            continue
        file = sounds.get(_key(PurePosixPath(row["path"])))
        called = row["path"] if file is None else str(file.relative_to(path))
        labels = Labels(float(point[0]), float(point[1]), tags=tags)
        track = Track(name, name, called, AudioFile(file or path / row["path"]), labels, row["artist_id"])
        track = replace(
            track,
            genre=genres.study(*genre_tags.get(name, ())),
            instruments=instruments.get(name, ()),
            annotations=Annotations(genre_original="|".join(genre_tags.get(name, ()))),
        )
        (absent if file is None else here).append(track)
    count = len(here) + len(absent)
    if not count:
        what = f"none of the {len(listed)} tracks has a tag with a point on the plane"
        raise InputError(what, where=options.lexicon or path, hint="give a --lexicon with the tags' words")
    placed = len(tagged & points.keys())
    notes = [f"labels are words, not ratings: the mean point of a track's tags ({placed} of {len(tagged)} have one)"]
    if count < len(listed):
        notes.append(f"{len(listed) - count} of {len(listed)} tracks have no tag with a point and are left out")
    if absent:
        notes.append(f"{len(absent)} of {count} tracks have no audio here (46/3346.mp3 or 46/3346.low.mp3)")
    lacking = {split: [part for part in PARTS if part not in parts] for split, parts in sorted(splits.items())}
    notes += [f"{split} is not available: it lacks {' and '.join(parts)}" for split, parts in lacking.items() if parts]
    official = {
        split: {name: part for part in PARTS for name in splits[split][part]}
        for split, parts in lacking.items()
        if not parts
    }
    return Source(DATASET, here, absent, notes=tuple(notes), official=official)


def _read(file: Path) -> dict[str, tables.Row]:
    """Lines by track id."""
    table = tables.read(file, COLUMNS, delimiter="\t", ragged=True)
    for row in table:
        if not row.get("tags"):
            raise row.wrong(
                "has no tags; expected TRACK_ID, ARTIST_ID, ALBUM_ID, PATH, DURATION and tags", tables.AGAIN
            )
    return tables.unique(table, "track_id")


def _tags(row: tables.Row, category: str) -> tuple[str, ...]:
    tags = [tag for tag in (row["tags"], *row.rest) if tag]
    for tag in tags:
        if not tag.startswith(category):
            raise row.wrong(f"tag {tag!r} is not {MEANINGS[category]}; expected {category}NAME", tables.AGAIN)
    return tuple(tag.removeprefix(category) for tag in tags)


def _further_tags(paths: Sequence[Path], category: str) -> dict[str, tuple[str, ...]]:
    """Tags of another category by track id: of its whole table, or of the files of one split; {} without them."""
    name = f"autotagging_{category.strip('-')}"
    whole = tree.only(paths, f"{name}.tsv")
    files = [file for file in paths if re.fullmatch(rf"{name}-({'|'.join(PARTS)})\.tsv", file.name)]
    files = [file for file in files if file.parent == files[0].parent] if whole is None else [whole]
    return {track: _tags(row, category) for file in files for track, row in _read(file).items()}


def _sounds(paths: Iterable[Path]) -> dict[str, Path]:
    """Audio files by folder and number (``46/3346``); full quality is preferred to low."""
    files = sorted(
        (file for file in paths if file.suffix.lower() in AUDIO_SUFFIXES), key=lambda file: file.stem.endswith(".low")
    )
    by_key: dict[str, Path] = {}
    for file in files:
        by_key.setdefault(_key(file), file)
    return by_key


def _key(file: Path | PurePosixPath) -> str:
    return normal_name(f"{file.parent.name}/{file.stem.removesuffix('.low')}")
