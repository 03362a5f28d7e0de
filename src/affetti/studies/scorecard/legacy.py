"""Scorecards of affetti 0.1: parts that could not be measured had another form."""

from __future__ import annotations

from typing import Any


def is_measure(part: Any) -> bool:
    """Whether a part of a document is a measure."""
    return isinstance(part, dict) and "value" in part


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with what affetti 0.1 wrote in the place of parts that could not be measured in today's form."""
    made = dict(document)
    for key in ("joint", "data_copying"):
        made[key] = _reason_alone(made.get(key))
    if isinstance(against := made.get("against"), dict):
        made["against"] = {key: _reason_alone(part) for key, part in against.items()}
    if isinstance(strata := made.get("strata"), dict):
        made["strata"] = {kind: _with_reason(part) for kind, part in strata.items()}
    return made


def _reason_alone(part: Any) -> Any:
    return {"reason": part["reason"]} if is_measure(part) else part


def _with_reason(part: Any) -> Any:
    """Measures by stratum, of which some were a mapping with nothing but a reason."""
    if not isinstance(part, dict):
        return part
    made: dict[str, Any] = {"reason": part.get("reason")}
    for key, by_stratum in part.items():
        if key == "reason":
            continue
        if isinstance(by_stratum, dict) and isinstance(by_stratum.get("reason"), str):
            made[key], made["reason"] = None, by_stratum["reason"]
        else:
            made[key] = by_stratum
    return made
