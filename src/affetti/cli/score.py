"""``affetti score``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from affetti.cli.flags import Everyday, emit, parse, settled
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
    regressor: Path | None = None
    """Run of a regressor that reads the emotions (default: one is trained on REAL, where that is a labelled corpus)."""
    features: Annotated[str | None, tyro.conf.arg(metavar="NAME[:PATH]")] = None
    """What all but the Quality Score compare: statistics (default), regressor:RUN, musicnn:WEIGHTS, fcn:WEIGHTS, or
    hf:NAME_OR_FOLDER. All but the first two hear audio, which the sets must hold."""
    groups: tuple[Path, ...] = field(default=())
    """Song ids of .npy sets, one a line: a file for REAL and, by choice, one for FAKE."""
    preset: str | None = None
    """Front-end for folders of audio."""
    out: Path | None = None
    """Folder for result.json."""


MEASURES = {
    "frechet": ("lower", "how far the fakes' mean and spread lie from those of real music"),
    "kernel": ("lower", "the same without assuming Gaussians; about 0 for equal laws"),
    "precision": ("higher", "share of fakes that look like some real clip"),
    "recall": ("higher", "share of real clips that some fake looks like"),
    "density": ("higher", "how many real clips the average fake resembles; 1 for equal laws"),
    "coverage": ("higher", "share of real clips with a fake near by"),
    "vendi": ("as real", "how many different clips there are, in effect"),
}
"""Which way is better, and what it tells, by measure."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "score")
    settings = settled(flags, {"seed": 0, "features": "statistics"}, flags.config)
    real, fake = settings.pop("real"), settings.pop("fake")
    from affetti import verbs

    with shown() as progress:
        document = verbs.score(real, fake, progress=progress, **settings)
    emit(document, flags.json, _text(document))
    return 0


def _warning(document: dict[str, Any]) -> list[str]:
    """A line when the generator was trained on songs it is compared with."""
    heard, songs = document["heard"], document["songs"]["real"]
    if not heard:
        return []
    return [f"CAUTION: the generator was trained on {heard} of these {songs} songs: give --fold for a fair score"]


def _text(document: dict[str, Any]) -> str:
    quality = document["quality"]
    low, high = quality["ci"]
    lines = [
        (
            f"quality {quality['score']:.1f} of 100 [{low:.1f}, {high:.1f}], {quality['tier']} "
            f"(100 by definition: held-out real music); "
            f"as the study computes it: {quality['published']['score']:.1f}"
        ),
        *_warning(document),
        "",
        f"  {'part':<12}{'distance':>10}{'real music':>12}{'one clip repeated':>20}{'score':>8}",
    ]
    for part, found in quality["components"].items():
        lines.append(
            f"  {part:<12}{found['value']:>10.3f}{found['floor']:>12.3f}{found['bad']:>20.3f}{found['score']:>8.0f}"
        )
    least, most = quality["sensitivity"]
    lines.append(f"  with other weights for the parts the score lies between {least:.0f} and {most:.0f}")
    lines += ["", f"by {document['features']['name']}, {document['features']['dimension']} numbers a clip:"]
    lines.append(f"  {'':<12}{'value':>10}  {'95 % interval':<20}{'real music':>12}  {'better':<8}")
    for name, (direction, tells) in MEASURES.items():
        found = document[name]
        floor = "not known" if found["floor"] is None else f"{found['floor']:.3f}"
        interval = "" if found["ci"] is None else "[{:.3f}, {:.3f}]".format(*found["ci"])
        lines.append(f"  {name:<12}{found['value']:>10.3f}  {interval:<20}{floor:>12}  {direction:<8}{tells}")
    lines.append("")
    conditioning = document["conditioning"]
    if conditioning is None:
        lines.append("emotion: not measurable here: needs two labelled corpora, or --regressor")
    else:
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
                f"correlation {found['correlation']['value']:.2f}{relative}"
            )
    copies = document["memorisation"]
    if copies is not None:
        told = "COPIES of training clips" if copies["copying"] else "no sign of copying"
        lines.append(f"memorisation: {told} ({copies['exact_copies']} exact)")
    return "\n".join(lines)
