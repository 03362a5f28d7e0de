"""A scorecard as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from affetti.cli.form_text import form_lines
from affetti.errors import one_line
from affetti.metrics import Memorisation
from affetti.results import PointEstimate
from affetti.studies.scorecard.comparison import (
    Comparison,
    ControlDifference,
    DistanceDifference,
    QualityDifference,
)
from affetti.studies.scorecard.measures import measured
from affetti.studies.scorecard.result import AxisConditioning, Scorecard, StratumMeasure

MAX_WIDTH = 50.0
"""Width of the interval of the Quality Score above which it says almost nothing."""
NEARER_BY_CHANCE = 0.5
"""Share of clips that lie nearer to training clips than to held-out ones by chance."""
SUSPICIOUS = 0.05
"""p below which copies are possible."""
SHOWN_PAIRS = 5
LOW = 0.05
"""Typicality below which 5 % of real clips lie."""


def score_notes(card: Scorecard, real: Path, groups: Sequence[Path]) -> list[str]:
    """What makes the numbers uncertain, and what makes the comparison unfair."""
    return [*_uncertainties(card, real, groups), *_warnings(card)]


def score_text(card: Scorecard, out: Path | None) -> str:
    """The tables and sentences of a scorecard; ``out`` is its folder."""
    return "\n".join([*_lines(card), *_typicality(card, out)])


def _uncertainties(card: Scorecard, real: Path, groups: Sequence[Path]) -> list[str]:
    """What makes the numbers less certain than they seem."""
    lines: list[str] = []
    low, high = card.quality.ci
    if high - low > MAX_WIDTH:
        advice = f"{card.songs.real} real songs are too few to say more"
        lines.append(f"the score lies anywhere in [{low:.0f}, {high:.0f}]: {advice}")
    if real.suffix == ".npy" and not groups:
        assumption = f"without --groups each row of {real.name} counts as a song"
        lines.append(f"{assumption}: where rows share songs, intervals are too narrow")
    lines += [f"CAUTION: {caution}" for caution in card.cautions]
    return lines


def _warnings(card: Scorecard) -> list[str]:
    """What makes the comparison unfair."""
    lines: list[str] = []
    lines += [
        f"CAUTION: {part.contains_real} of the {part.n_fake} clips of {part.fake} ARE real clips: "
        "this does not score a generator"
        for part in (card, *card.compared())
        if part.contains_real
    ]
    if card.trained_on:
        lines.append(
            f"CAUTION: the generator was trained on {card.trained_on} of these {card.songs.real} songs: "
            "give --fold for a fair score"
        )
    if card.memorisation is not None and card.memorisation.copying:
        lines.append(f"CAUTION: {card.fake} holds COPIES of training clips, which every other number rewards")
    return lines


def _lines(card: Scorecard) -> list[str]:
    parts = (_sets, _quality, _measures, _emotion, form_lines, _strata, _copies)
    lines = [line for part in parts for line in part(card)]
    return lines + [line for other in card.compared() for line in _against(other)]


def _sets(card: Scorecard) -> list[str]:
    return [*(one_line(each.describe()) for each in card.sets), ""] if card.sets else []


def _quality(card: Scorecard) -> list[str]:
    quality = card.quality
    low, high = quality.ci
    least, most = quality.sensitivity
    return [
        (
            f"quality {quality.score:.1f} of 100 [{low:.1f}, {high:.1f}], {quality.tier} "
            f"(100 by definition: held-out real music); "
            f"by the published formula: {quality.published.score:.1f}"
        ),
        "",
        f"  {'part':<12}{'distance':>10}{'real music':>12}{'one clip repeated':>20}{'score':>8}",
        *(
            f"  {name:<12}{part.value:>10.3f}{part.floor:>12.3f}{part.bad:>20.3f}{part.score:>8.0f}"
            for name, part in quality.components.items()
        ),
        f"  with other weights of the parts the score lies between {least:.0f} and {most:.0f}",
        "",
    ]


def _measures(card: Scorecard) -> list[str]:
    lines = [
        f"by {card.features.name}, {card.features.dimension} numbers per clip:",
        f"  {'':<20}{'value':>10}  {'95 % interval':<22}{'real music':>12}  {'better':<9}",
    ]
    missing: dict[tuple[str, str], list[str]] = {}
    for entry, measure in measured(card):
        if entry.part == "form":
            continue
        if measure.value is None:
            needs = " and ".join(entry.needs)
            missing.setdefault((needs, measure.reason or "no reason given"), []).append(entry.key)
            continue
        floor = "" if measure.floor is None else _number(measure.floor, entry.decimals)
        meaning = f"{entry.meaning}, {entry.unit}" if entry.unit else entry.meaning
        lines.append(
            f"  {entry.key:<20}{_number(measure.value, entry.decimals):>10}  "
            f"{_interval(measure.ci, entry.decimals):<22}{floor:>12}  "
            f"{entry.better:<9}{meaning}"
        )
    lines += [
        f"  not measured: {', '.join(names)} (from {needs}): {reason}" for (needs, reason), names in missing.items()
    ]
    return [*lines, ""]


def _number(value: float, decimals: int = 3) -> str:
    return f"{value:.{decimals}f}" if abs(value) < 1000 else f"{value:,.0f}"


def _estimate(estimate: PointEstimate) -> str:
    interval = "" if estimate.ci is None else f" [{estimate.ci[0]:.2f}, {estimate.ci[1]:.2f}]"
    return f"{estimate.value:.2f}{interval}"


def _interval(ci: tuple[float, float] | None, decimals: int = 3) -> str:
    return "" if ci is None else f"[{_number(ci[0], decimals)}, {_number(ci[1], decimals)}]"


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _emotion(card: Scorecard) -> list[str]:
    if card.conditioning is None:
        needs = "clips conditioned on different emotions, and a labelled corpus as REAL or --regressor"
        return [f"emotion: not measured: needs {needs}"]
    lines: list[str] = []
    if card.regressor is not None and card.regressor.valence:
        lines.append(
            f"valence by ridge regression on {card.regressor.valence} of the sound, which validation songs prefer"
        )
    for name, axis in card.conditioning.axes().items():
        if axis.reason is not None:
            lines.append(f"{name}: not measured: {axis.reason}")
        if axis.slope is None or axis.correlation is None or axis.ccc is None or axis.mae is None:
            continue
        relative = ""
        if axis.relative is not None:
            relative = f", {axis.relative.describe()}"
        lines.append(
            f"{name}: slope {_estimate(axis.slope)}, correlation {_estimate(axis.correlation)}{relative}; "
            f"CCC {axis.ccc.value:.2f}, mean absolute error {axis.mae.value:.2f}"
        )
        lines += _controls(axis)
    joint = card.joint
    if joint.plain is not None and joint.null is not None and joint.p is not None:
        low, _, high = joint.null
        lines.append(
            f"features with emotion: {_number(joint.plain)}; with the conditions of the clips permuted "
            f"[{_number(low)}, {_number(high)}], {_p_value(joint.p)}"
        )
    return lines


def _controls(axis: AxisConditioning) -> list[str]:
    """Bias towards neutral, and what real clips and permuted conditions show."""
    lines = [f"  bias towards neutral {_estimate(axis.bias)}"] if axis.bias is not None else []
    real, permuted = axis.real, axis.permuted
    if real is not None:
        bias = "" if real.bias is None else f", bias towards neutral {_estimate(real.bias)}"
        lines.append(f"  real clips: slope {_estimate(real.slope)}, correlation {_estimate(real.correlation)}{bias}")
    if permuted is not None:
        low, mean, high = permuted.correlation
        lines.append(
            f"  conditions permuted: correlation {mean:.2f} [{low:.2f}, {high:.2f}]; "
            f"{_p_value(permuted.p)} for that of the clips"
        )
    return lines


def _strata(card: Scorecard) -> list[str]:
    lines: list[str] = []
    for kind, strata in (("quadrant", card.strata.quadrant), ("genre", card.strata.genre)):
        for name, stratum in (strata.kernel or {}).items():
            lines.append(f"kernel distance, {kind} {name}: {_stratum(stratum)}")
    return lines


def _stratum(stratum: StratumMeasure) -> str:
    result = stratum.result
    if result is None or result.value is None:
        return stratum.reason or "not measured"
    floor = "" if result.floor is None else f", real music {_number(result.floor)}"
    return f"{_number(result.value)} {_interval(result.ci)}{floor}, on {stratum.drawn} songs of each set"


def _copies(card: Scorecard) -> list[str]:
    copies = card.memorisation
    if copies is None:
        return ["memorisation: not measured: give --train, or --fold of a corpus"]
    verdict = "no sign of copying"
    if copies.copying:
        verdict = "COPIES of training clips"
    elif any(part is not None and part.p is not None and part.p < SUSPICIOUS for part in (copies, card.passages)):
        verdict = "copies may be there, but with so few held-out songs it is not certain: listen to the pairs"
    elif copies.ci.nearer_train[0] > NEARER_BY_CHANCE:
        verdict = "no copies found, but clips lie nearer to training clips than to held-out ones"
    nearer = f"{copies.nearer_train:.2f} {_interval(copies.ci.nearer_train)}"
    authentic = f"{copies.authentic:.2f} {_interval(copies.ci.authentic)}"
    lines = [
        f"memorisation: {verdict} ({copies.exact_copies} exact)",
        *_shares_copied(card, copies),
        f"  nearer to training than to held-out clips: {nearer}, by chance 0.50",
        f"  authentic: {authentic}, held-out clips {copies.authentic_control:.2f}",
    ]
    test = card.data_copying
    if test is not None and test.c_t is not None and test.p is not None:
        lines.append(f"  C_T {test.c_t:.2f} (0 by chance, far below 0 is copying), p {test.p:.3f}")
    lines.append("nearest pairs to listen to (synthetic, training, distance, share of held-out clips as near):")
    for pair in card.pairs_to_hear[:SHOWN_PAIRS]:
        quantile = "" if pair.quantile is None else f"  {pair.quantile:.3f}"
        names = _with_file(pair.fake, pair.fake_file), _with_file(pair.train, pair.train_file)
        lines.append(f"  {names[0]}  {names[1]}  {_number(pair.distance)}{quantile}")
    return lines


def _shares_copied(card: Scorecard, copies: Memorisation) -> Iterator[str]:
    """Share of copies by features and by passages, and from which share on copies are found."""
    if copies.share is None or copies.ci.share is None or copies.p is None:
        return
    yield f"  copies by features: {_percent(copies.share, copies.ci.share)} of songs, {_p_value(copies.p)}"
    passages = card.passages
    if passages is not None and passages.reason is not None:
        yield f"  copied passages: not measured: {passages.reason}"
    elif passages is not None and passages.share is not None and passages.ci is not None and passages.p is not None:
        yield (
            f"  copied passages: in {_percent(passages.share, passages.ci)} of songs, {_p_value(passages.p)}; "
            "also of copies that begin up to three seconds later, louder ones, and halves of clips"
        )
    if copies.detectable is None:
        yield "  so few songs show copies of no share for certain"
    else:
        yield f"  with as many held-out songs, copies are found for certain from {100 * copies.detectable:.0f} % on"


def _percent(share: float, ci: tuple[float, float]) -> str:
    return f"{100 * share:.1f} % [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"


def _typicality(card: Scorecard, out: Path | None) -> list[str]:
    typical = card.typicality
    if typical is None or typical.share_low is None or typical.real_low is None or typical.smallest is None:
        return [] if typical is None else ["", f"typicality: not measured: {typical.reason}"]
    low = f"{100 * typical.share_low:.1f} % of clips lie below 0.05, of real clips {100 * typical.real_low:.1f} %"
    if typical.smallest >= LOW:
        low = f"so few real songs say of no clip that it lies below {typical.smallest:.2f}"
    least = ", ".join(
        f"{_with_file(clip.clip, clip.file)} {clip.typicality:.3f}" for clip in typical.least[:SHOWN_PAIRS]
    )
    return [
        "",
        f"typicality (how often a real song is as unlike the others as the clip; no measure of quality): {low}",
        f"  least typical: {least}",
        *([] if out is None else [f"  of every clip: {Path(out) / 'typicality.parquet'}"]),
    ]


def _with_file(name: str, file: str | None) -> str:
    return one_line(name if file is None or file.endswith(name) else f"{name} ({file})")


def _against(other: Comparison) -> list[str]:
    return [
        "",
        f"against {one_line(other.fake)}, on the same real songs:",
        _difference("frechet", other.frechet, "below 0", other.frechet.p),
        _difference("kernel", other.kernel, "below 0", other.kernel.p),
        _difference("quality", other.quality, "above 0"),
        *_control_differences(other.control),
    ]


def _difference(name: str, part: DistanceDifference | QualityDifference, better: str, p: float | None = None) -> str:
    difference = part.difference
    if difference is None or difference.value is None or difference.ci is None or part.deciding is None:
        return f"  {name:<12}not measured: {part.reason}"
    low, high = part.deciding
    nearer = "FAKE" if (difference.value < 0) == (better == "below 0") else "OTHER_FAKE"
    verdict = "undecided" if low <= 0 <= high else f"{nearer} is nearer to real music"
    chance = "" if p is None else f", {_p_value(p)}"
    return (
        f"  {name:<12}difference {_number(difference.value)} {_interval(difference.ci)}{_at_once(part.simultaneous)}"
        f"{chance} ({better} FAKE is better): {verdict}"
    )


def _control_differences(control: ControlDifference | None) -> list[str]:
    """Lines of the differences of slope, correlation and bias, where the conditions of both sets are known."""
    lines: list[str] = []
    for axis, differences in (control.axes() if control is not None else {}).items():
        if differences is None:
            continue
        for name, part, better in (
            ("slope", differences.slope, "above 0"),
            ("correlation", differences.correlation, "above 0"),
            ("bias", differences.bias, "below 0"),
        ):
            low, high = part.simultaneous or part.ci
            ahead = "FAKE" if (part.value < 0) == (better == "below 0") else "OTHER_FAKE"
            verdict = "undecided" if low <= 0 <= high else f"{ahead} follows its conditions better"
            lines.append(
                f"  {axis + ' ' + name:<20}difference {_number(part.value)} {_interval(part.ci)}"
                f"{_at_once(part.simultaneous)} ({better} FAKE is better): {verdict}"
            )
    return lines


def _at_once(simultaneous: tuple[float, float] | None) -> str:
    return "" if simultaneous is None else f", for all at once {_interval(simultaneous)}"
