"""Corpora to and from Hugging Face ``datasets``.

A corpus becomes a table of its manifest's columns and ``mel`` (``Array2D``, float16, dB), one row per clip. All columns
are included, as the content hash is over them; audio is never passed through ``datasets``. :func:`export` writes a
folder that ``datasets.load_dataset(folder)`` and the Hub read: ``data/*.parquet``, ``tables/``, a card, and
``corpus.json``, with which :func:`restore` makes the same corpus again.
Share a corpus only where its licence permits it: log-mels can be converted back to sound.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from affetti import config
from affetti.corpus import store
from affetti.corpus.licence import obligations
from affetti.corpus.manifest import COLUMNS
from affetti.corpus.writer import CorpusWriter
from affetti.errors import InputError, MismatchError, MissingDependencyError, StorageError
from affetti.execution import ranges
from affetti.output_lock import releases_outputs
from affetti.presets import MelFrontEnd
from affetti.signal.front_ends import describe
from affetti.storage import atomic_write, require_space, write_json

if TYPE_CHECKING:
    import datasets

SHARD = 4_096
"""Clips a Parquet file."""
BLOCK = 256


def to_datasets(corpus: store.Corpus) -> datasets.Dataset:
    """The corpus as a ``datasets.Dataset``: all columns of its manifest, and ``mel`` ``[M, F]``.

    Raises:
        MissingDependencyError: ``datasets`` is not installed.
    """
    hub = _datasets()
    manifest = pa.Table.from_pandas(corpus.clips, preserve_index=False).replace_schema_metadata()
    columns = hub.Features.from_arrow_schema(manifest.schema)
    features = hub.Features({**columns, "mel": hub.Array2D(corpus.front_end.shape, "float16")})

    def clips() -> Generator[dict[str, Any]]:
        for row, mel in zip(manifest.to_pylist(), corpus.mel, strict=True):
            yield {**row, "mel": mel}

    # Its cache is keyed by the generator's pickle; a folder of its own holds what this corpus is, and nothing older.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache, _quiet(hub):
        return hub.Dataset.from_generator(clips, features=features, cache_dir=cache, keep_in_memory=True)


def export(corpus: store.Corpus, folder: str | Path) -> Path:
    """Write the corpus as Parquet with a card: what ``datasets.load_dataset(folder)`` reads, and the Hub takes.

    Raises:
        MissingDependencyError: ``datasets`` is not installed.
        StorageError: the folder is not empty, or the disk is full.
    """
    hub, folder = _datasets(), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError("exists and is not empty", where=folder, hint="choose a new folder")
    require_space(folder, 2 * corpus.mel.nbytes)
    made = to_datasets(corpus)
    count = -(-len(corpus) // SHARD)
    for number in range(count):
        part = made.select(range(number * SHARD, min((number + 1) * SHARD, len(corpus))))
        with atomic_write(folder / "data" / f"train-{number:05d}-of-{count:05d}.parquet") as temporary, _quiet(hub):
            part.to_parquet(temporary)
    with atomic_write(folder / "README.md") as temporary:
        temporary.write_text(_card(corpus), encoding="utf-8")
    for table in _tables(corpus.path):
        with atomic_write(folder / "tables" / table.name) as temporary:
            shutil.copyfile(table, temporary)
    write_json(folder / "corpus.json", corpus.meta)
    return folder


@releases_outputs
def restore(folder: str | Path, out: str | Path) -> store.Corpus:
    """Make a corpus at ``out`` out of an exported folder (or a local copy of a Hub repository).

    Raises:
        MissingDependencyError: ``datasets`` is not installed.
        StorageError: ``out`` exists, ``folder`` is not an exported corpus, or a file of it is damaged.
        InputError: a column is missing.
        MismatchError: the clips are not those that ``corpus.json`` describes.
    """
    hub, folder, out = _datasets(), Path(folder), Path(out)
    if out.exists():
        raise StorageError("exists", where=out, hint="choose a new folder for the corpus")
    if not (folder / "corpus.json").is_file():
        raise StorageError("no corpus.json: not a corpus that affetti exported", where=folder, hint="check the path")
    meta = store.read_meta(folder / "corpus.json", "fetch the data set again")
    files = sorted(str(path) for path in _visible(folder / "data"))
    if not files:
        raise StorageError("holds no Parquet files", where=folder / "data", hint="fetch the data set again")
    try:
        restored = _restore(hub, files, folder, meta, out)
        if restored.hash != meta["content_hash"]:
            raise MismatchError(
                "its clips are not those that its corpus.json describes", where=folder, hint="fetch the data set again"
            )
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # it is ours: it did not exist before
        raise
    return restored


def _restore(hub: Any, files: list[str], folder: Path, meta: dict[str, Any], out: Path) -> store.Corpus:
    front = config.front_end(meta["front_end"], folder / "corpus.json")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache, _quiet(hub):
        try:
            table = hub.Dataset.from_parquet(files, cache_dir=cache)
        except (hub.exceptions.DatasetGenerationError, OSError, ValueError) as error:
            reason = error.__cause__ or error
            raise StorageError(
                f"cannot be read ({reason})", where=folder / "data", hint="fetch the data set again"
            ) from error
        absent = [name for name in (*COLUMNS, "mel") if name not in table.column_names]
        if absent:
            raise InputError(f"column {absent[0]!r} is missing", where=folder / "data", hint="export it again")
        # By way of Arrow, which keeps the type of each column: float32 read as float64 would print other digits.
        clips = table.remove_columns("mel").data.table.to_pandas()
        mel = table.select_columns("mel").with_format("numpy")
        writer = CorpusWriter(out, front, meta.get("signature"))
        writer.reserve()
        writer.write_mel((np.asarray(mel[start:stop]["mel"]) for start, stop in ranges(len(clips), BLOCK)), len(clips))
    for table in _visible(folder / "tables"):
        with atomic_write(out / table.name) as temporary:
            shutil.copyfile(table, temporary)
    return writer.finish(clips, meta)


def _visible(folder: Path) -> list[Path]:
    """The Parquet files of a folder, without those that another process is writing or that a system hides."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def _tables(corpus: Path) -> list[Path]:
    """What a corpus holds beside its clips: ratings over time, a composer's notes."""
    return [path for path in _visible(corpus) if path.name != "clips.parquet"]


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "Hugging Face datasets is not installed", hint="install it with: pip install 'affetti[hub]'"
        ) from error
    return datasets


