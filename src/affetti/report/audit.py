"""The section on an audit: what the spectrogram loses, question by question, and which published claims hold.

Each question has one sentence, one figure and the sounds to hear it; the method and the numbers are folded away. The
table of claims can be sorted and filtered where scripts run, and is a plain table where they do not.
"""

from __future__ import annotations

from typing import Any

from affetti.presets import FrontEnd
from affetti.report import audit_answers
from affetti.report.scorecard import front_end_of
from affetti.report.sources import Asked, Audit, Sources
from affetti.report.wording import VERDICTS, listed

LIMITATIONS = ("limitation", "information_loss", "quality_impact", "mitigation")


def section(audit: Audit, place: int, sources: Sources) -> dict[str, Any]:
    """What the template ``audit.html`` needs of one audit.

    Args:
        audit: as it was read.
        place: number of the audit on the page, for the ids of its parts.
        sources: all of the page: a corpus among them knows its front-end.
    """
    result = audit.result
    front = _front(audit, sources)
    rows = result["findings"]
    verdicts = [str(row["verdict"]) for row in rows]
    return {
        "id": f"audit-{place}",
        "name": audit.name,
        "n": result["n"],
        "composed": bool(result["composed"]),
        "quick": bool(result["quick"]),
        "generators": [str(entry["name"]) for entry in result.get("generators") or []],
        "questions": [_question(audit, asked, front) for asked in audit.asked],
        "claims": [_claim(row) for row in rows],
        "counts": [(name, verdicts.count(name)) for name in VERDICTS],
        "wording": _wording(result["wording"]),
    }


def _front(audit: Audit, sources: Sources) -> FrontEnd | None:
    own = [corpus.front_end for corpus in sources.corpora if corpus.hash == audit.result["corpus_hash"]]
    return own[0] if own else front_end_of(audit.result)


def _question(audit: Audit, asked: Asked, front: FrontEnd | None) -> dict[str, Any]:
    answer = asked.answer
    played, gone = audit_answers.players(audit.path, answer, composed=bool(audit.result["composed"]))
    seen = audit_answers.pictures(answer, audit.arrays.get(asked.name, {}), front, played)
    beside = {picture.player.label for picture in seen.pictures if picture.player} if seen else set[str]()
    ours = [row for row in audit.result["findings"] if row.get("topic") == asked.name]
    return {
        "name": asked.name,
        "question": asked.question,
        "method": asked.method,
        "sentence": answer.sentence or f"Not measurable here: needs {answer.needs}.",
        "needs": answer.needs,
        "measurements": answer.measurements,
        "intervals": _intervals(asked, ours),
        "lines": audit_answers.curves(answer.lines) if answer.lines else None,
        "pictures": seen,
        "unseen": bool(answer.mels) and seen is None,
        "players": [player for player in played if player.label not in beside],
        "played": bool(played),
        "gone": gone,
        "cautions": answer.cautions,
        "verdicts": listed(_counted([str(row["verdict"]) for row in ours])),
    }


def _counted(verdicts: list[str]) -> list[str]:
    return [f"{verdicts.count(name)} {name}" for name in VERDICTS if name in verdicts]


def _intervals(asked: Asked, ours: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The figure of estimates, beside what is claimed of the same measurements."""
    wanted = asked.answer.intervals
    if wanted is None:
        return None
    by_name = {found.name: found for found in asked.answer.measurements}
    rows = [by_name[name] for name in wanted.names if name in by_name and by_name[name].value is not None]
    if not rows:
        return None
    claims: dict[str, list[audit_answers.Range]] = {}
    for row in ours:
        question, _, name = str(row.get("measurement", "")).partition(".")
        if question == asked.name and row["claimed"]:
            low, high = row["claimed"]
            claims.setdefault(name, []).append((low, high))
    return {
        "title": wanted.title,
        "figure": audit_answers.estimates(rows, claims, wanted.title, zero=wanted.zero),
        "claimed": any(row.name in claims for row in rows),
        "open": any(None in claimed for row in rows for claimed in claims.get(row.name, [])),
        "lined": any(row.ci for row in rows),
        "zero": wanted.zero,
    }


def _claim(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table, with what it is sorted by."""
    low, high = row["claimed"] or (None, None)
    ends = [end for end in (low, high) if end is not None]
    section = str(row["section"])
    told = {
        "low": low,
        "high": high,
        "centre": sum(ends) / len(ends) if ends else None,
        "section": f"§{section}" if section[:1].isdigit() else section,
    }
    return {**dict.fromkeys(("topic", "needs_listeners", "reason", "needs", "command")), **row, **told}


def _wording(words: dict[str, Any]) -> dict[str, Any] | None:
    """The words for a paper, where the audit has them."""
    if not words["paragraph"]:
        return None
    rows = [[str(row.get(key, "")) for key in LIMITATIONS] for row in words.get("table") or []]
    return {"paragraph": words.get("paragraph", ""), "footnote": words.get("footnote", ""), "table": rows}
