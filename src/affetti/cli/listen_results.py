"""``affetti listen results``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from affetti.cli.flags import LongFlags, parse, resolve
from affetti.cli.listen_new import named
from affetti.cli.output import note, print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.errors import UsageError
from affetti.report.wording import plural

if TYPE_CHECKING:
    from affetti.studies.listening.result import ListeningResult


@dataclass(frozen=True)
class Flags(LongFlags):
    """Analyse a listening study with listeners and clips as samples, or ratings that were collected elsewhere."""

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="STUDY|RATINGS.csv")]]
    """A study; or a table: listener,clip,system,scale,rating, or webMUSHRA's, or a column for each system."""
    out: Path | None = None
    """Folder of the results."""
    scorecards: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=FOLDER")] = ()
    """Scorecards (the --out of score) by system: do Quality Scores order systems as listeners do?"""
    model: str | None = None
    """A regressor whose predictions are compared with the ratings: a run, or shipped."""
    scale: str | None = None
    """Scale of imported valence and arousal, such as 1..9 (default -1..1)."""
    rating_scale: str | None = None
    """What an imported table with a column for each system rates (default quality)."""
    first: int | None = None
    """Only the first so many listeners, as an earlier analysis had."""
    target: float | None = None
    """Half-width of an interval to be reached: how many listeners or clips that takes (default: half the present)."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "listen results")
    settings = resolve(flags, {"seed": 0, "rating_scale": "quality"}, flags.config)
    if "out" not in settings:
        raise UsageError("no folder for the results", where="--out", hint="name a new folder")
    source, out = Path(settings.pop("source")), Path(settings.pop("out"))
    settings["scorecards"] = named(tuple(settings.pop("scorecards", ())), "--scorecards")
    from affetti import api

    if flags.dry_run:
        print_plan(api.listen_results.plan(source, out, **settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.listen_results.run(source, out, progress=progress, **settings)
    for line in result.notes:
        note(f"note: {line}")
    print_result(result.to_dict(), flags.json, text(result))
    return 0


def text(result: ListeningResult) -> str:
    """The result for a terminal."""
    lines = [f"{plural(result.ratings, 'rating')} by {plural(result.listeners, 'listener')}"]
    for system in result.systems:
        size = f"({plural(system.clips, 'clip')}, {plural(system.listeners, 'listener')})"
        median = "" if system.median is None else f", median {_estimate(system.median.value, system.median.ci)}"
        lines.append(f"  {system.scale:<12} {system.name:<16} {_estimate(system.mean, system.ci)}{median} {size}")
    for pair in result.pairs:
        p = "" if pair.p_adjusted is None else f", p {pair.p_adjusted:.3g} (adjusted for all pairs)"
        change = _estimate(pair.difference, pair.ci_simultaneous)
        lines.append(f"  {pair.scale:<12} {pair.a} − {pair.b}: {change}{p}")
    for test in result.triangles:
        p = "" if test.p is None else f", p {test.p:.3g}"
        ci = None if test.ci is None else (100 * test.ci[0], 100 * test.ci[1])
        correct = f"{_estimate(100 * test.correct, ci)} % of triangles correct (33 % by guessing)"
        lines.append(f"  {test.a} and {test.b}: {correct}{p}")
    lines += [
        f"  {row.axis:<12} {row.system:<16} slope {_estimate(row.slope.value, row.slope.ci)}" for row in result.control
    ]
    lines += [
        f"  {row.scale:<12} α {_estimate(row.alpha.value, row.alpha.ci)}" for row in result.reliability if row.alpha
    ]
    for row in result.variance:
        needed = row.listeners_needed, row.clips_needed
        more = "no number of listeners" if needed[0] is None else plural(needed[0], "listener")
        clips = "no number of clips" if needed[1] is None else f"{plural(needed[1], 'clip')} a system"
        now = f"±{row.half_width:.3g} now, limited by {row.limit}"
        lines.append(f"  {row.scale:<12} {now}; ±{row.target:.3g} needs {more}, or {clips}")
    return "\n".join(lines)


def _estimate(value: float, ci: tuple[float, float] | None) -> str:
    return f"{value:.3g}" if ci is None else f"{value:.3g} [{ci[0]:.3g}, {ci[1]:.3g}]"
