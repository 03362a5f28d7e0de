"""Write what is said of the results into the pages, and draw their pictures: from ``docs/results/EDITION.json`` alone.

    python docs/generate_results.py [EDITION]

The text between ``<!-- results: NAME -->`` and ``<!-- end of results -->`` is replaced in README.md, docs/index.md,
docs/results.md and docs/explanation/the-study.md; pictures are docs/images/results-*.svg. A test holds that pages,
pictures and data agree.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent / "bench")]

from result_pictures import METHODS, claims_by_verdict, gain_by_arm, quality_against_gain  # noqa: E402
from result_words import (  # noqa: E402
    CHAPTERS,
    CLAIMED,
    CORPORA,
    EDITIONS,
    VERDICTS,
    by_chapter,
    claim_words,
    contrast_words,
    primary_tables,
    verdict_words,
    with_interval,
)

from result_file import Edition, read_edition  # noqa: E402

SHOWN = "first"
"""The edition that the pages show."""
WIDTH = 120
"""Columns of generated prose, about."""
PICTURES: dict[str, Callable[[Edition], str]] = {
    "results-gain.svg": gain_by_arm,
    "results-quality.svg": quality_against_gain,
    "results-claims.svg": claims_by_verdict,
}


def short(edition: Edition, root: str) -> str:
    """What came of it, for those who have not read anything yet.

    Args:
        edition: the results.
        root: what leads from the page to docs/, empty or ending in a slash.
    """
    first = verdict_words(edition)
    contrasts = "\n".join(f"- {contrast_words(table)}." for table in primary_tables(edition))
    which = EDITIONS[edition.edition]
    return f"""**Does synthetic data help?** Results ({which}): {first}.
The study claims +8.8 % CCC. Brackets are 95 % intervals:

{contrasts}

{sentence(claim_words(edition.audits[0]))}.
[All results]({root}results.md), [claim by claim]({root}explanation/the-study.md).

![{gain_alt(edition)}]({root}images/results-gain.svg)"""


def sentence(words: str) -> str:
    """With a capital."""
    return words[0].upper() + words[1:]


def gain_alt(edition: Edition) -> str:
    """The picture of gains in words."""
    each = "; ".join(
        f"{CORPORA[table.corpus]}, {table.songs} songs: {with_interval(table.row(table.primary or ''), table)}"
        for table in primary_tables(edition)
    )
    return f"What synthetic music adds to the recipe, {EDITIONS[edition.edition]}, primary contrasts: {each}"


def summary(edition: Edition) -> str:
    """The summary at the top of the results."""
    contrasts = "\n".join(
        f"- {sentence(contrast_words(table))} ([{table.section}](#{anchor(table.section)}), version {table.version})."
        for table in primary_tables(edition)
    )
    counts = claim_words(edition.audits[0])
    which = EDITIONS[edition.edition]
    return f"""**In short** ({which}): {verdict_words(edition)}. The study claims that CCC rises by 8.8 %.
{sentence(counts)}.

{contrasts}

![{gain_alt(edition)}](images/results-gain.svg)

![{quality_alt(edition)}](images/results-quality.svg)

The numbers of this summary, of the pictures and of the tables of arms and claims are filed in
`docs/results/{edition.edition}.json`, and a test holds that they agree."""


def quality_alt(edition: Edition) -> str:
    """The picture of quality and gain in words."""
    table = edition.table(METHODS)
    each = "; ".join(
        f"{row.arm}: quality {row.quality:.0f}, gain {with_interval(row, table)}"
        for row in table.rows
        if row.quality is not None and row.arm not in ("real", table.reference)
    )
    return f"Quality against gain, {CORPORA[table.corpus]}, {table.songs} songs, {EDITIONS[edition.edition]}: {each}"


def anchor(heading: str) -> str:
    """The anchor that the site gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def one_screen(edition: Edition) -> str:
    """What the study claims and what holds: every claim with its state."""
    audit = edition.audits[0]
    chapters = by_chapter(audit)
    lines = [f"{sentence(claim_words(audit))} ({EDITIONS[edition.edition]}).", ""]
    lines += ["| § | the study claims, in short | supported | contradicted | undecided |", "|---|---|---|---|---|"]
    for chapter, verdicts in chapters.items():
        cells = [", ".join(f"`{name}`" for name in verdicts[verdict]) or "–" for verdict in VERDICTS[:2]]
        lines.append(f"| {chapter} | {CLAIMED[chapter]} | {' | '.join(cells)} | {len(verdicts['undecided'])} |")
    why = "an interval reaches over an end of the range, nothing measured decides it, or only listeners could"
    lines += ["", f"Undecided, because {why}:"]
    undecided = [
        f"§{chapter} {', '.join(f'`{name}`' for name in verdicts['undecided'])}"
        for chapter, verdicts in chapters.items()
        if verdicts["undecided"]
    ]
    lines += ["; ".join(undecided) + ".", ""]
    counts = "; ".join(
        f"{CHAPTERS[chapter]}: " + ", ".join(f"{len(verdicts[verdict])} {verdict}" for verdict in VERDICTS)
        for chapter, verdicts in chapters.items()
    )
    lines.append(f"![Claims by verdict, {EDITIONS[edition.edition]}: {counts}](../images/results-claims.svg)")
    return "\n".join(lines)


BLOCKS: dict[str, tuple[str, Callable[[Edition], str]]] = {
    "../README.md": ("short", lambda edition: short(edition, "docs/")),
    "index.md": ("short", lambda edition: short(edition, "")),
    "results.md": ("summary", summary),
    "explanation/the-study.md": ("claims", one_screen),
}


def files(edition: Edition) -> dict[Path, str]:
    """Every page and picture, as it should be."""
    made: dict[Path, str] = {DOCS / "images" / name: draw(edition) for name, draw in PICTURES.items()}
    for name, (block, words) in BLOCKS.items():
        path = (DOCS / name).resolve()
        made[path] = replaced(path.read_text(encoding="utf-8"), block, words(edition), path)
    return made


def replaced(page: str, block: str, words: str, path: Path) -> str:
    """A page with new words between the marks of a block.

    Raises:
        ValueError: the page has no such block.
    """
    begins, ends = f"<!-- results: {block} -->", "<!-- end of results -->"
    before, begin, rest = page.partition(begins)
    _, end, after = rest.partition(ends)
    if not begin or not end:
        raise ValueError(f"{path} has no {begins} before {ends}: add both")
    return f"{before}{begins}\n\n{wrapped(words)}\n\n{ends}{after}"


def wrapped(words: str) -> str:
    """Prose in lines of limited length; tables and pictures stay as they are."""
    lines: list[str] = []
    for line in words.split("\n"):
        if lines and line and lines[-1] and not line.startswith(("|", "!", "- ")):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(line if line.startswith(("|", "!")) else filled(line) for line in lines)


def filled(line: str) -> str:
    """A paragraph in lines of limited length."""
    indent = "  " * line.startswith("- ")
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def main() -> None:
    """Write them."""
    for path, text in files(read_edition(sys.argv[1] if len(sys.argv) > 1 else SHOWN)).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
