"""The documentation: tutorials and snippets run, commands exist, links lead somewhere.

The site itself is built by ``make docs-check``, where a warning is an error.
"""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.conftest import RATE, Ran, music
from tests.corpus.loaders import mediaeval_trees as trees
from tests.material import shorten

from affetti.cli.main import VERBS
from affetti.studies.listening.result import ListeningResult
from affetti.training.registry import Budget

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path for path in [ROOT / "README.md", *DOCS.rglob("*.md")] if not {"_build", "gallery"} & set(path.parts)
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_LINE = runpy.run_path(str(DOCS / "generate_command_line.py"))
Smaller = Sequence[tuple[str, str]]


def blocks(page: Path, *kinds: str) -> list[tuple[str, str]]:
    """Kind and content of the code blocks of a page, in order."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(kind, content) for kind, content in found if kind in kinds]


def commands(page: Path) -> list[str]:
    """The commands of a page that a reader types: ``affetti …``."""
    lines = [line.removeprefix("$ ") for _, content in blocks(page, "console") for line in content.splitlines()]
    return [line for line in lines if line.startswith("affetti ")]


def follow(
    page: Path, affetti: Callable[..., Ran], smaller: Smaller, skip: str = r"affetti (listen )?serve"
) -> list[str]:
    """Do what a page says, in the current folder, with what ``smaller`` replaces; the commands that were run."""
    used, ran = set[str](), list[str]()
    for kind, content in blocks(page, "console", "python"):
        for large, small in smaller:
            if large in content:
                used.add(large)
                content = content.replace(large, small)
        if kind == "python":
            exec(compile(content, str(page), "exec"), {"__name__": "__main__"})  # noqa: S102 - of our own docs
            continue
        for line in content.splitlines():
            command = line.removeprefix("$ ")
            if not command.startswith("affetti ") or re.match(skip, command):
                continue
            outcome = affetti(*shlex.split(command)[1:])
            assert outcome.code == 0, f"{command}: {outcome.err}"
            ran.append(command)
    assert used == {large for large, _ in smaller}, "the page no longer says what was replaced"
    return ran


def test_the_tutorial_from_a_folder_to_a_report_runs(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    smaller = (
        ("range(60)", "range(18)"),
        ("render(song, 22_050)", "render(song, 22_050)[: 13 * 22_050]"),
        ("--keep-audio --out corpus", "--keep-audio --folds 2 --workers 1 --out corpus"),
        ("train flow --corpus corpus", "train flow --steps 2 --batch-size 2 --corpus corpus"),
        ("--n 200", "--n 16"),
    )
    ran = follow(DOCS / "tutorials" / "folder-to-report.md", affetti, smaller)
    assert len(ran) == 8
    assert Path("report.html").stat().st_size > 10_000


def test_the_tutorial_from_deam_to_a_verdict_runs(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch, "flow", Budget(2, 2))
    trees.deam(tmp_path / "DEAM")
    trees.sing(tmp_path / "DEAM/DEAM_audio/MEMD_audio", trees.EXCERPTS, seconds=6.5)
    Path("my-clips").mkdir()
    for i in range(12):
        soundfile.write(f"my-clips/{i}.wav", music(i, 6.5), RATE)
    rows = [f"{i}.wav,{i / 12 - 0.5:.2f},{0.5 - i / 12:.2f}" for i in range(12)]
    Path("my-clips/labels.csv").write_text("\n".join(["file,valence,arousal", *rows]), encoding="utf-8")
    smaller = (("--seeds 5", "--seeds 1 --steps 2 --batch-size 2 --generator-runs 1 --workers 1"),)
    ran = follow(DOCS / "tutorials" / "deam-to-verdict.md", affetti, smaller)
    assert len(ran) == 7
    assert "flow" in Path("deam.html").read_text(encoding="utf-8")


def test_the_tutorial_of_a_song_over_time_runs(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    smaller = (("--clips 960 --keep-audio", "--clips 80"),)
    ran = follow(DOCS / "tutorials" / "song-over-time.md", affetti, smaller)
    assert len(ran) == 4
    assert len(Path("song.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert Path("curve.png").exists()


def test_the_tutorial_from_words_to_a_song_runs(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch, "flow", Budget(2, 4))
    smaller = (
        ("prepare composed", "prepare composed --clips 128 --folds 2 --workers 1"),
        ("calm@60 happy@120 peaceful@180", "calm@6 happy@12 peaceful@18"),
        ("(0.0, 60.0, 120.0, 180.0)", "(0.0, 6.0, 12.0, 18.0)"),
        ("compose_along(curve, 180.0)", "compose_along(curve, 18.0)"),
    )
    ran = follow(DOCS / "tutorials" / "words-to-song.md", affetti, smaller)
    assert len(ran) == 7
    assert "Whole songs" in Path("songs.html").read_text(encoding="utf-8")


def test_the_tutorial_of_a_listening_study_runs(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch, "flow", Budget(2, 2))
    smaller = (
        ("prepare composed", "prepare composed --clips 128 --folds 2 --workers 1"),
        ("--n 200", "--n 24 --workers 1"),
        ("--clips-per-condition 12 --per-listener 24", "--clips-per-condition 4 --per-listener 8"),
        ("--clips-per-condition 12 --per-listener 12", "--clips-per-condition 3 --per-listener 3"),
        ("range(20)", "range(6)"),
    )
    ran = follow(DOCS / "tutorials" / "clips-to-listeners.md", affetti, smaller)
    assert len(ran) == 8
    slopes = [row.slope.value for row in ListeningResult.open("rehearsed").control]
    assert len(slopes) == 4
    assert np.mean(slopes) == pytest.approx(0.7, abs=0.15), "the robots' rule is what the analysis says"
    assert "What listeners say" in Path("rehearsed.html").read_text(encoding="utf-8")


def test_the_snippets_of_the_readme_and_of_python_run(
    affetti: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # The README's corpus is the one that the page on Python opens.
    smaller = (("clips=320", "clips=320, workers=1"), ("steps=500", "steps=2, batch_size=2"))
    readme = blocks(ROOT / "README.md", "python")
    for _, content in readme:
        for large, small in smaller:
            content = content.replace(large, small)
        exec(compile(content, "README.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - of our own docs
    assert len(capsys.readouterr().out.splitlines()) == len(readme) == 2
    follow(DOCS / "how-to" / "python.md", affetti, ())
    follow(DOCS / "start" / "first-sound.md", affetti, ())
    assert Path("sad-to-happy.flac").exists()


def flags(verb: str) -> set[str]:
    """The flags that a verb's help lists, with their other names."""
    return set(re.findall(r"--[a-z][\w-]*", COMMAND_LINE["help_text"](verb)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_page_have_the_verbs_and_flags_that_it_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    typed = re.findall(r"`affetti ([a-z][^`\n]*)`", text)
    typed += re.findall(r"^(?:    |\$ )affetti ([a-z].*)$", text, flags=re.MULTILINE)
    for command in typed:
        words = re.split(r"\s+#", command)[0].split()
        length = 2 if " ".join(words[:2]) in VERBS else 1
        verb, rest = " ".join(words[:length]), words[length:]
        assert verb in VERBS, f"there is no verb {verb}: {command}"
        unknown = {word.split("=")[0] for word in rest if re.fullmatch(r"--[a-z][\w-]*(=.*)?", word)} - flags(verb)
        assert not unknown, f"{command}: no flag {unknown}"


@pytest.mark.parametrize(
    "page",
    [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_of_the_page_lead_to_files_that_are_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target = link.partition("#")[0]
        made = "gallery/" in target or target.endswith("command-line.md")  # made when the site is built
        if re.match(r"[a-z]+:", link) or not target or made:
            continue
        assert (page.parent / target).exists(), f"{page.name}: {link}"


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
    assert sum(path.stat().st_size for path in (DOCS / "images").glob("*.png")) < 300_000


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_the_command_line_has_every_flag_of_a_verb(verb: str) -> None:
    listed = set(re.findall(r"--[a-z][\w-]*", COMMAND_LINE["section"](verb)))
    assert "--help" in listed
    assert flags(verb) == listed
