"""``affetti score``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from affetti.cli.flags import Everyday, emit, note, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Everyday):
    """Score a synthetic set against real music; every number stands beside what real music itself would score."""

    real: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="REAL")]]
    """Real clips: a corpus, a folder of audio, or an .npy of dB log-mels [N, M, F]."""
    fake: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FAKE")]]
    """Synthetic clips: the same."""
    train: Path | None = None
    """What the generator was trained on: looks for copies."""
    fold: int | None = None
    """Compare with this fold's test clips of the corpus REAL, and look for copies of its training clips."""
    against: Annotated[Path | None, tyro.conf.arg(metavar="OTHER_FAKE")] = None
    """Clips of another generator: which of the two is nearer to REAL, by a paired test?"""
    regressor: Path | None = None
    """Run of a regressor that reads the emotions (default: one is trained on REAL, where that is a labelled corpus)."""
    features: Annotated[str | None, tyro.conf.arg(metavar="NAME[:PATH]")] = None
    """What all but the Quality Score compare: statistics (default), regressor:RUN, musicnn:WEIGHTS, fcn:WEIGHTS, or
    hf:NAME_OR_FOLDER. All but the first two hear audio, which the sets must hold."""
    groups: tuple[Path, ...] = field(default=())
    """Song ids of .npy sets, one a line: a file for REAL and, by choice, one for FAKE and one for OTHER_FAKE."""
    preset: str | None = None
    """Front-end for folders of audio."""
    out: Path | None = None
    """Folder for result.json, and for what the report draws."""
    workers: int | None = None
    """Processes that decode folders of audio (default: one a core)."""
    device: str | None = None
    """Where networks run (default cpu): those of --features and --regressor."""


WIDE = 50.0
"""An interval of the Quality Score this wide says almost nothing."""
LOOKED = 64
"""Clips of an array whose levels are looked at."""
NO_NEARER = 0.5
"""Share of clips that lie nearer to training clips than to held-out ones by chance."""
MEASURES = {
    "frechet": ("lower", "how far the fakes' mean and spread lie from those of real music"),
    "frechet_infinity": ("lower", "the same by extrapolation to endless songs: read it beside the line above"),
    "kernel": ("lower", "the same without assuming Gaussians; about 0 for equal laws"),
    "sliced_wasserstein": ("lower", "the same over whole distributions, seen from many sides"),
    "joint": ("lower", "features and emotion together: do they go together as in real music?"),
    "precision": ("higher", "share of fakes that look like some real clip"),
    "recall": ("higher", "share of real clips that some fake looks like"),
    "density": ("higher", "how many real clips the average fake resembles; 1 for equal laws"),
    "coverage": ("higher", "share of real clips with a fake near by"),
    "clipped_density": ("higher", "share of fakes as good as real clips, whatever outliers do"),
    "clipped_coverage": ("higher", "share of fakes that it would take, all good, to cover as much"),
    "vendi": ("as real", "how many different clips there are, in effect"),
    "level": ("lower", "off the log-mels: dB by which levels differ, the mean over bands"),
    "modulation": ("lower", "off the log-mels: dB by which speed and depth of movement differ"),
    "onset_rate": ("lower", "off the log-mels: onsets a second by which clips differ"),
    "onset_strength": ("lower", "off the log-mels: dB by which the rise at onsets differs"),
}
"""Which way is better, and what it tells, by measure."""
SHOWN_PAIRS = 5
Document = dict[str, Any]


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "score")
    settings = settled(flags, {"seed": 0, "features": "statistics", "device": "cpu"}, flags.config)
    real, fake = settings.pop("real"), settings.pop("fake")
    from affetti import api

    with shown() as progress:
        document = api.score.run(real, fake, progress=progress, **settings)
    for file in document["left_out"]:
        note(f"skipped {file['path']}: {file['reason']}")
    for line in [*_unsure(document, Path(real), Path(fake), settings.get("groups") or ()), *_warnings(document)]:
        note(f"note: {line}")
    emit(document, flags.json, _text(document))
    return 0


