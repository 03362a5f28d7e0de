"""From a source of tracks to a corpus on disk: decode, cut, log-mel, label, split, file.

Tracks are worked off in ranges; each range files its clips as one shard under ``.work/`` and a shard's existence is
the done mark, so an interrupted run goes on where it was. The result does not depend on the number of workers.

A track that cannot be used (missing, empty, truncated, silent, not a number, heard twice, too short for one clip) is
left out, and listed with the reason when the rest is done; ``strict`` stops at such tracks instead.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from affetti.corpus import duplicates, splits, store
from affetti.corpus.audit import audit
from affetti.corpus.track import Source, Track, Windows
from affetti.errors import InputError, StorageError, UsageError
from affetti.execution.local import map_ranges, ranges
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram
from affetti.storage import atomic_write, read_json, remove_partial, require_space, write_json

CHUNK = 8
"""Tracks a shard."""


@dataclass(frozen=True)
class CutTask:
    """Cut a range of tracks into clips and file them as a shard. Idempotent."""

    tracks: tuple[Track, ...]
    work: Path
    front: FrontEnd
    windows: Windows = "centre"
    pad: bool = False
    keep_audio: Path | None = None

    def shard(self, start: int, stop: int) -> Path:
        """The file whose existence says that the range is done."""
        return self.work / f"{start:07d}-{stop:07d}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether the range has been filed."""
        return self.shard(start, stop).exists()

    def __call__(self, start: int, stop: int) -> None:
        """Work off tracks ``start`` to ``stop``."""
        to_mel = MelSpectrogram(self.front)
        mels: list[NDArray[np.float16]] = []
        rows: list[dict[str, Any]] = []
        skipped: list[dict[str, Any]] = []
        tables: dict[str, list[dict[str, Any]]] = {}
        for track in self.tracks[start:stop]:
            try:
                waveform = track.sound.waveform(self.front.sample_rate)
                clips, silent = self._cut(track, waveform)
            except InputError as error:
                skipped.append({"path": track.path, "reason": error.what, "broken": True, "whole": True})
                continue
            if silent:
                reason = f"{silent} of its {silent + len(clips)} clips are silent"
                skipped.append({"path": track.path, "reason": reason, "broken": False, "whole": False})
            if not clips:
                length = len(waveform) / self.front.sample_rate
                reason = f"too short: {length:.1f} s, a clip is {self.front.seconds:g} s (--pad fills it with silence)"
                skipped.append({"path": track.path, "reason": reason, "broken": True, "whole": True})
                continue
            fingerprint = track.sound.fingerprint()
            for number, (at, samples) in enumerate(clips):
                clip_id = track.track_id if len(clips) == 1 else f"{track.track_id}-{number:02d}"
                with torch.inference_mode():
                    mels.append(to_mel(torch.from_numpy(samples)).numpy().astype(np.float16))
                rows.append(self._row(track, clip_id, at, fingerprint))
                if self.keep_audio is not None:
                    audio.save(self.keep_audio / f"{clip_id}.flac", samples, self.front.sample_rate)
            for name, table in track.tables().items():
                tables.setdefault(name, []).extend(table)
        path = self.shard(start, stop)
        with atomic_write(path.with_suffix(".npy")) as temporary:
            np.save(temporary, np.stack(mels) if mels else np.zeros((0, *self.front.shape), np.float16))
        for name, table in tables.items():
            with atomic_write(path.with_suffix(f".{name}.parquet")) as temporary:
                pd.DataFrame(table).to_parquet(temporary, index=False)
        write_json(path, {"rows": rows, "skipped": skipped, "tables": sorted(tables)})

    def _cut(self, track: Track, waveform: NDArray[np.float32]) -> tuple[list[tuple[float, NDArray[np.float32]]], int]:
        """Clips as ``(start in seconds, samples [T])``, and how many more would have been silent."""
        if not np.isfinite(waveform).all():
            raise InputError("holds values that are not numbers", where=track.path)
        if audio.is_silent(waveform):
            raise InputError("silent (nothing above -80 dBFS but a constant)", where=track.path)
        length = self.front.samples
        if self.pad and len(waveform) < length:
            waveform = np.pad(waveform, (0, length - len(waveform)))
        seconds = len(waveform) / self.front.sample_rate
        clips: list[tuple[float, NDArray[np.float32]]] = []
        starts = track.starts(seconds, length / self.front.sample_rate, self.windows)
        for at in starts:
            first = min(round(at * self.front.sample_rate), len(waveform) - length)
            samples = waveform[first : first + length]
            if not audio.is_silent(samples):
                clips.append((first / self.front.sample_rate, samples))
        if starts and not clips:
            raise InputError(f"silent where its clips lie (from {starts[0]:.1f} s)", where=track.path)
        return clips, len(starts) - len(clips)

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
            # JSON has no NaN: "unknown" travels as null.
            **{key: None if isinstance(it, float) and np.isnan(it) else it for key, it in described.items()},
        }


