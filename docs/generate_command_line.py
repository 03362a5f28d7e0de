"""Write docs/reference/command-line.md from the parsers of the verbs: what ``affetti VERB --help`` prints, as tables.

``docs/conf.py`` runs this whenever the site is built; the page is not kept in the repository.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from affetti.cli.main import VERBS

PAGE = Path(__file__).parent / "reference" / "command-line.md"
WIDTH = "400"
"""Columns of the terminal that the help is laid out for: wide enough for one flag a line."""
OPENING = """# Command line

`affetti VERB [options]`. This page is made from the parsers: it is what `affetti VERB --help` prints.
Every verb takes `--json`: one JSON document on stdout and nothing else ([its keys](files.md#json)). Most take
`--config FILE` (TOML or JSON): `affetti train flow --config RUN/config.json --out NEW` repeats a run. Long verbs show
the time left, take `--dry-run`, and resume when they are called again. Exit codes: 0 done, 2 bad usage or bad input
with one line that says what to do, 130 interrupted after saving.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text("\n".join([OPENING, *(section(verb) for verb in VERBS)]), encoding="utf-8")


def section(verb: str) -> str:
    """A verb: what it does, its usage, and a table of its flags."""
    usage, description, flags = parts(help_text(verb))
    rows = [f"| {code(name)} | {cell(meaning)} |" for name, meaning in flags]
    lines = [f"## {verb}", "", *description, "", "```text", usage, "```", ""]
    return "\n".join([*lines, "| option | meaning |", "|---|---|", *rows, ""])


def help_text(verb: str) -> str:
    """What ``affetti VERB --help`` prints."""
    text = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # its encoding has the parser draw boxes
    with (
        patch.dict(os.environ, {"COLUMNS": WIDTH, "NO_COLOR": "1"}),
        contextlib.redirect_stdout(text),
        contextlib.suppress(SystemExit),
    ):
        import_module(f"affetti.cli.{verb.replace(' ', '_')}").run(["--help"])
    text.seek(0)
    return text.read()


def parts(text: str) -> tuple[str, list[str], list[tuple[str, str]]]:
    """Usage, paragraphs of the description, and (flag, meaning) of a help text."""
    above, *boxes = re.split(r"^╭.*$", text, flags=re.MULTILINE)
    usage, _, description = above.partition("\n")
    return (
        usage.removeprefix("usage: ").strip(),
        [line.strip() for line in description.strip().splitlines()],
        [flag for box in boxes for flag in flags_of(box)],
    )


def flags_of(box: str) -> Iterator[tuple[str, str]]:
    """The flags of one box of a help text; a meaning may continue on the lines below."""
    name, meaning = "", ""
    for line in re.findall(r"^│ (.*?)\s*│$", box, flags=re.MULTILINE):
        if not line.startswith(" "):
            if name:
                yield name, meaning
            name, _, meaning = (part.strip() for part in line.partition("  "))
        else:
            meaning = f"{meaning} {line.strip()}".strip()
    if name:
        yield name, meaning


def code(text: str) -> str:
    """A table cell with code."""
    return "`" + text.replace("|", "\\|") + "`"


def cell(text: str) -> str:
    """A table cell with prose: what Markdown would take for markup stays as it is."""
    return re.sub(r"([|<>*_\[\]`])", r"\\\1", text)


if __name__ == "__main__":
    main()
