"""Numbers as text, and the verdict in plain words.

An estimate is written ``0.45 [0.35, 0.53]``: value and 95 % interval. What could not be measured is an en dash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import floor, log10
from typing import Any

from affetti.report.sources import Audit, Score, Sources, Study

NOTHING = "–"
VERDICTS = ("supported", "contradicted", "undecided")
"""What a claim of the published study can be found to be."""
WIDE = 50.0
"""An interval of the Quality Score this wide says almost nothing."""


def number(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign; large ones with thousands separated and fewer digits."""
    if value is None or value != value:
        return NOTHING
    digits = digits if abs(value) < 100 else max(0, digits - 2)
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.replace("-", "")


def signed(value: float | None, digits: int = 2) -> str:
    """A difference: with its sign."""
    if value is None or value != value:
        return NOTHING
    return ("+" if value > 0 and float(f"{value:.{digits}f}") else "") + number(value, digits)


def estimate(found: dict[str, Any] | None, digits: int = 2) -> str:
    """Value and interval of ``{"value", "ci"}``."""
    return NOTHING if not found else with_interval(found["value"], found.get("ci"), digits)


def with_interval(value: float | None, ci: list[float] | None, digits: int = 2) -> str:
    """A value and its interval."""
    if value is None or ci is None:
        return number(value, digits)
    # One precision for all three: that of the largest.
    digits = digits if max(abs(value), *map(abs, ci)) < 100 else 0
    return f"{number(value, digits)} [{number(ci[0], digits)}, {number(ci[1], digits)}]"


def change(value: float, ci: list[float], digits: int = 2) -> str:
    """A difference and its interval, all with signs."""
    return f"{signed(value, digits)} [{signed(ci[0], digits)}, {signed(ci[1], digits)}]"


def precise(value: float | None, ci: Sequence[float] | None = None) -> str:
    """A value of any size, and its interval: three figures of the largest of them, and no more than these."""
    if value is None:
        return NOTHING
    most = max(abs(value), *map(abs, ci or (value,)))
    return with_interval(value, list(ci) if ci else None, figures_of(most))


def figures_of(most: float) -> int:
    """The decimals that show three figures of a number."""
    return min(max(2 - floor(log10(most)), 0), 9) if most > 0 else 0


def reach(low: float | None, high: float | None) -> str:
    """A range that may be open: ``0.7 to 0.86``, ``at least 3``, ``at most 70``."""
    if low is None or high is None:
        known = low if low is not None else high
        return "anything" if known is None else f"at {'most' if low is None else 'least'} {short(known)}"
    if low == high:
        return short(low)
    ends = [(short(low, more), short(high, more)) for more in range(4)]
    return " to ".join(next((pair for pair in ends if pair[0] != pair[1]), ends[-1]))


def short(value: float, more: int = 0) -> str:
    """A number as a person claims it: three figures, or ``more`` than these, and no zeros behind them."""
    text = f"{value:,.{figures_of(abs(value)) + more}f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if "." in text else text


def rests(n: int, of: str) -> str:
    """How many of what a number rests on: ``240 songs``, ``1 song``."""
    return f"{n:,} {of.removesuffix('s') if n == 1 else of}".rstrip() if n else NOTHING


def typeset(text: str) -> str:
    """Running text with true minus signs before numbers, true apostrophes, and intervals that stay on one line."""
    text = re.sub(r"(?<![\w.)\]])-(?=\d)", "−", text).replace("'", "’")
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text)


