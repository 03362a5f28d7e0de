from __future__ import annotations

import pytest
import torch

from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import ConditionEmbedding, EmotionEmbedding, Fields, vicinal_bandwidth

NAN = float("nan")
ALL = Fields(True, True, ("jazz", "rock"), ("bass", "drums", "piano"), ("chorus", "verse"), True, 2, 5)
NOTHING = torch.full((1, ALL.width), NAN)


def condition() -> torch.Tensor:
    lyrics = [0.6, 0.8, 0.0, 0.0, 0.0] + [NAN] * 5
    return torch.tensor([[0.3, -0.2, 0.4, 0.3, -1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.25, *lyrics]])


def test_fields_are_laid_out_one_after_another() -> None:
    assert list(ALL.columns) == [
        "emotion",
        "spread",
        "mode",
        "genre",
        "instruments",
        "section",
        "position",
        "lyrics",
    ]
    taken = [i for place in ALL.columns.values() for i in range(place.start, place.stop)]
    assert taken == list(range(ALL.width))
    assert ALL.width == 2 + 2 + 1 + 1 + 3 + 1 + 1 + 10
    assert Fields().columns == {"emotion": slice(0, 2)}


def test_an_emotion_alone_leaves_all_other_fields_unspecified() -> None:
    whole = ALL.complete(torch.tensor([[0.3, -0.2]]))
    assert whole.shape == (1, ALL.width)
    assert whole[:, 2:].isnan().all()
    assert torch.equal(ALL.complete(condition()).nan_to_num(9), condition().nan_to_num(9))


def test_unspecified_fields_become_the_nulls() -> None:
    embed = ConditionEmbedding(16, ALL)
    torch.testing.assert_close(embed(NOTHING)[0], torch.stack(list(embed.nulls.values())).sum(dim=0))
    plain = ConditionEmbedding(16)
    result = plain(torch.tensor([[0.3, -0.2], [NAN, NAN], [NAN, 0.5]]))
    assert torch.equal(result[1], plain.nulls["emotion"])
    assert torch.equal(result[2], plain.nulls["emotion"]), "an incomplete field is unspecified"
    assert not torch.equal(result[0], result[1])


@pytest.mark.parametrize("name", list(ALL.columns))
def test_every_field_has_an_effect_and_its_own_null(name: str) -> None:
    torch.manual_seed(0)
    embed = ConditionEmbedding(16, ALL)
    requested, without = embed(condition()), embed(ALL.withhold(condition(), [name]))
    changed = condition()
    place = ALL.columns[name]
    changed[:, place] = {"mode": 1.0, "genre": 0.0, "section": 1.0}.get(name, 0.55)
    assert (requested - without).norm() > 0.1
    assert (requested - embed(changed)).norm() > 1e-3
    others = ALL.withhold(NOTHING, [name])
    torch.testing.assert_close(embed(others), embed(NOTHING))


def test_lines_of_lyrics_count_as_far_as_they_are_there() -> None:
    embed = ConditionEmbedding(16, ALL)
    once, twice = condition(), condition()
    place = ALL.columns["lyrics"]
    twice[:, place] = once[:, place][:, :5].repeat(1, 2)
    torch.testing.assert_close(embed(once), embed(twice))
    tokens = embed.tokens(torch.cat([once, NOTHING]))
    assert tokens is not None
    assert tokens[0].shape == (2, 2, 16)
    assert tokens[1].tolist() == [[True, False], [False, False]]
    assert ConditionEmbedding(16).tokens(torch.zeros(1, 2)) is None


def test_points_of_the_plane_are_embedded_smoothly() -> None:
    embed = EmotionEmbedding(16)
    here, near, far = embed(torch.tensor([[0.3, -0.2], [0.301, -0.2], [-0.6, 0.4]]))
    assert 0 < (here - near).norm() < 0.1 * (here - far).norm()


