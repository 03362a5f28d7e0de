"""A corpus on disk: ``corpus.json``, ``clips.parquet``, ``mel.npy`` and, by choice, ``audio/``.

``corpus.json`` is written last: a folder without it is unfinished work and is refused. Log-mels are float16 dB,
``[N, M, F]``, memory-mapped, so a corpus larger than memory can be read by rows. A synthetic set has the same files;
its ``provenance`` says what made it and the column ``synthetic`` is true.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from affetti import config
from affetti.corpus import splits
from affetti.corpus.manifest import COLUMNS, OPTIONAL, content_hash, require_unique
from affetti.corpus.plot import plot_labels
from affetti.corpus.provenance import Provenance, current_names
from affetti.corpus.window_labels import LabelUnit, with_window_labels
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.presets import FrontEnd
from affetti.storage import atomic_write, is_file, is_folder, read_json, reading, storage_error, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from affetti.corpus.torch_dataset import ClipDataset

FORMAT = "affetti-corpus"
VERSION = 2

MAX_NAME_BYTES = 255
"""Longest name of a file on Linux, macOS and Windows, bytes of UTF-8."""
KEYS = ("front_end", "n_clips", "n_songs", "source", "licence", "label_scale", "notes", "skipped", "content_hash")
"""Required keys of ``corpus.json``, besides its format and version."""


@dataclass(frozen=True)
class Clip:
    """One clip of a corpus."""

    clip_id: str
    mel: NDArray[np.float32]
    """dB ``[M, F]``."""
    valence: float
    arousal: float
    row: dict[str, Any]
    """Its row of the manifest, see :data:`affetti.corpus.manifest.COLUMNS`."""


@dataclass(frozen=True)
class Corpus:
    """A finished corpus, opened for reading."""

    path: Path
    meta: dict[str, Any]
    clips: pd.DataFrame
    """One row a clip, :data:`affetti.corpus.manifest.COLUMNS`, in the order of ``mel``."""
    rated: NDArray[np.bool_] | None = None
    """Where labels are those of windows: which clips ``[N]`` have one; the others belong to no part of a fold."""

    @classmethod
    def open(cls, path: str | Path, labels: LabelUnit = "song") -> Corpus:
        """Open a corpus and check that its parts belong together.

        Args:
            path: its folder.
            labels: ``window`` for a label of each clip from ratings over time, see
                :mod:`affetti.corpus.window_labels`.

        Raises:
            UsageError: ``labels`` is neither ``song`` nor ``window``.
            InputError: there are no ratings over time to label windows by.
            StorageError: it is missing, unfinished or cut short, or cannot be read.
            MismatchError: another version of affetti wrote it.
        """
        path = Path(path)
        if labels not in get_args(LabelUnit):
            raise UsageError(f"no labels of {labels!r}", where="--labels", hint="give song or window")
        if not is_folder(path):
            raise StorageError("no such corpus", where=path, hint="make one with: affetti prepare SOURCE --out CORPUS")
        if not is_file(path / "corpus.json"):
            begun = any((path / name).exists() for name in (".work", "mel.npy", "clips.parquet"))
            make = "make one with: affetti prepare SOURCE --out CORPUS"
            hint = "run the command that makes it again: it continues" if begun else make
            raise StorageError("not a finished corpus (no corpus.json)", where=path, hint=hint)
        again = "remove the folder and make the corpus again"
        meta = read_meta(path / "corpus.json", again)
        with reading(path / "clips.parquet", again):
            clips = pd.read_parquet(path / "clips.parquet")
        absent = [name for name in COLUMNS if name not in clips.columns]
        if absent:
            raise StorageError(f"column {absent[0]!r} is missing", where=path / "clips.parquet", hint=again)
        if meta.get("provenance"):
            meta["provenance"] = current_names(meta["provenance"])
        corpus = cls(path, meta, clips)
        expected = (meta["n_clips"], *corpus.front_end.shape)
        if corpus.mel.shape != expected or len(clips) != expected[0] or corpus.mel.dtype != np.float16:
            raise StorageError(
                f"holds {corpus.mel.dtype} log-mels {corpus.mel.shape}, {len(clips)} rows; expected float16 {expected}",
                where=path,
                hint=again,
            )
        return corpus if labels == "song" else corpus._by_window()

    def _by_window(self) -> Corpus:
        """The same corpus with labels of windows."""
        clips, rated = with_window_labels(self.clips, self.path)
        return replace(self, clips=clips, rated=rated)

    @property
    def label_unit(self) -> LabelUnit:
        """What labels are of."""
        return "song" if self.rated is None else "window"

    @cached_property
    def front_end(self) -> FrontEnd:
        """The front-end that its log-mels were computed with."""
        return config.front_end(self.meta["front_end"], self.path / "corpus.json")

    @property
    def mel(self) -> NDArray[np.float16]:
        """Log-mels in dB, float16 ``[N, M, F]``, memory-mapped read-only."""
        return self._mel

    @cached_property
    def _mel(self) -> NDArray[np.float16]:
        with reading(self.path / "mel.npy", "remove the folder and make the corpus again"):
            return np.load(self.path / "mel.npy", mmap_mode="r", allow_pickle=False)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Clip:
        """Clip ``index``; negative numbers count from the end.

        Raises:
            IndexError: there is no such clip.
        """
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        row = {str(name): value for name, value in self.clips.iloc[index].items()}
        mel = self.mel[index].astype(np.float32)
        return Clip(str(row["clip_id"]), mel, float(row["valence"]), float(row["arousal"]), row)

    def __iter__(self) -> Iterator[Clip]:
        return (self[index] for index in range(len(self)))

    def __reduce__(self) -> tuple[object, ...]:
        # Another process receives the path and maps the file itself: pickling a memory map would send all of it.
        return Corpus.open, (self.path, self.label_unit)

    @property
    def table(self) -> pd.DataFrame:
        """The manifest, one row a clip; the same as :attr:`clips`."""
        return self.clips

    def to_pandas(self) -> pd.DataFrame:
        """A copy of the manifest; changing it does not change the corpus."""
        return self.clips.copy()

    def to_torch(self, rows: ArrayLike | None = None) -> ClipDataset:
        """A PyTorch ``Dataset`` of the clips ``rows``, all by default.

        See :class:`affetti.corpus.torch_dataset.ClipDataset`.
        """
        from affetti.corpus.torch_dataset import ClipDataset

        return ClipDataset(self, rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The labels on the emotion plane, see :func:`affetti.corpus.plot.plot_labels`; returns matplotlib axes."""
        return plot_labels(self.labels, str(self.meta["source"]), ax)

    def play(self, index: int) -> Any:
        """The sound of clip ``index`` as a notebook plays it: an ``IPython.display.Audio``.

        Raises:
            IndexError: there is no such clip.
            UsageError: IPython is not installed.
            StorageError: the corpus was made without ``--keep-audio``, or the file is gone.
        """
        file = audio_file(self.path / "audio", self[index].clip_id)
        if not is_file(file):
            raise StorageError("no such sound", where=file, hint="make the corpus with --keep-audio")
        try:
            audio = import_module("IPython.display").Audio
        except ImportError as error:
            raise UsageError("IPython is not installed", hint="play it in a notebook, or open the file") from error
        return audio(filename=str(file))

    @property
    def labels(self) -> NDArray[np.float64]:
        """Valence and arousal ``[N, 2]`` in [-1, 1]."""
        return self.clips[["valence", "arousal"]].to_numpy(dtype=np.float64)

    @property
    def songs(self) -> NDArray[np.str_]:
        """Song id of each clip ``[N]``."""
        return self.clips["song_id"].to_numpy(dtype=str)

    @property
    def synthetic(self) -> bool:
        """Whether any clip was generated."""
        return bool(self.clips["synthetic"].any())

    @property
    def composed(self) -> bool:
        """Whether affetti's composer wrote all its music, from cues whose effects are declared.

        True as well for a subset of a composed corpus and for altered copies of its clips. False for clips that a
        network generated, even one trained on composed music.
        """
        return self.meta["source"] == "composed"

    @cached_property
    def provenance(self) -> Provenance | None:
        """The generator and its settings; None for real and composed corpora."""
        entry = self.meta.get("provenance")
        return Provenance.from_dict(entry, self.path / "corpus.json") if entry else None

    @property
    def hash(self) -> str:
        """The content hash, as stored in ``corpus.json``."""
        return str(self.meta["content_hash"])

    def fold(self, number: int = 0) -> splits.Fold:
        """Rows of fold ``number``; see :func:`affetti.corpus.splits.fold`.

        Published splits may share artists between test and training, because the user chose them by name.
        """
        shares_artists = self.meta.get("split", "folds") not in splits.GENERATED_SPLITS
        part = splits.fold(self.clips, number, allow_artists=shares_artists)
        return part if self.rated is None else part.within(self.rated)

    def require_front_end(self, front: FrontEnd, owner: str | Path) -> None:
        """Raise unless ``front`` is the front-end of this corpus.

        Raises:
            MismatchError: names both.
        """
        if front.hash != self.front_end.hash:
            own = self.front_end
            raise MismatchError(
                f"made with front-end {own.hash} {own.shape}, but {owner} has {front.hash} {front.shape}",
                where=self.path,
                hint="use a corpus and a model of the same --front-end",
            )


