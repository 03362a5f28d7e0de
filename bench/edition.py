"""The last edition of the results: every command of it, in order, with its hours and what it needs.

The list follows docs/preregistration.md: corpora, primary contrasts, secondary studies, audits, regressors. Paths are
relative to the folder of the edition. All commands are those of ``affetti``, so that each can be tried with
``--dry-run``. ``bench/results.py`` prints the list, runs it, and checks rows of it.

**Hours** are of one core: the number of networks to train and clips to make, times what one took in the tables named
in :data:`SECONDS`. Training takes the same updates on every corpus; only rendering, scoring and auditing grow with it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from itertools import product

from affetti.studies.augmentation.arms import AUDIO_COPIES, COMPOSED, COMPOSER, NULL, Arm, parse_arm
from affetti.studies.augmentation.budget import ALIGNMENT_UPDATES
from affetti.training.alignment import BETAS

FOLDS, PRIMARY_RUNS, RUNS = 5, 5, 3
"""Folds of a primary contrast; runs of each generator, and regressors an arm, of a primary contrast and of others."""
SEED = 1
"""Of composed songs: the first edition had 0."""
CORPORA = ("composed", "vgmidi", "emopia")
TRAINING_CLIPS = {"composed": 1_376, "vgmidi": 1_500, "emopia": 2_600}
"""Real training clips of a fold, about."""
SECONDS = {
    "flow": (138.0, "387 s for 4,500 updates, docs/benchmarks.md, Generators; here 1,600"),
    "gan": (276.0, "368 s for 1,200 updates, docs/explanation/generators.md; here 900"),
    "gan-published": (477.0, "645 updates, docs/explanation/generators.md"),
    "waveform": (1_080.0, "600 updates, docs/explanation/generators.md"),
    "trial": (20.0, "16.5 min for 30 regressors of at most 440 or 880 updates, docs/results.md, EMOPIA"),
    "clip of flow": (0.15, "0.10 to 0.19 s, docs/benchmarks.md, Generators"),
    "clip of gan": (0.005, "0.002 to 0.007 s, docs/explanation/generators.md"),
    "clip of waveform": (0.065, "0.06 to 0.07 s, docs/explanation/generators.md"),
    "clip of a composer": (0.02, "19 s on two cores for 1,920 clips, docs/benchmarks.md, The demo"),
    "copy": (0.05, "a changed copy of a clip's sound, affetti.studies.augmentation.budget"),
    "method": (20.0, "a row of the table of methods: assumed"),
    "prepare composed": (40.0, "19 s on two cores, docs/benchmarks.md, The demo"),
    "prepare vgmidi": (300.0, "rendering 114 pieces: assumed"),
    "prepare emopia": (600.0, "rendering 224 songs: assumed"),
    "audit": (450.0, "7.5 min on one thread, docs/results.md, Which published claims hold"),
}
"""Seconds of one core that a unit of work takes at ``tiny``, and where that was measured."""
PAPER_FACTOR = 10.0
"""How many times as long `paper` takes as `tiny`: assumed. Its clips have 20 times as many cells."""
REDUCED_CLIPS, REDUCED_STEPS, REDUCED_FOLDS, REDUCED_RUNS = 80, 4, 2, 2
"""Sizes of the reduced edition."""


@dataclass(frozen=True)
class Step:
    """A command of the edition."""

    name: str
    part: str
    command: str
    """As typed, from ``affetti`` on."""
    seconds: float
    """Of one core, estimated."""
    needs: tuple[str, ...] = ()
    """What must be there beside the outputs of earlier steps: data sets, weights."""

    @property
    def arguments(self) -> list[str]:
        """The verb and its flags."""
        return shlex.split(self.command)[1:]

    @property
    def out(self) -> str:
        """The folder that it makes."""
        return self.arguments[self.arguments.index("--out") + 1]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The folders of earlier steps that it reads."""
        made = re.compile(r"(?:corpora|runs|studies|audits)/[^\s=]+")
        return tuple(word for word in self.arguments if made.fullmatch(word) and word != self.out)


