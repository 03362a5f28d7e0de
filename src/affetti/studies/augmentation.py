"""The augmentation study: does training on synthetic clips help on real songs never seen?

Arms differ in what the regressor is trained on. The test clips are a fold of real songs that neither the regressors
nor the generators have seen; the code refuses anything else. ``real`` trains for U updates; every other arm for 2U,
so that an arm with more data does not win by training longer, and ``real-longer`` (the same real clips, 2U updates)
is what the others are compared with. ``NAME-shuffled`` gives the synthetic clips each other's labels: it must not
help.

CCC is the mean of valence's and arousal's. Intervals draw songs and seeds again (two-level bootstrap), the same ones
for both arms of a difference. Fewer than five seeds, or one fold, is called exploratory.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import presets
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.models.noise import child_seed
from affetti.progress import Progress, silent
from affetti.scale.engine import map_ranges
from affetti.storage import claim, read_json, write_json
from affetti.studies.arms import REFERENCE, SURE, compare_arms, verdict
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.generate import generate_corpus
from affetti.training.families import SPECTROGRAMS
from affetti.training.loop import Clips, LoopConfig
from affetti.training.parallel import RunSpec, train_runs

REAL_ARMS = ("real", REFERENCE, "specaugment")


@dataclass(frozen=True)
class Unit:
    """One regressor to be trained: what on, which fold and seed."""

    arm: str
    regressor: str
    fold: int
    seed: int

    @property
    def name(self) -> str:
        """The unit's file name, without suffix."""
        return f"{self.regressor}-{self.arm}-f{self.fold}-s{self.seed}"


@dataclass(frozen=True)
class StudyTask:
    """Train the regressors of a range of units and file what they read off the test clips. Idempotent."""

    corpus: Path
    units: tuple[Unit, ...]
    synthetic: tuple[tuple[str, int, Path], ...]
    """(name, fold, corpus) of each synthetic set."""
    out: Path
    steps: int
    batch_size: int

    def path(self, unit: Unit) -> Path:
        """The file whose existence says that the unit is done."""
        return self.out / f"{unit.name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all units of the range have been filed."""
        return all(self.path(unit).exists() for unit in self.units[start:stop])

    def __call__(self, start: int, stop: int) -> None:
        """Work off units ``start`` to ``stop``."""
        for unit in self.units[start:stop]:
            corpus = _opened(self.corpus)
            part = corpus.fold(unit.fold)
            clips = self._clips(corpus, part, unit)
            steps = self.steps if unit.arm == "real" else 2 * self.steps
            torch.manual_seed(child_seed("weights", unit.seed))
            model = runs.make(unit.regressor, corpus.front_end.shape, {})
            loop = LoopConfig(steps, min(self.batch_size, len(clips)), unit.seed)
            _, trained = fitting.fit(unit.regressor, model, clips, loop, specaugment=unit.arm == "specaugment")
            prediction = fitting.read(trained, corpus.mel, part.test)
            write_json(
                self.path(unit),
                {**asdict(unit), "n_train": len(clips), "steps": steps, "prediction": np.round(prediction, 6).tolist()},
            )

    def _clips(self, corpus: Corpus, part: splits.Fold, unit: Unit) -> Clips:
        """What the unit's arm trains on; the fold's validation songs are used by no arm."""
        real = Clips(corpus.mel, corpus.labels, part.train)
        if unit.arm in REAL_ARMS:
            return real
        name = unit.arm.removesuffix("-shuffled")
        path = next(path for other, fold, path in self.synthetic if (other, fold) == (name, unit.fold))
        made = _opened(path)
        require_honest(made, corpus, part)
        labels = made.labels
        if unit.arm.endswith("-shuffled"):
            labels = labels[np.random.default_rng(child_seed("shuffle", unit.seed)).permutation(len(labels))]
        mel = np.concatenate([corpus.mel[part.train], made.mel])
        return Clips(mel, np.concatenate([corpus.labels[part.train], labels]), np.arange(len(mel)))


@lru_cache(maxsize=8)
def _opened(path: Path) -> Corpus:
    return Corpus.open(path)


