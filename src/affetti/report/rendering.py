"""The templates: HTML of sections, in which everything is escaped and numbers are written in one way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from affetti.report import wording
from affetti.report.audio_examples import colour_bar
from affetti.report.scorecard import PART_WORDS
from affetti.studies.scorecard.measures import REGISTRY

FILTERS: tuple[Callable[..., str], ...] = (
    wording.number,
    wording.signed,
    wording.estimate,
    wording.plural,
    wording.listed,
    wording.duration,
    wording.count_of,
    wording.typeset,
)
GLOBALS: dict[str, Any] = {
    "with_interval": wording.with_interval,
    "difference": wording.difference,
    "three_figures": wording.three_figures,
    "interval_in_words": wording.interval_in_words,
    "colour_bar": colour_bar,
    "measures": [entry for entry in REGISTRY if entry.part is None],
    "spectrogram_measures": [entry for entry in REGISTRY if entry.part == "spectrogram"],
    "form_measures": [entry for entry in REGISTRY if entry.part == "form"],
    "part_words": PART_WORDS,
    "interactive": True,
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates that escape everything and refuse unknown names."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update({function.__name__: function for function in FILTERS})
    templates.globals.update(GLOBALS)
    return templates
