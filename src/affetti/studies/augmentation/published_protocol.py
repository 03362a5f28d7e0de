"""What the published study's own protocol would have said: **not an honest evaluation**, run to show the difference.

That study trained its GAN on all real songs, asked it for emotions drawn evenly from the plane, shuffled real and
synthetic clips together and split the mixture 70 / 15 / 15 clip by clip. So test clips were partly synthetic, labelled
by the wish they were made for; the generator had heard every real test song; and clips of one song lay on both sides.
Its baseline is real clips, split by clip alike. Here both are trained for the same 2U updates and the same seeds, and
``mixed_on_real`` tests the mixture's regressor on the real part of its test clips alone: what is left of the gain then
has nothing to do with synthetic test clips.

When not to use: for any claim. It is kept out of the arms, and says ``"honest": false``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import presets
from affetti.corpus import Corpus
from affetti.execution.local import map_ranges
from affetti.models.base import require_generator
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.storage import atomic_write, read_json, reserve_output, write_json
from affetti.studies.augmentation.comparison import REFERENCE, choose_measure, weighted_concordance
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.trials import STUDENT, concatenate
from affetti.training import evaluation
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.loop import LoopConfig
from affetti.training.registry import family
from affetti.training.waveform_clips import sound_clips

SPLIT = (0.70, 0.15)
"""Shares of training and validation; the rest is tested on."""
BATCH_SIZE = 64
WHY_NOT_HONEST = (
    "test clips are partly synthetic and labelled by their wish, the generator has heard every real test song, and "
    "clips of one song lie on both sides"
)


@dataclass(frozen=True)
class ProtocolTask:
    """Train and test the regressors of a range of seeds, by the published protocol. Idempotent."""

    corpus: Path
    mel: Path
    """Synthetic log-mels ``[K, M, F]``."""
    labels: Path
    """Their wishes ``[K, 2]``."""
    out: Path
    steps: int
    batch_size: int
    device: str = "cpu"

    def path(self, seed: int) -> Path:
        """What says that a seed is done."""
        return self.out / f"seed-{seed}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all seeds of the range have been filed."""
        return all(self.path(seed).exists() for seed in range(start, stop))

    def __call__(self, start: int, stop: int) -> None:
        """Work off seeds ``start`` to ``stop``."""
        corpus = Corpus.open(self.corpus)
        real = Clips(corpus.mel, corpus.labels, np.arange(len(corpus)))
        wishes = np.load(self.labels, allow_pickle=False)
        mixed = concatenate(real, Clips(np.load(self.mel, mmap_mode="r"), wishes, np.arange(len(wishes))))
        for seed in range(start, stop):
            found: dict[str, Any] = {}
            for name, clips in (("real", real), ("mixed", mixed)):
                order = np.random.default_rng(child_seed("published split", name, seed)).permutation(len(clips))
                train, _, test = np.split(order, [int(SPLIT[0] * len(order)), int(sum(SPLIT) * len(order))])
                torch.manual_seed(child_seed("weights", seed))
                model = runs.make(STUDENT, corpus.front_end.shape, {})
                loop = LoopConfig(2 * self.steps, min(self.batch_size, len(train)), seed)
                seen = Clips(clips.mel, clips.labels, train)
                _, trained = fitting.fit(STUDENT, model, seen, loop, hardware=Hardware(self.device))
                found[name] = _ccc(trained, clips, test)
                if name == "mixed":
                    found["mixed_on_real"] = _ccc(trained, clips, test[test < len(real)])
                    found["n"] = {"test": len(test), "synthetic": int((test >= len(real)).sum())}
            write_json(self.path(seed), found)


def _ccc(model: torch.nn.Module, clips: Clips, rows: NDArray[np.intp]) -> float:
    reading = evaluation.predict(model, clips.mel, rows)[None]
    return float(weighted_concordance(reading, clips.labels[rows], np.ones((1, len(rows)))).mean())


