"""A trained generator and a list of emotions in, a synthetic corpus out.

The labels of the result are the emotions that were asked for: a condition is not a label until it has been checked.
Sample i of seed s is the same whatever the batch or the number of workers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.corpus import Corpus
from affetti.corpus.provenance import Provenance
from affetti.corpus.writer import CorpusWriter, MelTask
from affetti.errors import InputError, UsageError
from affetti.execution import LocalExecutor, ranges
from affetti.inference.conditions import condition_columns, requested_condition
from affetti.inference.emotions import choose_emotions
from affetti.inference.filtering import EmotionFilter, filter_summary
from affetti.models.base import resolve_sampling
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.vocoder import GriffinLim, HifiGan, Vocoder
from affetti.storage import require_space
from affetti.training import run as runs
from affetti.training.device import choose_device
from affetti.training.text_embedders import HashedText, text_embedder

SHARD_CLIPS = 64
"""Clips a shard."""
MAX_CLIPS = 200_000
MAX_ROUNDS = 5
"""With a filter, tries for each clip at most."""


@dataclass(frozen=True)
class GenerateTask(MelTask):
    """Generate a range of samples and file their log-mels as a shard, and their sound where they are made of it."""

    model: Path
    conditions: Tensor
    """``[N, K]``."""
    sampling: dict[str, float]
    seed: int
    batch_size: int
    device: str = "cpu"

    def sounds(self) -> list[str]:
        """Names of the clips whose sound has been filed."""
        return [path.stem for path in (self.out / "audio").glob("*.flac")]

    def __call__(self, start: int, stop: int) -> None:
        """Generate samples ``start`` to ``stop``."""
        trained = _loaded(self.model, self.device)
        parts: list[NDArray[np.float16]] = []
        sampler = Sampler(trained.generator, trained.front_end, self.seed, self.sampling, self.batch_size)
        for samples in sampler.batches(self.conditions, start, stop):
            if samples.waveform is not None:
                for number, waveform in zip(samples.index.tolist(), samples.waveform, strict=True):
                    path = self.out / "audio" / f"{clip_id(trained.kind, number)}.flac"
                    audio.save(path, waveform, trained.front_end.sample_rate)
            parts.append(samples.mel.numpy().astype(np.float16))
        self.save(start, stop, np.concatenate(parts))


@lru_cache(maxsize=2)
def _loaded(path: Path, device: str) -> runs.TrainedModel:
    return runs.load(path, device)


def generate_corpus(
    model: Path,
    n: int,
    out: Path,
    *,
    emotions: str = "uniform",
    conditions: Mapping[str, Any] | None = None,
    sampling: Mapping[str, float] | None = None,
    filter_by: Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    with_audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress = silent,
) -> Corpus:
    """Generate ``n`` clips into a synthetic corpus at ``out``.

    Args:
        model: run of a generator.
        n: how many clips.
        out: folder of the corpus.
        emotions: see :func:`affetti.inference.emotions.choose_emotions`.
        conditions: what every clip is requested to have besides its emotion, see
            :func:`affetti.inference.conditions.requested_condition`.
        sampling: values of the model's sampling parameters.
        filter_by: the generator's corpus: keep only clips that read as asked, see :mod:`affetti.inference.filtering`;
            up to :data:`MAX_ROUNDS` times ``n`` are tried.
        seed: of emotions and samples.
        batch_size: clips a batch.
        with_audio: file each clip's sound as FLAC.
        vocoder: a HiFi-GAN of this front-end, by folder or name; without it, mel inversion and Griffin-Lim.
        device: of the model.
        workers: processes.
        progress: told of clips done.

    Raises:
        UsageError: the model generates nothing, or a number, condition or sampling parameter is out of range.
        InputError: no clip passes the filter.
        StorageError: the folder holds other work, or the disk is full.
    """
    if not 1 <= n <= MAX_CLIPS:
        raise UsageError(f"{n} clips", where="--n", hint=f"give a number from 1 to {MAX_CLIPS}")
    if batch_size < 1:
        raise UsageError(f"a batch of {batch_size}", where="--batch-size", hint="give 1 or more")
    _loaded.cache_clear()  # the run may have been trained anew since this process last read it
    trained = _loaded(model, device)
    resolve_sampling(sampling, trained.generator.sampling_parameters)
    rounds = 1 if filter_by is None else MAX_ROUNDS
    asked = resolve_conditions(trained, emotions, rounds * n, conditions or {}, seed)
    signature = hashlib.sha256(
        json.dumps(
            [
                trained.meta["weights_sha256"],
                asked.nan_to_num(9.0).tolist(),
                sampling,
                seed,
                batch_size,
                with_audio,
                vocoder,
            ]
            + ([] if filter_by is None else [Corpus.open(filter_by).hash])
        ).encode()
    ).hexdigest()
    speaks = vocoder_for(trained, vocoder, choose_device(device))
    front = trained.front_end
    writer = CorpusWriter(out, front, signature)
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    require_space(out, 4 * n * front.n_mels * front.frames)
    task = GenerateTask(out, model, asked, dict(sampling or {}), seed, batch_size, device)
    judge = None if filter_by is None else EmotionFilter.fit(trained, Corpus.open(filter_by))
    executor = LocalExecutor(workers)
    kept = np.zeros(0, dtype=bool)
    for tried in range(n, rounds * n + 1, n):
        executor.map_ranges(task, tried, SHARD_CLIPS, stage=f"generate {trained.kind}", progress=progress)
        kept = np.ones(tried, dtype=bool) if judge is None else _judged(judge, task, tried)
        if kept.sum() >= n:
            break
    if not kept.any():
        raise InputError(
            f"none of {len(kept)} clips reads as asked", where=model, hint="train it longer, or leave --filter out"
        )
    emotion = asked[: len(kept), :2].double().numpy()
    filtered = None if judge is None else filter_summary(emotion, kept, judge.tolerance)
    kept &= np.cumsum(kept) <= n
    mel = writer.join_shards(task.shards(len(kept), SHARD_CLIPS), kept)
    rows = _rows(trained, asked[: len(kept)][torch.from_numpy(kept)].numpy(), np.flatnonzero(kept), conditions or {})
    for name in sorted(set(task.sounds()) - set(rows["clip_id"])):
        (out / "audio" / f"{name}.flac").unlink()
    if with_audio and not trained.sounds:
        write_audio(np.load(mel, mmap_mode="r"), rows["clip_id"].tolist(), speaks, out / "audio", progress)
    return writer.finish(
        rows,
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
            "provenance": _provenance(trained, seed, emotions, conditions, sampling, filtered).to_dict(),
            "skipped": [],
        },
    )


def resolve_conditions(
    trained: runs.TrainedModel, emotions: str, n: int, conditions: Mapping[str, Any], seed: int
) -> Tensor:
    """The conditions ``[n, K]`` of ``n`` clips: their emotions, and what all of them are asked for besides.

    Raises:
        UsageError: ``emotions`` or a condition is invalid for this model.
        InputError: an emotion lies off the plane.
    """
    chosen = choose_emotions(emotions, n, trained.training_conditions, seed)
    fields = trained.fields
    asked = fields.complete(torch.tensor(chosen, dtype=torch.float32))
    text = text_embedder(trained.meta["text"]) if fields.lines else HashedText()
    wish = torch.tensor(requested_condition(fields, text, **conditions), dtype=torch.float32)
    return fields.require_valid(torch.where(wish.isnan(), asked, wish))


def _judged(judge: EmotionFilter, task: GenerateTask, tried: int) -> NDArray[np.bool_]:
    wishes = task.conditions[:, :2].double().numpy()
    return np.concatenate(
        [
            judge.reads_as_asked(np.load(task.shard(start, stop), allow_pickle=False), wishes[start:stop])
            for start, stop in ranges(tried, SHARD_CLIPS)
        ]
    )


def vocoder_for(trained: runs.TrainedModel, name: str | None, device: str) -> Vocoder:
    """What turns the model's log-mels into sound.

    Raises:
        MismatchError: the vocoder's weights were made for another front-end.
    """
    if name is None:
        return GriffinLim(trained.front_end, trained.inverse)
    return HifiGan(name, trained.front_end, device)


def clip_id(kind: str, number: int) -> str:
    """Name of generated clip ``number``."""
    return f"{kind}-{number:06d}"


def write_audio(mel: NDArray[np.float16], names: list[str], vocoder: Vocoder, folder: Path, progress: Progress) -> None:
    """Turn log-mels ``[N, M, F]`` into FLAC files at their own level, which is an emotion cue; those there are kept."""
    for number, name in enumerate(names):
        path = folder / f"{name}.flac"
        if not path.exists():
            log_mel = torch.from_numpy(np.asarray(mel[number], dtype=np.float32))
            audio.save(path, vocoder(log_mel), vocoder.front.sample_rate)
        progress("audio", number + 1, len(names))


def _rows(
    trained: runs.TrainedModel, asked: NDArray[np.float32], numbers: NDArray[np.intp], conditions: Mapping[str, Any]
) -> pd.DataFrame:
    names = [clip_id(trained.kind, int(number)) for number in numbers]
    rows = pd.DataFrame({"clip_id": names, "song_id": names} | condition_columns(trained.fields, asked))
    text = dict.fromkeys(("artist", "source_path", "sha256"), "") | {"lyrics": conditions.get("lyrics") or ""}
    seconds = trained.front_end.seconds
    return rows.assign(**text, fold=-1, raters=0, start=0.0, duration=seconds, synthetic=True)


def _provenance(
    trained: runs.TrainedModel,
    seed: int,
    emotions: str,
    conditions: Mapping[str, Any] | None,
    sampling: Mapping[str, float] | None,
    filtered: dict[str, Any] | None,
) -> Provenance:
    return Provenance(
        generator=trained.kind,
        weights_sha256=trained.meta["weights_sha256"],
        training_clips_hash=trained.meta["training_clips_hash"],
        training_songs=tuple(sorted(trained.songs)),
        fold=trained.meta["fold"],
        corpus_hash=trained.meta["corpus"]["content_hash"],
        seed=seed,
        emotions=emotions,
        conditions={name: value for name, value in (conditions or {}).items() if value},
        sampling=dict(sampling or {}),
        filter=filtered,
    )
