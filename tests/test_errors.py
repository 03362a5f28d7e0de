from __future__ import annotations

import json
import pickle

import pytest

from affetti import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AffettiError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_where_what_and_what_to_do(kind: type[errors.AffettiError]) -> None:
    error = kind("label 7", where="labels.csv", hint="correct it")
    assert str(error) == "labels.csv: label 7. Correct it"
    assert (error.what, error.where, error.hint) == ("label 7", "labels.csv", "correct it")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_unchanged_by_pickling_from_a_worker(kind: type[errors.AffettiError]) -> None:
    error = kind("label 7", where="labels.csv", hint="correct it")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - made on the line
    assert type(back) is kind
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_the_next_step_begins_a_sentence_also_with_a_short_word() -> None:
    assert str(errors.UsageError("8 clips", hint="a corpus\n needs 16")) == "8 clips. A corpus needs 16"


def test_parts_may_be_left_out() -> None:
    assert str(errors.AffettiError("broken")) == "broken"
    assert str(errors.AffettiError("broken", hint="")) == "broken"
    assert str(errors.AffettiError("broken", where="a.wav")) == "a.wav: broken"


def test_a_message_is_one_line_whatever_a_library_said() -> None:
    assert str(errors.InputError("first\n  second\r\nthird", hint="mend it")) == "first second third. Mend it"


def test_of_a_value_of_thousands_of_characters_the_ends_are_shown() -> None:
    message = str(errors.InputError(f"time '{'9' * 5_000}' is not a number", where="curve.csv", hint="correct it"))
    assert len(message) < 450
    assert message.startswith("curve.csv: time '999")
    assert message.endswith("999' is not a number. Correct it")
    assert len(str(errors.InputError("\0" * 5_000))) < 450, "control characters count as they are shown"


def test_control_characters_of_a_path_are_escapes_in_the_message() -> None:
    error = errors.StorageError("is broken", where="a\nb\t\x1b[2J\u202egnp.wav", hint="remove it")
    assert str(error) == r"a\nb\t\u001b[2J\u202egnp.wav: is broken. Remove it"
    assert errors.printable("two\nlines\tand \x07") == "two\nlines\tand \\u0007"
    assert json.loads(f'"{errors.printable(chr(0x9B))}"') == chr(0x9B), "what is printed stays JSON"


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InputError, ValueError),
        (errors.UsageError, ValueError),
        (errors.MismatchError, ValueError),
        (errors.StorageError, OSError),
        (errors.TrainingError, RuntimeError),
        (errors.MissingDependencyError, ImportError),
    ],
)
def test_each_kind_is_also_the_builtin_it_resembles(kind: type[Exception], builtin: type[Exception]) -> None:
    with pytest.raises(builtin):
        raise kind("broken")
