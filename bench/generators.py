"""What generators show of their condition, how near to real music they come, and what it costs.

    python bench/generators.py CORPUS RUNS [--kinds flow gan] [--seeds 3] [--steps flow=6000 gan=4000] [--n 192]
        [--set recipe=published] [--sampling guidance=2]

Trains each kind on fold 0 of CORPUS for each seed into RUNS (runs that are there are used), generates clips for the
conditions of training clips (``matched``) and measures them against fold 0's test songs, on the default features.
Emotions are predicted by two regressors of different families, trained on real clips only; slopes and correlations are
shares of what the same regressor shows on the test songs. Instruments and sections are predicted by a ridge classifier
trained on real clips; balanced accuracy as a share of what it reaches on the test songs.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import balanced_accuracy_score

from affetti import api, metrics
from affetti.corpus import Corpus
from affetti.emotion import AXES
from affetti.metrics.diversity_within_labels import label_diversity
from affetti.random import child_seed
from affetti.signal.statistics import mel_statistics
from affetti.training import evaluation
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.loop import LoopConfig
from five_part_score import five_part_score


def features(mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """The default features ``[N, D]`` of log-mels."""
    parts = [torch.from_numpy(np.asarray(mel[at : at + 128], dtype=np.float32)) for at in range(0, len(mel), 128)]
    return torch.cat([mel_statistics(part) for part in parts]).double().numpy()


class Bench:
    """Regressors and features of the real clips."""

    def __init__(self, corpus: Corpus, n: int) -> None:
        self.corpus, self.part = corpus, corpus.fold(0)
        train, test = self.part.train, self.part.test
        self.regressors = {kind: self._regressor(kind) for kind in ("student", "baseline")}
        raw = features(corpus.mel[train])
        self.centre, self.scale = raw.mean(axis=0), raw.std(axis=0) + 1e-6
        self.train = (raw - self.centre) / self.scale
        self.test = (features(corpus.mel[test]) - self.centre) / self.scale
        self.chosen = np.random.default_rng(1).choice(len(test), min(n, len(test)), replace=False)
        self.real_songs = corpus.songs[test]
        self.slopes = {
            kind: self._response(regressor, corpus.mel, test, corpus.labels[test])
            for kind, regressor in self.regressors.items()
        }
        self.tags = {name: tags for name in ("instruments", "section") if (tags := self._tags(name)) is not None}

    def _regressor(self, kind: str) -> torch.nn.Module:
        torch.manual_seed(child_seed("bench", 0))
        model = runs.make(kind, self.corpus.front_end.shape, {})
        clips = fitting.labelled_clips(self.corpus, self.part.train)
        return fitting.fit(kind, model, clips, LoopConfig(220, 32, 0))[1]

    def _response(
        self,
        regressor: torch.nn.Module,
        mel: NDArray[np.floating],
        rows: NDArray[np.intp],
        condition: NDArray[np.float64],
    ) -> dict[str, float]:
        prediction = evaluation.predict(regressor, mel, rows)
        return {
            f"{axis} {name}": measure(prediction[:, i], condition[:, i])
            for i, axis in enumerate(AXES)
            for name, measure in (("slope", metrics.slope), ("r", metrics.pearson))
        }

    def _tags(self, name: str) -> tuple[list[str], NDArray[np.bool_]] | None:
        """Names that are neither rare nor everywhere, and which clips have them."""
        rows = [set(text.split("|")) - {""} for text in self.corpus.clips[name].fillna("")]
        known = [tag for tag in sorted(set.union(*rows)) if 0.05 < np.mean([tag in row for row in rows]) < 0.95]
        return (known, np.array([[tag in row for tag in known] for row in rows])) if known else None

    def measure(self, made: Corpus) -> dict[str, float]:
        """All numbers of a generated corpus."""
        fake = (features(made.mel) - self.centre) / self.scale
        rows, condition = np.arange(len(made)), made.labels
        tests = np.asarray(self.corpus.mel[self.part.test], dtype=np.float32)
        result = {
            "Quality Score": metrics.quality_score(tests, made.mel, self.real_songs).score,
            "Quality Score of 0.1": five_part_score(tests, made.mel, self.real_songs).score,
        }
        for kind, regressor in self.regressors.items():
            seen = self._response(regressor, made.mel, rows, condition)
            result |= {f"{kind} {key}": value / self.slopes[kind][key] for key, value in seen.items()}
        real = self.test[self.chosen]
        songs = self.real_songs[self.chosen]
        labels = self.corpus.labels[self.part.test][self.chosen]
        result["FD"] = metrics.frechet_distance(self.test, fake)
        result["FD of real"] = metrics.frechet_distance(self.test, self.train)
        result |= metrics.precision_recall_density_coverage(real, fake)
        result["diversity"] = label_diversity(real, fake, labels, condition, (songs, None))
        copies = metrics.memorisation(fake, self.train, self.test, 0)
        result["distance to train"] = float("nan") if copies.distance_ratio is None else copies.distance_ratio
        for name, (known, has) in self.tags.items():
            result[name] = self._accuracy(known, has, fake, made.clips[name].fillna("").tolist())
        return result

    def _accuracy(self, known: list[str], has: NDArray[np.bool_], fake: NDArray[np.float64], texts: list[str]) -> float:
        """Mean over tags of balanced accuracy on generated clips, over that on test songs; 0.5 is chance in both."""
        shares = []
        for column, tag in enumerate(known):
            classifier = RidgeClassifierCV(np.logspace(0, 4, 9)).fit(self.train, has[self.part.train, column])
            requested = np.array([tag in text.split("|") for text in texts])
            if requested.all() or not requested.any():
                continue
            real = balanced_accuracy_score(has[self.part.test, column], classifier.predict(self.test))
            shares.append((balanced_accuracy_score(requested, classifier.predict(fake)), real))
        generated, real = np.mean(shares, axis=0)
        return float(generated / real)


def _setting(text: str) -> tuple[str, Any]:
    """``rate=0.001`` to a name and a number, ``widths=96,192`` to a list, ``recipe=published`` to a word."""
    name, value = text.split("=")
    try:
        return name, json.loads(f"[{value}]" if "," in value else value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Train, generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--kinds", nargs="+", default=["flow", "gan"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", nargs="*", default=[])
    parser.add_argument("--n", type=int, default=192)
    parser.add_argument("--sampling", nargs="*", default=[])
    parser.add_argument("--set", nargs="*", default=[])
    given = parser.parse_args()
    steps = {name: int(value) for name, value in (text.split("=") for text in given.steps)}
    sampling = {name: float(value) for name, value in (text.split("=") for text in given.sampling)}
    settings = dict(_setting(text) for text in given.set)
    bench = Bench(Corpus.open(given.corpus), given.n)
    for kind in given.kinds:
        table: list[dict[str, float]] = []
        for seed in range(given.seeds):
            values = (text.split("=")[1] for text in given.set)
            run = given.runs / "-".join([kind, *values, str(steps.get(kind, "default")), str(seed)])
            before = resource.getrusage(resource.RUSAGE_SELF)
            result = api.train.run(kind, given.corpus, run, steps=steps.get(kind), seed=seed, settings=settings)
            after = resource.getrusage(resource.RUSAGE_SELF)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            began = time.perf_counter()
            name = "-".join([run.name, *given.sampling]).replace("=", "")
            out = given.runs / f"made-{name}"
            api.generate.run(run, given.n, out, emotions="matched", sampling=sampling, seed=seed, workers=1)
            seconds = (time.perf_counter() - began) / given.n
            table.append(
                bench.measure(Corpus.open(out))
                | {"train s": result.seconds, "train CPU s": spent, "s a clip": seconds, "steps": result.steps}
            )
            print(json.dumps({"kind": kind, "seed": seed} | {key: round(value, 4) for key, value in table[-1].items()}))
        for key in table[0]:
            values = np.array([row[key] for row in table])
            reported = f"{values.mean():.3g} [{values.min():.3g}, {values.max():.3g}]"
            print(f"| {kind} | {key} | {reported} |", flush=True)


if __name__ == "__main__":
    main()
