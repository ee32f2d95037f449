import pytest
import torch

from auffusion.edit.step_window import Window, WordSteps
from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline
from auffusion.text import word_rows

PROMPTS = ["a cat barking", "a dog meowing"]


@pytest.fixture(scope="module")
def text():
    return tiny_pipeline().text


@pytest.mark.parametrize(
    ("window", "steps", "rows"),
    [
        # [int(lo·(N+1)), int(hi·(N+1))) for shares.
        (0.8, 50, range(40)),
        (0.8, 10, range(8)),
        (0.5, 9, range(5)),
        (1.0, 4, range(5)),
        (0.0, 4, range(0)),
        ((0.2, 0.6), 50, range(10, 30)),
        ((0.33, 0.66), 5, range(1, 3)),
        # Whole numbers are steps.
        (1, 4, range(1)),
        (3, 4, range(3)),
        ((2, 5), 4, range(2, 5)),
        ((1, 0.5), 7, range(1, 4)),
    ],
)
def test_a_cross_window_is_the_published_one(text, window, steps, rows):
    table = WordSteps(text, PROMPTS, window).table(steps)
    assert table.shape == (steps + 1, 2, 77)
    assert table.all(dim=(1, 2)).nonzero().flatten().tolist() == list(rows)
    assert table.any(dim=(1, 2)).nonzero().flatten().tolist() == list(rows)


@pytest.mark.parametrize("steps", [4, 7, 50])
@pytest.mark.parametrize("window", [(0.0, 0.4), (0.1, 0.77), (0.5, 1.0)])
def test_a_self_window_is_the_published_one(window, steps):
    first, end = window
    published = [step for step in range(steps + 1) if int(steps * first) <= step < int(steps * end)]
    assert list(Window.of(window).steps(steps, steps + 1)) == published


def test_words_have_windows_of_their_own(text):
    windows = {"default_": (0.2, 0.5), "barking": 1, "a": (0.5, 1.0)}
    table = WordSteps(text, PROMPTS, windows).table(9)
    expected = torch.zeros(10, 2, 77, dtype=torch.bool)
    expected[2:5] = True
    for item, prompt in enumerate(PROMPTS):
        for word, steps in (("barking", range(1)), ("a", range(5, 10))):
            if word in prompt.split(" "):
                rows = word_rows(text, prompt, word)
                expected[:, item, rows] = False
                expected[steps.start : steps.stop, item, rows] = True
    assert torch.equal(table, expected)


def test_words_without_a_default_leave_the_others_all_steps(text):
    table = WordSteps(text, PROMPTS, {"cat": 0}).table(3)
    rows = word_rows(text, PROMPTS[0], "cat")
    assert not table[:, 0, rows].any()
    assert table[:, 0, ~rows].all()
    assert table[:, 1].all()


def test_a_word_may_be_an_index(text):
    by_index, by_word = ({key: 0.5} for key in (1, "cat"))
    tables = [WordSteps(text, PROMPTS[:1], windows).table(6) for windows in (by_index, by_word)]
    assert torch.equal(*tables)


@pytest.mark.parametrize("window", [-0.1, 1.5, -1, float("nan"), (0.5, 0.2), (3, 1), True])
def test_a_window_without_sense_is_refused(window):
    with pytest.raises(InputError, match="step window"):
        Window.of(window)


def test_a_window_beyond_the_walk_is_refused(text):
    assert WordSteps(text, PROMPTS, 5).table(4).all()  # PNDM's fifth prediction of four steps
    with pytest.raises(InputError, match="beyond the 5 steps"):
        WordSteps(text, PROMPTS, 6).table(4)


def test_a_window_of_a_word_that_nobody_says_is_refused(text):
    with pytest.raises(InputError, match="'horse', which no prompt contains"):
        WordSteps(text, PROMPTS, {"horse": 0.5})
