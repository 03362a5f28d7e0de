"""Builds a corpus on disk from a source of tracks: decode, cut into clips, compute log-mels, label and split.

Tracks are cut in ranges (:mod:`affetti.corpus.cutting`), so interrupted work continues where it stopped and the result
does not depend on the number of workers. A track that cannot be used (missing, empty, truncated, silent, not a number,
a copy of another track, too short for one clip) is left out and listed with the reason; ``strict`` stops at such tracks
instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from affetti.corpus import duplicates, manifest, splits, store
from affetti.corpus.audit import audit
from affetti.corpus.cutting import CutTask, Shard, Skipped
from affetti.corpus.track import Check, Source, Windows
from affetti.corpus.writer import CorpusWriter
from affetti.errors import InputError, UsageError
from affetti.execution import Executor, LocalExecutor, cpu_count
from affetti.output_lock import releases_outputs
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.storage import atomic_write, require_space

CHUNK = 8
"""Tracks per shard."""


@dataclass(frozen=True)
class PrepareSettings:
    """How a corpus is built from a source."""

    preset: str
    """The name of the front-end, stored in ``corpus.json``."""
    windows: Windows = "centre"
    """Which clips are cut from a track."""
    pad: bool = False
    """Whether a track shorter than a clip is filled with silence instead of left out."""
    strict: bool = False
    """Whether to stop at a track that cannot be used."""
    keep_audio: bool = False
    """Whether to keep each clip as FLAC in ``audio/``."""
    split: str = "folds"
    """``folds``, ``train-validation-test``, a published split by name, or a CSV of songs and their part."""
    folds: int = 5
    """Folds of the split, ≥ 2."""
    seed: int = 0
    """Seed of the split."""


@dataclass(frozen=True)
class BuildResult:
    """A finished corpus and the tracks that were left out."""

    corpus: store.Corpus
    skipped: list[dict[str, str]]
    """``path`` and ``reason`` of each."""


@releases_outputs
def build(
    source: Source,
    out: Path,
    front: FrontEnd,
    settings: PrepareSettings,
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> BuildResult:
    """Build a corpus from a source, or open it if it is already there; see the module for what is left out.

    Args:
        source: what a loader has read.
        out: folder of the corpus.
        front: the front-end of its log-mels.
        settings: how it is built.
        executor: runs the cutting; this process by default.
        progress: receives the number of tracks done.

    Returns:
        The corpus, opened, and the tracks that were left out.

    Raises:
        UsageError: fewer than two folds, a negative seed, or a split that this source does not have.
        InputError: ``strict`` and a track is broken or a copy of another; or too few songs remain.
        StorageError: the folder holds other work, or the disk is full.
    """
    s = settings
    parts = check_settings(source, s)
    _require_audio(source)
    writer = CorpusWriter(out, front, _signature(source, front, settings, parts))
    if writer.finished():
        corpus = store.Corpus.open(out)
        return BuildResult(corpus, corpus.meta["skipped"])
    writer.reserve()
    # Each log-mel is on disk twice for a while: in its shard and in the joined file.
    needed = 2 * 2 * sum(track.clips for track in source.tracks) * front.n_bands * front.frames
    require_space(out, needed - sum(path.stat().st_size for path in writer.work.glob("*.npy")))
    task = CutTask(tuple(source.tracks), writer.work, front, s.windows, s.pad, writer.audio if s.keep_audio else None)
    runner = executor or LocalExecutor()
    cores = max(1, min(runner.workers, cpu_count()))
    try:
        runner.map_ranges(task, len(task.tracks), CHUNK, stage="prepare", progress=progress)
        shards = [Shard.read(path) for path in task.shards(len(task.tracks), CHUNK)]
        clips, skipped = _collect(shards, source, settings, writer, parts, cores)
    except (InputError, UsageError):
        # The user has to change the command or the data, which changes the signature: this work cannot be continued.
        writer.abandon()
        raise
    _write_tables(shards, source, clips, out)
    listed = [{"path": it.path, "reason": it.reason} for it in [*unusable(source), *skipped]]
    corpus = writer.finish(
        clips,
        {
            "preset": s.preset,
            "source": source.name,
            "licence": source.dataset.licence,
            "citation": source.dataset.citation,
            "url": source.dataset.url,
            "label_scale": source.dataset.scale,
            "label_audit": [asdict(check) for check in [*audited(source, front), duplicates.check(clips)]],
            "windows": s.windows,
            "seed": s.seed,
            "split": s.split,
            "folds": len(splits.fold_numbers(clips)),
            "splits_hash": splits.split_hash(clips),
            "leakage": splits.leakage(clips),
            "planted": source.planted,
            "notes": [*source.notes, *_notes(source, clips, parts)],
            "options": source.options,
            "provenance": None,
            "skipped": listed,
        },
    )
    return BuildResult(corpus, listed)


def check_settings(source: Source, settings: PrepareSettings) -> Mapping[str, str] | None:
    """Check the settings against the source, before any audio is decoded.

    Returns:
        The part of each song by a published split; None for a split that is made here.

    Raises:
        UsageError: fewer than two folds, a negative seed, or a split that this source does not have.
        InputError: ``strict`` and a row of the source cannot be used.
    """
    splits.require_settings(settings.folds, settings.seed)
    parts = splits.published_split(settings.split, source.official)
    if settings.strict:
        refuse(unusable(source))
    return parts


def _require_audio(source: Source) -> None:
    if not source.tracks:
        raise InputError(
            f"none of the {len(source.absent)} labelled tracks of {source.name} has audio here",
            where=source.absent[0].path if source.absent else None,
            hint="put the audio where the data set has it, or read only the labels with --dry-run",
        )


def _collect(
    shards: Sequence[Shard],
    source: Source,
    settings: PrepareSettings,
    writer: CorpusWriter,
    parts: Mapping[str, str] | None,
    threads: int,
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Join the shards: writes the log-mels, and returns the manifest and what was left out.

    Raises:
        InputError: ``strict`` and a track cannot be used, or too few songs remain.
    """
    skipped = [entry for shard in shards for entry in shard.skipped]
    cut = [row for shard in shards for row in shard.rows]
    rows = pd.DataFrame(cut, columns=None if cut else [*manifest.COLUMNS])
    skipped += _copies(rows)
    if settings.strict:
        refuse(skipped)
    left_out = [it.path for it in skipped if it.whole]
    keep = ~rows["source_path"].isin(left_out).to_numpy(dtype=bool)
    clips = rows.loc[keep].reset_index(drop=True)
    _require_songs(clips, skipped, source)
    manifest.require_unique(clips, writer.out)
    mel = writer.join_shards([shard.mel for shard in shards], keep)
    clips = clips.drop(columns=[name for name in manifest.OPTIONAL if name in clips and manifest.is_empty(clips[name])])
    clips["dataset"] = clips["dataset"].where(clips["dataset"] != "", source.name)
    clips["duplicates"] = duplicates.find(np.load(mel, mmap_mode="r"), clips, threads)
    split = splits.assign_split(clips, settings.split, settings.folds, settings.seed, parts)
    if settings.keep_audio:
        for clip_id in rows.loc[~keep, "clip_id"]:
            store.audio_file(writer.audio, clip_id).unlink(missing_ok=True)
    return clips.assign(fold=split.fold, part=split.part), skipped


