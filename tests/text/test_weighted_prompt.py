import pytest
import torch

from auffusion.errors import InputError
from auffusion.text import TextBranch, TextEncoder, equaliser, weighted_prompt
from auffusion.text.weighted_prompt import WeightedPrompt


@pytest.mark.parametrize(
    ("prompt", "text", "weights"),
    [
        ("a man (chopping:2.0) wood", "a man chopping wood", [("chopping", 2.0)]),
        ("(a dog:1.5) and (a cat:-0.5)", "a dog and a cat", [("a dog", 1.5), ("a cat", -0.5)]),
        ("(dog:2)(cat:3)", "dogcat", [("dog", 2.0), ("cat", 3.0)]),
        ("( dog : +.5 )", "dog", [("dog", 0.5)]),
        ("(rain:2e-1)", "rain", [("rain", 0.2)]),
        ("(rain:0)", "rain", [("rain", 0.0)]),
        # Within parentheses that mean themselves.
        ("((dog:2))", "(dog)", [("dog", 2.0)]),
        ("rain (a (loud:3) one)", "rain (a loud one)", [("loud", 3.0)]),
        # Escaped.
        (r"(\(dog\):2)", "(dog)", [("(dog)", 2.0)]),
        (r"\(dog:2\) (cat:2)", "(dog:2) cat", [("cat", 2.0)]),
        # A digit before the colon is a time or a ratio; a space makes it words.
        ("(911 :2)", "911", [("911", 2.0)]),
        # Not closed, and closed too often.
        ("(a (dog:2)", "(a dog", [("dog", 2.0)]),
        ("a) (dog:2))", "a) dog)", [("dog", 2.0)]),
    ],
)
def test_words_and_number_are_a_weight(prompt, text, weights):
    parsed = weighted_prompt(prompt)
    assert parsed.text == text
    found = [(text[first:end], weight) for first, end, weight in parsed.weights]
    assert found == weights


@pytest.mark.parametrize(
    "prompt",
    [
        "a dog barking",
        "a dog (barking)",
        "a dog (loud) in a (small) room",
        "((so))",
        "a bell (10:30)",
        "a mix (ratio 3:1)",
        "(:2)",
        "( :2)",
        "(dog:)",
        "(dog:two)",
        "(dog:2x)",
        "(dog:2",
        "dog:2)",
        "dog:2",
        ":-)",
        "(",
        ")(",
        "",
        "a back\\slash",
        "a back\\slash (here)",
    ],
)
def test_all_else_is_read_as_it_stands(prompt):
    assert weighted_prompt(prompt) == WeightedPrompt(prompt)


def test_a_weight_of_one_is_none():
    assert weighted_prompt("a (dog:1.0) barking") == WeightedPrompt("a dog barking")


def test_escapes_alone_are_taken_away():
    assert weighted_prompt(r"a dog \(barking:2\)") == WeightedPrompt("a dog (barking:2)")


@pytest.mark.parametrize("prompt", ["(a (dog:2) barking:3)", "((dog:2):3)", "(a (b (c:2) d):2)"])
def test_a_weight_within_a_weight_is_refused(prompt):
    with pytest.raises(InputError, match="a weight stands within that of"):
        weighted_prompt(prompt)


def test_a_weight_that_is_infinite_is_refused():
    with pytest.raises(InputError, match="must be a finite number"):
        weighted_prompt("(dog:1e999)")


def test_a_long_prompt_of_parentheses_is_read_once():
    deep = "(" * 100_000 + ")" * 100_000
    assert weighted_prompt(deep).text == deep
    assert len(weighted_prompt("(a:2) " * 50_000).weights) == 50_000


@pytest.mark.parametrize("kind", ["clip", "clap", "t5", "bert"])
def test_the_factors_are_those_of_the_words(encoders, kind):
    text = TextEncoder([TextBranch(encoders[kind].tokenizer, encoders[kind].model)], "adapter")
    factors = weighted_prompt("a (dog:2.0) (barking:-1)").factors(text)
    assert torch.equal(factors, equaliser(text, "a dog barking", {"dog": 2.0, "barking": -1.0}))


def test_several_words_have_one_weight(encoders):
    text = TextEncoder([TextBranch(encoders["bert"].tokenizer, encoders["bert"].model)], "adapter")
    factors = weighted_prompt("a (dog barking:2.0) dog").factors(text)
    expected = equaliser(text, "a dog barking dog", {1: 2.0, 2: 2.0})
    assert torch.equal(factors, expected)
