"""Configurations: what a TOML file may say, and the sentence for what it may not."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auffusion.config import config_text, from_table, read_config
from auffusion.errors import InputError
from auffusion.train.kinds import KINDS
from auffusion.train.loop_settings import LoopSettings


@dataclass(frozen=True, kw_only=True)
class Inner:
    weight: float = 1.5
    """How much."""


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    """In it."""
    words: tuple[str, ...] = ('say "a"', "a\\b")
    """What to say, in
    several lines."""


@dataclass(frozen=True, kw_only=True)
class Config:
    folder: Path
    """Where."""
    cache: Path | None = None
    """Where else."""
    count: int = 3
    """How many."""
    fast: bool = False
    """Whether."""
    mode: Literal["a", "b"] = "a"
    """Which."""
    extra: Inner | None = None
    """Perhaps."""
    outer: Outer = field(default_factory=Outer)
    """Tables."""


def read(text, tmp_path, *changes):
    (tmp_path / "run.toml").write_text(text)
    return read_config(Config, tmp_path / "run.toml", changes)


def test_a_file_becomes_dataclasses(tmp_path):
    text = 'folder = "x"\ncount = 4\nmode = "b"\n[outer]\nwords = ["one"]\n'
    text += "[outer.inner]\nweight = 2"
    config = read(text, tmp_path)
    assert config == Config(
        folder=Path("x"), count=4, mode="b", outer=Outer(words=("one",), inner=Inner(weight=2.0))
    )
    assert isinstance(config.outer.inner.weight, float)
    assert read('folder = "x"\n[extra]\nweight = 3', tmp_path).extra == Inner(weight=3.0)


def test_changes_come_after_the_file(tmp_path):
    changes = ("count=7", "outer.inner.weight=1e-3", "cache=/some/where", "mode=b", "fast=true")
    config = read('folder = "x"\ncount = 4', tmp_path, *changes)
    assert (config.count, config.outer.inner.weight, config.fast) == (7, 1e-3, True)
    assert (config.cache, config.mode) == (Path("/some/where"), "b")
    assert read('folder = "x"\ncache = "y"', tmp_path, "cache=").cache is None
    # A line break does not smuggle a second value in behind the first.
    with pytest.raises(InputError, match="count"):
        read('folder = "x"', tmp_path, "count=1\nfast=true")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("folder = ", "no TOML"),
        ("folder = 3", "folder = 3, expected a path"),
        ("count = 3", "lacks folder: Where."),
        ('folder = ""', "folder = '', expected a path"),
        ('folder = "x"\ncount = 1.5', "count = 1.5, expected a whole number"),
        ('folder = "x"\ncount = true', "count = True, expected a whole number"),
        ('folder = "x"\nfast = 1', "fast = 1, expected true or false"),
        ('folder = "x"\nmode = "c"', "mode = 'c', expected one of a, b"),
        ('folder = "x"\nouter = 1', "outer = 1, expected a table"),
        ('folder = "x"\n[outer]\nwords = "one"', "outer.words = 'one', expected a list"),
        ('folder = "x"\n[outer]\nwords = [1]', "outer.words\\[0\\] = 1, expected a text"),
        ('folder = "x"\n[outer.inner]\nheight = 1', "outer.inner.height, which is not known"),
        ('folder = "x"\ncolour = 1', "colour, which is not known: expected folder, cache"),
        ("folder = " + "[" * 20_000, "no TOML"),
        ("folder = " + "9" * 20_000, "no TOML"),
    ],
)
def test_what_does_not_fit_is_named_in_one_sentence(tmp_path, text, told):
    with pytest.raises(InputError, match=told) as error:
        read(text, tmp_path)
    assert "run.toml" in str(error.value)


def test_a_file_that_is_not_there_or_is_no_text_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.toml: No such file"):
        read_config(Config, tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes\.toml is no TOML"):
        read_config(Config, tmp_path / "bytes.toml")


@pytest.mark.parametrize("change", ["count", "=3", "a..b=1", ".=", "folder.x=1"])
def test_a_change_that_is_none_is_named(tmp_path, change):
    with pytest.raises(InputError) as error:
        read('folder = "x"', tmp_path, change)
    assert len(str(error.value).splitlines()) == 1
    assert change in str(error.value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_change_whatever_ends_in_anything_but_a_value_or_a_sentence(name, value):
    with suppress(InputError):
        read_config(Config, None, ["folder=x", f"{name}={value}", f"outer.words={value}"])


def test_what_is_shown_is_read_back_with_its_comments(tmp_path):
    text = config_text(Config).replace('folder = ""', 'folder = "x"')
    assert "# How much.\nweight = 1.5" in text
    assert "# What to say, in\n# several lines." in text
    (tmp_path / "shown.toml").write_text(text)
    assert read_config(Config, tmp_path / "shown.toml") == Config(folder=Path("x"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_a_file_in_which_each_value_is_explained(kind):
    lines = config_text(KINDS[kind].config).splitlines()
    tomllib.loads("\n".join(lines))
    for before, line in pairwise(lines):
        if " = " in line and not line.startswith("#"):
            assert before.startswith("# "), line


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"steps": 1 << 40},
        {"batch": -1},
        {"keep": 0},
        {"seed": -1},
        {"clip": float("nan")},
        {"weight_decay": float("inf")},
        {"learning_rate": float("nan")},
        {"learning_rate": 0.0},
        {"average_decay": 1.0},
        {"beta2": -0.1},
        {"decay_from": float("nan")},
        {"decay_from": 1.5},
        {"threads": -1},
    ],
)
def test_settings_that_make_no_run_are_refused_by_name(change):
    with pytest.raises(InputError, match=rf"loop\.{next(iter(change))} is"):
        LoopSettings(**change)


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine():
    settings = LoopSettings(steps=1000, learning_rate=0.5, warmup=10, decay_from=0.5)
    rates = [settings.rate(step) for step in range(1000)]
    assert rates[:10] == pytest.approx([0.05 * (i + 1) for i in range(10)])
    assert rates[10:501] == pytest.approx([0.5] * 491)
    assert rates[750] == pytest.approx(0.25)  # cos(π/2) half way down
    assert 0 < rates[-1] < 1e-4
    flat = LoopSettings(steps=50, learning_rate=0.5)
    assert {flat.rate(step) for step in range(50)} == {0.5}


def test_a_batch_is_shared_by_processes_and_cut_into_micro_batches():
    settings = LoopSettings(batch=12, micro_batch=3)
    assert [settings.micro_batches(world) for world in (1, 2, 4)] == [(3, 4), (3, 2), (3, 1)]
    assert LoopSettings(batch=12).micro_batches(3) == (4, 1)
    with pytest.raises(InputError, match="12, which 5 processes cannot share"):
        settings.micro_batches(5)
    with pytest.raises(InputError, match="micro_batch is 5"):
        LoopSettings(batch=12, micro_batch=5).micro_batches(1)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class Painted:
    colour: Colour = Colour.RED
    """Which."""


def test_a_word_of_a_choice_becomes_the_choice_and_no_other_does():
    assert from_table(Painted, {"colour": "green"}, "the page") == Painted(colour=Colour.GREEN)
    for value in ("blue", 1, ["red"]):
        with pytest.raises(
            InputError, match=r"the page has colour = .* expected one of red, green"
        ):
            from_table(Painted, {"colour": value}, "the page")
    with pytest.raises(InputError, match="the page has shade, which is not known"):
        from_table(Painted, {"shade": "red"}, "the page")


@dataclass(frozen=True, kw_only=True)
class Counted:
    clips: Mapping[str, Painted]
    """By name."""
    other: Any = None
    """Whatever."""
    limit: float | None = 1.0
    """Or none."""


def test_tables_of_any_names_hold_what_their_field_says():
    values = {"clips": {"a": {"colour": "green"}}, "other": [1, {"b": 2}], "limit": None}
    found = from_table(Counted, values, "the page")
    assert found.clips == {"a": Painted(colour=Colour.GREEN)}
    assert (found.other, found.limit) == ([1, {"b": 2}], None)
    with pytest.raises(
        InputError, match=r"the page has clips\.a\.colour = 'pink', expected one of"
    ):
        from_table(Counted, {"clips": {"a": {"colour": "pink"}}}, "the page")
    with pytest.raises(InputError, match="the page has clips = 3, expected a table"):
        from_table(Counted, {"clips": 3}, "the page")
