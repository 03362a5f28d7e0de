"""The three pictures of the results as SVG: gain by arm, quality against gain, claims by verdict.

Colours are those of Okabe & Ito (2008), which colour-blind readers can distinguish; marks differ in shape too. The
ground is opaque, so that a picture can be read on light and on dark pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from result_words import CHAPTERS, CORPORA, EDITIONS, arm_words, by_chapter, primary_tables, real_value, signed

from affetti.studies.audit.claims import Verdict
from result_file import Edition, Interval, Row, Table

BLUE, VERMILION, GREY, INK, PALE = "#0072B2", "#D55E00", "#6b6b6b", "#1a1a1a", "#d9d9d9"
OUTCOME = {"helps": BLUE, "harms": VERMILION, "cannot tell": GREY}
VERDICT: dict[Verdict, str] = {"supported": BLUE, "contradicted": VERMILION, "undecided": PALE}
WIDTH = 760
METHODS = "methods-composed"
"""The table of methods that is drawn."""


class Drawing:
    """An SVG that grows."""

    def __init__(self, height: float, description: str) -> None:
        """An empty picture of the given height, with what it shows in words."""
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
            f'height="{height:g}" role="img" font-family="sans-serif" font-size="13">'
        )
        self.parts = [
            opening,
            f"<title>{escape(description)}</title>",
            f'<rect width="{WIDTH}" height="{height:g}" rx="6" fill="#ffffff"/>',
        ]

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", fill: str = INK, size: float = 13) -> None:
        """Words, whose baseline begins, ends or is centred at a point."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size:g}">'
            f"{escape(words)}</text>"
        )

    def line(self, ends: tuple[float, float, float, float], *, stroke: str = INK, width: float = 1.0) -> None:
        """A line."""
        x1, y1, x2, y2 = ends
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width:g}"/>'
        )

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle."""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def mark(self, x: float, y: float, outcome: str, fill: str = "") -> None:
        """A triangle up for a gain, down for a loss, a circle where it cannot be told."""
        fill = fill or OUTCOME[outcome]
        if outcome == "cannot tell":
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{fill}"/>')
            return
        side = -5.5 if outcome == "helps" else 5.5
        points = f"{x:.1f},{y + side:.1f} {x - 5.5:.1f},{y - side:.1f} {x + 5.5:.1f},{y - side:.1f}"
        self.parts.append(f'<polygon points="{points}" fill="{fill}"/>')

    def svg(self) -> str:
        """The whole picture."""
        return "\n".join([*self.parts, "</svg>", ""])


def shown_interval(row: Row, table: Table) -> Interval:
    """The interval that decides: of the primary contrast its own, else that of all at once, where there is one."""
    alone = row.arm == table.primary or row.simultaneous_ci is None
    return row.difference_ci if alone else row.simultaneous_ci or row.difference_ci


def gain_by_arm(edition: Edition) -> str:
    """Differences from the recipe with their intervals, on each corpus, with the published figure."""
    tables = primary_tables(edition)
    rows = sum(len(table.rows) - 1 for table in tables)
    height = 78 + 34 * len(tables) + 26 * rows + 62
    drawing = Drawing(height, f"Gain by arm with 95 % intervals, {EDITIONS[edition.edition]}")
    intervals = [shown_interval(row, table) for table in tables for row in table.rows]
    low, high = min(ci[0] for ci in intervals) - 0.01, max(ci[1] for ci in intervals) + 0.01
    left, right = 330.0, 735.0

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    drawing.text(20, 28, "What synthetic music adds to a good recipe, on real songs", size=16)
    drawing.text(20, 47, f"{EDITIONS[edition.edition]}; difference with its 95 % interval", fill=GREY)
    y = 66.0
    for table in tables:
        y += 20
        drawing.text(20, y, f"{CORPORA[table.corpus]}: {table.songs} songs, {table.clips:,} clips, {measured(table)}")
        published = 0.088 * real_value(table)
        top = y + 6
        y += 14
        for row in table.rows:
            if row.arm == table.reference:
                continue
            y += 13
            ci = shown_interval(row, table)
            outcome = row.outcome(table.primary)
            drawing.text(36, y + 4, arm_words(row.arm))
            drawing.line((x(ci[0]), y, x(ci[1]), y), stroke=OUTCOME[outcome], width=2.5)
            drawing.mark(x(row.difference), y, outcome)
            y += 13
        drawing.line((x(0), top, x(0), y), stroke=INK)
        drawing.line((x(published), top, x(published), y), stroke=VERMILION, width=1.5)
    y += 24
    for value in axis_ticks(low, high, 0.05):
        drawing.text(x(value), y, signed(value, 2), anchor="middle", fill=GREY)
    legend(drawing, y + 22)
    drawing.line((290, y + 14, 290, y + 29), stroke=VERMILION, width=1.5)
    drawing.text(298, y + 26, "the study's +8.8 %; the black line: no difference")
    return drawing.svg()


def measured(table: Table) -> str:
    """What the differences of a table are of."""
    return "CCC" if table.measure == "ccc" else "share in the right quadrant"


def axis_ticks(low: float, high: float, step: float) -> Sequence[float]:
    """Multiples of a step that lie on an axis."""
    return [step * number for number in range(-40, 41) if low <= step * number <= high]


def quality_against_gain(edition: Edition) -> str:
    """Methods in the order of the Quality Score of their clips, with that score and the gain of each."""
    table = edition.table(METHODS)
    rows = [row for row in table.rows if row.quality is not None and row.quality_ci is not None]
    rows = sorted(
        (row for row in rows if row.arm not in ("real", table.reference)), key=lambda row: -(row.quality or 0)
    )
    drawing = Drawing(136 + 26 * len(rows), f"Quality against gain, {EDITIONS[edition.edition]}")
    drawing.text(20, 28, "How close a method's clips are to real music, and what they add", size=16)
    on = f"{CORPORA[table.corpus]}, {table.songs} test songs, {table.clips:,} clips; version {table.version}"
    drawing.text(20, 47, f"{EDITIONS[edition.edition]}; {on}; with 95 % intervals", fill=GREY)
    drawing.text(190, 74, "Quality Score, 0 to 100")
    drawing.text(480, 74, f"gain, {measured(table)}")
    intervals = [shown_interval(row, table) for row in rows]
    low, high = min(ci[0] for ci in intervals) - 0.01, max(ci[1] for ci in intervals) + 0.01

    def quality_x(value: float) -> float:
        return 190 + value / 100 * 250

    def gain_x(value: float) -> float:
        return 480 + (value - low) / (high - low) * 255

    y = 80.0
    for row, ci in zip(rows, intervals, strict=True):
        y += 26
        outcome = row.outcome(None)
        drawing.text(20, y + 4, row.arm)
        ends = row.quality_ci or (0.0, 0.0)
        drawing.line((quality_x(ends[0]), y, quality_x(ends[1]), y), stroke=INK, width=2)
        drawing.mark(quality_x(row.quality or 0.0), y, "cannot tell", INK)
        drawing.line((gain_x(ci[0]), y, gain_x(ci[1]), y), stroke=OUTCOME[outcome], width=2)
        drawing.mark(gain_x(row.difference), y, outcome)
    drawing.line((gain_x(0), 84, gain_x(0), y + 13))
    for value in (0, 50, 100):
        drawing.text(quality_x(value), y + 28, str(value), anchor="middle", fill=GREY)
    for value in axis_ticks(low, high, 0.1):
        drawing.text(gain_x(value), y + 28, signed(value, 1), anchor="middle", fill=GREY)
    legend(drawing, y + 42)
    return drawing.svg()


def legend(drawing: Drawing, y: float) -> None:
    """What the marks mean."""
    for at, outcome in ((20.0, "helps"), (90.0, "harms"), (165.0, "cannot tell")):
        drawing.mark(at + 5, y, outcome)
        drawing.text(at + 16, y + 4, outcome)


def claims_by_verdict(edition: Edition) -> str:
    """How many claims of each chapter are supported, contradicted and undecided."""
    audit = edition.audits[0]
    chapters = by_chapter(audit)
    height = 66 + 26 * len(chapters) + 44
    drawing = Drawing(height, f"Claims of the study by verdict, {EDITIONS[edition.edition]}")
    drawing.text(
        20, 28, f"{len(audit.claims)} claims of the study, by what the audit of {CORPORA[audit.corpus]} says", size=16
    )
    drawing.text(
        20,
        47,
        f"{EDITIONS[edition.edition]}; undecided: also what was not measured, or only listeners can tell",
        fill=GREY,
    )
    widest = max(sum(map(len, verdicts.values())) for verdicts in chapters.values())
    y = 66.0
    for chapter, verdicts in chapters.items():
        drawing.text(20, y + 15, f"{chapter}  {CHAPTERS[chapter]}")
        at = 260.0
        for verdict, ids in verdicts.items():
            width = 470 * len(ids) / widest
            drawing.rect(at, y, width, 20, VERDICT[verdict])
            if ids:
                fill = INK if verdict == "undecided" else "#ffffff"
                drawing.text(at + width / 2, y + 15, str(len(ids)), anchor="middle", fill=fill)
            at += width + 1
        y += 26
    at = 260.0
    for verdict in VERDICT:
        count = sum(len(verdicts[verdict]) for verdicts in chapters.values())
        drawing.rect(at, y + 10, 14, 14, VERDICT[verdict])
        drawing.text(at + 20, y + 22, f"{verdict} ({count})")
        at += 150
    return drawing.svg()
