"""Train a model on one fold of a corpus and file it as a run.

Only the fold's training clips are used; regressors are calibrated on its validation songs. Called again with the same
settings it goes on from the last checkpoint, or returns the finished run.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from affetti import config as configuration
from affetti import metrics, presets
from affetti.augment.spectrogram import spec_augment
from affetti.corpus import Corpus, splits
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.models.baseline import Baseline
from affetti.models.conditioning import Fields
from affetti.models.noise import child_seed
from affetti.models.student import Student
from affetti.progress import Progress, silent
from affetti.signal.statistics import mel_statistics
from affetti.storage import claim, read_json, sweep, write_json, write_text
from affetti.training import run as runs
from affetti.training.device import choose_device
from affetti.training.families import family, make
from affetti.training.loop import Clips, History, LoopConfig, train
from affetti.training.lyrics import HASHED, text_embedder
from affetti.training.wishes import conditions, fields_of

PASSING = frozenset({"corpus", "device", "checkpoint_every"})
"""Settings that do not change a run: a corpus may have moved, and where steps are computed is no matter."""
COVERAGE = 0.9
"""Nominal coverage of a regressor's interval."""


def fit_run(
    kind: str,
    corpus: Corpus,
    fold: int,
    out: Path,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    text: str = HASHED,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train ``kind`` on fold ``fold`` of ``corpus`` into the run folder ``out``; returns ``result.json``.

    A generator learns every field that the training clips can teach, see :mod:`affetti.training.wishes`; ``text``
    names the embedder of lyrics.

    Raises:
        UsageError: the model or a setting is unknown.
        InputError: the fold has too few clips.
        StorageError: the folder holds another run.
        TrainingError: the loss is not a number.
    """
    generates = family(kind).generates
    budget = presets.budget(corpus.meta["preset"], kind)
    part = corpus.fold(fold)
    loop = LoopConfig(
        budget.steps if steps is None else steps,
        batch_size if batch_size is not None else max(2, min(budget.batch_size, len(part.train))),
        seed,
        checkpoint_every,
    )
    choose_device(device)  # refuse one that is not here before anything is filed
    torch.manual_seed(child_seed("weights", seed))
    clips, fields = training_clips(corpus, part.train, text) if generates else (labelled(corpus, part.train), Fields())
    model = make(kind, corpus.front_end.shape, settings or {}, fields)
    resolved = {
        "verb": "train",
        "model": kind,
        "corpus": str(corpus.path),
        "corpus_hash": corpus.hash,
        "fold": fold,
        "steps": loop.steps,
        "batch_size": loop.batch_size,
        "checkpoint_every": checkpoint_every,
        "seed": seed,
        "device": device,
        "settings": configuration.unstructure(model.config) if family(kind).config else {},
        "text": text,
    }
    require_enough(clips, loop.batch_size, kind)
    if not generates:
        require_test_songs(corpus, part)
    if claim(out, resolved, PASSING) and _whole(out):
        return read_json(out / "result.json")
    sweep(out)
    history, trained = fit(kind, model, clips, loop, run=out, device=device, progress=progress)
    result: dict[str, Any] = {
        "verb": "train",
        "model": kind,
        "fold": fold,
        "n": {"train": len(part.train), "validation": len(part.validation), "test": len(part.test)},
        "songs": {"train": int(np.unique(corpus.songs[part.train]).size)},
        "steps": loop.steps,
        "seed": seed,
        "seconds": round(history.lines[-1]["seconds"] if history.lines else 0.0, 2),
        "loss": history.lines[-1]["loss"] if history.lines and "loss" in history.lines[-1] else None,
        "parameters": sum(value.numel() for value in trained.parameters()),
        "corpus_hash": corpus.hash,
        "versions": versions(),
    }
    if isinstance(trained, Student | Baseline):
        held = part.validation if len(part.validation) else part.train
        result["calibration"] = calibrate(trained, labelled(corpus, held))
        result["test"] = agreement(
            read(trained, corpus.mel, part.test), corpus.labels[part.test], corpus.songs[part.test], seed
        )
    songs = sorted(set(corpus.songs[part.train].tolist()))
    runs.save(
        out,
        kind,
        trained,
        clips.labels[part.train],
        {
            "config": resolved["settings"],
            "fields": configuration.unstructure(fields),
            "text": text,
            "front_end": configuration.unstructure(corpus.front_end),
            "front_end_hash": corpus.front_end.hash,
            "preset": corpus.meta["preset"],
            "corpus": {
                key: corpus.meta.get(key) for key in ("source", "licence", "label_scale", "content_hash", "splits_hash")
            },
            "fold": fold,
            "training_clips_hash": clips_hash(corpus, part.train),
            "seed": seed,
            "steps": loop.steps,
            "songs": songs,
        },
    )
    write_text(out / "MODEL_CARD.md", model_card(kind, corpus, result))
    write_json(out / "result.json", result)
    return result


def fit(
    kind: str,
    model: nn.Module,
    clips: Clips,
    loop: LoopConfig,
    *,
    run: Path | None = None,
    specaugment: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[History, nn.Module]:
    """Train a model of family ``kind`` on ``clips``; returns the log and the model whose weights are to be used."""
    if isinstance(model, Baseline):
        fit_baseline(model, clips)
        return History(), model
    model.fit_statistics(*clips.sample())  # type: ignore[operator]
    made = family(kind).objective
    if made is None:
        raise UsageError(f"a {kind} has no steps to train", where="MODEL", hint="it is fitted in closed form")
    objective = made(model, loop.steps, augment=spec_augment) if specaugment else made(model, loop.steps)
    history = train(objective, clips, loop, run=run, device=device, stage=f"train {kind}", progress=progress)
    return history, objective.modules["average"].eval().cpu()


def labelled(corpus: Corpus, rows: NDArray[np.intp]) -> Clips:
    """Clips of a corpus with valence and arousal."""
    return Clips(corpus.mel, corpus.labels, rows)


def training_clips(corpus: Corpus, rows: NDArray[np.intp], text: str) -> tuple[Clips, Fields]:
    """Clips of a corpus with all that ``rows`` can teach a generator, and the fields that is."""
    embed = text_embedder(text)
    fields = fields_of(corpus.clips.iloc[rows], embed)
    return Clips(corpus.mel, conditions(corpus.clips, fields, embed), rows), fields


def fit_baseline(model: Baseline, clips: Clips) -> None:
    """Fit the ridge baseline in closed form."""
    features, labels = zip(
        *(_statistics(clips, rows) for rows in np.array_split(clips.rows, max(1, len(clips) // 256))), strict=True
    )
    model.fit(torch.cat(features), torch.cat(labels))


def _statistics(clips: Clips, rows: NDArray[np.intp]) -> tuple[torch.Tensor, torch.Tensor]:
    mel, labels = clips.take(rows)
    return mel_statistics(mel), labels


@torch.inference_mode()
def read(
    model: nn.Module, mel: NDArray[np.floating], rows: NDArray[np.intp], batch_size: int = 128
) -> NDArray[np.float64]:
    """A regressor's reading of the given rows of log-mels ``[N, M, F]``: ``[len(rows), 2]``."""
    parts = [
        model(torch.from_numpy(np.asarray(mel[rows[at : at + batch_size]], dtype=np.float32))).numpy()
        for at in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 2))