def edition(*, reduced: bool = False, vgmidi: str = "VGMIDI", emopia: str = "EMOPIA_1.0") -> tuple[Step, ...]:
    """All steps, in the order in which they are run.

    Args:
        reduced: at a size that tries every command and says nothing of the question.
        vgmidi: folder of the data set VGMIDI.
        emopia: folder of EMOPIA 1.0.
    """
    size = Size(REDUCED_FOLDS, REDUCED_RUNS, REDUCED_RUNS, reduced=True) if reduced else Size(FOLDS, PRIMARY_RUNS, RUNS)
    sources = {"composed": "composed", "vgmidi": f"vgmidi:{vgmidi}", "emopia": f"emopia:{emopia}"}
    steps = [
        *(_prepare(size, name, sources[name]) for name in CORPORA),
        *_primary(size),
        *_secondary(size),
        *_audits(size, sources),
        *_regressors(size),
    ]
    return tuple(steps)


@dataclass(frozen=True)
class Size:
    """How large an edition is."""

    folds: int
    primary_runs: int
    """Runs of each generator, and regressors an arm, in a primary contrast."""
    runs: int
    """The same in all other studies."""
    reduced: bool = False

    def steps(self) -> str:
        """The flag that shortens training."""
        return f" --steps {REDUCED_STEPS}" if self.reduced else ""

    def training_steps(self, steps: tuple[int, ...]) -> tuple[int, ...]:
        """Updates of generators."""
        return (REDUCED_STEPS, 2 * REDUCED_STEPS) if self.reduced else steps


def _prepare(size: Size, corpus: str, source: str, preset: str = "tiny") -> Step:
    name = corpus if preset == "tiny" else f"{corpus}-{preset}"
    windows = "" if corpus == "composed" else f" --windows {'centre' if size.reduced else 'all'}"
    clips = "" if corpus != "composed" else f" --seed {SEED}" + f" --clips {REDUCED_CLIPS}" * size.reduced
    command = (
        f"affetti prepare {shlex.quote(source)} --front-end {preset}{windows}{clips} --keep-audio --out corpora/{name}"
    )
    data = {"composed": (), "vgmidi": ("the data set VGMIDI",), "emopia": ("the data set EMOPIA 1.0",)}[corpus]
    seconds = SECONDS[f"prepare {corpus}"][0] * (1 if preset == "tiny" else 2)
    return Step(f"prepare-{name}", "corpora", command, seconds, data)


def _train(size: Size, corpus: str, fold: int, run: int, name: str, flags: str = "") -> Step:
    kind = name.partition("-")[0]
    out = f"runs/{corpus}/{name}-f{fold}-{run}"
    command = (
        f"affetti train {kind} --corpus corpora/{corpus} --fold {fold} --seed {run}{flags}{size.steps()} --out {out}"
    )
    needs = ("weights of a flow that ship with affetti",) if "--init shipped" in flags else ()
    seconds = SECONDS[name if name in SECONDS else kind][0]
    return Step(f"{corpus}-{name}-f{fold}-{run}", "generators", command, seconds, needs)


def _models(size: Size, corpus: str, names: tuple[str, ...], folds: int = 1, runs: int | None = None) -> str:
    return " ".join(
        f"runs/{corpus}/{name}-f{fold}-{run}"
        for name, fold, run in product(names, range(folds), range(runs or size.runs))
    )


def _compare(
    size: Size, part: str, corpus: str, name: str, flags: str, arms: tuple[str, ...], *, folds: int, seeds: int
) -> Step:
    """A study of one run a seed; ``flags`` are all but its corpus, arms, seeds and folder."""
    command = (
        f"affetti compare --corpus corpora/{corpus} {flags} --arms {' '.join(arms)} --seeds {seeds}{size.steps()} "
        f"--out studies/{name}"
    )
    parsed = [parse_arm(arm, 1.0) for arm in ("real", *arms)]
    clips = TRAINING_CLIPS[corpus] * folds
    seconds = sum(_trial_seconds(arm) for arm in parsed) * folds * seeds
    seconds += sum({_set_name(arm): _set_seconds(arm) for arm in parsed}.values()) * clips * seeds
    seconds += len(parsed) * SECONDS["method"][0]
    aligned = sum(arm.synthetic is not None and arm.synthetic.aligned for arm in parsed)
    seconds += aligned * seeds * folds * len(BETAS) * ALIGNMENT_UPDATES * SECONDS["flow"][0]
    needs = ("audiomentations: pip install 'affetti[augment]'",) if set(AUDIO_COPIES) & set(arms) else ()
    return Step(name, part, command, seconds, needs)


