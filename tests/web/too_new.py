"""Writes ``too_new.txt``: what Firefox 128 or Safari 17.5 lack, of mid-2024; the pages may use none of it.

    npm pack @mdn/browser-compat-data; tar xzf *.tgz
    python tests/web/too_new.py package/data.json

Each line is a kind (``js``: a member, function or constructor; ``css``: a property; ``selector``; ``at-rule``) and a
name that no object, or nothing in CSS, has in one of these browsers. The data are MDN's (CC0).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("too_new.txt")
OLDEST = {"firefox": 128.0, "safari": 17.5}


def supported(statements: Any, oldest: float) -> bool:
    """Whether a browser of version ``oldest`` has it, without a flag or a prefix."""
    for statement in statements if isinstance(statements, list) else [statements]:
        removed = "version_removed" in statement and not statement.get("partial_implementation")
        if removed or {"flags", "prefix", "alternative_name"} & set(statement):
            continue
        added = statement.get("version_added")
        if (
            isinstance(added, str)
            and added != "preview"
            and float(".".join(added.lstrip("≤").split(".")[:2])) <= oldest
        ):
            return True
    return False


def collect(data: dict[str, Any]) -> dict[tuple[str, str], bool]:
    """Whether both browsers have what bears a name, by kind and name."""
    known: dict[tuple[str, str], bool] = defaultdict(bool)

    def add(kind: str, name: str, node: dict[str, Any]) -> None:
        support = node.get("__compat", {}).get("support")
        if support is not None and not name.endswith("_event"):
            has = all(supported(support.get(browser, {}), oldest) for browser, oldest in OLDEST.items())
            known[kind, name.removesuffix("_static")] |= has

    for interfaces in (data["api"], data["javascript"]["builtins"]):
        for name, interface in interfaces.items():
            add("js", name, interface)
            for member, node in interface.items():
                if isinstance(node, dict):
                    add("js", member, node)
    for kind, part in (("css", "properties"), ("selector", "selectors"), ("at-rule", "at-rules")):
        for name, node in data["css"][part].items():
            add(kind, name, node)
    return known


def main() -> None:
    """Write the list."""
    known = collect(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    LIST.write_text("".join(f"{kind} {name}\n" for (kind, name), has in sorted(known.items()) if not has))


if __name__ == "__main__":
    main()
