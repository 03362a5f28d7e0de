"""docs/reference/files.md lists the keys of every result, generated from the types."""

import runpy
from pathlib import Path

REFERENCE = Path(__file__).parents[1] / "docs" / "generate_reference.py"


def test_the_reference_is_what_the_types_say() -> None:
    generator = runpy.run_path(str(REFERENCE))
    page = generator["PAGE"].read_text(encoding="utf-8")
    assert page.partition(generator["MARKER"])[2] == generator["section"]().partition(generator["MARKER"])[2], (
        "run python docs/generate_reference.py"
    )
