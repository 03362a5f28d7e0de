"""Trees of DEAM and emoMusic as people unpack them: true file names, headers and quirks, made-up ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tests.conftest import RATE, music

STATIC = "static_annotations_averaged_songs_1_2000.csv"
STATIC_2015 = "static_annotations_averaged_songs_2000_2058.csv"
SONG_LEVEL = "annotations averaged per song/song_level"
DYNAMIC = "annotations averaged per song/dynamic (per second annotations)"
PER_RATER = "annotations per each rater/song_level"
HEAD = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
HEAD_2015 = (
    "song_id, valence_mean, valence_std, valence_ max_mean, valence_max_std, valence_min_mean, valence_min_std, "
    "arousal_mean, arousal_std, arousal_max_mean, arousal_max_std, arousal_min_mean, arousal_min_std"
)
EXCERPTS = (*range(2, 62, 4), 999, 1000, *range(1001, 1013))
FULL = tuple(range(2001, 2013))


@dataclass(frozen=True)
class Ratings:
    """What raters truly said: whole numbers 1 to 9 ``[song, axis, rater]``, valence first."""

    ids: tuple[int, ...]
    given: NDArray[np.int_]

    @property
    def means(self) -> NDArray[np.float64]:
        return self.given.mean(axis=2)

    def spread(self, ddof: int) -> NDArray[np.float64]:
        return self.given.std(axis=2, ddof=ddof)


def rate(ids: Sequence[int], raters: int = 10, seed: int = 0) -> Ratings:
    """Songs whose arousal spreads more than their valence, correlated at about .5."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(len(ids), 1))
    centre = 5 + np.array([0.8, 1.6]) * (0.7 * shared + 0.7 * rng.normal(size=(len(ids), 2)))
    given = np.rint(centre[:, :, None] + rng.normal(0, 1.0, (len(ids), 2, raters)))
    return Ratings(tuple(ids), np.clip(given, 1, 9).astype(int))


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def static(
    path: Path, ids: Iterable[int], means: NDArray[np.float64], spread: NDArray[np.float64], swapped: bool = True
) -> Path:
    """DEAM's table of means, padded by blanks as it is published; ids up to 1000 with the axes exchanged."""
    lines = [HEAD]
    for song, mean, std in zip(ids, means, spread, strict=True):
        order = (1, 0) if swapped and song <= 1000 else (0, 1)
        cells = [f"{mean[axis]:12.5g} ,{std[axis]:12.4g}" for axis in order]
        lines.append(f"{song:7d}," + ",".join(cells))
    return write(path, *lines)


def curves(
    folder: Path, rated: Ratings, names: tuple[str, str] = ("valence.csv", "arousal.csv"), seed: int = 0
) -> None:
    """Ratings over time around each song's mean: 61 moments a clip, more of a full song, padded."""
    rng = np.random.default_rng(seed)
    most = 61 + 40 * any(song > 2000 for song in rated.ids)
    moments = [f" sample_{15_000 + 500 * moment}ms" for moment in range(most)]
    for axis, name in enumerate(names):
        lines = ["song_id," + ",".join(moments)]
        for song, mean in zip(rated.ids, rated.means[:, axis], strict=True):
            length = most if song > 2000 else 61
            values = np.clip((mean - 5) / 4 + rng.normal(0, 0.05, length), -1, 1)
            padding = ["" if song % 2 else "NaN"] * (most - length)
            lines.append(f"{song}," + ",".join([*(f"{value:.15f}" for value in values), *padding]))
        write(folder / name, *lines)


def metadata(folder: Path) -> None:
    """The three files: tabs, hard blanks, hyphens, tags of other songs, cells without a header, a byte not UTF-8."""
    write(
        folder / "metadata_2013.csv",
        "song_id,file_name,Artist,Song title,start of the segment (min.sec),end of the segment (min.sec),Genre",
        *(
            f'{song},"\t{song}.mp3","Artist {song % 7}\t","\tTitle {song}\u00a0\t",0.5,1.35,"\t{genre}\t"'
            for song, genre in zip(EXCERPTS[:17], ["Blues", "Classical", "Pop", "Rock"] * 5, strict=False)
        ),
    )
    lines = ["Id,Artist,Album,Track,Genre,segment start,segment end,last.fm tags"]
    lines += [f"{song},Artist {song},Album,Title,Hip-Hop-Electronic,30,75" for song in range(1002, 1012)]
    lines.append('1001,Rex Hobart &amp; the Misery Boys,Live,A "quoted" title,SoulRB-Country-Rock,1,46,rock,rock,rock')
    lines.append("1012,Caf\xe9,Album,Title,Experimental-Electronic,1,46" + ",tag" * 100)
    write(folder / "metadata_2014.csv", *lines, encoding="latin-1")
    lines = ["id,Filename,title,artist,album,genre"]
    lines += [f"{song},{song}.mp3,Title {song},Artist {song},n/a,Singer/Songwriter" for song in FULL[2:]]
    lines += ["2001,1.mp3,Go,No, Really,n/a,folk", "2002,2.mp3,Uranium,Hunt Club,EP,new,punk,acoustic"]
    write(folder / "metadata_2015.csv", *lines)


