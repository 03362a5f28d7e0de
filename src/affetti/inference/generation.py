"""A trained generator and a list of emotions in, a synthetic corpus out.

The labels of the result are the emotions requested: a condition is not a label until it has been checked.
Sample i of seed s is the same whatever the batch or the number of workers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.config import unstructure
from affetti.corpus import Corpus
from affetti.corpus.provenance import Provenance
from affetti.corpus.writer import CorpusWriter, MelTask
from affetti.errors import InputError, UsageError
from affetti.execution import Executor, LocalExecutor, ranges
from affetti.inference.conditions import condition_columns, requested_condition
from affetti.inference.emotions import choose_emotions
from affetti.inference.filtering import EmotionFilter, FilterSummary, filter_summary, require_training_corpus
from affetti.inference.run_vocoder import RunVocoder
from affetti.models.base import resolve_sampling
from affetti.models.sampling import Sampler
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.vocoder import GriffinLim, HifiGan, Vocoder
from affetti.storage import expand_home, is_file, require_space
from affetti.training import run as runs
from affetti.training.device import choose_device
from affetti.training.text_embedders import HashedText, text_embedder

SHARD_CLIPS = 64
"""Clips a shard."""
MAX_CLIPS = 200_000
MAX_ROUNDS = 5
"""With a filter, samples for each clip of the corpus, at most."""


@dataclass(frozen=True)
class GenerationSettings:
    """What is requested of a generator, and how it is sampled."""

    emotions: str = "uniform"
    """The emotion of each clip, see :func:`affetti.inference.emotions.choose_emotions`."""
    conditions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What every clip is to have besides its emotion, see :func:`affetti.inference.conditions.requested_condition`."""
    sampling: Mapping[str, float] = field(default_factory=dict[str, float])
    """Values of the model's sampling parameters; its defaults for the others."""
    filter_by: Path | None = None
    """The corpus the generator was trained on: only clips whose predicted emotion is near the one requested are kept,
    see :mod:`affetti.inference.filtering`; up to :data:`MAX_ROUNDS` samples a clip are generated."""
    seed: int = 0
    """Of emotions and noise, ≥ 0."""
    batch_size: int = 32
    """Clips a batch, ≥ 1."""
    with_audio: bool = False
    """Whether each clip's sound is saved as FLAC."""
    vocoder: str | None = None
    """A run of ``vocoded``, or a HiFi-GAN by folder or name, of the model's front-end; None: mel inversion and
    Griffin-Lim."""
    device: str = "cpu"
    """``cpu``, ``cuda``, ``mps`` or ``auto``."""


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
    weights_sha256: str = ""
    """Of the model: a worker of a cluster outlives a call, and the run may be trained anew."""

    def inputs(self) -> tuple[Path, ...]:
        """The run of the model."""
        return (self.model,)

    def sounds(self) -> list[str]:
        """Names of the clips whose sound has been saved."""
        return [path.stem for path in (self.out / "audio").glob("*.flac")]

    def __call__(self, start: int, stop: int) -> None:
        """Generate samples ``start`` to ``stop``."""
        trained = loaded(self.model, self.device, self.weights_sha256)
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
def loaded(path: Path, device: str, _weights_sha256: str = "") -> runs.TrainedModel:
    """A run, loaded once in a process; see :func:`affetti.training.run.load`."""
    return runs.load(path, device)


@dataclass(frozen=True)
class GenerationRequest:
    """Settings resolved against the model, before anything is written."""

    trained: runs.TrainedModel
    n: int
    settings: GenerationSettings
    conditions: Tensor
    """``[N, K]``, of all samples that may be generated."""
    vocoder: Vocoder
    filter_corpus: Corpus | None
    """The corpus of ``settings.filter_by``."""

    @property
    def signature(self) -> str:
        """A hash of all that the corpus depends on."""
        s = self.settings
        parts: list[Any] = [self.trained.meta.weights_sha256, self.conditions.nan_to_num(9.0).tolist()]
        parts += [dict(s.sampling) or None, s.seed, s.batch_size, s.with_audio, s.vocoder]
        parts += [] if self.filter_corpus is None else [self.filter_corpus.hash]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@releases_outputs