def calibrate(model: Student | Baseline, held: Clips) -> dict[str, Any]:
    """Set the half-width of the regressor's interval by split conformal prediction (Vovk et al. 2005).

    The ⌈(n + 1) · coverage⌉-th smallest absolute error of n held-out clips; exact where these are exchangeable with
    the clips met later. Fewer than nine clips can only promise n / (n + 1).
    """
    errors = np.sort(np.abs(read(model, held.mel, held.rows) - held.labels[held.rows]), axis=0)
    rank = min(len(errors), int(np.ceil((len(errors) + 1) * COVERAGE))) - 1
    model.half_width.copy_(torch.from_numpy(errors[rank]))
    return {
        "coverage": min(COVERAGE, len(errors) / (len(errors) + 1)),
        "n": len(errors),
        "half_width": {"valence": float(errors[rank, 0]), "arousal": float(errors[rank, 1])},
    }


def agreement(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, dict[str, Any]]:
    """CCC, R², Pearson's r, RMSE and MAE of valence and arousal, each with a 95 % interval over songs.

    Args:
        prediction: ``[N, 2]``.
        target: ``[N, 2]``.
        songs: song of each row, at least 2.
        seed: of the resampling.
    """
    measures = {
        "ccc": metrics.concordance,
        "r2": metrics.r2,
        "pearson": metrics.pearson,
        "rmse": metrics.rmse,
        "mae": metrics.mae,
    }
    found: dict[str, dict[str, Any]] = {}
    for axis, name in enumerate(("valence", "arousal")):
        p, t = prediction[:, axis], target[:, axis]
        found[name] = {
            key: {"value": measure(p, t), "ci": list(metrics.bootstrap_ci(measure, p, t, groups=songs, seed=seed))}
            for key, measure in measures.items()
        }
    return found