def test_the_nulls_do_not_poison_the_gradient() -> None:
    embed = ConditionEmbedding(16, ALL)
    embed(torch.cat([condition(), NOTHING])).square().sum().backward()
    for name, weights in embed.named_parameters():
        if not name.startswith("line."):
            assert weights.grad is not None
            assert weights.grad.isfinite().all()
    assert embed.nulls["lyrics"].grad is not None
    assert embed.nulls["lyrics"].grad.abs().sum() > 0


def test_drop_withholds_the_given_share() -> None:
    rows = torch.zeros(20_000, 2)
    dropped = Fields().drop(rows, 0.12).isnan()
    assert (dropped[:, 0] == dropped[:, 1]).all()
    assert abs(dropped[:, 0].float().mean() - 0.12) < 4 * (0.12 * 0.88 / 20_000) ** 0.5
    assert not Fields().drop(rows, 0.0).isnan().any()
    assert not rows.isnan().any()


def test_of_several_fields_each_is_also_withheld_alone() -> None:
    fields = Fields(mode=True, position=True)
    dropped = fields.drop(torch.zeros(20_000, 4), 0.1).isnan()[:, 1:].float()
    share = 1 - 0.9**2
    assert (dropped.mean(dim=0) - share).abs().max() < 4 * (share * (1 - share) / 20_000) ** 0.5
    both = 0.1 + 0.9 * 0.1**2
    assert abs((dropped[:, 0] * dropped[:, 1]).mean() - both) < 4 * (both * (1 - both) / 20_000) ** 0.5


def test_the_vicinity_is_scotts_rule() -> None:
    torch.manual_seed(0)
    labels = torch.randn(4_096, 2) * torch.tensor([0.2, 0.4])
    torch.testing.assert_close(vicinal_bandwidth(labels, 1.0), labels.std(dim=0) / 4)
    torch.testing.assert_close(vicinal_bandwidth(labels, 0.5), labels.std(dim=0) / 8)


def test_jitter_moves_the_emotion_alone_and_stays_on_the_plane() -> None:
    rows = condition().repeat(20_000, 1)
    moved = ALL.jitter(rows, torch.tensor([0.1, 0.3]))
    assert torch.equal(moved[:, 2:].nan_to_num(9), rows[:, 2:].nan_to_num(9))
    assert (moved[:, :2].std(dim=0) - torch.tensor([0.1, 0.3])).abs().max() < 0.01
    assert moved[:, :2].abs().max() <= 1
    assert torch.equal(Fields().jitter(torch.tensor([[NAN, NAN]]), torch.zeros(2)).isnan(), torch.ones(1, 2).bool())


@pytest.mark.parametrize("row", [(1.001, 0.0), (0.0, -1.5), (float("inf"), 0.0), (0.0, -float("inf"))])
def test_conditions_off_the_plane_are_refused(row: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"condition 1 is \(.*outside \[-1, 1\]"):
        Fields().require_valid(torch.tensor([(0.0, 0.0), row]))


@pytest.mark.parametrize(("name", "value"), [("genre", 2.0), ("position", 1.2), ("mode", -3.0), ("spread", -0.1)])
def test_other_fields_out_of_range_are_refused(name: str, value: float) -> None:
    bad = condition()
    bad[:, ALL.columns[name]] = value
    with pytest.raises(InputError, match=f"in {name}, outside"):
        ALL.require_valid(bad)


@pytest.mark.parametrize("shape", [(2,), (2, 3), (1, 2, 2)])
def test_conditions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape"):
        Fields().require_valid(torch.zeros(shape))


def test_the_corners_and_nothing_are_on_the_plane() -> None:
    Fields().require_valid(torch.tensor([[1.0, -1.0], [-1.0, 1.0], [NAN, NAN]]))
    ALL.require_valid(torch.cat([condition(), NOTHING]))


def test_a_field_that_does_not_exist_cannot_be_withheld() -> None:
    with pytest.raises(UsageError, match=r"no field .lyrics.*There are emotion, mode"):
        Fields(mode=True).withhold(torch.zeros(1, 3), ["lyrics"])
