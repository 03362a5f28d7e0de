from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import present
from tests.report.answered import FRONT, HARD, PAIR, audited, claim
from tests.report.answered import answers as answered
from tests.report.html import Document

from affetti import api
from affetti.errors import AffettiError, StorageError
from affetti.report import audit_answers, wording
from affetti.report.audit_answers import Player, curves, estimates, origin, pictures
from affetti.report.commands import audit_command
from affetti.report.drawing import LogAxis
from affetti.report.sources import read_sources
from affetti.signal import audio
from affetti.signal.loudness import loudness, match_loudness
from affetti.storage import read_json, write_json
from affetti.studies.audit.answer import LineFigure, Measurement, Origin, Series, Sound

ORIGINS: tuple[Origin, ...] = ("recording", "composed", "rebuilt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audited(tmp_path_factory.mktemp("audits") / "audit")


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("out") / "report.html"
    written = api.report.run([folder], out)
    assert written.sections == ("summary", "audit", "rerun")
    assert written.bytes < 400e3
    return out.read_text(encoding="utf-8")


def rewritten(folder: Path, copy: Path, **change: Any) -> Path:
    shutil.copytree(folder, copy)
    write_json(copy / "result.json", read_json(copy / "result.json") | change)
    return copy


def report(folder: Path, tmp_path: Path) -> str:
    api.report.run([folder], tmp_path / "r.html")
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def test_every_question_has_its_sentence_figure_sounds_and_folded_method(page: str) -> None:
    for name, answer in answered().items():
        assert f"What does {name} lose?" in page
        assert f"By looking at {name}." in page
        if not answer.needs:
            assert wording.typeset(answer.sentence) in page
    articles = re.findall(r'<article class="finding".*?</article>', page, re.DOTALL)
    timbre, structure, phase, ceiling = articles
    assert timbre.count('class="claimed"') == 2, "the ranges of both claims on this measurement"
    assert "0.910 [0.880, 0.940]" in timbre
    assert "−0.00420 [−0.00610, 0.00120]" in timbre
    assert "not measurable here: needs a generator" in timbre
    assert "and −0.00 at worst −0.01" in timbre
    assert "1 supported, 1 contradicted and 2 undecided" in timbre
    assert "Not measurable here: needs sections." in structure
    assert "<figure" not in structure
    assert phase.count("<audio") == 3
    assert phase.count("data:image/png") == 3, "two log-mels and the key to their colours"
    assert ceiling.count('class="curve c') == 2 + 2, "two curves and their legend"
    assert all(article.count("<details>") == 1 for article in articles)


def test_sounds_say_where_they_come_from(page: str) -> None:
    captions = re.findall(r"<figcaption><b>(.*?)</b>(.*?)</figcaption>", page)
    assert captions == [
        ("as it is", "composed"),
        ("Griffin-Lim &amp; 32 turns", "composed, rebuilt"),
        ("a fresh song", "generated"),
    ]


def test_the_page_is_well_formed_and_closed(page: str) -> None:
    read = Document(page)
    assert not read.open
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for tag, a in read.elements if tag == "a"]
    assert all(str(link)[1:] in ids for link in links)
    assert all(str(a["src"]).startswith("data:") for _, a in read.elements if "src" in a)
    tables = sum(tag == "table" for tag, _ in read.elements)
    assert sum(pair == ("table", "caption") for pair in read.first_child) == tables
    assert all(a.get("scope") in {"col", "row"} for tag, a in read.elements if tag == "th")
    assert not re.search(r"\bNone\b|\bnan\b|Undefined", re.sub(r'data:[^"]*', "", page))


def test_hostile_words_are_escaped(page: str) -> None:
    assert "Only &lt;two&gt; instruments." in page
    assert "few &lt;songs&gt;" in page
    assert "&lt;b&gt;alike&lt;/b&gt;" in page
    assert "<b>alike" not in page


