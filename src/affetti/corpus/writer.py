"""Writes a corpus step by step, so that interrupted work continues and finished work is not repeated.

All code that makes a corpus takes the same steps::

    writer = CorpusWriter(out, front, signature)
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()                                   # no other work may use the folder from here on
    executor.map_ranges(task, n, CHUNK)                # a MelTask writes log-mels under writer.work
    mel = writer.join_shards(task.shards(n, CHUNK), keep)
    return writer.finish(clips, meta)                  # writes corpus.json last

The signature is a text or hash of everything that the result depends on. To write a corpus of a few clips that are in
memory, call :meth:`CorpusWriter.write_mel` in place of the tasks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.corpus import store
from affetti.errors import StorageError
from affetti.execution.base import ShardTask
from affetti.output_lock import LOCK, free_if_unused, unlock_output
from affetti.presets import FrontEnd
from affetti.storage import (
    atomic_write,
    is_file,
    is_vacant,
    lock_folder,
    read_json,
    reading,
    remove_partial,
    write_json,
)

WORK = ".work"
"""The folder, inside that of the corpus, that holds shards until the corpus is finished."""


@dataclass(frozen=True)
class MelTask(ShardTask):
    """A task that writes the log-mels of each range as one ``.npy`` shard under the work folder of ``out``."""

    out: Path
    """Folder of the corpus."""

    def shard(self, start: int, stop: int) -> Path:
        """The shard of the range."""
        return self.out / WORK / f"{start:07d}-{stop:07d}.npy"

    def save(self, start: int, stop: int, mel: NDArray[np.float16]) -> None:
        """Write the log-mels ``[stop - start, M, F]`` of the range atomically."""
        with atomic_write(self.shard(start, stop)) as temporary:
            np.save(temporary, mel)


@dataclass(frozen=True)
class CorpusWriter:
    """Writes one corpus; see the module for the steps."""

    out: Path
    """Folder of the corpus."""
    front: FrontEnd
    signature: str | None
    """What the result depends on, as a text or hash; stored in ``corpus.json``. None stores none."""

    @property
    def work(self) -> Path:
        """The folder of shards, removed by :meth:`finish`."""
        return self.out / WORK

    @property
    def audio(self) -> Path:
        """The folder of FLAC files, one for each clip, where the corpus keeps its audio."""
        return self.out / "audio"

    def finished(self) -> bool:
        """Whether the folder already holds the corpus of this signature.

        Removes what is left of the work, if its process was killed after it wrote ``corpus.json``.
        """
        if not is_file(self.out / "corpus.json"):
            return False
        meta: Any = read_json(self.out / "corpus.json")
        if not isinstance(meta, dict) or meta.get("signature") != self.signature:
            return False
        if self.work.exists() or (self.out / LOCK).exists():
            lock_folder(self.out)  # and its release removes the lock that was left
            self._clean()
        return True

    def reserve(self) -> None:
        """Reserve the folder for this work; does nothing if the same work was begun there.

        Raises:
            StorageError: the folder holds something else, or another process works there.
        """
        mark = self.work / "signature.json"
        if mark.exists():
            lock_folder(self.out)
            if read_json(mark) != self.signature:
                raise StorageError(
                    "holds unfinished work of another command",
                    where=self.out,
                    hint="choose another --out, or remove it",
                )
            return
        if (self.out / "corpus.json").exists():
            raise StorageError("holds another corpus", where=self.out, hint="choose another --out, or remove it")
        if not is_vacant(self.out, WORK):
            raise StorageError(
                "exists and is not an affetti corpus", where=self.out, hint="choose a new folder for --out"
            )
        lock_folder(self.out)
        write_json(mark, self.signature)
        free_if_unused(self.out, mark)

    def write_mel(self, blocks: Iterable[NDArray[np.float16]], n: int) -> Path:
        """Write ``n`` log-mels, given as blocks ``[B, M, F]`` in dB, to one ``.npy`` without holding them in memory.

        Raises:
            StorageError: the disk is full.
        """
        target = self.work / "mel.npy"
        head = {"descr": "<f2", "fortran_order": False, "shape": (n, *self.front.shape)}
        # Plain writing, not a memory map: on a full disk a map ends the process by SIGBUS, a write raises.
        with atomic_write(target) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, head)
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype=np.float16).tobytes())
        return target

    def join_shards(self, shards: Sequence[Path], keep: NDArray[np.bool_]) -> Path:
        """Join the log-mels of all shards into one ``.npy``, leaving out the rows that are not in ``keep``.

        Args:
            shards: files of log-mels ``[B, M, F]``, in order.
            keep: whether each of their rows is kept.

        Raises:
            StorageError: a shard is cut short, or the disk is full.
        """
        return self.write_mel(_kept_rows(shards, keep), int(keep.sum()))

    def finish(self, clips: pd.DataFrame, meta: Mapping[str, Any]) -> store.Corpus:
        """Write the manifest and last ``corpus.json``, and remove the work folder; returns the corpus.

        Args:
            clips: one row for each log-mel that was written, columns as in :data:`affetti.corpus.manifest.COLUMNS`.
            meta: source, licence, label_scale, provenance and so on; the signature is added.

        Raises:
            InputError: a clip id occurs twice.
            StorageError: the disk is full.
        """
        signature = {} if self.signature is None else {"signature": self.signature}
        corpus = store.write(self.out, clips, self.work / "mel.npy", self.front, {**meta, **signature})
        self._clean()
        return corpus

    def _clean(self) -> None:
        """Remove the work folder, and the partial files of processes that were killed."""
        shutil.rmtree(self.work, ignore_errors=True)
        remove_partial(self.out)

    def abandon(self) -> None:
        """Remove all that this work has written, and the folder if it is then empty."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.audio, ignore_errors=True)
        unlock_output(self.out)
        if not any(self.out.iterdir()):
            self.out.rmdir()


def _kept_rows(shards: Sequence[Path], keep: NDArray[np.bool_]) -> Iterator[NDArray[np.float16]]:
    row = 0
    for path in shards:
        with reading(path, f"remove {path.parent} and run the same command again"):
            mel = np.load(path, allow_pickle=False)
        yield mel[keep[row : row + len(mel)]]
        row += len(mel)
