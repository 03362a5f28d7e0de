"""Quality, diversity and gain of a generator against its training time and a sampling parameter.

On composed music (a corpus is made where FOLDER has none) an augmentation study trains the generator for each number of
updates, each time from the start with a schedule of its own, in several runs; values of a sampling parameter are tried
on the longest. For each place of a curve:

- ``affetti score`` of the study's clips against its test songs, run by run: Quality Score, coverage (the share of real
  clips that have a generated one near), Vendi score over that of as many real clips, and how far valence and arousal
  follow the condition. Values are means over runs; intervals are Student's with the degrees of freedom of runs, of the
  variance over runs and, where the scorecard has one, that over songs.
- the gain in CCC of a regressor that is trained on these clips too, from the study, with its interval alone over songs
  and runs. The contrast of the longest training and the one nearest to a fifth of it says what longer training returns,
  also in per cent of the CCC of real clips: the claim ``returns`` of ``affetti audit --study FOLDER/study``.

Called again it resumes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from scipy.stats import t as student_t

from affetti import api
from affetti.results import PointEstimate
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard

Z = 1.96
Values = dict[str, PointEstimate]


@dataclass(frozen=True)
class Place:
    """A place on a curve: a generator trained for some updates, with or without a sampling parameter."""

    kind: str
    updates: int
    sampling: str = ""
    """A sampling parameter and its value; empty: the defaults."""

    @property
    def arm(self) -> str:
        """What a study calls it."""
        return f"{self.kind}:{self.sampling}{',' if self.sampling else ''}trained={self.updates}"

    @property
    def title(self) -> str:
        """As in the table."""
        return f"{self.kind}, {self.updates:,} updates" + (f", {self.sampling}" if self.sampling else "")


def run_study(folder: Path, places: Sequence[Place], seeds: int, runs: int | None, clips: int) -> StudyResult:
    """The augmentation study of all places."""
    corpus = folder / "corpus"
    if not (corpus / "corpus.json").is_file():
        api.prepare.run("composed", corpus, clips=clips)
    arms = ["null", *(place.arm for place in places)]
    options = {"arms": arms, "seeds": seeds, "generator_runs": runs}
    return api.compare.run(corpus, folder / "study", workers=1, **options)


def scores(folder: Path, study: StudyResult, place: Place) -> Values:
    """What the scorecards of the runs say of a place."""
    paths = [Path(made.path) for made in study.synthetic if made.name == place.arm]
    each = [values(card(folder, made)) for made in paths]
    return {key: over_runs([one[key] for one in each]) for key in each[0]}


def card(folder: Path, made: Path) -> Scorecard:
    """The scorecard of a set."""
    out = folder / "scores" / made.name
    if (out / "result.json").is_file():
        return Scorecard.open(out)
    corpus, regressor = folder / "corpus", folder / "student"
    api.train.run("student", corpus, regressor, seed=100)
    return api.score.run(corpus, made, fold=0, regressor=regressor, out=out)


def values(card: Scorecard) -> Values:
    """The numbers of a scorecard that are drawn."""
    vendi = card.measures["vendi"]
    floor = vendi.floor or math.nan
    found = {
        "quality": PointEstimate(card.quality.score, card.quality.ci) if card.quality else missing(),
        "coverage": PointEstimate(card.measures["coverage"].value or math.nan, card.measures["coverage"].ci),
        "vendi": PointEstimate(
            (vendi.value or math.nan) / floor, vendi.ci and (vendi.ci[0] / floor, vendi.ci[1] / floor)
        ),
    }
    for axis, row in card.conditioning.axes().items() if card.conditioning else ():
        found[axis] = missing() if row.relative is None else PointEstimate(row.relative.slope, row.relative.slope_ci)
    return found


def missing() -> PointEstimate:
    """What could not be measured."""
    return PointEstimate(math.nan, None)


def over_runs(each: Sequence[PointEstimate]) -> PointEstimate:
    """The mean of runs, with an interval over runs and songs.

    Example:
        >>> over_runs([PointEstimate(1.0, None), PointEstimate(2.0, None), PointEstimate(3.0, None)]).value
        2.0
    """
    own = np.array([one.value for one in each])
    if len(own) < 2:
        return each[0]
    songs = [((one.ci[1] - one.ci[0]) / 2 / Z) ** 2 for one in each if one.ci]
    variance = own.var(ddof=1) / len(own) + (float(np.mean(songs)) if songs else 0.0)
    half = float(student_t.ppf(0.975, len(own) - 1)) * math.sqrt(variance)
    return PointEstimate(float(own.mean()), (float(own.mean() - half), float(own.mean() + half)))


def text(estimate: PointEstimate, digits: int, sign: bool = False) -> str:
    """A value with its interval."""
    form = f"{'+' if sign else ''}.{digits}f"
    ends = f" [{estimate.ci[0]:{form}}, {estimate.ci[1]:{form}}]" if estimate.ci else ""
    return "–" if math.isnan(estimate.value) else f"{estimate.value:{form}}{ends}"


def draw(curves: Sequence[tuple[str, Sequence[tuple[float, Values]]]], file: Path) -> None:
    """Quality, coverage and gain, a row for each curve."""
    mpl.use("Agg")
    shown = (("quality", "Quality Score"), ("coverage", "coverage"), ("gain", "gain in CCC"))
    _, grid = plt.subplots(len(curves), 3, figsize=(9, 2.8 * len(curves)), squeeze=False, layout="constrained")
    for row, (label, points) in zip(grid, curves, strict=True):
        for axes, (key, title) in zip(row, shown, strict=True):
            x, y = [at for at, _ in points], [point[key] for _, point in points]
            ends = [one.ci or (one.value, one.value) for one in y]
            bars = [
                [one.value - low for one, (low, _) in zip(y, ends, strict=True)],
                [high - one.value for one, (_, high) in zip(y, ends, strict=True)],
            ]
            axes.errorbar(x, [one.value for one in y], bars, marker="o", capsize=3, color="#0072B2")
            axes.set(xlabel=label, ylabel=title)
            if key == "gain":
                axes.axhline(0, color="grey", linewidth=0.8)
            if label == "updates":
                axes.set_xscale("log")
                axes.set_xticks(x, [f"{value:,.0f}" for value in x])
                axes.minorticks_off()
    plt.savefig(file, dpi=100)


def main() -> None:
    """Print the tables and, if wished, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("training-curves"))
    parser.add_argument("--kind", default="gan")
    parser.add_argument("--steps", nargs="+", type=int, default=[180, 900])
    parser.add_argument("--sampling", nargs="*", default=["truncation=0.5"], help="values of one parameter")
    parser.add_argument("--default", type=float, default=1.0, help="default of that parameter, for the picture")
    parser.add_argument("--seeds", type=int, default=3, help="regressors an arm")
    parser.add_argument("--runs", type=int, help="runs of each generator; three, or as many as seeds, by default")
    parser.add_argument("--clips", type=int, default=1_920)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    places = [Place(given.kind, steps) for steps in given.steps]
    places += [Place(given.kind, max(given.steps), value) for value in given.sampling]
    study = run_study(given.folder, places, given.seeds, given.runs, given.clips)
    real = study.arm(study.reference).ccc
    measured: dict[Place, Values] = {}
    print(f"{study.test.n} test clips of {study.test.songs} songs, {study.seeds} seeds, {study.generator_runs} runs\n")
    print("| generator | Quality Score | coverage | Vendi, of real | valence slope | arousal slope | gain in CCC |")
    print("|---|---|---|---|---|---|---|")
    for place in places:
        row = study.arm(place.arm)
        measured[place] = scores(given.folder, study, place) | {"gain": PointEstimate(row.delta, row.delta_ci)}
        cells = [place.title, text(measured[place]["quality"], 1)]
        cells += [text(measured[place].get(key, missing()), 2) for key in ("coverage", "vendi", "valence", "arousal")]
        cells += [text(measured[place]["gain"], 3, sign=True)]
        print(f"| {' | '.join(cells)} |", flush=True)
    for pair in study.contrasts:
        returned = text(PointEstimate(pair.delta, pair.delta_ci), 3, sign=True)
        value, low, high = (100 * end / real for end in (pair.delta, *pair.delta_ci))
        print(f"\n{pair.arm} less {pair.reference}: {returned} CCC, ", end="")
        print(f"{value:+.1f} % [{low:+.1f}, {high:+.1f}] of that of real clips, {real:.3f}")
    if given.picture:
        draw(curves_of(measured, given.default), given.picture)


def curves_of(measured: dict[Place, Values], default: float) -> list[tuple[str, list[tuple[float, Values]]]]:
    """A curve over updates, and one over the sampling parameter where there is one."""
    curves = [("updates", [(float(place.updates), its) for place, its in measured.items() if not place.sampling])]
    sampled = [place for place in measured if place.sampling]
    if sampled:
        name, updates = sampled[0].sampling.partition("=")[0], sampled[0].updates
        points = [(float(place.sampling.partition("=")[2]), measured[place]) for place in sampled]
        points += [(default, its) for place, its in measured.items() if not place.sampling and place.updates == updates]
        curves.append((name, sorted(points, key=lambda point: point[0])))
    return curves


if __name__ == "__main__":
    main()