def require_honest(made: Corpus, corpus: Corpus, part: splits.Fold) -> None:
    """Refuse a synthetic set that is of another front-end, unknown origin, or whose generator has heard the test songs.

    Raises:
        MismatchError: says which.
    """
    made.require_front_end(corpus.front_end, corpus.path)
    provenance = made.meta.get("provenance")
    if not provenance:
        raise MismatchError(
            "says nothing of its generator's training songs", where=made.path, hint="make it with affetti generate"
        )
    test = corpus.clips.iloc[part.test]
    splits.require_honest(test, made.clips, heard=provenance["training_songs"], where=made.path)


def augmentation_study(
    corpus: Corpus,
    out: Path,
    *,
    models: tuple[Path, ...] = (),
    arms: tuple[str, ...] = (),
    folds: int = 1,
    seeds: int = 3,
    ratio: float = 1.0,
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run the study into the folder ``out``; called again, it goes on where it was.

    Args:
        corpus: the real corpus.
        out: folder of the study.
        models: generator runs to use, each for the fold it was trained for; without any, ``gan`` and ``flow`` are
            trained here.
        arms: names of the arms to run; all by default. ``real`` and ``real-longer`` are always among them.
        folds: how many folds to test on when no ``models`` are given, ≥ 1.
        seeds: regressor seeds, ≥ 1.
        ratio: synthetic clips per real training clip, > 0.
        steps: updates U of the arm ``real``; the preset's by default.
        batch_size: clips an update.
        seed: of generators, samples and resampling.
        workers: processes.
        progress: told of stages.

    Returns:
        the document that ``affetti compare --json`` prints.

    Raises:
        UsageError: an unknown arm, or a number out of range.
        MismatchError: a generator that has heard the test songs; synthetic test clips.
    """
    if seeds < 1 or folds < 1 or not 0 < ratio < float("inf"):
        raise UsageError(
            f"{seeds} seeds, {folds} folds, ratio {ratio:g}", hint="give at least one of each, and a positive ratio"
        )
    if corpus.synthetic:
        raise MismatchError(
            "holds synthetic clips", where=corpus.path, hint="give the real corpus: the test clips are taken from it"
        )
    budget = presets.budget(corpus.meta["preset"], "student")
    updates = budget.steps if steps is None else steps
    batch = budget.batch_size if batch_size is None else batch_size
    LoopConfig(updates, batch, seed)  # refuses what the loop could not run
    given = [runs.load(path) for path in models]
    _require_usable(given, corpus)
    choose_arms(arms, tuple(dict.fromkeys(trained.kind for trained in given)) or SPECTROGRAMS)
    for fold in {int(trained.meta["fold"]) for trained in given} or range(folds):
        fitting.require_test_songs(corpus, corpus.fold(fold))
    settings = {
        "verb": "compare",
        "corpus_hash": corpus.hash,
        "models": [trained.meta["weights_sha256"] for trained in given],
        "ratio": ratio,
        "steps": updates,
        "batch_size": batch,
        "seed": seed,
    }
    claim(out, settings)
    _opened.cache_clear()  # a folder may hold another corpus than when this process last read it
    sets = _synthetic_sets(corpus, out, models, arms, folds, ratio, seed, workers, progress)
    chosen = choose_arms(arms, tuple(dict.fromkeys(name for name, _, _ in sets)))
    tested = sorted({fold for _, fold, _ in sets}) or list(range(folds))
    units = [Unit(arm, "student", fold, s) for fold in tested for s in range(seeds) for arm in chosen]
    units += [
        Unit(arm, "baseline", fold, 0) for fold in tested for arm in chosen if arm not in (REFERENCE, "specaugment")
    ]
    task = StudyTask(corpus.path, tuple(units), tuple(sets), out / "units", updates, batch)
    map_ranges(task, len(units), 1, done=task.done, workers=workers, stage="compare", progress=progress)

    test = np.concatenate([corpus.fold(fold).test for fold in tested])
    splits.require_real(corpus.clips.iloc[test])
    predictions = {arm: _gathered(task, "student", arm, tested, seeds) for arm in chosen}
    ridge = {
        arm: _gathered(task, "baseline", arm, tested, 1) for arm in chosen if arm not in (REFERENCE, "specaugment")
    }
    genres = corpus.clips["genre"].fillna("").to_numpy(dtype=str)[test]
    table = compare_arms(predictions, corpus.labels[test], corpus.songs[test], REFERENCE, seed, genres)
    trained_on = {unit.arm: read_json(task.path(unit)) for unit in units if unit.regressor == "student"}
    for row in table:
        row["n_train"], row["steps"] = trained_on[row["name"]]["n_train"], trained_on[row["name"]]["steps"]
        row["verdict"] = verdict(row, int(np.unique(corpus.songs[test]).size), seeds, len(tested))
    result = {
        "verb": "compare",
        "arms": table,
        "ridge": compare_arms(ridge, corpus.labels[test], corpus.songs[test], "real", seed, genres),
        "reference": REFERENCE,
        "test": {"n": len(test), "songs": int(np.unique(corpus.songs[test]).size), "synthetic": 0},
        "seeds": seeds,
        "folds": tested,
        "ratio": ratio,
        "exploratory": seeds < SURE or len(tested) < 2,
        "synthetic": [{"name": name, "fold": fold, "path": str(path)} for name, fold, path in sets],
        "corpus": str(corpus.path),
        "seed": seed,
        "versions": fitting.versions(),
    }
    write_json(out / "result.json", result)
    return result


def choose_arms(asked: tuple[str, ...], sets: tuple[str, ...]) -> list[str]:
    """The arms to run: those asked for, or all that the synthetic sets allow, one set's labels shuffled as control.

    Raises:
        UsageError: an arm is unknown.
    """
    known = [*REAL_ARMS, *sets, *(f"{name}-shuffled" for name in sets)]
    for arm in asked:
        if arm not in known:
            raise UsageError(f"unknown arm {arm!r}", where="--arms", hint=f"choose from {', '.join(known)}")
    wanted = (
        set(asked) | {"real", REFERENCE} if asked else {*REAL_ARMS, *sets, *(f"{name}-shuffled" for name in sets[-1:])}
    )
    return [arm for arm in known if arm in wanted]


def _gathered(task: StudyTask, regressor: str, arm: str, folds: list[int], seeds: int) -> NDArray[np.float64]:
    """Predictions ``[S, N, 2]`` of an arm, the folds' test clips one after the other."""
    return np.stack(
        [
            np.concatenate(
                [np.array(read_json(task.path(Unit(arm, regressor, fold, s)))["prediction"]) for fold in folds]
            )
            for s in range(seeds)
        ]
    )


def _synthetic_sets(
    corpus: Corpus,
    out: Path,
    models: tuple[Path, ...],
    arms: tuple[str, ...],
    folds: int,
    ratio: float,
    seed: int,
    workers: int,
    progress: Progress,
) -> list[tuple[str, int, Path]]:
    """Generate the synthetic sets that the arms need, training generators where none were given."""
    if not models:
        wanted = [kind for kind in SPECTROGRAMS if not arms or {kind, f"{kind}-shuffled"} & set(arms)]
        specs = [
            RunSpec(kind, corpus.path, fold, out / "runs" / f"{kind}-f{fold}", seed)
            for fold in range(folds)
            for kind in wanted
        ]
        train_runs(specs, workers, progress)
        models = tuple(spec.out for spec in specs)
    sets: list[tuple[str, int, Path]] = []
    for path in models:
        trained = runs.load(path)
        fold = int(trained.meta["fold"])
        n = max(1, round(ratio * len(trained.training_labels)))
        target = out / "synthetic" / f"{trained.kind}-f{fold}"
        generate_corpus(path, n, target, emotions="matched", seed=seed, workers=workers, progress=progress)
        sets.append((trained.kind, fold, target))
    return sets


def _require_usable(models: list[runs.TrainedModel], corpus: Corpus) -> None:
    """Refuse models the study cannot use, before any work is done.

    Raises:
        UsageError: one is no generator; or not one of each kind for each fold.
        MismatchError: another front-end, or it has heard the test songs.
    """
    counts: dict[tuple[str, int], int] = {}
    for trained in models:
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=trained.path, hint="give runs of generators")
        corpus.require_front_end(trained.front_end, trained.path)
        fold = int(trained.meta["fold"])
        trained.require_unseen(corpus.songs[corpus.fold(fold).test])
        counts[trained.kind, fold] = counts.get((trained.kind, fold), 0) + 1
    for kind in {kind for kind, _ in counts}:
        for fold in {fold for _, fold in counts}:
            if counts.get((kind, fold)) != 1:
                raise UsageError(
                    f"{counts.get((kind, fold), 0)} {kind} models for fold {fold}",
                    where="--models",
                    hint="give one of each kind for each fold",
                )