def _unsure(document: Document, real: Path, fake: Path, groups: Sequence[Path]) -> list[str]:
    """What makes the numbers less sure than they look."""
    import numpy as np  # a tenth of a second

    found: list[str] = []
    low, high = document["quality"]["ci"]
    if high - low > WIDE:
        songs = document["songs"]["real"]
        found.append(f"the score lies anywhere in [{low:.0f}, {high:.0f}]: {songs} real songs say little, take more")
    if real.suffix == ".npy" and not groups:
        told = f"without --groups each row of {real.name} counts as a song"
        found.append(f"{told}: where rows share songs, intervals are too narrow")
    found += [
        f"CAUTION: no value of {path.name} is below 0: it looks like power or magnitude, not dB"
        for path in (real, fake)
        if path.suffix == ".npy" and float(np.load(path, mmap_mode="r", allow_pickle=False)[:LOOKED].min()) >= 0
    ]
    return found


def _warnings(document: Document) -> list[str]:
    """What makes the comparison unfair."""
    found: list[str] = []
    for name, said in ((document["fake"], document), ((document["against"] or {}).get("fake"), document["against"])):
        if said and (real := said["contains_real"]):
            total = said["n_fake"]
            found.append(
                f"CAUTION: {real} of the {total} clips of {name} ARE real ones: this is no score of a generator"
            )
    heard, songs = document["heard"], document["songs"]["real"]
    if heard:
        advice = "give --fold for a fair score"
        found.append(f"CAUTION: the generator was trained on {heard} of these {songs} songs: {advice}")
    if document["memorisation"] and document["memorisation"]["copying"]:
        found.append(f"CAUTION: {document['fake']} holds COPIES of training clips, which every other number rewards")
    return found


def _text(document: Document) -> str:
    parts = (_quality, _established, _emotion, _strata, _copies, _against)
    return "\n".join(line for part in parts for line in part(document))


def _quality(document: Document) -> list[str]:
    quality = document["quality"]
    low, high = quality["ci"]
    least, most = quality["sensitivity"]
    return [
        (
            f"quality {quality['score']:.1f} of 100 [{low:.1f}, {high:.1f}], {quality['tier']} "
            f"(100 by definition: held-out real music); "
            f"as the study computes it: {quality['published']['score']:.1f}"
        ),
        "",
        f"  {'part':<12}{'distance':>10}{'real music':>12}{'one clip repeated':>20}{'score':>8}",
        *(
            f"  {part:<12}{found['value']:>10.3f}{found['floor']:>12.3f}{found['bad']:>20.3f}{found['score']:>8.0f}"
            for part, found in quality["components"].items()
        ),
        f"  with other weights for the parts the score lies between {least:.0f} and {most:.0f}",
        "",
    ]


def _established(document: Document) -> list[str]:
    found = {**document, **document["spectrogram"], "joint": document["joint"].get("joint", document["joint"])}
    lines = [
        f"by {document['features']['name']}, {document['features']['dimension']} numbers a clip:",
        f"  {'':<20}{'value':>10}  {'95 % interval':<22}{'real music':>12}  {'better':<9}",
    ]
    refused: dict[str, list[str]] = {}
    for name, (direction, tells) in MEASURES.items():
        measure = found[name]
        if measure["value"] is None:
            refused.setdefault(measure["reason"], []).append(name)
            continue
        floor = "" if measure.get("floor") is None else _number(measure["floor"])
        interval = _interval(measure["ci"])
        lines.append(f"  {name:<20}{_number(measure['value']):>10}  {interval:<22}{floor:>12}  {direction:<9}{tells}")
    lines += [f"  not measured: {', '.join(names)}: {reason}" for reason, names in refused.items()]
    return [*lines, ""]


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def _interval(ci: list[float] | None) -> str:
    return "" if ci is None else f"[{_number(ci[0])}, {_number(ci[1])}]"


