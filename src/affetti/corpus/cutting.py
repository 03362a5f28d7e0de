"""Cuts tracks into clips and writes their log-mels, labels and the tracks left out, one shard per range of tracks.

A shard is ``START-STOP.json`` (rows of the manifest, skipped tracks, names of further tables), with ``.npy`` (log-mels)
and ``.NAME.parquet`` (further tables) beside it. The JSON is written last, so its existence means that the range is
done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from affetti.corpus.store import audio_file
from affetti.corpus.track import AudioFile, MidiFile, Track, Windows
from affetti.errors import InputError
from affetti.execution.base import ShardTask
from affetti.presets import FrontEnd
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram
from affetti.storage import atomic_write, read_json, write_json

CHECKED_FOLDERS = 16
"""Folders of audio that the nodes of a cluster are asked for, at most."""


@dataclass(frozen=True)
class Skipped:
    """A track, or a part of one, that is left out."""

    path: str
    reason: str
    broken: bool = True
    """Whether ``--strict`` stops at it."""
    whole: bool = True
    """Whether the whole track is left out."""


@dataclass(frozen=True)
class Shard:
    """The result of one range of tracks."""

    rows: list[dict[str, Any]]
    """Rows of the manifest."""
    skipped: list[Skipped]
    tables: dict[str, Path]
    """Further tables by name, as Parquet files."""
    mel: Path
    """Log-mels of the rows."""

    @classmethod
    def read(cls, path: Path) -> Shard:
        """Read the shard that a :class:`CutTask` wrote to ``path``.

        Raises:
            StorageError: it is missing or damaged.
        """
        part = read_json(path)
        return cls(
            part["rows"],
            [Skipped(**entry) for entry in part["skipped"]],
            {name: path.with_suffix(f".{name}.parquet") for name in part["tables"]},
            path.with_suffix(".npy"),
        )


@dataclass(frozen=True)
class CutTrack:
    """The clips of one track."""

    clips: list[tuple[float, NDArray[np.float32]]]
    """Start in seconds, and samples ``[T]``, of each."""
    n_silent: int
    """Clips that are left out because they are silent."""
    seconds: float
    """Length of the recording."""


def cut_track(track: Track, front: FrontEnd, windows: Windows = "centre", pad: bool = False) -> CutTrack:
    """Decode a track and cut it into clips.

    Args:
        track: the track.
        front: front-end, which decides on sample rate and length.
        windows: which clips are cut.
        pad: whether a track shorter than a clip is filled with silence.

    Raises:
        InputError: the track cannot be used: it cannot be decoded, is too short, silent, or not finite.
    """
    waveform = track.sound.waveform(front.sample_rate)
    if not np.isfinite(waveform).all():
        raise InputError("holds values that are not numbers", where=track.path)
    if audio.is_silent(waveform):
        raise InputError("silent (nothing above -80 dBFS but a constant)", where=track.path)
    length = front.samples
    recorded = len(waveform) / front.sample_rate
    if pad and len(waveform) < length:
        waveform = np.pad(waveform, (0, length - len(waveform)))
    seconds = len(waveform) / front.sample_rate
    starts = track.starts(seconds, length / front.sample_rate, windows)
    if not starts:
        reason = f"too short: {seconds:.1f} s, a clip is {front.seconds:g} s (--pad fills it with silence)"
        raise InputError(reason, where=track.path)
    clips: list[tuple[float, NDArray[np.float32]]] = []
    for at in starts:
        first = min(round(at * front.sample_rate), len(waveform) - length)
        samples = waveform[first : first + length]
        if not audio.is_silent(samples):
            clips.append((first / front.sample_rate, samples))
    if not clips:
        raise InputError(f"silent in all of its clips (from {starts[0]:.1f} s)", where=track.path)
    return CutTrack(clips, len(starts) - len(clips), recorded)


@dataclass(frozen=True)
class CutTask(ShardTask):
    """Cuts a range of tracks into clips."""

    tracks: tuple[Track, ...]
    work: Path
    """Folder of the shards."""
    front: FrontEnd
    windows: Windows = "centre"
    pad: bool = False
    """Whether a track shorter than a clip is filled with silence."""
    keep_audio: Path | None = None
    """The folder that receives each clip as FLAC."""

    def inputs(self) -> tuple[Path, ...]:
        """The folders of the files, :data:`CHECKED_FOLDERS` at most."""
        files = (track.sound.path for track in self.tracks if isinstance(track.sound, AudioFile | MidiFile))
        return tuple(islice(dict.fromkeys(file.parent for file in files), CHECKED_FOLDERS))

    def shard(self, start: int, stop: int) -> Path:
        """The file of the range."""
        return self.work / f"{start:07d}-{stop:07d}.json"

    def __call__(self, start: int, stop: int) -> None:
        """Cut tracks ``start`` to ``stop``."""
        to_mel = spectrogram(self.front)
        mels: list[NDArray[np.float16]] = []
        rows: list[dict[str, Any]] = []
        skipped: list[Skipped] = []
        tables: dict[str, list[dict[str, Any]]] = {}
        for track in self.tracks[start:stop]:
            try:
                cut = cut_track(track, self.front, self.windows, self.pad)
            except InputError as error:
                skipped.append(Skipped(track.path, error.what))
                continue
            clips, n_silent = cut.clips, cut.n_silent
            if n_silent:
                reason = f"{n_silent} of its {n_silent + len(clips)} clips are silent"
                skipped.append(Skipped(track.path, reason, broken=False, whole=False))
            beyond = track.annotations.beyond(cut.seconds)
            if beyond is not None:
                skipped.append(Skipped(track.path, beyond, whole=False))
            fingerprint = track.sound.fingerprint()
            for number, (at, samples) in enumerate(clips):
                clip_id = track.track_id if len(clips) == 1 else f"{track.track_id}-{number:02d}"
                with torch.inference_mode():
                    mels.append(to_mel(torch.from_numpy(samples)).numpy().astype(np.float16))
                rows.append(self._row(track, clip_id, at, fingerprint))
                if self.keep_audio is not None:
                    audio.save(audio_file(self.keep_audio, clip_id), samples, self.front.sample_rate)
            for name, table in track.tables().items():
                tables.setdefault(name, []).extend(table)
        mel = np.stack(mels) if mels else np.zeros((0, *self.front.shape), np.float16)
        self._write(self.shard(start, stop), mel, rows, skipped, tables)

    def _write(
        self,
        path: Path,
        mel: NDArray[np.float16],
        rows: Sequence[dict[str, Any]],
        skipped: Sequence[Skipped],
        tables: Mapping[str, Sequence[dict[str, Any]]],
    ) -> None:
        with atomic_write(path.with_suffix(".npy")) as temporary:
            np.save(temporary, mel)
        for name, table in tables.items():
            with atomic_write(path.with_suffix(f".{name}.parquet")) as temporary:
                pd.DataFrame(table).to_parquet(temporary, index=False)
        write_json(path, {"rows": rows, "skipped": [asdict(it) for it in skipped], "tables": sorted(tables)})

    def _row(self, track: Track, clip_id: str, at: float, fingerprint: str) -> dict[str, Any]:
        described = track.describe(at, self.front.seconds)
        return {
            "clip_id": clip_id,
            "song_id": track.song_id,
            "artist": track.artist,
            "genre": track.genre,
            "dataset": track.dataset,
            "start": round(at, 6),
            "duration": self.front.seconds,
            "source_path": track.path,
            "sha256": fingerprint,
            "synthetic": False,
            # JSON has no NaN: "unknown" is stored as null.
            **{key: None if isinstance(it, float) and np.isnan(it) else it for key, it in described.items()},
        }
