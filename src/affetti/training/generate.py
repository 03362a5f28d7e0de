"""A trained generator and a list of emotions in, a synthetic corpus out.

The labels of the result are the emotions that were asked for: a condition is not a label until it has been checked.
Sample i of seed s is the same whatever the batch or the number of workers.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus, store
from affetti.corpus.build import claim, finished, gather
from affetti.emotion import Emotion
from affetti.errors import InputError, UsageError
from affetti.models.noise import child_seed
from affetti.progress import Progress, silent
from affetti.scale.engine import map_ranges, ranges
from affetti.signal import audio
from affetti.signal.mel import invert
from affetti.signal.phase import griffin_lim
from affetti.storage import require_space, written
from affetti.training import run as runs

CHUNK = 64
"""Clips a shard."""
LIMIT = 200_000


@dataclass(frozen=True)
class GenerateTask:
    """Generate a range of samples and file their log-mels as a shard. Idempotent."""

    model: Path
    emotions: tuple[tuple[float, float], ...]
    seed: int
    batch_size: int
    work: Path
    device: str = "cpu"

    def shard(self, start: int, stop: int) -> Path:
        """The file whose existence says that the range is done."""
        return self.work / f"{start:07d}-{stop:07d}.npy"

    def done(self, start: int, stop: int) -> bool:
        """Whether the range has been filed."""
        return self.shard(start, stop).exists()

    def __call__(self, start: int, stop: int) -> None:
        """Generate samples ``start`` to ``stop``."""
        trained = _loaded(self.model, self.device)
        parts: list[NDArray[np.float16]] = []
        for at in range(start, stop, self.batch_size):
            index = torch.arange(at, min(at + self.batch_size, stop))
            condition = torch.tensor(self.emotions[at : at + len(index)], dtype=torch.float32)
            mel = trained.model.sample(condition, self.seed, index).cpu()  # type: ignore[operator]
            # Like a real clip, a generated one ends top_db under its own maximum.
            floor = mel.amax(dim=(1, 2), keepdim=True) - trained.front_end.top_db
            parts.append(torch.maximum(mel, floor).numpy().astype(np.float16))
        with written(self.shard(start, stop)) as temporary:
            np.save(temporary, np.concatenate(parts))


@lru_cache(maxsize=2)
def _loaded(path: Path, device: str) -> runs.TrainedModel:
    return runs.load(path, device)


def choose_emotions(emotions: str, n: int, training_labels: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The ``[n, 2]`` emotions that ``emotions`` stands for.

    Args:
        emotions: ``uniform`` on the plane, ``matched`` to the training labels, a word, ``V,A``, or a CSV file with the
            columns valence and arousal (its rows are used in turn).
        n: how many.
        training_labels: ``[N, 2]``, for ``matched``.
        seed: of the draw.

    Raises:
        UsageError: ``emotions`` is none of these.
        InputError: the CSV cannot be used.
    """
    rng = np.random.default_rng(child_seed("emotions", seed))
    if emotions == "uniform":
        return rng.uniform(-1.0, 1.0, (n, 2))
    if emotions == "matched":
        # Whole shuffled passes over the training labels, so that each occurs equally often, give or take one.
        passes = [rng.permutation(len(training_labels)) for _ in range(-(-n // len(training_labels)))]
        return training_labels[np.concatenate(passes)[:n]]
    if emotions.lower().endswith(".csv"):
        return _from_csv(Path(emotions), n)
    near = difflib.get_close_matches(emotions.lower(), ("uniform", "matched"), n=1)
    if near:
        raise UsageError(f"{emotions!r} is not a choice", where="--emotions", hint=f"did you mean {near[0]}?")
    point = Emotion.parse(emotions)
    return np.tile([point.valence, point.arousal], (n, 1))


def _from_csv(path: Path, n: int) -> NDArray[np.float64]:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read ({error})", where=path, hint="give a CSV with the columns valence and arousal"
        ) from error
    missing = {"valence", "arousal"} - set(table.columns)
    if missing or table.empty:
        raise InputError("lacks rows, or the columns valence and arousal", where=path, hint="add them")
    try:
        values = table[["valence", "arousal"]].to_numpy(dtype=float)
    except ValueError as error:
        raise InputError(f"holds something that is not a number ({error})", where=path, hint="correct it") from error
    bad = ~(np.abs(values) <= 1).all(axis=1)
    if bad.any():
        raise InputError(
            f"line {int(bad.argmax()) + 2} lies outside [-1, 1]",
            where=path,
            hint="valence and arousal run from -1 to 1",
        )
    return values[np.arange(n) % len(values)]


def generate_corpus(
    model: Path,
    n: int,
    out: Path,
    *,
    emotions: str = "uniform",
    seed: int = 0,
    batch_size: int = 32,
    with_audio: bool = False,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress = silent,
) -> Corpus:
    """Generate ``n`` clips into a synthetic corpus at ``out``.

    Raises:
        UsageError: the model generates nothing, or ``n`` or ``emotions`` is out of range.
        StorageError: the folder holds other work, or the disk is full.
    """
    if not 1 <= n <= LIMIT:
        raise UsageError(f"{n} clips", where="--n", hint=f"give a number from 1 to {LIMIT}")
    if batch_size < 1:
        raise UsageError(f"a batch of {batch_size}", where="--batch-size", hint="give 1 or more")
    _loaded.cache_clear()  # the run may have been trained anew since this process last read it
    trained = _loaded(model, device)
    if trained.kind not in runs.GENERATORS:
        raise UsageError(
            f"a {trained.kind} does not generate", where=model, hint=f"give a run of {' or '.join(runs.GENERATORS)}"
        )
    front = trained.front_end
    wishes = choose_emotions(emotions, n, trained.training_labels, seed)
    signature = hashlib.sha256(
        json.dumps([trained.meta["weights_sha256"], wishes.tolist(), seed, batch_size, with_audio]).encode()
    ).hexdigest()
    if finished(out, signature):
        return Corpus.open(out)
    claim(out, signature)
    require_space(out, 4 * n * front.n_mels * front.frames)
    pairs = tuple((float(v), float(a)) for v, a in wishes)
    task = GenerateTask(model, pairs, seed, batch_size, out / ".work", device)
    map_ranges(task, n, CHUNK, done=task.done, workers=workers, stage=f"generate {trained.kind}", progress=progress)
    mel = gather(
        out / ".work" / "mel.npy", [task.shard(*span) for span in ranges(n, CHUNK)], front, np.ones(n, dtype=bool)
    )
    if with_audio:
        write_audio(
            np.load(mel, mmap_mode="r"), [clip_id(trained.kind, i) for i in range(n)], trained, out / "audio", progress
        )
    corpus = store.write(
        out,
        _rows(trained, wishes),
        mel,
        front,
        {
            "preset": trained.meta["preset"],
            "source": f"generated by {trained.kind}",
            "licence": trained.meta["corpus"]["licence"],
            "citation": "",
            "label_scale": "-1..1",
            "label_audit": [],
            "seed": seed,
            "folds": 0,
            "planted": {},
            "notes": ["labels are the emotions asked for, not ratings"],
            "provenance": _provenance(trained, seed, emotions),
            "signature": signature,
            "skipped": [],
        },
    )
    shutil.rmtree(out / ".work", ignore_errors=True)
    return corpus


def clip_id(kind: str, number: int) -> str:
    """Name of generated clip ``number``."""
    return f"{kind}-{number:06d}"


def write_audio(
    mel: NDArray[np.float16], names: list[str], trained: runs.TrainedModel, folder: Path, progress: Progress
) -> None:
    """Turn log-mels ``[N, M, F]`` into FLAC files (mel inversion, fast Griffin-Lim); those there are kept."""
    front = trained.front_end
    for number, name in enumerate(names):
        path = folder / f"{name}.flac"
        if not path.exists():
            log_mel = torch.from_numpy(np.asarray(mel[number], dtype=np.float32))
            audio.save(path, griffin_lim(invert(log_mel, front), 32, front.hop_length), front.sample_rate)
        progress("audio", number + 1, len(names))


def _rows(trained: runs.TrainedModel, wishes: NDArray[np.float64]) -> pd.DataFrame:
    names = [clip_id(trained.kind, i) for i in range(len(wishes))]
    rows = pd.DataFrame({"clip_id": names, "song_id": names, "valence": wishes[:, 0], "arousal": wishes[:, 1]})
    text = dict.fromkeys(("artist", "genre", "mode", "section", "instruments", "lyrics", "source_path", "sha256"), "")
    seconds = trained.front_end.seconds
    return rows.assign(
        **text, fold=-1, valence_std=np.nan, arousal_std=np.nan, raters=0, start=0.0, duration=seconds, synthetic=True
    )


def _provenance(trained: runs.TrainedModel, seed: int, emotions: str) -> dict[str, Any]:
    return {
        "generator": trained.kind,
        "weights_sha256": trained.meta["weights_sha256"],
        "training_clips_hash": trained.meta["training_clips_hash"],
        "training_songs": sorted(trained.songs),
        "fold": trained.meta["fold"],
        "corpus_hash": trained.meta["corpus"]["content_hash"],
        "seed": seed,
        "emotions": emotions,
    }