@contextlib.contextmanager
def _quiet(hub: Any) -> Generator[None]:
    """Without its progress bars: nothing prints but the command line."""
    shown = hub.are_progress_bars_disabled()
    hub.disable_progress_bars()
    try:
        yield
    finally:
        if not shown:
            hub.enable_progress_bars()


def _sides(meta: dict[str, Any]) -> str:
    shared = [called for called, share in (meta.get("leakage") or {}).items() if share]
    if shared:
        return f"; CAUTION: both sides share {', '.join(shared)}"
    return "; clips that share a song, an artist (where known) or a recording lie on one side"


def _card(corpus: store.Corpus) -> str:
    meta = corpus.meta
    front = corpus.front_end
    return f"""---
configs:
- config_name: default
  data_files: data/*.parquet
---

# {meta["source"]}: {"log-mels" if isinstance(front, MelFrontEnd) else "constant-Q spectrograms"} with valence and
# arousal

{len(corpus)} clips of {meta["n_songs"]} songs, {"synthetic" if corpus.synthetic else "real"}; made with affetti.

- Licence: {"; ".join((meta["licence"], *obligations(meta["licence"])))}
- Citation: {meta.get("citation") or "none given"}
- `mel`: dB, float16 [{front.n_bands}, {front.frames}], {front.top_db:g} dB under the clip's maximum
- front-end: {describe(front)}
- `valence`, `arousal`: in [-1, 1]; as published, on the scale {meta["label_scale"]}: `valence_original` …
- `fold`, `part`: who is tested on{_sides(meta)}
- Content hash: `{meta["content_hash"]}`
"""
