"""What alignment makes of a flow: learning rates and values of β, chosen by validation songs; then the test songs.

    python bench/alignment.py CORPUS RUN OUT [--pairs 1376] [--steps 200] [--rates 3e-5 1e-4 3e-4]
        [--betas 200 1000 5000] [--n 392] [--seeds 3]

RUN is a flow that was trained on fold 0 of CORPUS. It makes its own clips for its training conditions once (into OUT);
then it is aligned with each learning rate and β for as many updates, and the one whose clips cover those of validation
songs best is measured beside the flow before: Quality Score, precision, recall, density and coverage against the test
songs, of N clips (as many as there are test clips) for conditions of training clips, with several seeds of sampling.
All that is chosen is chosen by validation songs; the test songs are looked at once, at the end.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus
from affetti.models.generators.flow import Flow
from affetti.models.sampling import Sampler
from affetti.random import child_seed
from affetti.rows import evenly_spaced
from affetti.signal.statistics import mel_statistics
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.fit import generator_monitor, training_clips
from affetti.training.loop import LoopConfig, train
from affetti.training.monitor import COVERAGE_TOLERANCE, GeneratorMonitor, MonitoredObjective
from affetti.training.objectives.preference import Preference, PreferenceObjective
from affetti.training.own_clips import PairedClips, sample_own_clips

BATCH = 16
EVALUATIONS = 2


def aligned(
    model: Flow, pairs: PairedClips, monitor: GeneratorMonitor, steps: int, rate: float, beta: float
) -> tuple[Flow, dict[str, float]]:
    """The model after ``steps`` updates, the best evaluation kept, and the last line of the log that has one."""
    inner = PreferenceObjective(copy.deepcopy(model), steps, Preference(model, beta), rate)
    objective = MonitoredObjective(inner, monitor, steps, EVALUATIONS, 0)
    history = train(objective, pairs, LoopConfig(steps, BATCH, 0))
    evaluations = [line for line in history.lines if "coverage" in line]
    best = max(line["coverage"] for line in evaluations)
    result = objective.result.eval()
    if not isinstance(result, Flow):
        raise TypeError(type(result))
    return result, {**evaluations[-1], "coverage": best}


def standard_features(mel: NDArray[np.floating], like: torch.Tensor) -> NDArray[np.float64]:
    """Statistics of log-mels, standardised by those of the real clips."""
    rows = mel_statistics(torch.from_numpy(np.asarray(mel, dtype=np.float32)))
    return ((rows - like.mean(dim=0)) / like.std(dim=0).clamp_min(1e-6)).double().numpy()


def against_test_songs(model: Flow, corpus: Corpus, conditions: torch.Tensor, seeds: int) -> dict[str, list[float]]:
    """Each measure with each seed of sampling; the interval of the Quality Score of the first is over songs."""
    part = corpus.fold(0)
    real, songs = np.asarray(corpus.mel[part.test], dtype=np.float32), corpus.songs[part.test]
    statistics = mel_statistics(torch.from_numpy(real))
    values: dict[str, list[float]] = {}
    for seed in range(seeds):
        with torch.inference_mode():
            fake = Sampler(model, corpus.front_end, seed=seed)(conditions).mel.numpy()
        score = metrics.quality_score(real, fake, songs)
        pair = standard_features(real, statistics), standard_features(fake, statistics)
        row = {"quality": score.score, "low": score.ci[0], "high": score.ci[1]}
        row |= metrics.precision_recall_density_coverage(*pair)
        for name, value in row.items():
            values.setdefault(name, []).append(float(value))
    return values


def main() -> None:
    """Align with each setting, choose, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=None)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-5, 1e-4, 3e-4])
    parser.add_argument("--betas", type=float, nargs="+", default=[200.0, 1_000.0, 5_000.0])
    parser.add_argument("--n", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    corpus, trained = Corpus.open(given.corpus), runs.load(given.run)
    model, part = trained.model, corpus.fold(0)
    if not isinstance(model, Flow):
        raise SystemExit(f"{given.run} is no flow")
    clips, _ = training_clips(corpus, part.train, trained.meta.text)
    monitor = generator_monitor(corpus, clips, Clips(corpus.mel, clips.labels, part.validation))
    if monitor is None:
        raise SystemExit(f"{given.corpus} has too few validation songs")
    conditions = torch.from_numpy(clips.labels[clips.rows]).float()
    rows = clips.rows[evenly_spaced(len(clips), given.pairs or len(clips))]
    sampler = Sampler(model, corpus.front_end, seed=child_seed("own clips", 0) % 2**31)
    own = sample_own_clips(sampler, torch.from_numpy(clips.labels[rows]).float(), given.out / "own")
    pairs = PairedClips(clips.mel, clips.labels, rows, own)
    before = monitor.evaluate(model)["coverage"]
    print(f"{len(pairs)} pairs; {given.steps} updates of {BATCH}; validation coverage before {before:.3f}")
    print("| learning rate | β | validation coverage | change of the error on real | on own | preferred |")
    print("|---|---|---|---|---|---|", flush=True)
    fitted: list[tuple[float, float, float, Flow]] = []
    for rate in given.rates:
        for beta in given.betas:
            result, line = aligned(model, pairs, monitor, given.steps, rate, beta)
            fitted.append((line["coverage"], rate, beta, result))
            cells = (f"{line['real_error']:+.4f}", f"{line['own_error']:+.4f}", f"{line['preferred']:.2f}")
            print(f"| {rate:g} | {beta:g} | {line['coverage']:.3f} | {' | '.join(cells)} |", flush=True)
    best = max(each[0] for each in fitted)
    # Of those as good as the best, the one that changes the flow least.
    coverage, rate, beta, chosen = min(
        (each for each in fitted if each[0] >= best - COVERAGE_TOLERANCE), key=lambda each: (each[1], -each[2])
    )
    print(f"chosen: learning rate {rate:g}, β {beta:g}, validation coverage {coverage:.3f}\n")
    n = given.n or len(part.test)
    drawn = np.random.default_rng(0).choice(len(conditions), n, replace=len(conditions) < n)
    sides = {
        name: against_test_songs(each, corpus, conditions[drawn], given.seeds)
        for name, each in (("before", model), ("aligned", chosen))
    }
    songs = np.unique(corpus.songs[part.test]).size
    print(f"{n} clips against {len(part.test)} test clips of {songs} songs; seeds of sampling: {given.seeds}")
    for name in ("quality", "precision", "recall", "density", "coverage"):
        cells = [f"{np.mean(side[name]):.3g} [{min(side[name]):.3g}, {max(side[name]):.3g}]" for side in sides.values()]
        print(f"| {name} | {' | '.join(cells)} |")
    for name, side in sides.items():
        print(f"{name}: Quality Score of seed 0 {side['quality'][0]:.1f} [{side['low'][0]:.1f}, {side['high'][0]:.1f}]")


if __name__ == "__main__":
    main()
