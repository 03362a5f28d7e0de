import re
import shutil
from collections import Counter

import pandas as pd
import pytest
from tests.report.html import Document

from affetti.api import report
from affetti.errors import StorageError, UsageError

SECTIONS = ["summary", "corpus", "training", "listening", "score", "arms", "rerun"]


@pytest.fixture(scope="module")
def page(folders, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("out") / "report.html"
    written = report.run(folders.all, out, title="A title")
    assert list(written.sections) == SECTIONS
    assert written.bytes == out.stat().st_size < 12e6
    assert written.report == str(out)
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(page) -> Document:
    return Document(page)


def test_tags_balance_and_ids_are_unique(document):
    assert not document.open
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert max(Counter(ids).values()) == 1
    assert {*SECTIONS, "main"} <= set(ids)


def test_links_within_the_page_lead_somewhere(document):
    ids = {attributes.get("id") for _, attributes in document.elements}
    links = [a["href"] for tag, a in document.elements if tag == "a"]
    assert len(links) >= len(SECTIONS)
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_nothing_is_loaded_from_elsewhere(page, document):
    for tag, attributes in document.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, name, value[:60])
    assert "@import" not in page
    assert "url(" not in page
    policy = next(a["content"] for _, a in document.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_every_table_has_a_caption_and_scoped_headers(document):
    tables = sum(tag == "table" for tag, _ in document.elements)
    assert tables >= 8
    assert sum(pair == ("table", "caption") for pair in document.first_child) == tables
    assert all(a.get("scope") in {"col", "row", "colgroup"} for tag, a in document.elements if tag == "th")


def test_every_drawing_has_a_text_alternative(document):
    drawings = [a for tag, a in document.elements if tag in {"svg", "img"}]
    assert len(drawings) > 20
    for a in drawings:
        assert a.get("aria-hidden") == "true" or (a.get("role") == "img" and len(a.get("aria-label") or "") > 20)


def test_nine_emotions_with_real_and_generated_players(document):
    players = [a for tag, a in document.elements if tag == "audio"]
    pairs = [a for a in players if "of nearest pair" in a["aria-label"] or "least typical clip" in a["aria-label"]]
    assert len(players) - len(pairs) == 18
    assert len(pairs) == 12  # two clips of each of four pairs, and the four least typical clips
    assert sum(a["aria-label"].startswith("real,") for a in players) == 9
    assert all(a["src"].startswith("data:audio/mpeg;base64,") and len(a["src"]) > 5_000 for a in players)
    assert all("controls" in a and "autoplay" not in a for a in players)


def test_each_section_has_its_required_content(page):
    for words in (
        "composed by rules",
        "say nothing about how people feel",
        "held-out real music",
        "0 synthetic test clips",
        "Exploratory",
        "highest CCC",
        "published formula",
        "affetti prepare composed",
        "affetti compare",
        "Q1 happy",
    ):
        assert words in page, words
    assert not re.search(r"\bNone\b|\bnan\b|Undefined", re.sub(r"data:[^\"]*", "", page))


def test_same_folders_same_bytes_in_any_order(folders, page, tmp_path):
    order = [*reversed(folders.all), folders.corpus]
    report.run(order, tmp_path / "again.html", title="A title")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_hostile_names_are_escaped(folders, tmp_path):
    attack = "<script>alert(1)</script>\"'&"
    corpus = tmp_path / "corpus <b>"
    shutil.copytree(folders.corpus, corpus)
    clips = pd.read_parquet(corpus / "clips.parquet")
    clips["genre"] = attack
    clips["song_id"] = attack + clips["song_id"]
    clips.to_parquet(corpus / "clips.parquet", index=False)
    out = tmp_path / "r.html"
    report.run([corpus], out, title=attack)
    page = out.read_text(encoding="utf-8")
    assert not Document(page).open
    assert attack not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in page
    assert '<b>"' not in page


def test_missing_measurements_are_stated(folders, altered, tmp_path):
    def nulls(document):
        document["conditioning"] = document["memorisation"] = document["regressor"] = None
        document["kernel"] = {"value": None, "reason": "too few songs"}
        document["frechet"]["floor"] = None
        document["frechet"]["ci"] = None

    def silent_axis(document):
        document["conditioning"]["valence"] = {"real": None, "relative": None}
        document["conditioning"]["arousal"]["relative"] = None
        document["memorisation"]["distance_ratio"] = None

    for number, change in enumerate((nulls, silent_axis)):
        score = altered(folders.score, "result.json", change)
        out = tmp_path / f"{number}.html"
        assert report.run([score], out).sections == ("summary", "score", "rerun")
        page = out.read_text(encoding="utf-8")
        assert not Document(page).open
        assert "not measurable here: needs" in page
        shutil.rmtree(score)


def test_a_corpus_without_genres_or_raters(folders, tmp_path):
    corpus = tmp_path / "bare"
    shutil.copytree(folders.corpus, corpus)
    clips = pd.read_parquet(corpus / "clips.parquet")
    clips = clips.assign(genre="", raters=0, valence_std=float("nan"), arousal_std=float("nan"))
    clips.astype({"raters": "int16"}).to_parquet(corpus / "clips.parquet", index=False)
    report.run([corpus], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "no genre given" in page
    assert "needs the spread and number of raters" in page


def test_a_synthetic_corpus_and_a_generator_whose_corpus_is_missing(folders, tmp_path):
    written = report.run([folders.synthetic, folders.flow], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert written.sections == ("summary", "corpus", "training", "listening", "rerun")
    assert "a condition is not a label" in page
    assert page.count("<audio") == 9


def test_two_runs_of_one_kind_are_distinguished(folders, altered, tmp_path):
    other = altered(folders.baseline, "model.json", lambda document: document.update(seed=5))
    report.run([folders.baseline, other], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "baseline, fold 0, seed 0" in page
    assert "baseline, fold 0, seed 5" in page


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_the_page_must_end_in_html(folders, tmp_path, name):
    with pytest.raises(UsageError, match=r"\.html"):
        report.run([folders.score], tmp_path / name)
    assert not (tmp_path / name).exists()


def test_no_sources(tmp_path):
    with pytest.raises(UsageError, match="nothing to report on"):
        report.run([], tmp_path / "r.html")


def test_folders_that_are_not_sources_are_refused(folders, altered, tmp_path):
    (tmp_path / "empty").mkdir()
    unfinished_run = tmp_path / "unfinished"
    unfinished_run.mkdir()
    shutil.copy(folders.flow / "config.json", unfinished_run)
    unfinished_study = tmp_path / "unfinished-study"
    unfinished_study.mkdir()
    shutil.copy(folders.study / "config.json", unfinished_study)
    cut = altered(folders.score, "result.json", lambda document: document.pop("quality"))
    without_songs = altered(folders.flow, "model.json", lambda document: document.pop("songs"))
    with_a_word = altered(folders.flow, "model.json", lambda document: document.update(fold="first"))
    with_words = altered(folders.study, "config.json", lambda document: document.update(steps="many"))
    for folder, words in (
        (without_songs, "model.json: 'songs' is missing"),
        (with_a_word, "model.json.*fold"),
        (with_words, "config.json.*steps"),
        (tmp_path / "empty", "not a folder that a report can be about"),
        (tmp_path / "absent", "no such folder"),
        (unfinished_run, "unfinished run"),
        (unfinished_study, "unfinished study"),
        (cut, "quality"),
    ):
        with pytest.raises(StorageError, match=words) as caught:
            report.run([folder], tmp_path / "r.html")
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)
    assert not (tmp_path / "r.html").exists()


def test_sources_of_several_corpora_are_distinguished(folders, altered, tmp_path):
    report.run(folders.all, tmp_path / "one.html")
    assert "cannot be compared" not in (tmp_path / "one.html").read_text(encoding="utf-8")
    other = altered(folders.study, "config.json", lambda document: document.update(corpus_hash="another"))
    report.run([folders.corpus, folders.flow, other], tmp_path / "two.html")
    page = (tmp_path / "two.html").read_text(encoding="utf-8")
    assert "of 2 corpora, whose numbers cannot be compared. By corpus: corpus, flow; study." in page


@pytest.mark.parametrize(
    ("value", "ci", "verdict"),
    [(1.6, [-0.8, 10.4], "can’t tell"), (5.0, [1.0, 9.0], "other is nearer"), (-5.0, [-9.0, -1.0], "flow is nearer")],
)
def test_a_comparison_of_two_generators_ends_in_a_verdict(folders, altered, tmp_path, value, ci, verdict):
    few = {"reason": "too few"}
    difference = {"difference": {"value": value, "ci": ci}, "p": 0.0004}
    parts = {"frechet": difference, "kernel": few, "quality": few}
    against = {"fake": "other", "n_fake": 12, **parts, "contains_real": 0}
    score = altered(folders.score, "result.json", lambda document: document.update(against=against, requested=None))
    report.run([score, folders.synthetic], tmp_path / "r.html")
    page = " ".join((tmp_path / "r.html").read_text(encoding="utf-8").split())
    comparison = page[page.index('aria-label="Table of comparisons of') :].partition("</table>")[0]
    assert verdict in comparison
    assert "&lt; 0.001" in comparison
    assert "--against other" in page


def test_measured_coverage_is_shown_beside_intended_coverage(page):
    assert re.search(r"±[\d.]+ \(\d+ % intended, \d+ % covered\)", page)


def test_two_scorecards_of_one_generator_are_distinguished(folders, tmp_path):
    shutil.copytree(folders.score, tmp_path / "another")
    report.run([folders.score, tmp_path / "another"], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "flow (score)" in page
    assert "flow (another)" in page