def _trial_seconds(arm: Arm) -> float:
    return SECONDS["trial"][0] * (2 if arm.use == "pretrained" and not arm.equal else 1)


def _set_name(arm: Arm) -> str:
    return "" if arm.synthetic is None else arm.synthetic.name_for(1.0)


def _set_seconds(arm: Arm) -> float:
    """Seconds to make the clips of an arm, for each real training clip and run."""
    spec = arm.synthetic
    if spec is None or spec.kind == NULL:
        return 0.0
    if spec.kind in (COMPOSED, COMPOSER):
        return spec.ratio * SECONDS["clip of a composer"][0]
    if spec.kind in AUDIO_COPIES:
        return SECONDS["copy"][0]
    return spec.ratio * SECONDS[f"clip of {spec.kind}"][0] * (2 if spec.filtered else 1)


def _primary(size: Size) -> list[Step]:
    """Contrasts 1 to 5 of docs/preregistration.md."""
    steps: list[Step] = []
    arms = ("flow-pretrained", "flow-pretrained-shuffled", "flow-pretrained-equal")
    contrasts = "--contrast flow-pretrained real --contrast flow-pretrained flow-pretrained-shuffled"
    for corpus in CORPORA:
        name, flags = ("flow", "") if corpus == "composed" else ("flow-shipped", " --init shipped")
        steps += [
            _train(size, corpus, fold, run, name, flags)
            for fold, run in product(range(size.folds), range(size.primary_runs))
        ]
        models = f"--models {_models(size, corpus, (name,), size.folds, size.primary_runs)} {contrasts}"
        study = f"primary-flow-{corpus}"
        steps.append(_compare(size, "primary", corpus, study, models, arms, folds=size.folds, seeds=size.primary_runs))
    music = "composed:keys=12@2-pretrained"
    flags = f"--seed {SEED} --folds {size.folds} --generator-runs {size.primary_runs} --contrast {music} real"
    flags += f" --contrast {music} {music}-shuffled"
    for corpus in ("vgmidi", "emopia"):
        name, arms = f"primary-composed-{corpus}", (music, f"{music}-shuffled")
        steps.append(_compare(size, "primary", corpus, name, flags, arms, folds=size.folds, seeds=size.primary_runs))
    return steps


METHODS = ("null", "real-again", "mixup", "c-mixup", "time-stretch", "time-stretch-relabelled", "pitch-shift")
"""Arms without a generator that every corpus has."""
OF_FLOW = (
    *("flow", "flow-only", "flow-shuffled", "flow-filtered", "flow-hard", "flow-gaps", "flow-aligned"),
    *("flow-pretrained", "flow@0.25", "flow@0.5", "flow@2", "flow@2.3", "flow@4"),
)


def _secondary(size: Size) -> list[Step]:
    """Studies of one fold and three runs, which are exploratory."""
    runs = range(size.runs)
    steps = [
        _train(size, "composed", 0, run, name, flags)
        for name, flags in (("gan", ""), ("waveform", ""), ("gan-published", " --set recipe=published"))
        for run in runs
    ]
    one = {"folds": 1, "seeds": size.runs}
    gans = ("gan", "gan-only", "gan@2.3", "gan-pretrained", "waveform", "waveform-pretrained")
    arms = (*METHODS, "pitch-shift-relabelled", *AUDIO_COPIES, *OF_FLOW, *gans, "composer", "best")
    models = _models(size, "composed", ("flow", "gan", "waveform"))
    protocol = "" if size.reduced else " --published-protocol"
    steps.append(
        _compare(size, "secondary", "composed", "methods-composed", f"--models {models}{protocol}", arms, **one)
    )
    published = f"--models {_models(size, 'composed', ('gan-published',))}"
    arms = ("gan", "gan-only", "gan-pretrained")
    steps.append(_compare(size, "secondary", "composed", "gan-published-composed", published, arms, **one))
    for corpus in ("vgmidi", "emopia"):
        steps += [_train(size, corpus, 0, run, name) for name in ("flow", "gan") for run in runs]
        models = f"--models {_models(size, corpus, ('flow', 'gan'))}"
        arms = (*METHODS, "flow", "flow-only", "flow-shuffled", "flow-filtered", "flow-pretrained", "gan", "best")
        steps.append(_compare(size, "secondary", corpus, f"methods-{corpus}", models, arms, **one))
    steps += _curves(size)
    return steps