def require_enough(clips: Clips, batch_size: int, kind: str) -> None:
    """Refuse to train on fewer clips than a batch, or on labels that are all equal.

    Raises:
        InputError: says how many there are.
    """
    if kind != "baseline" and len(clips) < batch_size:
        raise InputError(
            f"{len(clips)} training clips, fewer than one batch of {batch_size}",
            hint="use a larger corpus, or a smaller --batch-size",
        )
    if len(clips) < 4:
        raise InputError(f"{len(clips)} training clips are too few", hint="use a larger corpus")
    labels = clips.labels[clips.rows]
    for axis, name in enumerate(("valence", "arousal")):
        if not labels[:, axis].std() > 1e-6:
            raise InputError(
                f"{name} is {labels[0, axis]:g} in all {len(clips)} training clips",
                hint="a model of emotion needs clips of different emotion",
            )


def require_test_songs(corpus: Corpus, part: splits.Fold) -> None:
    """Refuse a fold whose test clips are all of one song: no interval could be given.

    Raises:
        InputError: says which fold.
    """
    if np.unique(corpus.songs[part.test]).size < 2:
        raise InputError(
            f"fold {part.number} holds one test song, too few for an interval",
            where=corpus.path,
            hint="prepare the corpus with more songs, or fewer --folds",
        )


def clips_hash(corpus: Corpus, rows: NDArray[np.intp]) -> str:
    """A hash that names a set of clips of a corpus."""
    ids = "\n".join(sorted(corpus.clips["clip_id"].to_numpy(dtype=str)[rows].tolist()))
    return hashlib.sha256(f"{corpus.hash}\n{ids}".encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    from importlib.metadata import version

    return {
        "affetti": version("affetti"),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }


def _whole(out: Path) -> bool:
    """Whether a finished run lies in ``out``; one that was damaged is filed anew from its last checkpoint."""
    try:
        runs.load(out)
    except (StorageError, MismatchError):
        return False
    return (out / "result.json").exists()


def model_card(kind: str, corpus: Corpus, result: dict[str, Any]) -> str:
    """The card in Markdown, with the metadata block that the Hugging Face Hub reads."""
    lines = [
        "---",
        "library_name: affetti",
        "tags: [music, emotion, valence-arousal]",
        "---",
        "",
        f"# affetti {kind}",
        "",
        f"This model {family(kind).purpose}.",
        "",
        (
            f"- Data: {corpus.meta['source']}, {result['n']['train']} clips of {result['songs']['train']} songs "
            f"(fold {result['fold']}'s training part)"
        ),
        f"- Licence of the data: {corpus.meta['licence']}",
        f"- Front-end: `{corpus.meta['preset']}`, hash `{corpus.front_end.hash}`",
        f"- Training: {result['steps']} steps, seed {result['seed']}, {result['seconds']:.0f} s",
        "",
        "## Limits",
        "",
        "It has heard nothing but the corpus above. Valence and arousal are what that corpus's raters, or its",
        "composer, call so. The songs it was trained on are listed in `model.json`: scores on them say nothing.",
    ]
    return "\n".join(lines) + "\n"
