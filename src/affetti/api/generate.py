"""``affetti generate``: a synthetic corpus for given emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from affetti.api.plan import describe_cost
from affetti.execution.local import cpu_count
from affetti.inference.generation import generate_corpus
from affetti.progress import Progress, silent
from affetti.training import run as runs
from affetti.training.cost import seconds_of
from affetti.training.device import choose_device


def run(
    model: str | Path,
    n: int,
    out: str | Path,
    *,
    emotions: str = "uniform",
    genre: str | None = None,
    mode: str | None = None,
    section: str | None = None,
    position: float | None = None,
    instruments: Sequence[str] = (),
    lyrics: str | None = None,
    dials: Mapping[str, float] | None = None,
    filter_by: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Generate a synthetic corpus; see :func:`affetti.inference.generation.generate_corpus`.

    ``genre`` to ``lyrics`` are what every clip is asked for besides its emotion, of what the model was trained with.
    On the CPU a process a core works unless ``workers`` says otherwise; another device is one process's.
    """
    processes = cpu_count() if choose_device(device) == "cpu" else 1
    conditions = {"genre": genre, "mode": mode, "section": section, "position": position}
    corpus = generate_corpus(
        Path(model),
        n,
        Path(out),
        emotions=emotions,
        conditions=conditions | {"instruments": tuple(instruments), "lyrics": lyrics},
        sampling=dials,
        filter_by=None if filter_by is None else Path(filter_by),
        seed=seed,
        batch_size=batch_size,
        with_audio=audio,
        vocoder=vocoder,
        device=device,
        workers=processes if workers is None else workers,
        progress=progress,
    )
    return {
        "verb": "generate",
        "corpus": str(corpus.path),
        "clips": len(corpus),
        "emotions": emotions,
        "seed": seed,
        "generator": corpus.meta["provenance"]["generator"],
        "fold": corpus.meta["provenance"]["fold"],
        "filter": corpus.meta["provenance"]["filter"],
        "content_hash": corpus.hash,
    }


def plan(
    model: str | Path,
    n: int,
    out: str | Path,
    *,
    emotions: str = "uniform",
    genre: str | None = None,
    mode: str | None = None,
    section: str | None = None,
    position: float | None = None,
    instruments: Sequence[str] = (),
    lyrics: str | None = None,
    dials: Mapping[str, float] | None = None,
    filter_by: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Plan a synthetic corpus, with the arguments of :func:`run`: two clips are generated in memory."""
    trained = runs.load(Path(model))
    generator, front = trained.generator, trained.front_end
    seconds = seconds_of(lambda: generator.sample(torch.zeros(2, 2), 0)) / 2 * n
    seconds /= workers or cpu_count()
    size = 2 * n * front.n_mels * front.frames
    return {
        "verb": "generate",
        "dry_run": True,
        "clips": n,
        "bytes": size,
        "seconds": round(seconds, 1),
        "plan": f"would generate {n} clips with {model} and write {describe_cost(size, seconds, Path(out))}",
    }