def _chance(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _emotion(document: Document) -> list[str]:
    conditioning = document["conditioning"]
    if conditioning is None:
        needs = "clips asked for different emotions, and a labelled corpus as REAL or --regressor"
        return [f"emotion: not measurable here: needs {needs}"]
    lines: list[str] = []
    for axis, found in conditioning.items():
        if "slope" not in found:
            continue
        relative = (
            ""
            if not found["relative"]
            else f", {found['relative']['slope']:.2f} and {found['relative']['correlation']:.2f} of real music's"
        )
        lines.append(
            f"{axis}: slope {found['slope']['value']:.2f}, "
            f"correlation {found['correlation']['value']:.2f}{relative}; CCC {found['ccc']['value']:.2f}, "
            f"off by {found['mae']['value']:.2f}"
        )
    joint = document["joint"]
    if "p" in joint:
        low, _, high = joint["null"]
        lines.append(
            f"features with emotion: {_number(joint['plain'])}; were the same clips given each other's emotions: "
            f"[{_number(low)}, {_number(high)}], as near by {_chance(joint['p'])}"
        )
    return lines


def _strata(document: Document) -> list[str]:
    lines: list[str] = []
    for kind, found in document["strata"].items():
        if "reason" in found or "reason" in found["kernel"]:
            continue
        for name, stratum in found["kernel"].items():
            result = stratum["result"]
            told = stratum["reason"] or ""
            if result:
                floor = "" if result["floor"] is None else f", real music {_number(result['floor'])}"
                told = (
                    f"{_number(result['value'])} {_interval(result['ci'])}{floor}, on {stratum['drawn']} songs a side"
                )
            lines.append(f"kernel distance, {kind} {name}: {told}")
    return lines


def _copies(document: Document) -> list[str]:
    copies = document["memorisation"]
    if copies is None:
        return ["memorisation: not looked for: give --train, or --fold of a corpus"]
    told = "no sign of copying"
    if copies["copying"]:
        told = "COPIES of training clips"
    elif copies["ci"]["nearer_train"][0] > NO_NEARER:
        told = "no copies found, but clips lie nearer to training clips than to held-out ones"
    nearer, authentic = (
        f"{copies[name]:.2f} {_interval(copies['ci'][name])}" for name in ("nearer_train", "authentic")
    )
    lines = [
        f"memorisation: {told} ({copies['exact_copies']} exact)",
        f"  nearer to training than to held-out clips: {nearer}, by chance 0.50",
        f"  authentic: {authentic}, held-out clips {copies['authentic_control']:.2f}",
    ]
    test = document["data_copying"]
    if "c_t" in test:
        lines.append(f"  C_T {test['c_t']:.2f} (0 by chance, far below is copying), p {test['p']:.3f}")
    lines.append("nearest pairs, to listen to (fake, training clip, distance, share of held-out clips as near):")
    for pair in document["nearest_pairs"][:SHOWN_PAIRS]:
        share = "" if pair["quantile"] is None else f"  {pair['quantile']:.3f}"
        names = [_with_file(pair[side], pair[f"{side}_file"]) for side in ("fake", "train")]
        lines.append(f"  {names[0]}  {names[1]}  {_number(pair['distance'])}{share}")
    return lines


def _with_file(name: str, file: str | None) -> str:
    return name if file is None or file.endswith(name) else f"{name} ({file})"


def _against(document: Document) -> list[str]:
    other = document["against"]
    if other is None:
        return []
    lines = ["", f"against {other['fake']}, on the same real songs:"]
    for name, better in (("frechet", "below 0"), ("kernel", "below 0"), ("quality", "above 0")):
        found = other[name]
        if "reason" in found:
            lines.append(f"  {name:<12}not measured: {found['reason']}")
            continue
        difference = found["difference"]
        low, high = difference["ci"]
        nearer = "FAKE" if (difference["value"] < 0) == (better == "below 0") else "OTHER_FAKE"
        verdict = "can't tell" if low <= 0 <= high else f"{nearer} is nearer to real music"
        chance = f", {_chance(found['p'])}" if "p" in found else ""
        lines.append(
            f"  {name:<12}difference {_number(difference['value'])} {_interval(difference['ci'])}{chance} "
            f"({better} FAKE is better): {verdict}"
        )
    return lines
