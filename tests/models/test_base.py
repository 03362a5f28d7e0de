"""What all models offer: sampling parameters with defaults and ranges, and one outline."""

from __future__ import annotations

import math

import pytest
import torch

from affetti.errors import UsageError
from affetti.models.base import (
    Generator,
    Regressor,
    SamplingParameter,
    require_generator,
    require_regressor,
    resolve_sampling,
)
from affetti.training.registry import FAMILIES, GENERATORS, REGRESSORS, make

PARAMETERS = (SamplingParameter("truncation", 1.0, "factor", maximum=2.0), SamplingParameter("steps", 12, "steps"))
SHAPE = (64, 128)


def test_values_replace_the_defaults_and_keep_the_order_of_the_parameters() -> None:
    assert resolve_sampling(None, PARAMETERS) == {"truncation": 1.0, "steps": 12}
    assert list(resolve_sampling({"steps": 3, "truncation": 0.5}, PARAMETERS).items()) == [
        ("truncation", 0.5),
        ("steps", 3),
    ]


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ({"loudness": 1.0}, "no sampling parameter 'loudness'.*truncation, steps"),
        ({"truncation": 2.5}, "truncation 2.5 is invalid.*0 to 2"),
        ({"steps": -1.0}, "steps -1 is invalid.*0 or more"),
        ({"steps": math.inf}, "inf is invalid"),
        ({"steps": math.nan}, "nan is invalid"),
    ],
)
def test_unknown_parameters_and_invalid_values_are_refused(sampling: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_sampling(sampling, PARAMETERS)


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_generator_of_the_registry_is_one(kind: str) -> None:
    model = make(kind, SHAPE, {})
    assert require_generator(model, kind) is model
    assert isinstance(model, Generator)
    assert model.makes_sound == FAMILIES[kind].sound
    names = [parameter.name for parameter in model.sampling_parameters]
    assert len(set(names)) == len(names) > 0
    assert all(p.minimum <= p.default <= p.maximum and p.meaning for p in model.sampling_parameters)
    assert set(model.draft_sampling) <= set(names)
    with pytest.raises(UsageError, match=f"a {kind} does not predict"):
        require_regressor(model, kind)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_every_regressor_of_the_registry_is_one_and_embeds_a_clip_as_a_vector(kind: str) -> None:
    model = make(kind, SHAPE, {}).eval()
    assert require_regressor(model, kind) is model
    assert isinstance(model, Regressor)
    mel = torch.randn(2, *SHAPE)
    with torch.no_grad():
        embedding = model.embedding(mel)
    assert embedding.ndim == 2
    assert len(embedding) == 2
    assert model.predict(mel)[0].shape == model.predict(mel)[1].shape == (2, 2)
    with pytest.raises(UsageError, match=f"a {kind} does not generate"):
        require_generator(model, kind)