def audio_file(folder: Path, clip_id: str) -> Path:
    """The FLAC file of a clip in the folder ``audio`` of a corpus; a name too long for a file system is shortened.

    Example:
        >>> audio_file(Path("audio"), "song-01").name
        'song-01.flac'
    """
    name = f"{clip_id}.flac"
    if len(name.encode(errors="surrogateescape")) > MAX_NAME_BYTES:
        digest = hashlib.sha256(clip_id.encode(errors="surrogateescape")).hexdigest()[:16]
        room = MAX_NAME_BYTES - len(f"-{digest}.flac")
        name = f"{clip_id.encode(errors='surrogateescape')[:room].decode(errors='ignore')}-{digest}.flac"
    return folder / name


def read_meta(path: Path, hint: str) -> dict[str, Any]:
    """Read a ``corpus.json`` and check that it describes a corpus of this format.

    Raises:
        StorageError: it does not, or cannot be read; ``hint`` says what to do.
        MismatchError: another version of affetti wrote it.
    """
    meta = read_json(path)
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise StorageError("not a corpus of affetti", where=path, hint="check the path")
    if meta.get("version") != VERSION:
        raise MismatchError(
            f"corpus format {meta.get('version')}, this affetti reads {VERSION}", where=path.parent, hint=hint
        )
    absent = [key for key in KEYS if key not in meta]
    if absent:
        raise StorageError(f"{absent[0]!r} is missing", where=path, hint=hint)
    return meta