def _write_tables(shards: Sequence[Shard], source: Source, clips: pd.DataFrame, out: Path) -> None:
    """Write the further tables of the tracks and of the source beside the manifest."""
    for name in sorted({name for shard in shards for name in shard.tables}):
        tables = [shard.tables[name] for shard in shards if name in shard.tables]
        with atomic_write(out / f"{name}.parquet") as temporary:
            pd.concat(map(pd.read_parquet, tables), ignore_index=True).to_parquet(temporary, index=False)
    for name, table in source.tables.items():
        with atomic_write(out / f"{name}.parquet") as temporary:
            table.loc[table["song_id"].isin(clips["song_id"])].to_parquet(temporary, index=False)


def unusable(source: Source) -> list[Skipped]:
    """The rows that the loader refused, as skipped tracks, and what it left out of tracks that are kept."""
    return [
        *(Skipped(path, reason) for path, reason in source.refused),
        *(Skipped(path, reason, whole=False) for path, reason in source.incomplete),
    ]


def audited(source: Source, front: FrontEnd) -> list[Check]:
    """The audit of the labels, without the check that needs the audio."""
    return [check for check in audit(source, front.seconds) if check.check != "near_duplicate_audio"]


def refuse(skipped: Sequence[Skipped]) -> None:
    """Stop at tracks that cannot be used, for ``strict``.

    Raises:
        InputError: names the first and counts the rest.
    """
    broken = [entry for entry in skipped if entry.broken]
    if broken:
        more = "" if len(broken) == 1 else f" (and {len(broken) - 1} more tracks)"
        raise InputError(
            f"{broken[0].reason}{more}",
            where=broken[0].path,
            hint="correct or remove it, or leave out --strict to continue without such tracks",
        )


def _notes(source: Source, clips: pd.DataFrame, parts: Mapping[str, str] | None) -> list[str]:
    """Notes on the finished corpus, for the user."""
    notes: list[str] = []
    if source.absent:
        notes.append(f"the audit is of all {len(source.labelled)} labelled tracks, the ceiling of those prepared")
    if parts is not None:
        n_unused = int((clips["part"] == "").sum())
        known = {*clips["clip_id"], *clips["song_id"], *clips["clip_id"].str.replace(r"-\d\d$", "", regex=True)}
        n_unknown = len(set(parts) - known)
        if n_unused:
            notes.append(
                f"{n_unused} clips are in no part of the split: they are used neither for training nor for testing"
            )
        if n_unknown:
            notes.append(f"the split names {n_unknown} songs that are not here")
    return notes


def _copies(rows: pd.DataFrame) -> list[Skipped]:
    """Tracks whose audio is byte for byte the same as an earlier track's."""
    tracks = rows.drop_duplicates("source_path")
    first = tracks.groupby("sha256")["source_path"].transform("first")
    again = tracks["source_path"] != first
    pairs = zip(tracks.loc[again, "source_path"], first[again], strict=True)
    return [Skipped(path, f"the same audio as {original}") for path, original in pairs]


def _require_songs(rows: pd.DataFrame, skipped: Sequence[Skipped], source: Source) -> None:
    songs = len(set(rows["song_id"]))
    if songs < 2:
        reason = f"; {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise InputError(
            f"{songs} usable song{'' if songs == 1 else 's'} in {source.name}{reason}",
            hint="a corpus needs at least 2 songs, to train on one and test on another",
        )


def _signature(source: Source, front: FrontEnd, s: PrepareSettings, parts: Mapping[str, str] | None) -> str:
    """A hash of everything the result depends on; of audio files, their size and time of modification."""
    settings = (s.windows, s.pad, s.strict, s.keep_audio, s.split, parts, s.folds, s.seed)
    digest = hashlib.sha256(repr((source.dataset, front.hash, settings, source.refused, source.incomplete)).encode())
    for name, table in source.tables.items():
        digest.update(f"{name} {table.to_csv(index=False)}".encode())
    for track in source.tracks:
        digest.update(f"{track!r} {track.sound.stamp()}\n".encode())
    return digest.hexdigest()
