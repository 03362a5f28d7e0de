"""Features extracted once: a folder of affetti's own, keyed by everything that the numbers depend on.

A set's features are in ``features/KEY/``, one ``.npy`` of float32 ``[n, D]`` for every 64 clips, so that long work can
resume. KEY is a SHA-256 over the embedder's input (the log-mels themselves, or the bytes of the
audio files), the front-end and the embedder's version. So nothing in the cache is ever out of date: a changed clip,
other weights or another front-end have another key. Each array is followed by a SHA-256 of key and content; a file that
was truncated, altered or written by something else lacks it, and is computed again. Files are written atomically, and
every process writes the same bytes, so processes may share the cache. It may be removed at any time.

The folder is ``$AFFETTI_CACHE``, else ``affetti`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.base import Embedder, embed_rows, require_input
from affetti.embedders.clip_set import ClipSet
from affetti.errors import StorageError
from affetti.execution.local import ranges
from affetti.progress import Progress, silent
from affetti.rows import release_pages
from affetti.signal import audio
from affetti.storage import atomic_write

CACHE_VERSION = 1
"""Of the way clips reach an embedder; raise it when that changes."""
CLIPS_PER_FILE = 64
"""Clips a file."""
CHECKSUM_BYTES = hashlib.sha256().digest_size

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """The folder of affetti's cache."""
    if own := os.environ.get("AFFETTI_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "affetti"


def embed(
    clips: ClipSet, embedder: Embedder, *, stage: str = "features", progress: Progress = silent
) -> NDArray[np.float64]:
    """The embedding of every clip ``[N, D]``, from the cache where it is there, and put there where it is not.

    Args:
        clips: the set, read a batch at a time.
        embedder: what embeds it.
        stage: what ``progress`` calls it.
        progress: receives the number of clips done.

    Raises:
        InputError, MismatchError: the embedder cannot read this set, or a file of it.
    """
    require_input(embedder, clips)
    name = cache_key(clips, embedder)
    kept = True
    parts: list[NDArray[np.float32]] = []
    for start, stop in ranges(len(clips), CLIPS_PER_FILE):
        path = cache_folder() / "features" / name / f"{start:07d}-{stop:07d}.npy"
        part = _read(path, name)
        if part is None:
            part = embed_rows(embedder, clips, range(start, stop))
            kept = kept and _write(path, name, part)
        parts.append(part)
        release_pages(clips.mel)
        progress(stage, stop, len(clips))
    return np.concatenate(parts).astype(np.float64)


def cache_key(clips: ClipSet, embedder: Embedder) -> str:
    """Hexadecimal hash that identifies the features of a set: of its input, the embedder and its version."""
    front = clips.front_end.hash if clips.front_end else ""
    digest = hashlib.sha256(f"{CACHE_VERSION} {embedder.version} {front} {clips.mel.dtype} {clips.mel.shape}".encode())
    if embedder.sample_rate is not None:
        for file in clips.files or ():
            digest.update(bytes.fromhex(audio.file_sha256(file)))
    else:
        for start, stop in ranges(len(clips), CLIPS_PER_FILE):
            digest.update(clips.mel[start:stop].tobytes())
            release_pages(clips.mel)
    return digest.hexdigest()[:32]


def _seal(path: Path, name: str, content: bytes) -> bytes:
    return hashlib.sha256(f"{name}/{path.name}".encode() + content).digest()


def _read(path: Path, name: str) -> NDArray[np.float32] | None:
    """The array in ``path``, if it is whole and what was put there."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    content, seal = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    return np.load(io.BytesIO(content), allow_pickle=False) if seal == _seal(path, name, content) else None


def _write(path: Path, name: str, part: NDArray[np.float32]) -> bool:
    """Keep an array; a cache that cannot be written is no reason to stop."""
    buffer = io.BytesIO()
    np.save(buffer, part)
    content = buffer.getvalue()
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(content + _seal(path, name, content))
    except StorageError as error:
        log.warning("features are not kept, set AFFETTI_CACHE to a folder for them: %s: %s", error.where, error.what)
        return False
    return True
