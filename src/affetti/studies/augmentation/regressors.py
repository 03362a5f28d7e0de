"""The regressor of a study: what every arm trains (``--regressor``), and which arms it can have.

- ``student`` (default) and ``vit`` are networks on log-mels, trained by the recipe.
- ``baseline`` is ridge regression on statistics of log-mels.
- ``encoder:NAME`` predicts from the embedding of a frozen encoder: does synthetic data still help where features are
  pretrained? NAME is ``ast``, ``mert``, ``clap``, ``muq`` or ``omar-rq`` (published models, by the Hub's own client), a
  folder that ``save_pretrained`` wrote, or features as ``score --features`` names them, such as ``handcrafted`` or
  ``hf:NAME#5``. The head is ridge regression, or with ``--head mlp`` a perceptron with one hidden layer. Of an encoder
  without ``#K`` all layers are tried, and validation songs choose one
  (:mod:`affetti.studies.augmentation.encoder_features`).

Ridge regression and heads are fitted to all clips at once, on features of clips as they are: they can have the arms
that differ in their clips, and no others. There are no batches to augment and no stages of training. An encoder of
sound embeds what ``affetti generate --audio`` writes of a generator's log-mels; what the inversion costs is then part
of the difference.

When not to use: an encoder that was trained on the test songs. affetti checks its own runs; what a published
encoder was trained on may not be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from affetti.embedders.base import Embedder, FunctionEmbedder
from affetti.embedders.encoders import ALL_LAYERS, ENCODERS
from affetti.embedders.music_encoders import PUBLISHED
from affetti.embedders.registry import FACTORIES, JOINT, LAYERED, WITHOUT_WEIGHTS, make_embedders
from affetti.errors import UsageError
from affetti.studies.augmentation.arms import AGAIN, AUDIO_COPIES, NULL, Arm
from affetti.training.registry import LINEAR_REGRESSOR, REGRESSORS, SMALL_REGRESSOR, family

Head = Literal["linear", "mlp"]
HEADS: dict[Head, str] = {"linear": "ridge", "mlp": "mlp"}
"""Methods of the baseline that are fitted to embeddings, by name of the head."""
ENCODER = "encoder"


@dataclass(frozen=True)
class StudyRegressor:
    """What every arm of a study trains."""

    name: str = SMALL_REGRESSOR
    """As ``--regressor`` names it."""
    kind: str = SMALL_REGRESSOR
    """Its family."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the model that differ from the defaults of its family."""
    embedders: tuple[Embedder, ...] = ()
    """What makes its features; none for one that takes log-mels."""
    head: Head | None = None
    """Of an encoder."""

    @property
    def file_name(self) -> str:
        """Begins the names of the files of its trials."""
        return ENCODER if self.embedders else self.kind

    @property
    def closed_form(self) -> bool:
        """Whether it is fitted to all clips at once."""
        return family(self.kind).closed_form_name is not None

    @property
    def seeded(self) -> bool:
        """Whether chance has a part in its training."""
        return not self.closed_form or self.head == "mlp"

    @property
    def needs_sound(self) -> bool:
        """Whether it predicts from the sound of clips."""
        return any(embedder.sample_rate is not None for embedder in self.embedders)

    @property
    def layers(self) -> int:
        """Layers of the encoder, of which one is chosen."""
        first = self.embedders[0] if len(self.embedders) == 1 else None
        return first.layers if isinstance(first, FunctionEmbedder) else 1

    @property
    def version(self) -> str:
        """Changes with the features."""
        return JOINT.join(embedder.version for embedder in self.embedders)

    def refusal(self, arm: Arm) -> str | None:
        """Why it cannot have an arm; None where it can."""
        kind = None if arm.synthetic is None else arm.synthetic.kind
        if self.closed_form and not arm.closed_form and not (self.seeded and (arm.name == AGAIN or kind == NULL)):
            return "it is fitted to all clips at once, without batches to augment or stages"
        if self.needs_sound and kind in AUDIO_COPIES:
            return "it predicts from sound, of which changed copies keep the log-mel alone"
        return None


def parse_regressor(name: str | None, head: str | None, preset: str, device: str = "cpu") -> StudyRegressor:
    """The regressor that a study's settings name; an encoder is loaded.

    Args:
        name: as the module describes it; None: ``student``.
        head: of an encoder, ``linear`` or ``mlp``; None: ``linear``.
        preset: of the corpus, on which the size of a network depends.
        device: where an encoder runs.

    Raises:
        UsageError: there is no such regressor, head or layer.
        InputError: the encoder cannot be loaded.
        MissingDependencyError: its package is not installed.

    Example:
        >>> parse_regressor("encoder:handcrafted", None, "tiny").refusal(Arm("mixup", ("mixup",)))
        'it is fitted to all clips at once, without batches to augment or stages'
    """
    name = SMALL_REGRESSOR if name is None else name
    if head is not None and head not in HEADS:
        raise UsageError(f"unknown head {head!r}", where="--head", hint=f"choose from {', '.join(HEADS)}")
    if not name.startswith(f"{ENCODER}:"):
        if name not in REGRESSORS:
            hint = f"choose from {', '.join(REGRESSORS)}, {ENCODER}:NAME"
            raise UsageError(f"unknown regressor {name!r}", where="--regressor", hint=hint)
        if head is not None:
            raise UsageError(f"a {name} has its own head", where="--head", hint=f"give --regressor {ENCODER}:NAME")
        return StudyRegressor(name, name, family(name).settings_at(preset))
    chosen: Head = "mlp" if head == "mlp" else "linear"
    embedders = make_embedders(features_named(name.removeprefix(f"{ENCODER}:")), device)
    return StudyRegressor(name, LINEAR_REGRESSOR, {"method": HEADS[chosen]}, embedders, chosen)


def features_named(encoder: str) -> str:
    """The features, as ``score --features`` names them, of what follows ``encoder:``.

    Raises:
        UsageError: there are none.

    Example:
        >>> features_named("mert"), features_named("hf:user/model#3"), features_named("statistics+harmony")
        ('hf:mert#all', 'hf:user/model#3', 'statistics+harmony')
        >>> features_named("muq"), features_named("omar-rq:folder")
        ('muq:OpenMuQ/MuQ-large-msd-iter#all', 'omar-rq:folder#all')
    """
    if encoder in PUBLISHED:
        return f"{encoder}:{PUBLISHED[encoder]}#{ALL_LAYERS}"
    if encoder in ENCODERS or (encoder and Path(encoder).expanduser().is_dir()):
        return f"hf:{encoder}#{ALL_LAYERS}"
    kind, _, rest = encoder.partition(":")
    if kind in LAYERED and rest:
        return encoder if "#" in rest and not Path(rest).is_dir() else f"{encoder}#{ALL_LAYERS}"
    if kind in FACTORIES or all(part in WITHOUT_WEIGHTS for part in encoder.split(JOINT)):
        return encoder
    named = [*ENCODERS, *PUBLISHED, *WITHOUT_WEIGHTS, *(f"{name}:{it[0]}" for name, it in FACTORIES.items())]
    is_path = encoder.startswith((".", "/", "~"))
    what = f"no such folder: {encoder}" if is_path else f"unknown encoder {encoder!r}"
    hint = f"give a folder that save_pretrained wrote, or one of {', '.join(named)}"
    raise UsageError(what, where="--regressor", hint=hint)
