"""What ``affetti score --form`` prints of whole songs."""

from __future__ import annotations

from collections.abc import Iterator

from affetti.studies.scorecard.form_results import Form, FormMeasure
from affetti.studies.scorecard.measures import REGISTRY, Entry
from affetti.studies.scorecard.result import Scorecard

SHOWN_LOOPS = 5


def form_lines(card: Scorecard) -> list[str]:
    """A line for each measure of whole songs; none where they were not requested."""
    return [] if card.form is None else ["", *_lines(card.form)]


def _lines(form: Form) -> Iterator[str]:
    songs = form.songs
    short = f" ({songs.too_short} shorter than half of that left out)" if songs.too_short else ""
    yield f"whole songs, {songs.fake} beside {songs.real} real ones, {form.seconds:.0f} s of each{short}:"
    yield f"  {'':<20}{'value':>8}  {'95 % interval':<18}{'real music':>10}  {'95 % interval':<18}{'better':<9}"
    for entry in REGISTRY:
        measure = form.measures.get(entry.key) if entry.part == "form" else None
        if measure is not None:
            yield _line(entry, measure)
    for loop in form.loops[:SHOWN_LOOPS]:
        depth = f"depth {loop.depth:.2f}, p = {loop.p:.3f}"
        yield f"  {loop.song} loops every {loop.seconds:.1f} s ({depth} among real songs)"


def _line(entry: Entry, measure: FormMeasure) -> str:
    if measure.value is None:
        return f"  {entry.key:<20}not measured: {measure.reason}"
    meaning = f"{entry.meaning}, {entry.unit}" if entry.unit else entry.meaning
    floor = "" if measure.floor is None else f"{measure.floor:.{entry.decimals}f}"
    intervals = [
        "" if ci is None else f"[{ci[0]:.{entry.decimals}f}, {ci[1]:.{entry.decimals}f}]"
        for ci in (measure.ci, measure.floor_ci)
    ]
    return (
        f"  {entry.key:<20}{measure.value:>8.{entry.decimals}f}  {intervals[0]:<18}{floor:>10}  {intervals[1]:<18}"
        f"{entry.better:<9}{meaning}{_verdict(measure)}"
    )


def _verdict(measure: FormMeasure) -> str:
    """Whether a mean differs from that of real songs."""
    if measure.difference is None:
        return ""
    low, high = measure.difference.ci
    if low <= 0 <= high:
        return ""
    return f"; differs by {measure.difference.value:+.2f} [{low:+.2f}, {high:+.2f}]"
