"""What a folder holds, so that what a killed and repeated command wrote is compared with what an unbroken one wrote."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

OF_THE_RUN = ("path", "seconds")
"""Keys of JSON whose values are of the run, not of the result."""
DURATION = re.compile(rb"\d[\d.,]* (s|min|h)\b")
"""In the text of a card."""


def content(folder: Path) -> dict[str, str]:
    """The hash of each file by its path in the folder; of JSON and cards without what only describes the run."""
    return {
        str(path.relative_to(folder)): _hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _hash(path: Path) -> str:
    held = path.read_bytes()
    if path.suffix == ".json":
        held = json.dumps(_results(json.loads(held)), sort_keys=True).encode()
    elif path.suffix == ".md":
        held = DURATION.sub(b"", held)
    return hashlib.sha256(held).hexdigest()


def _results(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _results(it) for key, it in value.items() if key not in OF_THE_RUN}
    return [_results(it) for it in value] if isinstance(value, list) else value


def difference(whole: dict[str, str], again: dict[str, str], unstable: frozenset[str]) -> str | None:
    """What the second lacks, has besides, or has otherwise, or None. Of unstable files only the presence counts."""
    lost, besides = sorted(whole.keys() - again.keys()), sorted(again.keys() - whole.keys())
    other = sorted(key for key in whole.keys() & again.keys() if whole[key] != again[key] and key not in unstable)
    for word, names in (("lost", lost), ("left behind", besides), ("other bytes", other)):
        if names:
            return f"{word}: {', '.join(names[:4])}"
    return None