def generate_corpus(
    model: Path,
    n: int,
    out: Path,
    settings: GenerationSettings = GenerationSettings(),
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Corpus:
    """Generate ``n`` clips into a synthetic corpus at ``out``.

    Args:
        model: run of a generator.
        n: number of clips, 1 to :data:`MAX_CLIPS`.
        out: folder of the corpus.
        settings: what is requested, and how it is sampled.
        executor: where clips are generated; by default in this process.
        progress: called with the number of clips done.

    Raises:
        UsageError: the model generates nothing, or a number, condition or sampling parameter is out of range.
        InputError: no clip passes the filter.
        StorageError: the folder holds other work, or the disk is full.
    """
    request = resolve_request(model, n, settings)
    trained, front = request.trained, request.trained.front_end
    writer = CorpusWriter(out, front, request.signature)
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    require_space(out, 4 * n * front.n_bands * front.frames)
    task = GenerateTask(
        out,
        model,
        request.conditions,
        dict(settings.sampling),
        settings.seed,
        settings.batch_size,
        settings.device,
        trained.meta.weights_sha256,
    )
    try:
        kept, summary = _sample(request, task, executor or LocalExecutor(), progress)
    except InputError:
        # Another filter, model or emotion is needed, which changes the signature: this work cannot be continued.
        writer.abandon()
        raise
    mel = writer.join_shards(task.shards(len(kept), SHARD_CLIPS), kept)
    clips = _manifest(request, kept)
    for name in sorted(set(task.sounds()) - set(clips["clip_id"])):
        (writer.audio / f"{name}.flac").unlink()
    if settings.with_audio and not trained.sounds:
        write_audio(np.load(mel, mmap_mode="r"), clips["clip_id"].tolist(), request.vocoder, writer.audio, progress)
    return writer.finish(clips, corpus_meta(trained, settings, n, summary))


def resolve_request(model: Path, n: int, settings: GenerationSettings) -> GenerationRequest:
    """Load the model and check the settings against it, with the arguments of :func:`generate_corpus`.

    Raises:
        AffettiError: what :func:`generate_corpus` says, but for what depends on its folder and on the clips.
    """
    if not 1 <= n <= MAX_CLIPS:
        raise UsageError(f"{n} clips", where="--n", hint=f"give a number from 1 to {MAX_CLIPS}")
    if settings.batch_size < 1:
        raise UsageError(f"a batch of {settings.batch_size}", where="--batch-size", hint="give 1 or more")
    loaded.cache_clear()  # the run may have been trained anew since this process last loaded it
    trained = loaded(model, settings.device)
    resolve_sampling(settings.sampling, trained.generator.sampling_parameters)
    rounds = 1 if settings.filter_by is None else MAX_ROUNDS
    conditions = resolve_conditions(trained, settings.emotions, rounds * n, settings.conditions, settings.seed)
    vocoder = vocoder_for(trained, settings.vocoder, choose_device(settings.device))
    filter_corpus = None if settings.filter_by is None else Corpus.open(settings.filter_by)
    if filter_corpus is not None:
        require_training_corpus(trained, filter_corpus)
    return GenerationRequest(trained, n, settings, conditions, vocoder, filter_corpus)


def _sample(
    request: GenerationRequest, task: GenerateTask, executor: Executor, progress: Progress
) -> tuple[NDArray[np.bool_], FilterSummary | None]:
    """File samples, ``n`` at a time, until ``n`` of them pass the filter or there are no more conditions.

    Returns:
        Which samples are kept, at most ``n``, and what the filter did; None without one.

    Raises:
        InputError: none passes.
    """
    n, stage = request.n, f"generate {request.trained.kind}"
    if request.filter_corpus is None:
        executor.map_ranges(task, n, SHARD_CLIPS, stage=stage, progress=progress)
        return np.ones(n, dtype=bool), None
    emotion_filter = EmotionFilter.fit(request.trained, request.filter_corpus)
    kept = np.zeros(0, dtype=bool)
    while kept.sum() < n and len(kept) < len(request.conditions):
        tried = len(kept) + n
        executor.map_ranges(task, tried, SHARD_CLIPS, stage=stage, progress=progress)
        kept = _accepted(emotion_filter, task, tried)
    if not kept.any():
        raise InputError(
            f"of {len(kept)} clips, none has a predicted emotion near the one requested",
            where=request.trained.path,
            hint="train it longer, or leave --filter out",
        )
    emotion = request.conditions[: len(kept), :2].double().numpy()
    summary = filter_summary(emotion, kept, emotion_filter.tolerance)
    return kept & (np.cumsum(kept) <= n), summary


def _accepted(emotion_filter: EmotionFilter, task: GenerateTask, tried: int) -> NDArray[np.bool_]:
    """Which of the first ``tried`` samples pass the filter."""
    emotion = task.conditions[:, :2].double().numpy()
    return np.concatenate(
        [
            emotion_filter.accepts(np.load(task.shard(start, stop), allow_pickle=False), emotion[start:stop])
            for start, stop in ranges(tried, SHARD_CLIPS)
        ]
    )


def resolve_conditions(
    trained: runs.TrainedModel, emotions: str, n: int, conditions: Mapping[str, Any], seed: int
) -> Tensor:
    """The conditions ``[n, K]`` of ``n`` clips: the emotion of each, and what all of them are to have besides.

    Raises:
        UsageError: ``emotions`` or a condition is invalid for this model.
        InputError: an emotion lies off the plane.
    """
    emotion = choose_emotions(emotions, n, trained.training_conditions, seed)
    fields = trained.fields
    complete = fields.complete(torch.tensor(emotion, dtype=torch.float32))
    text = text_embedder(trained.meta.text) if fields.lines else HashedText()
    common = torch.tensor(requested_condition(fields, text, **conditions), dtype=torch.float32)
    return fields.require_valid(torch.where(common.isnan(), complete, common))


def vocoder_for(trained: runs.TrainedModel, name: str | None, device: str) -> Vocoder:
    """What turns the model's log-mels into sound.

    Raises:
        MismatchError: the vocoder's weights were made for another front-end.
        UsageError: the run it names is of a model without a vocoder.
    """
    if name is None:
        return GriffinLim(trained.front_end, trained.inverse)
    if is_file(expand_home(name) / "model.json"):
        return RunVocoder(expand_home(name), trained.front_end, device)
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


def _manifest(request: GenerationRequest, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """The rows of the corpus: one for each sample that is kept."""
    trained, settings = request.trained, request.settings
    conditions = request.conditions[: len(kept)][torch.from_numpy(kept)].numpy()
    names = [clip_id(trained.kind, int(number)) for number in np.flatnonzero(kept)]
    clips = pd.DataFrame({"clip_id": names, "song_id": names} | condition_columns(trained.fields, conditions))
    text = dict.fromkeys(("artist", "source_path", "sha256"), "")
    text |= {"lyrics": settings.conditions.get("lyrics") or ""}
    seconds = trained.front_end.seconds
    return clips.assign(**text, fold=-1, raters=0, start=0.0, duration=seconds, synthetic=True)


def corpus_meta(
    trained: runs.TrainedModel,
    settings: GenerationSettings,
    clips: int,
    summary: FilterSummary | None = None,
    songs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What ``corpus.json`` says of a corpus that was generated.

    Args:
        trained: the generator.
        settings: what was requested of it.
        clips: how many clips were requested.
        summary: what the filter did; None without one.
        songs: see :attr:`affetti.corpus.provenance.Provenance.songs`.
    """
    meta = trained.meta
    provenance = Provenance(
        generator=trained.kind,
        weights_sha256=meta.weights_sha256,
        training_clips_hash=meta.training_clips_hash,
        training_songs=tuple(sorted(trained.songs)),
        fold=meta.fold,
        corpus_hash=meta.corpus.content_hash,
        seed=settings.seed,
        emotions=settings.emotions,
        conditions={name: value for name, value in settings.conditions.items() if value not in (None, (), "")},
        sampling=dict(settings.sampling),
        filter=None if summary is None else unstructure(summary),
        requested_clips=clips,
        batch_size=settings.batch_size,
        audio=settings.with_audio,
        vocoder=settings.vocoder,
        songs=songs,
    )
    return {
        "preset": meta.preset,
        "source": f"generated by {trained.kind}",
        "licence": meta.corpus.licence,
        "citation": "",
        "label_scale": "-1..1",
        "label_audit": [],
        "seed": settings.seed,
        "folds": 0,
        "planted": {},
        "notes": ["labels are the emotions requested, not ratings"],
        "provenance": provenance.to_dict(),
        "skipped": [],
    }