def per_rater(folder: Path, clips: Ratings, full: Ratings | None = None, *, swapped: bool) -> None:
    """The raters' own files, of different headers."""
    lines = ["workerID, SongId, Valence, Arousal"]
    for song, given in zip(clips.ids, clips.given, strict=True):
        for rater, (valence, arousal) in enumerate(given.T):
            pair = (arousal, valence) if swapped and song <= 1000 else (valence, arousal)
            lines.append(f"w{rater}, {song}, {pair[0]}, {pair[1]}")
    write(folder / "static_annotations_songs_1_2000.csv", *lines)
    if full is None:
        return
    lines = ["SongId, WorkerId, Arousal_Average, Valence_Average, Arousal_Max"]
    for song, given in zip(full.ids, full.given, strict=True):
        lines += [f"{song}, {rater}, {arousal}, {valence}, 9" for rater, (valence, arousal) in enumerate(given.T)]
    write(folder / "static_annotations_songs_2000_2058.csv", *lines)


def deam(root: Path, *, kaggle: bool = True, ratings_swapped: bool = True) -> tuple[Ratings, Ratings]:
    """A whole tree but for the audio; returns what raters truly said of the excerpts and of the full songs."""
    clips, full = rate(EXCERPTS), rate(FULL, raters=6, seed=1)
    annotations = root / "DEAM_Annotations/annotations" if kaggle else root / "annotations"
    static(annotations / SONG_LEVEL / STATIC, clips.ids, clips.means, clips.spread(0))
    lines = [HEAD_2015]
    for song, mean, std in zip(full.ids, full.means, full.spread(0), strict=True):
        pairs = [f"{mean[axis]:.2f} , {std[axis]:.2f} , 9.0 , 0.1 , 1.0 , 0.1" for axis in range(2)]
        lines.append(f"   {song},  " + " ,  ".join(pairs))
    write(annotations / SONG_LEVEL / STATIC_2015, *lines)
    both = Ratings(clips.ids + full.ids, np.concatenate([clips.given[:, :, :6], full.given]))
    curves(annotations / DYNAMIC, both)
    per_rater(annotations / PER_RATER, clips, full, swapped=ratings_swapped)
    metadata(root / ("metadata/metadata" if kaggle else "metadata"))
    return clips, full


def emomusic(
    root: Path, rated: Ratings, artist: Callable[[int], str] = lambda song: f"Artist {song % 7}", info: bool = True
) -> Path:
    """emoMusic's files beside each other, for the songs up to id 1000."""
    lines = ["song_id,mean_arousal,std_arousal,mean_valence,std_valence"]
    for song, mean, std in zip(rated.ids, rated.means, rated.spread(1), strict=True):
        lines.append(f"{song},{mean[1]:.5g},{std[1]:.5g},{mean[0]:.5g},{std[0]:.5g}")
    write(root / "annotations/static_annotations.csv", *lines)
    if info:
        columns = ["song_id", "file_name", "Artist", "Song title", "start of the segment (min.sec)"]
        columns += ["end of the segment (min.sec)", "Genre", "Mediaeval 2013 set"]
        lines = [",".join(f'"{column}"' for column in columns)]
        for song in rated.ids:
            part = "evaluation" if song % 3 == 0 else "development"
            cells = [f"\t{song}.mp3", f"{artist(song)}\t", f"\tTitle {song}\t", "0.5", "1.35", "\tPop\t", part]
            lines.append(f"{song}," + ",".join(f'"{cell}"' for cell in cells))
        write(root / "annotations/songs_info.csv", *lines)
    return root


def first(rated: Ratings, last: int = 1000) -> Ratings:
    """The songs up to an id."""
    which = [song <= last for song in rated.ids]
    return Ratings(tuple(song for song in rated.ids if song <= last), rated.given[which])


def sing(folder: Path, ids: Iterable[int], seconds: float = 0.1) -> Path:
    """MP3 files, of a sound of their own each."""
    folder.mkdir(parents=True, exist_ok=True)
    for song in ids:
        soundfile.write(folder / f"{song}.mp3", music(song, seconds), RATE, format="MP3")
    return folder


def table(path: Path) -> Mapping[int, list[float]]:
    """One of the stored tables: valence, valence_std, arousal, arousal_std by song."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return {int(song): [float(cell) for cell in cells] for song, *cells in (line.split(",") for line in lines)}