def published_protocol(
    design: StudyDesign, out: Path, arms: list[dict[str, Any]], *, workers: int = 1, progress: Progress = silent
) -> dict[str, Any]:
    """Rerun the study as published, beside the honest arms.

    Args:
        design: the study; its first generator is trained again, here on all songs.
        out: folder of its own.
        arms: rows of the honest study.
        workers: processes.
        progress: told of stages.

    Returns:
        ``honest`` (False), ``why``, ``generator``, ``seeds``, ``test``, ``real``, ``mixed`` and ``mixed_on_real`` (each
        ``value``, the mean over seeds, and ``range`` over them), ``gain``, ``honest_gain`` with ``honest_gain_ci`` (of
        the arm of that generator; None where it was not run) and ``difference`` of the two.
    """
    corpus, s = design.corpus, design.settings
    kind = next((made.kind for made in design.set_specs if made.kind in runs.GENERATORS), "gan")
    number = max(1, round(s.ratio * len(corpus)))
    asked = {"verb": "compare", "protocol": "published", "corpus_hash": corpus.hash, "generator": kind, "n": number}
    reserve_output(out, asked | {"steps": design.steps, "batch_size": design.batch_size, "seed": s.seed})
    mel, labels = _generated(corpus, kind, number, out, s.seed, Hardware(s.device), progress)
    task = ProtocolTask(corpus.path, mel, labels, out, design.steps, design.batch_size, s.device)
    map_ranges(task, s.seeds, 1, done=task.done, workers=workers, stage="published protocol", progress=progress)
    filed = [read_json(task.path(seed)) for seed in range(s.seeds)]
    found: dict[str, Any] = {
        "honest": False,
        "why": WHY_NOT_HONEST,
        "generator": kind,
        "seeds": s.seeds,
        "test": filed[0]["n"],
    }
    for name in ("real", "mixed", "mixed_on_real"):
        values = [entry[name] for entry in filed]
        found[name] = {"value": float(np.mean(values)), "range": [min(values), max(values)]}
    row = next((row for row in arms if row["name"] == kind), None)
    base = next(row for row in arms if row["name"] == REFERENCE)
    gain = found["mixed"]["value"] - found["real"]["value"]
    honest = None if row is None else row["ccc"] - base["ccc"]
    # Where labels are quadrants the study's own difference is of accuracy, and so is its interval.
    of_ccc = choose_measure(corpus.labels) == "ccc"
    return found | {
        "gain": gain,
        "honest_real": base["ccc"],
        "honest_gain": honest,
        "honest_gain_ci": row["delta_ci"] if row is not None and of_ccc else None,
        "difference": None if honest is None else gain - honest,
    }


def _generated(
    corpus: Corpus, kind: str, n: int, out: Path, seed: int, hardware: Hardware, progress: Progress
) -> tuple[Path, Path]:
    """Log-mels and wishes of a generator that was trained on every real clip, test songs and all."""
    mel, labels = out / "mel.npy", out / "labels.npy"
    if mel.exists() and labels.exists():
        return mel, labels
    preset = corpus.meta["preset"]
    budget, rows = presets.budget(preset, kind), np.arange(len(corpus))
    torch.manual_seed(child_seed("weights", seed))
    model = runs.make(kind, corpus.front_end.shape, presets.settings(preset, kind))
    clips = Clips(corpus.mel, corpus.labels, rows)
    if family(kind).sound:
        clips = sound_clips(corpus, corpus.labels, rows, model.config.window)  # type: ignore[arg-type, union-attr]
    loop = LoopConfig(budget.steps, max(2, min(budget.batch_size, len(rows))), seed)
    _, trained = fitting.fit(kind, model, clips, loop, run=out / "generator", hardware=hardware, progress=progress)
    wishes = np.random.default_rng(child_seed("emotions", seed)).uniform(-1.0, 1.0, (n, 2))
    sampler = Sampler(require_generator(trained, kind), corpus.front_end, seed, batch_size=BATCH_SIZE)
    parts: list[NDArray[np.float16]] = []
    for samples in sampler.batches(torch.tensor(wishes, dtype=torch.float32)):
        parts.append(samples.mel.numpy().astype(np.float16))
        progress(f"generate {kind}", int(samples.index[-1]) + 1, n)
    with atomic_write(labels) as temporary, temporary.open("wb") as file:
        np.save(file, wishes)
    with atomic_write(mel) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate(parts))
    return mel, labels