def _curves(size: Size) -> list[Step]:
    """Learning curves over real songs, and quality against training time and sampling parameters."""
    steps: list[Step] = []
    trained = f":trained={REDUCED_STEPS}" if size.reduced else ""
    arms = (f"flow{trained}", f"flow{trained}-pretrained")
    fractions = (50, 100) if size.reduced else (10, 25, 50, 100)
    for corpus in ("composed", "vgmidi"):
        flags = f"--train-fractions {','.join(map(str, fractions))} --generator-runs {size.runs}"
        step = _compare(size, "secondary", corpus, f"curve-{corpus}", flags, arms, folds=1, seeds=size.runs)
        share = sum(fractions) / 100
        seconds = step.seconds * share + len(fractions) * size.runs * SECONDS["flow"][0]
        steps.append(replace(step, seconds=seconds))
    models = f"--models {_models(size, 'composed', ('flow',))} --sampling guidance=0,1,1.5,2,3"
    arms = ("flow", *(f"flow:guidance={value}" for value in ("0", "1", "1.5", "2", "3")))
    step = _compare(size, "secondary", "composed", "sampling-composed", models, arms[:1], folds=1, seeds=size.runs)
    steps.append(replace(step, seconds=step.seconds * len(arms)))
    updates = size.training_steps((100, 400, 1_600))
    arms = tuple(f"flow:trained={steps}" for steps in updates)
    flags = f"--generator-runs {size.runs}"
    step = _compare(size, "secondary", "composed", "training-composed", flags, arms, folds=1, seeds=size.runs)
    trainings = size.runs * sum(updates) / 1_600 * SECONDS["flow"][0]
    steps.append(replace(step, seconds=step.seconds + trainings))
    return steps


def _audits(size: Size, sources: dict[str, str]) -> list[Step]:
    """All nine questions, at `tiny` and at `paper`, on the three corpora."""
    steps: list[Step] = []
    quick = " --quick" if size.reduced else ""
    for corpus in CORPORA:
        kinds = ("flow", "gan", "waveform") if corpus == "composed" else ("flow", "gan")
        runs = " ".join(f"runs/{corpus}/{kind}-f0-0" for kind in kinds)
        command = (
            f"affetti audit corpora/{corpus} --models {runs} --study studies/methods-{corpus}{quick} "
            f"--out audits/{corpus}"
        )
        steps.append(Step(f"audit-{corpus}", "audits", command, SECONDS["audit"][0]))
    for corpus in () if size.reduced else CORPORA:
        steps.append(replace(_prepare(size, corpus, sources[corpus], "paper"), part="audits"))
        command = f"affetti audit corpora/{corpus}-paper --out audits/{corpus}-paper"
        steps.append(Step(f"audit-{corpus}-paper", "audits", command, PAPER_FACTOR * SECONDS["audit"][0]))
    return steps


def _regressors(size: Size) -> list[Step]:
    """The student of each corpus, and the same begun with the weights that ship, fold by fold."""
    return [
        Step(
            f"student{'-shipped' if start else ''}-{corpus}-f{fold}",
            "regressors",
            f"affetti train student --corpus corpora/{corpus} --fold {fold}{start}{size.steps()} "
            f"--out runs/{corpus}/student{'-shipped' if start else ''}-f{fold}",
            SECONDS["trial"][0],
        )
        for corpus, start, fold in product(CORPORA, ("", " --init shipped"), range(size.folds))
    ]


def hours(steps: tuple[Step, ...]) -> float:
    """Hours of one core that they take together."""
    return sum(step.seconds for step in steps) / 3_600