@dataclass(frozen=True)
class Built:
    """A finished corpus and the tracks that did not make it."""

    corpus: store.Corpus
    skipped: list[dict[str, str]]


def build(
    source: Source,
    out: Path,
    front: FrontEnd,
    *,
    preset: str,
    windows: Windows = "centre",
    pad: bool = False,
    strict: bool = False,
    keep_audio: bool = False,
    split: str = "folds",
    folds: int = 5,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> Built:
    """Make a corpus out of a source; see the module for what is refused and what is skipped.

    Raises:
        UsageError: fewer than two folds, a negative seed, or a split that this source does not have.
        InputError: ``strict`` and a track is broken or heard twice; or too few songs remain.
        StorageError: the folder holds other work, or the disk is full.
    """
    splits.require_settings(folds, seed)
    named = splits.published_split(split, source.official)
    if strict:
        refuse(unusable(source))
    if not source.tracks:
        raise InputError(
            f"none of the {len(source.absent)} labelled tracks of {source.name} has its sound here",
            where=source.absent[0].path if source.absent else None,
            hint="put the audio where the data set has it, or read the labels alone with --dry-run",
        )
    work = out / ".work"
    signature = _signature(source, front, windows, pad, strict, keep_audio, split, named, folds, seed)
    if is_finished(out, signature):
        shutil.rmtree(work, ignore_errors=True)
        corpus = store.Corpus.open(out)
        return Built(corpus, corpus.meta["skipped"])
    reserve_corpus(out, signature)
    # Each log-mel lies on disk twice for a while: in its shard and in the whole.
    require_space(out, 2 * 2 * sum(track.clips for track in source.tracks) * front.n_mels * front.frames - _size(work))
    task = CutTask(tuple(source.tracks), work, front, windows, pad, out / "audio" if keep_audio else None)
    shards = [task.shard(*span) for span in ranges(len(task.tracks), CHUNK)]
    try:
        map_ranges(task, len(task.tracks), CHUNK, done=task.done, workers=workers, stage="prepare", progress=progress)
        parts = [read_json(path) for path in shards]
        skipped = [entry for part in parts for entry in part["skipped"]]
        refused = [{"path": it["path"], "reason": it["reason"]} for it in unusable(source)]
        found = [row for part in parts for row in part["rows"]]
        rows = pd.DataFrame(found, columns=None if found else [*store.COLUMNS])
        skipped += _repeated(rows)
        if strict:
            refuse(skipped)
        keep = ~rows["source_path"].isin([it["path"] for it in skipped if it["whole"]]).to_numpy(dtype=bool)
        clips = rows.loc[keep].reset_index(drop=True)
        _refuse_too_few(clips, skipped, source)
        store.require_unique(clips, out)
        mel = join_shards(work / "mel.npy", [path.with_suffix(".npy") for path in shards], front, keep)
        clips["dataset"] = clips["dataset"].where(clips["dataset"] != "", source.name)
        clips["duplicates"] = duplicates.find(np.load(mel, mmap_mode="r"), clips)
        dealt = splits.assign_split(clips, split, folds, seed, named)
        clips = clips.assign(fold=dealt.fold, part=dealt.part)
    except (InputError, UsageError):
        # The user will change something, and begin anew: nothing of this is to be gone on with.
        _abandon(out)
        raise
    if keep_audio:
        for clip_id in rows.loc[~keep, "clip_id"]:
            (out / "audio" / f"{clip_id}.flac").unlink(missing_ok=True)
    for name in sorted({name for part in parts for name in part["tables"]}):
        having = [path for path, part in zip(shards, parts, strict=True) if name in part["tables"]]
        tables = [path.with_suffix(f".{name}.parquet") for path in having]
        with atomic_write(out / f"{name}.parquet") as temporary:
            pd.concat(map(pd.read_parquet, tables), ignore_index=True).to_parquet(temporary, index=False)
    for name, given in source.tables.items():
        with atomic_write(out / f"{name}.parquet") as temporary:
            given.loc[given["song_id"].isin(clips["song_id"])].to_parquet(temporary, index=False)
    corpus = store.write(
        out,
        clips,
        mel,
        front,
        {
            "preset": preset,
            "source": source.name,
            "licence": source.dataset.licence,
            "citation": source.dataset.citation,
            "url": source.dataset.url,
            "label_scale": source.dataset.scale,
            "label_audit": [*audited(source, front), asdict(duplicates.check(clips))],
            "windows": windows,
            "seed": seed,
            "split": split,
            "folds": len(splits.fold_numbers(clips)),
            "splits_hash": splits.split_hash(clips),
            "leakage": splits.leakage(clips),
            "planted": source.planted,
            "notes": [*source.notes, *_remarks(source, clips, named)],
            "options": source.options,
            "provenance": None,
            "signature": signature,
            "skipped": refused + [{"path": entry["path"], "reason": entry["reason"]} for entry in skipped],
        },
    )
    shutil.rmtree(work, ignore_errors=True)
    remove_partial(out)
    return Built(corpus, corpus.meta["skipped"])


def unusable(source: Source) -> list[dict[str, Any]]:
    """Rows of a source that no sound was looked for, as entries of ``skipped``."""
    return [{"path": path, "reason": reason, "broken": True} for path, reason in source.refused]


def _remarks(source: Source, clips: pd.DataFrame, named: Mapping[str, str] | None) -> list[str]:
    """What the user should know of the finished corpus."""
    remarks: list[str] = []
    if source.absent:
        remarks.append(f"the audit is of all {len(source.labelled)} labelled tracks, the ceiling of those prepared")
    if named is not None:
        homeless = int((clips["part"] == "").sum())
        known = {*clips["clip_id"], *clips["song_id"], *clips["clip_id"].str.replace(r"-\d\d$", "", regex=True)}
        unknown = len(set(named) - known)
        if homeless:
            remarks.append(f"{homeless} clips are in no part of the split: they are neither trained nor tested on")
        if unknown:
            remarks.append(f"the split names {unknown} songs that are not here")
    return remarks


def audited(source: Source, front: FrontEnd) -> list[dict[str, Any]]:
    """The audit of the labels but for what is to be heard."""
    return [check for check in audit(source, front.seconds) if check["check"] != "near_duplicate_audio"]


def reserve_corpus(out: Path, signature: str) -> None:
    """Take a folder for one piece of work, or find the same work begun there.

    Raises:
        StorageError: the folder holds something else.
    """
    mark = out / ".work" / "signature.json"
    if mark.exists():
        if read_json(mark) != signature:
            raise StorageError(
                "holds unfinished work of another command", where=out, hint="choose another --out, or remove it"
            )
        return
    if (out / "corpus.json").exists():
        raise StorageError("holds another corpus", where=out, hint="choose another --out, or remove it")
    if out.exists() and (not out.is_dir() or any(entry for entry in out.iterdir() if entry.name != ".work")):
        raise StorageError("exists and is not an affetti corpus", where=out, hint="choose a new folder for --out")
    write_json(mark, signature)


def is_finished(out: Path, source_signature: str) -> bool:
    """Whether ``out`` already holds the result of exactly this work."""
    if not (out / "corpus.json").is_file():
        return False
    meta: Any = read_json(out / "corpus.json")
    return isinstance(meta, dict) and meta.get("signature") == source_signature


def join_shards(target: Path, parts: list[Path], front: FrontEnd, keep: NDArray[np.bool_]) -> Path:
    """Join the shards' log-mels into one ``.npy``, streaming, leaving out the rows not kept.

    Raises:
        StorageError: a shard is cut short, or the disk is full.
    """
    head = {"descr": "<f2", "fortran_order": False, "shape": (int(keep.sum()), *front.shape)}
    # Plain writing, not a memory map: on a full disk a map ends the process by SIGBUS, a write raises.
    with atomic_write(target) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        row = 0
        for path in parts:
            try:
                mel = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                hint = f"remove {path.parent} and run the same command again"
                raise StorageError("missing or cut short", where=path, hint=hint) from error
            file.write(mel[keep[row : row + len(mel)]].tobytes())
            row += len(mel)
    return target


def _size(work: Path) -> int:
    """Bytes of the shards filed so far."""
    return sum(path.stat().st_size for path in work.glob("*.npy"))


def _abandon(out: Path) -> None:
    """Remove what this work has filed, and the folder where nothing else is in it."""
    shutil.rmtree(out / ".work", ignore_errors=True)
    shutil.rmtree(out / "audio", ignore_errors=True)
    if not any(out.iterdir()):
        out.rmdir()


def _repeated(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Tracks whose sound is the same, to the byte, as an earlier track's."""
    tracks = rows.drop_duplicates("source_path")
    first = tracks.groupby("sha256")["source_path"].transform("first")
    again = tracks["source_path"] != first
    return [
        {"path": path, "reason": f"the same sound as {original}", "broken": True, "whole": True}
        for path, original in zip(tracks.loc[again, "source_path"], first[again], strict=True)
    ]


def refuse(skipped: list[dict[str, Any]]) -> None:
    """Stop at tracks that cannot be used, for who asked to be strict.

    Raises:
        InputError: names the first and counts the rest.
    """
    broken = [entry for entry in skipped if entry["broken"]]
    if broken:
        more = "" if len(broken) == 1 else f" (and {len(broken) - 1} more tracks)"
        raise InputError(
            f"{broken[0]['reason']}{more}",
            where=broken[0]["path"],
            hint="mend or remove it, or leave out --strict to go on without such tracks",
        )


def _refuse_too_few(rows: pd.DataFrame, skipped: list[dict[str, Any]], source: Source) -> None:
    songs = len(set(rows["song_id"]))
    if songs < 2:
        reason = f"; {skipped[0]['path']}: {skipped[0]['reason']}" if skipped else ""
        raise InputError(
            f"{songs} usable song{'' if songs == 1 else 's'} in {source.name}{reason}",
            hint="a corpus needs at least 2 songs, to train on one and test on another",
        )


def _signature(source: Source, front: FrontEnd, *settings: object) -> str:
    """A hash of everything the result depends on; of sound files, their size and time of change."""
    digest = hashlib.sha256(repr((source.dataset, front.hash, settings, source.refused)).encode())
    for name, table in source.tables.items():
        digest.update(f"{name} {table.to_csv(index=False)}".encode())
    for track in source.tracks:
        digest.update(f"{track!r} {track.sound.stamp()}\n".encode())
    return digest.hexdigest()
