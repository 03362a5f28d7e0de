"""Pretrain generators on composed music alone, with a fixed seed: weights for `affetti train KIND --init`.

    python bench/pretrain_generators.py WORK [--kinds flow gan] [--songs 1200] [--steps flow=6000 gan=6000]
        [--set flow.widths=64,128 ...] --out FOLDER

Songs are composed and played by `composed_windows.py`: all keys, styles, instruments and rooms, four soundfonts. WORK
keeps their windows and the checkpoints of each kind, so that the script resumes; with the WORK of
`shipped_regressor.py` nothing is composed again. Generators are of the preset `tiny` and conditioned on emotion alone,
the one field that every corpus has. Nine songs of ten train; clips of the tenth are covered best by the weights that
are kept, of eight evaluations.

FOLDER/KIND is a run folder with a model card: weights in half precision, hashes, what they were trained on. Started
from on real music: `affetti train KIND --corpus CORPUS --init FOLDER/KIND`. Composed corpora refuse them.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.config import unstructure
from affetti.models.base import Generator, require_generator
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.baseline import Baseline
from affetti.random import child_seed
from affetti.storage import write_text
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.fit import fit
from affetti.training.loop import History, LoopConfig
from affetti.training.monitor import GeneratorMonitor, Monitoring
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import family, make
from affetti.training.run_meta import RunMeta, TrainingCorpus
from affetti.training.text_embedders import HASHED
from composed_windows import FRONT, SEED, SONGS, Windows, composed_windows

PRESET = "tiny"
STEPS = {"flow": 6_000, "gan": 6_000}
EVALUATIONS = 8
MAX_BYTES = 10_000_000
"""Of the weights of a kind that could ship with the package."""
MAX_CONDITIONS = 1_024
"""Conditions of training clips that are kept with the weights, evenly spread."""


def parts_of(windows: Windows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the log-mels that train, and rows that choose the weights."""
    held_out = windows.mel_songs % 10 == 0
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def pretrain(
    kind: str, windows: Windows, steps: int, run: Path, settings: dict[str, Any] | None = None
) -> tuple[History, Generator]:
    """Train a generator on composed windows; ``run`` keeps its checkpoints and its log."""
    train, held_out = parts_of(windows)
    clips = Clips(windows.mel, windows.mel_labels, train)
    validation = Clips(windows.mel, windows.mel_labels, held_out)
    regressor = Baseline(FRONT.shape)
    fit_baseline(regressor, clips)
    monitor = GeneratorMonitor.of(clips, validation, windows.mel_songs.astype(str), regressor, FRONT)
    torch.manual_seed(child_seed("weights", SEED))
    model = make(kind, FRONT.shape, family(kind).settings_at(PRESET) | (settings or {}), Fields())
    loop = LoopConfig(steps, min(family(kind).budget(PRESET).batch_size, len(train)), SEED, checkpoint_every=200)
    history, best = fit(
        kind,
        model,
        clips,
        loop,
        ObjectiveOptions(validation=validation),
        monitoring=None if monitor is None else Monitoring(monitor, EVALUATIONS),
        run=run,
    )
    return history, require_generator(best, kind)


def save(folder: Path, kind: str, model: Generator, windows: Windows, steps: int, history: History) -> int:
    """File the weights in half precision, ``model.json`` and the card; the size of the weights, bytes."""
    train, _ = parts_of(windows)
    labels = windows.mel_labels[train]
    kept = np.linspace(0, len(labels) - 1, min(MAX_CONDITIONS, len(labels))).round().astype(int)
    meta = RunMeta(
        kind=kind,
        config=unstructure(model.config),
        fields=Fields(),
        text=HASHED,
        front_end=FRONT,
        preset=PRESET,
        corpus=TrainingCorpus(source="composed", licence="CC0", label_scale="-1..1"),
        fold=0,
        training_clips_hash=hashlib.sha256(labels.tobytes()).hexdigest()[:16],
        songs=(),
        seed=SEED,
        steps=steps,
    )
    for weights in model.parameters():  # what is fitted, not learnt, is small and keeps its precision
        weights.data = weights.data.half()
    runs.save(folder, model, labels[kept], meta)
    digest = runs.load(folder).meta.weights_sha256
    size = (folder / "model.safetensors").stat().st_size
    write_text(folder / "MODEL_CARD.md", card(kind, windows, history, digest, size))
    return size


def card(kind: str, windows: Windows, history: History, digest: str, size: int) -> str:
    """The model card in Markdown."""
    train, held_out = parts_of(windows)
    songs = np.unique(windows.mel_songs[train]).size
    last = history.lines[-1]
    measured = [line for line in history.lines if "coverage" in line]
    best = f"{max(line['coverage'] for line in measured):.2f}" if measured else "not measured"
    lines = [
        "---",
        "library_name: affetti",
        "license: cc0-1.0",
        "tags: [music, emotion, valence-arousal]",
        "---",
        "",
        f"# {kind}, pretrained on composed music",
        "",
        f"This model {family(kind).purpose}. It is a start for training on real music, not a generator to be used as",
        f"it is: `affetti train {kind} --corpus CORPUS --init FOLDER`.",
        "",
        f"- Data: {len(train)} windows of {songs} songs composed by affetti's rules (seed {SEED}), in all keys, with",
        "  random instruments, soundfonts and sound. No recording and no rating by a listener was used. Labels are the",
        "  composer's: the additive cue weights of Eerola, Friberg & Bresin (2013).",
        f"- Front-end: `{PRESET}`, hash `{FRONT.hash}`; conditioned on valence and arousal alone",
        f"- Made by `bench/pretrain_generators.py`: {last['step']:.0f} updates, seed {SEED}, {last['seconds']:.0f} s.",
        f"- Best coverage of {len(held_out)} windows of other composed songs: {best}",
        "- Licence of the weights: CC0 1.0.",
        f"- `model.safetensors`: half precision, {size} bytes, SHA-256 `{digest}`",
        "",
        "## Limits",
        "",
        "It knows the rules of one composer. Composed corpora refuse it: no song of theirs would be new to it.",
    ]
    return "\n".join(lines) + "\n"


def parse_settings(given: list[str]) -> dict[str, dict[str, Any]]:
    """Settings of the model by kind, from ``kind.name=value``; several values are joined by commas."""
    settings: dict[str, dict[str, Any]] = {}
    for text in given:
        name, _, value = text.partition("=")
        kind, _, key = name.partition(".")
        values = [_value(part) for part in value.split(",")]
        settings.setdefault(kind, {})[key] = values if "," in value else values[0]
    return settings


def _value(text: str) -> int | float | str:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def main() -> None:
    """Compose, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=tuple(STEPS), default=["flow"])
    parser.add_argument("--songs", type=int, default=SONGS)
    parser.add_argument("--steps", nargs="*", default=[], metavar="flow=6000")
    parser.add_argument("--set", nargs="*", default=[], metavar="flow.widths=64,128")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    steps = STEPS | {name: int(value) for name, value in (text.split("=") for text in given.steps)}
    settings = parse_settings(given.set)
    given.work.mkdir(parents=True, exist_ok=True)
    windows = composed_windows(given.work, given.songs)
    for kind in given.kinds:
        history, model = pretrain(kind, windows, steps[kind], given.work / f"pretrain-{kind}", settings.get(kind))
        size = save(given.out / kind, kind, model, windows, steps[kind], history)
        print(f"{kind}: {history.lines[-1]}, {size} bytes in {given.out / kind}", flush=True)
        if size > MAX_BYTES:
            print(f"{kind}: too large for the package, {MAX_BYTES} bytes at most", flush=True)


if __name__ == "__main__":
    main()