def plural(count: int, word: str) -> str:
    """``1 clip``, ``1,920 clips``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


Answer = tuple[str, str]
"""What an answer speaks of, possibly nothing, and the answer."""


def apart(sources: Sources) -> str:
    """What to say where sources are of several corpora; nothing where they are of one."""
    of: dict[str, list[str]] = {corpus.hash: [corpus.path.name] for corpus in sources.corpora if not corpus.synthetic}
    for name, its in [
        *((run.name, run.meta["corpus"]["content_hash"]) for run in sources.runs),
        *((study.path.name, study.config.get("corpus_hash")) for study in sources.studies),
        *((audit.path.name, audit.config.get("corpus_hash")) for audit in sources.audits),
    ]:
        if its:
            of.setdefault(its, []).append(name)
    if len(of) < 2:
        return ""
    each = "; ".join(", ".join(names) for names in of.values())
    return f"what follows is of {len(of)} corpora, and none says anything of another. Together belong: {each}."


def verdict(sources: Sources) -> list[tuple[str, list[Answer]]]:
    """The answer box: questions a reader has, each with sentences drawn from the data."""
    asked = [
        ("What was made", _made(sources)),
        ("How good is it?", [_quality(score) for score in sources.scores]),
        ("Does it follow the emotion?", [line for score in sources.scores for line in _emotion(score)]),
        ("Does training on it help?", [line for study in sources.studies for line in _help(study)]),
        ("What caps quality?", [line for audit in sources.audits for line in _caps(audit)]),
        ("Which claims hold?", [line for audit in sources.audits for line in _claims(audit)]),
        ("How far to trust this", _trust(sources)),
    ]
    return [(question, answers) for question, answers in asked if answers]


def _made(sources: Sources) -> list[Answer]:
    lines: list[Answer] = []
    for corpus in sources.corpora:
        clips = f"{plural(len(corpus), 'clip')} of {corpus.front_end.seconds:g} s"
        songs = plural(int(corpus.meta["n_songs"]), "song")
        if corpus.synthetic:
            told = f"{clips}, {corpus.meta['source']}."
        elif corpus.composed:
            told = (
                f"{songs} composed by rules, cut into {clips}. “Real” below means these songs, not what a network made."
            )
        else:
            told = f"{songs}, cut into {clips}, from {corpus.meta['source']}."
        lines.append(("synthetic corpus" if corpus.synthetic else "corpus", told))
    for run in sources.generators:
        result = run.result
        data = f"{plural(result['n']['train'], 'clip')} of {plural(result['songs']['train'], 'song')}"
        told = (
            f"{result['parameters'] / 1e6:.1f} million parameters, trained for {plural(result['steps'], 'step')} "
            f"({duration(result['seconds'])}) on {data}."
        )
        lines.append((run.name, told))
    return lines


def _quality(score: Score) -> Answer:
    quality = score.result["quality"]
    low, high = quality["ci"]
    told = (
        f"{quality['score']:.0f} [{low:.0f}, {high:.0f}] of 100, {quality['tier']}; held-out real songs are 100 by "
        f"definition. {_variety(score)}The study’s published formula would say {quality['published']['score']:.0f}."
    )
    if real := score.result.get("contains_real"):
        told += f" CAUTION: {plural(real, 'clip')} of this set are real ones: it is no score of a generator."
    if score.result.get("trained_on"):
        told += " Caution: the generator was trained on songs it is compared with here."
    if high - low > WIDE:
        told += " The interval is so wide that little can be said: it takes more songs."
    return score.name, told


def _variety(score: Score) -> str:
    recall, coverage = score.result["recall"], score.result["coverage"]
    if recall["value"] is None or coverage["value"] is None:
        return ""
    return (
        f"Recall {recall['value']:.2f} (real music {recall['floor']:.2f}), "
        f"coverage {coverage['value']:.2f} ({coverage['floor']:.2f}). "
    )


def _emotion(score: Score) -> list[Answer]:
    conditioning = score.result["conditioning"]
    if not conditioning:
        return [(score.name, "not measurable here: needs two labelled corpora, or a regressor.")]
    return [
        (f"{score.name}, {axis}", _follows(conditioning[axis]))
        for axis in ("arousal", "valence")
        if axis in conditioning
    ]


def _follows(found: dict[str, Any]) -> str:
    if found.get("slope") is None:
        return "not measurable here: needs clips conditioned on different emotions."
    slope, correlation, real, relative = found["slope"], found["correlation"], found.get("real"), found.get("relative")
    told = f"Slope {estimate(slope)}, correlation {estimate(correlation)}"
    if real:
        told += (
            f"; real songs never heard show {number(real['slope']['value'])} and {number(real['correlation']['value'])}"
        )
    if correlation["ci"] and correlation["ci"][0] <= 0:
        word = "No sign that it does."
    elif relative is None:
        word = "It answers, but there is no telling how well: the reader is unsure on real songs too."
    else:
        least = min(relative["slope"], relative["correlation"])
        word = "About as real songs do." if least >= 0.8 else "In part." if least >= 0.4 else "Weakly."
    return f"{word} {told}."


def _help(study: Study) -> list[Answer]:
    result = study.result
    rows = {row["name"]: row for row in result["arms"]}
    made = {entry["name"] for entry in result.get("synthetic", [])}
    lines: list[Answer] = []
    for name in [*(name for name in rows if name in made), *({"specaugment"} & set(rows))]:
        row = rows[name]
        said = str(row["verdict"] or "").replace("'", "’")
        measured = "CCC" if result["measure"] == "ccc" else "Quadrant accuracy"
        difference = change(row["delta"], row["delta_ci"])
        told = f"{said[:1].upper()}{said[1:]}. {measured} on real songs changes by {difference}."
        control = rows.get(f"{name}-shuffled")
        if control is not None and control["delta_ci"][0] > 0:
            gain = change(control["delta"], control["delta_ci"])
            told += (
                f" But the control, the same clips with each other’s emotions, gains {gain}: "
                "more clips may help, their emotions are not shown to."
            )
        lines.append((name if name in made else f"{name} (needs no generator)", told))
    return lines


def _caps(audit: Audit) -> list[Answer]:
    return [(audit.name, typeset(found.answer.sentence)) for found in audit.asked if found.name == "ceiling"]


def _claims(audit: Audit) -> list[Answer]:
    verdicts = [row["verdict"] for row in audit.result["findings"]]
    if not verdicts:
        return []
    counts = listed([f"{verdicts.count(name)} {name}" for name in VERDICTS])
    return [(audit.name, f"Of {plural(len(verdicts), 'claim')} of the published study, {counts}.")]


def _trust(sources: Sources) -> list[Answer]:
    lines: list[Answer] = []
    if (
        any(corpus.composed for corpus in sources.corpora)
        or any(run.meta["corpus"].get("source") == "composed" for run in sources.runs)
        or any(audit.result["composed"] for audit in sources.audits)
    ):
        told = (
            "Music and labels follow rules: this tells about representations and models, "
            "and says nothing about how people feel."
        )
        lines.append(("composed corpus", told))
    for study in sources.studies:
        result = study.result
        told = (
            f"Tested on {plural(result['test']['n'], 'real clip')} of {plural(result['test']['songs'], 'song')}, "
            f"with {plural(result['seeds'], 'seed')} and {plural(len(result['folds']), 'fold')}"
        )
        lines.append(("study", told + (": exploratory, not a verdict." if result.get("exploratory") else ".")))
    lines += [
        (audit.name, "A quick audit: few songs, wide intervals.") for audit in sources.audits if audit.result["quick"]
    ]
    lines.append(
        (
            "square brackets",
            "95 % intervals: over songs of real music, clips of synthetic sets, songs and seeds of the study.",
        )
    )
    return lines


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
