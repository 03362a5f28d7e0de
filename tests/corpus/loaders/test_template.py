from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from affetti.corpus.track import Options

CONTRIBUTING = Path(__file__).parents[3] / "CONTRIBUTING.md"


def test_the_template_in_contributing_loads_what_it_says(tmp_path: Path) -> None:
    section = CONTRIBUTING.read_text(encoding="utf-8").split("## A new source of music", 1)[1].split("\n## ", 1)[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(code, "template", "exec"), module)  # noqa: S102 - our own page
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/7.mp3").touch()
    (tmp_path / "labels.csv").write_text("id,valence,arousal\n7,9,5\n8,1,2.5\n", encoding="utf-8")
    source = module["load"](tmp_path, Options())
    assert [(t.track_id, t.labels.valence, t.labels.arousal) for t in source.tracks] == [("name-7", 1.0, 0.0)]
    assert [t.track_id for t in source.absent] == ["name-8"]
    assert source.notes == ("1 labelled songs have no audio under audio/",)
