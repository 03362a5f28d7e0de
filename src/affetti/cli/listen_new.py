"""``affetti listen new``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from affetti.cli.flags import LongFlags, parse, resolve
from affetti.cli.output import note, print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.errors import UsageError
from affetti.report.wording import plural
from affetti.storage import expand_home


@dataclass(frozen=True)
class Flags(LongFlags):
    """Make a blind listening study: its clips, and study.toml, whose every line may be edited before answers come."""

    study: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="STUDY")]]
    """A new folder."""
    clips: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=FOLDER")] = ()
    """Systems to compare: a corpus or a folder of audio each. The first gives the requests, or mushra's references."""
    task: Literal["rate", "pair", "mushra", "spot"] | None = None
    """Rate clips (default), choose one of a pair, compare with a reference, or spot which of three differs."""
    clips_per_condition: int | None = None
    """Clips of each system (default 12)."""
    per_listener: int | None = None
    """Trials of each listener (default 24, or as many as there are)."""
    rate: tuple[str, ...] = ()
    """What rate asks: plane or sam, quality, names of five-point scales (default: plane quality)."""
    versions: tuple[str, ...] = ()
    """Of mushra: anchor35, anchor70, mel_phase, mel_griffin_lim, griffin_lim (default: the first four)."""
    loudness: Literal["matched", "kept"] | None = None
    """Make clips equally loud, or keep their level, an emotion cue (default: kept for rate, else matched)."""
    repeats: int | None = None
    """Trials that each listener answers twice (default 0)."""
    attention_checks: int | None = None
    """Attention checks of each listener (default 0)."""
    planned_listeners: int | None = None
    """Listeners the study is planned for: earlier analyses are then corrected (default: no plan)."""
    headphone_check: bool = False
    """Test for headphones first (Woods et al. 2017)."""
    completion_code: str | None = None
    """Code for a panel, shown at the end."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "listen new")
    settings = resolve(flags, {}, flags.config)
    from affetti import api
    from affetti.studies.listening.building import NewStudy

    study, clips = Path(settings.pop("study")), named(settings.pop("clips", ()))
    known = {field.name for field in fields(NewStudy)}
    made = NewStudy(**{name: value for name, value in settings.items() if name in known})
    if flags.dry_run:
        print_plan(api.listen_new.plan(study, clips, made), flags.json)
        return 0
    with show_progress() as progress:
        result = api.listen_new.run(study, clips, made, progress=progress)
    for line in result.notes:
        note(f"note: {line}")
    systems = ", ".join(result.systems)
    text = (
        f"{result.study}: {plural(result.clips, 'clip')} of {systems}, {plural(result.conditions, 'request')}, "
        f"{plural(result.per_listener, 'trial')} a listener, loudness {result.loudness}\n"
        f"next: affetti listen serve {result.study}"
    )
    print_result(result.to_dict(), flags.json, text)
    return 0


def named(pairs: tuple[str, ...], flag: str = "--clips") -> dict[str, Path]:
    """``NAME=FOLDER`` as a dictionary.

    Raises:
        UsageError: one of another form, or a name twice.
    """
    split: dict[str, Path] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise UsageError(f"{pair!r} is not NAME=FOLDER", where=flag, hint="write for example flow=synthetic/flow")
        if name in split:
            raise UsageError(f"{name} is given twice", where=flag, hint="give each system a name of its own")
        split[name] = expand_home(path)
    return split