def write(path: Path, clips: pd.DataFrame, mel_file: Path, front: FrontEnd, meta: dict[str, Any]) -> Corpus:
    """Finish a corpus: write the manifest, move the log-mels into place, and write ``corpus.json`` last.

    Args:
        path: folder of the corpus.
        clips: rows with at least the columns of :data:`affetti.corpus.manifest.COLUMNS`.
        mel_file: a finished ``.npy`` of float16 ``[N, M, F]`` on the same file system; it is moved.
        front: the front-end.
        meta: source, licence, label_scale, provenance and so on.

    Raises:
        InputError: a clip id occurs twice.
        StorageError: the disk is full.
    """
    clips = clips.reindex(columns=[*COLUMNS, *[name for name in clips.columns if name not in COLUMNS]])
    types = COLUMNS | {name: kind for name, kind in OPTIONAL.items() if name in clips.columns}
    clips = clips.astype(types)  # type: ignore[arg-type]
    require_unique(clips, path)
    with atomic_write(path / "clips.parquet") as temporary:
        clips.to_parquet(temporary, index=False)
    try:
        mel_file.replace(path / "mel.npy")
    except OSError as error:
        raise storage_error(path, error) from error
    mel = np.load(path / "mel.npy", mmap_mode="r", allow_pickle=False)
    write_json(
        path / "corpus.json",
        {
            "format": FORMAT,
            "version": VERSION,
            **meta,
            "front_end": config.unstructure(front),
            "front_end_hash": front.hash,
            "n_clips": len(clips),
            "n_songs": len(set(clips["song_id"])),
            "content_hash": content_hash(clips, mel),
        },
    )
    return Corpus.open(path)