def test_the_table_of_claims_holds_what_it_is_sorted_and_filtered_by(page: str) -> None:
    table = re.search(r'<table class="rules sortable".*?</table>', page, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr data-verdict.*?</tr>", table.group(), re.DOTALL)
    assert [re.findall(r'data-verdict="(\w+)"', row)[0] for row in rows] == [
        "contradicted",
        "supported",
        "undecided",
        "undecided",
    ]
    keys = [re.findall(r'data-key="([^"]*)"', row) for row in rows]
    assert [key[0] for key in keys] == ["§3.1", "§3.10", "§2.2", "Summary"]
    assert [float(key[2]) for key in keys[:3]] == pytest.approx([0.78, 0.5, 70])
    assert keys[3][2] == ""
    assert [key[3] for key in keys] == ["0.91", "0.91", "", ""]
    assert "0.702 to 0.858" in rows[0]
    assert "at least 0.5" in rows[1]
    assert "at most 70&nbsp;<small>%</small>" in rows[2]
    assert "about how people feel" in rows[2]
    assert "What would decide it: listeners" in rows[2]
    assert "affetti audit CORPUS --only timbre" in rows[0]
    assert table.group().count("data-sort") == 6
    form = re.search(r"<form.*?</form>", page, re.DOTALL)
    assert form is not None
    assert " hidden>" in form.group(), "without a script there is no filter that does nothing"


def test_the_summary_answers_the_main_questions(page: str) -> None:
    top = page[page.index('id="summary"') : page.index('id="audit"')]
    assert "Of 4 claims of the study, 1 supported, 1 contradicted and 2 undecided." in top
    assert wording.typeset("Real songs cap at 100 [97, 100] of 100.") in top
    assert "nothing about how people feel" in top
    assert "A quick audit" in top


def test_commands_to_run_everything_again(folder: Path) -> None:
    sources = read_sources([folder])
    (audit,) = sources.audits
    assert audit_command(audit, sources).split(" \\\n  ") == [
        "affetti audit data/comp",
        "--models RUN",
        "--study 'some study'",
        "--only timbre structure phase ceiling",
        "--quick",
        "--seed 3",
        f"--out {folder}",
    ]


def test_same_audit_same_bytes(folder: Path, page: str, tmp_path: Path) -> None:
    api.report.run([folder, folder], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_two_audits_have_different_names(folder: Path, tmp_path: Path) -> None:
    other = rewritten(folder, tmp_path / "other", seed=4, composed=False, quick=False)
    api.report.run([folder, other], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "comp (audit)" in page
    assert "comp (other)" in page
    ids = [a["id"] for _, a in Document(page).elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_an_audit_without_claims_words_sounds_or_pictures(folder: Path, tmp_path: Path) -> None:
    no_words = {"paragraph": "", "footnote": "", "table": []}
    bare = rewritten(folder, tmp_path / "bare", findings=[], wording=no_words)
    shutil.rmtree(bare / "sounds")
    (bare / "answers" / "phase.npz").unlink()
    page = report(bare, tmp_path)
    assert not Document(page).open
    assert "not in the audit’s folder: as it is, Griffin-Lim &amp; 32 turns and a fresh song" in page
    assert "sortable" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "Words for a paper" not in page
    assert page.count("<script>") == 1


def test_pictures_need_a_front_end(folder: Path, tmp_path: Path) -> None:
    page = report(rewritten(folder, tmp_path / "odd", front_end="000000000000"), tmp_path)
    assert "front-end is not known here" in page
    assert page.count("<audio") == 3


def test_folders_that_are_not_audits_are_refused(folder: Path, tmp_path: Path) -> None:
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    shutil.copy(folder / "config.json", unfinished)
    wrong = rewritten(
        folder, tmp_path / "wrong", questions=[{"id": "x", "question": "", "method": "", "sentence": 5, "odd": 1}]
    )
    row = claim("supported", "1")
    del row["ci"]
    cut = rewritten(folder, tmp_path / "cut", findings=[row])
    for path, words in ((unfinished, "unfinished audit"), (wrong, "odd"), (cut, "ci")):
        with pytest.raises(StorageError, match=words) as caught:
            read_sources([path])
        assert str(path) in str(caught.value)


def test_a_broken_sound_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = rewritten(folder, tmp_path / "broken")
    (copy / "sounds" / "phase-1.flac").write_bytes(b"no sound")
    with pytest.raises(AffettiError, match="phase-1"):
        report(copy, tmp_path)


def test_estimates_are_drawn_on_the_axis_with_claims_beside_them() -> None:
    inside = Measurement("a", "a", 0.5, (0.4, 0.6), 9)
    drawn = estimates([inside, HARD], {"a": [(0.0, 1.0), (0.25, None)]}, "r", zero=True)
    (left, wide), (open_left, open_wide) = (
        (float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    )
    place = float(re.findall(r'circle cx="([\d.]+)"', drawn)[0])
    assert place == pytest.approx(left + wide / 2, abs=0.2), "0.5 lies halfway through 0 to 1"
    assert open_left == pytest.approx(left + wide / 4, abs=0.2)
    assert open_left + open_wide == pytest.approx(388, abs=0.2), "an open range reaches the edge"
    assert "the study claims 0 to 1" in drawn
    assert "the study claims at least 0.25" in drawn
    assert drawn.count("whisker") == 2


def test_long_names_are_wrapped_and_nothing_overflows() -> None:
    name = "similarity of the same notes on piano and on a distorted guitar, in log-mel with 128 bands <&>"
    drawn = estimates([Measurement("a", name, 1234567.0, None, 1)], {}, "count", zero=True)
    lines = re.findall(r'class="row-name">(.*?)</text>', drawn)
    assert " ".join(lines).rstrip() == name.replace("<&>", "&lt;&amp;&gt;")
    assert all(len(line) < 60 for line in lines)
    assert "1,234,567</text>" in drawn
    assert "1e+06" not in drawn


def test_a_common_prefix_of_names_is_shown_once() -> None:
    rows = [Measurement(name, f"Quality Score: {name}", 0.5, None, 1) for name in ("a", "b")]
    assert re.findall(r'class="row-name">(.*?)</text>', estimates(rows, {}, "t", zero=False)) == ["a", "b"]
    rows = [Measurement(name, f"{name}: lossless bits", 0.5, None, 1) for name in ("a", "b")]
    assert re.findall(r'class="row-name">(.*?)</text>', estimates(rows, {}, "t", zero=False)) == ["a", "b"]
    rows = [Measurement("a", "Quality Score: a", 0.5, None, 1), Measurement("b", "b", 0.5, None, 1)]
    assert "Quality Score: a" in re.sub(r'aria-label=".*?"', "", estimates(rows[:1], {}, "t", zero=False))


def test_ratios_are_drawn_equally_far_apart_where_numbers_span_them() -> None:
    points = tuple((float(x), 1.0, 1.0, 1.0) for x in (16, 64, 256))
    drawn = curves(LineFigure("t", "bands", "score", (Series("s", points),)))
    figure = present(drawn.figure)
    places = [float(x) for x in re.findall(r'circle cx="([\d.]+)"', figure)]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert "equal ratios" in figure
    assert drawn.legend == (), "one curve needs no legend"
    assert curves(LineFigure("t", "x", "y", ())).figure is None
    axis = LogAxis(1, 100, 0, 10)
    assert (axis(1), axis(10), axis(100)) == (0, 5, 10)
    assert axis.ticks() == [1, 2, 5, 10, 20, 50, 100]
    assert LogAxis(1, 1e9, 0, 10).ticks() == [10.0**power for power in range(10)]


def test_intervals_of_two_curves_are_side_by_side() -> None:
    series = tuple(Series(name, ((1.0, 0.5, 0.4, 0.6), (2.0, 0.5, 0.4, 0.6))) for name in ("a", "b"))
    drawn = present(curves(LineFigure("t", "x", "y", series)).figure)
    places = set(re.findall(r'<line x1="([\d.]+)"[^>]*class="whisker', drawn))
    assert len(places) == 4
    alone = [Series(item.name, ((1.0, 0.5, 0.5, 0.5),)) for item in series]
    drawn = present(curves(LineFigure("t", "x", "y", tuple(alone))).figure)
    circle, square = re.findall(r'circle cx="([\d.]+)"', drawn)[0], re.findall(r'polygon points="([\d.]+)', drawn)[0]
    assert float(circle) - float(square) < 4, "without intervals they stay where they are"


def test_images_share_axes_and_colours_though_lengths_differ(folder: Path) -> None:
    answer, arrays = answered()["phase"], read_sources([folder]).audits[0].arrays["phase"]
    player = Player("as it is", "composed", "data:", 1.5)
    seen = pictures(answer, arrays, FRONT, [player])
    assert seen is not None
    assert seen.image_seconds == pytest.approx(59 * FRONT.hop_length / FRONT.sample_rate)
    assert [picture.player for picture in seen.pictures] == [player, None]
    first, second = (re.sub(r'href="[^"]*"|aria-label="[^"]*"', "", picture.image) for picture in seen.pictures)
    assert first == second, "the same axes"
    assert seen.high_db - seen.low_db == 70
    assert pictures(answer, {}, FRONT, []) is None


def test_sounds_of_a_question_are_equally_loud(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels: list[float] = []

    def measure(waves: list[torch.Tensor], rate: int) -> list[str]:
        levels.extend(loudness(wave, rate) for wave in match_loudness(waves, rate))
        return ["data:"] * len(waves)

    monkeypatch.setattr(audit_answers, "encode_sounds", measure)
    shown, missing = audit_answers.players(folder, answered()["phase"], composed=True)
    assert len(shown) == 3
    assert not missing
    assert np.ptp(levels) < 0.1
    assert all(player.seconds == pytest.approx(1.5, abs=0.01) for player in shown)


def test_a_sound_too_short_to_be_loud_and_a_silent_one_are_played(tmp_path: Path) -> None:
    audio.save(tmp_path / "a.flac", np.full(400, 0.1, dtype=np.float32), FRONT.sample_rate)
    audio.save(tmp_path / "b.flac", np.zeros(FRONT.sample_rate * 20, dtype=np.float32), FRONT.sample_rate)
    files = tuple(Sound(name, "recording", f"{name}.flac") for name in "ab")
    shown, _ = audit_answers.players(tmp_path, audit_answers.Answer("s", sounds=files), composed=False)
    assert [player.sound[:15] for player in shown] == ["data:audio/mpeg"] * 2
    assert shown[1].seconds == audit_answers.MAX_SECONDS


def test_origins_in_words() -> None:
    recording, composed, rebuilt = (Sound("a", name, "f") for name in ORIGINS)
    assert origin(recording, (recording,), composed=False) == "recording"
    assert origin(recording, (recording,), composed=True) == "composed", "a composed corpus has no recordings"
    assert origin(rebuilt, (recording, rebuilt), composed=False) == "recording, rebuilt"
    named = Sound("rebuilt from 32 bands", "rebuilt", "f")
    assert origin(named, (composed, named), composed=False) == "composed", "said already"
    assert origin(rebuilt, (composed, rebuilt), composed=False) == "composed, rebuilt"
    assert origin(rebuilt, (composed, recording, rebuilt), composed=False) == "rebuilt"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.7, 0.86, "0.7 to 0.86"),
        (None, 70.0, "at most 70"),
        (3.0, None, "at least 3"),
        (None, None, "anything"),
        (5.0, 5.0, "5"),
        (-0.3, 0.3, "−0.3 to 0.3"),
        (67.5, 82.5, "67.5 to 82.5"),
        (0.0, 1000.0, "0 to 1,000"),
        (99.75, 99.85, "99.75 to 99.85"),
        (99.8, 99.84, "99.8 to 99.84"),
    ],
)
def test_ranges_in_words(low: float | None, high: float | None, text: str) -> None:
    assert wording.interval_in_words(low, high) == text


def test_numbers_of_any_size() -> None:
    assert wording.three_figures(0.91, (0.88, 0.94)) == "0.910 [0.880, 0.940]"
    assert wording.three_figures(0.00042) == "0.000420"
    assert wording.three_figures(1234.5, (1000.2, 1400.0)) == "1,234 [1,000, 1,400]"
    assert wording.three_figures(0.0, (0.0, 0.0)) == "0 [0, 0]"
    assert wording.three_figures(None) == "–"
    assert wording.three_figures(-12.34) == "−12.3"
    assert [wording.count_of(n, "songs") for n in (0, 1, 1920)] == ["–", "1 song", "1,920 songs"]
    assert (
        wording.typeset("r -0.5 [-0.6, -0.4] of 50-70, mel-128")
        == "r −0.5 [−0.6,\N{NO-BREAK SPACE}−0.4] of 50-70, mel-128"
    )
    assert PAIR.value == 0.91
