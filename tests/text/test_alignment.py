"""Word by word against expectations made by hand, and what must hold of any pair."""

import json
from pathlib import Path

import pytest
import torch
from prompt_pairs import BALANCED_SWAPS, REFINEMENTS, SWAPS
from transformers import CLIPTextConfig, CLIPTokenizer
from transformers.models.clip.modeling_clip import CLIPTextModel

from auffusion.errors import InputError
from auffusion.text import TextBranch, TextEncoder, align_prompts, equaliser, word_rows

WORDS = json.loads((Path(__file__).parents[1] / "golden/clip_words.json").read_text("utf-8"))
IDENTITY = torch.eye(77)


@pytest.fixture(scope="session")
def clip():
    """CLIP's own words, and an encoder that is of its kind."""
    merges = [tuple(pair.split(" ")) for pair in WORDS["merges"]]
    tokenizer = CLIPTokenizer(vocab=WORDS["vocabulary"], merges=merges, model_max_length=77)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    config = CLIPTextConfig(vocab_size=49408, num_attention_heads=2, **sizes)
    return TextBranch(tokenizer, CLIPTextModel(config).eval())


@pytest.fixture(params=["adapter", "stable-diffusion"])
def text(request, clip):
    return TextEncoder([clip], request.param)


def pieces(branch, prompt):
    """The tokens of a prompt by name, `#2` behind the second of a kind, and their number."""
    names = branch.tokenizer.convert_ids_to_tokens(branch.tokenizer(prompt)["input_ids"])
    plain = [name.removesuffix("</w>") for name in names]
    return [f"{n}#{plain[:i].count(n) + 1}" if n in plain[:i] else n for i, n in enumerate(plain)]


def expected(branch, source, target, told):
    """The matrix of the hand-made notation; marks and the rows for nothing keep their order."""
    before, after = pieces(branch, source), pieces(branch, target)
    matrix = torch.zeros(77, 77)
    matrix[0, 0] = matrix[len(before) - 1, len(after) - 1] = 1.0
    for column, said in zip(range(1, len(after) - 1), told.split(" "), strict=True):
        name, _, read = said.partition("=")
        assert name == after[column]
        for one in filter(None, read.split("+")):
            piece, _, share = one.partition("/")
            matrix[before.index(piece), column] = 1 / int(share or 1)
    return matrix, len(before), len(after)


def test_the_vocabulary_is_clips_own(clip):
    ids = clip.tokenizer("a photo of a cat")["input_ids"]
    assert ids == [49406, 320, 1125, 539, 320, 2368, 49407]


@pytest.mark.parametrize(("source", "target", "told"), SWAPS + BALANCED_SWAPS)
def test_a_swap_is_aligned_as_by_hand(clip, text, source, target, told):
    matrix, before, after = expected(clip, source, target, told)
    for row in range(before, 77):  # the rows for nothing, one after the other
        matrix[row, min(row + after - before, 76)] = 1.0
    alignment = align_prompts(text, source, target)
    assert torch.equal(alignment.moved, matrix)
    assert torch.equal(alignment.shared, torch.ones(77))
    # Attention is moved, and none is made or lost.
    torch.testing.assert_close(alignment.moved.sum(dim=1), torch.ones(77))


@pytest.mark.parametrize(("source", "target", "told"), REFINEMENTS)
def test_a_refinement_is_aligned_as_by_hand(clip, text, source, target, told):
    matrix, before, after = expected(clip, source, target, told)
    for column in range(after, 77):
        matrix[min(column + before - after, 76), column] = 1.0
    alignment = align_prompts(text, source, target, "refine")
    assert torch.equal(alignment.moved, matrix)
    new = [i for i, said in enumerate(told.split(" "), start=1) if said.endswith("=")]
    assert (1 - alignment.shared).nonzero().flatten().tolist() == new


def test_the_pairs_are_twenty_of_unequal_token_counts(clip):
    assert len(SWAPS) == 20
    assert all(len(pieces(clip, a)) != len(pieces(clip, b)) for a, b, _ in SWAPS)
    assert any("gunshots" in a and "speeches" in b for a, b, _ in SWAPS)


def published(tokenizer, source, target):
    """The published mapper, from its description: identity but at words that differ."""
    before, after = source.split(" "), target.split(" ")

    def tokens_of(prompt, word):
        ends = [len(" ".join(prompt.split(" ")[: i + 1]).replace(" ", "")) for i in range(99)]
        first = 0 if word == 0 else ends[word - 1]
        found, used = [], 0
        for position, token in enumerate(tokenizer(prompt)["input_ids"][1:-1], start=1):
            if first <= used < ends[word]:
                found.append(position)
            used += len(tokenizer.decode([token]).strip())
        return found

    different = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    matrix, row, column = torch.zeros(77, 77), 0, 0
    waiting = [(tokens_of(source, i), tokens_of(target, i)) for i in different]
    while row < 77 and column < 77:
        if waiting and waiting[0][0][0] == row:
            ones, others = waiting.pop(0)
            if len(ones) == len(others):
                matrix[ones, others] = 1.0
            else:
                matrix[ones[0] : ones[-1] + 1, others[0] : others[-1] + 1] = 1 / len(others)
            row, column = row + len(ones), column + len(others)
            continue
        matrix[row if waiting else column, column] = 1.0
        row, column = row + 1, column + 1
    return matrix


@pytest.mark.parametrize(("source", "target", "told"), SWAPS[:18] + BALANCED_SWAPS)
def test_legacy_leaves_the_words_behind_where_they_were(clip, text, source, target, told):
    legacy = align_prompts(text, source, target, legacy=True).moved
    assert torch.equal(legacy, published(clip.tokenizer, source, target))
    if (source, target, told) in BALANCED_SWAPS:
        return
    correct = align_prompts(text, source, target).moved
    assert not torch.equal(legacy, correct)


def test_the_papers_defect_is_there_under_its_name_only(clip):
    text = TextEncoder([clip], "adapter")
    source, target, _ = SWAPS[0]
    legacy = align_prompts(text, source, target, legacy=True).moved
    nearby = pieces(clip, target).index("nearby")
    # It reads the second half of "gunshots", which is read twice so.
    assert legacy[:, nearby].nonzero().item() == pieces(clip, source).index("shots")
    assert legacy.sum(dim=1).max() == 2.0
    right = align_prompts(text, source, target).moved
    assert right[:, nearby].nonzero().item() == pieces(clip, source).index("nearby")


def test_legacy_refinement_leaves_the_rows_for_nothing_in_place(clip, text):
    source, target, _ = REFINEMENTS[0]
    legacy = align_prompts(text, source, target, "refine", legacy=True).moved
    rows = slice(len(pieces(clip, target)), 77)
    assert torch.equal(legacy[:, rows], IDENTITY[:, rows])


@pytest.mark.parametrize("kind", ["swap", "refine"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_prompt_is_aligned_with_itself_row_by_row(text, kind, legacy):
    prompt = "a man talking with gunshots nearby"
    alignment = align_prompts(text, prompt, prompt, kind, legacy=legacy)
    assert torch.equal(alignment.moved, IDENTITY)
    assert torch.equal(alignment.shared, torch.ones(77))


@pytest.mark.parametrize("kind", ["clip", "clap", "t5", "bert"])
def test_every_tokenizer_moves_a_word_and_what_follows(encoders, kind):
    """Its tokenizer spells the words its own way; the rule is the same."""
    tokenizer, model = encoders[kind].tokenizer, encoders[kind].model
    text = TextEncoder([TextBranch(tokenizer, model, max_length=32)], "adapter")
    moved = align_prompts(text, "a dog barking", "a bark barking").moved
    before, after = (word_rows(text, p, 1) for p in ("a dog barking", "a bark barking"))
    share = moved[before][:, after]
    given = torch.eye(len(share)) if share.shape[0] == share.shape[1] else 1 / share.shape[1]
    assert torch.equal(share, torch.ones_like(share) * given)
    last = [word_rows(text, p, 2).nonzero().flatten() for p in ("a dog barking", "a bark barking")]
    assert torch.equal(moved[last[0], last[1]], torch.ones(len(last[0])))
    torch.testing.assert_close(moved.sum(dim=1), torch.ones(32))


def test_two_encoders_are_aligned_each_in_its_own_rows(encoders):
    branches = [
        TextBranch(encoders[kind].tokenizer, encoders[kind].model) for kind in ("clap", "t5")
    ]
    both = align_prompts(TextEncoder(branches, "adapter"), "a dog barking", "a cat barking").moved
    assert both.shape == (154, 154)
    for first, branch in ((0, branches[0]), (77, branches[1])):
        rows = slice(first, first + 77)
        alone = align_prompts(TextEncoder([branch], "adapter"), "a dog barking", "a cat barking")
        assert torch.equal(both[rows, rows], alone.moved)
        both[rows, rows] = 0
    assert not both.any()


def test_words_that_are_added_cannot_be_swapped(text):
    with pytest.raises(InputError, match="'loud' stands in one of the prompts only: use refine"):
        align_prompts(text, "a dog", "a loud dog")


def test_a_word_that_was_cut_off_cannot_be_swapped(text):
    rest = " rain" * 73 + " dog"
    with pytest.raises(InputError, match="'dog' cannot be swapped, for it has no token"):
        align_prompts(text, "speeches" + rest, "gunshots" + rest)
    with pytest.raises(InputError, match="lies behind what the text encoder reads"):
        word_rows(text, "rain " * 80 + "dog", "dog")


def test_the_equaliser_is_one_but_at_its_words(clip, text):
    prompt = "a man talking with gunshots nearby"
    factors = equaliser(text, prompt, {"gunshots": 3.0, 1: -0.5, "nearby": 0.0})
    told = dict(zip(pieces(clip, prompt), factors.tolist(), strict=False))
    assert {k: v for k, v in told.items() if v != 1.0} == {
        "man": -0.5,
        "gun": 3.0,
        "shots": 3.0,
        "nearby": 0.0,
    }
    assert torch.equal(factors[len(told) :], torch.ones(77 - len(told)))


def test_the_equaliser_reaches_every_encoder(encoders):
    branches = [
        TextBranch(encoders[kind].tokenizer, encoders[kind].model) for kind in ("clap", "t5")
    ]
    factors = equaliser(TextEncoder(branches, "adapter"), "a dog barking", {"dog": 2.0})
    assert (factors[:77] == 2).sum() == 3  # letter by letter, the first with its space
    assert (factors[77:] == 2).sum() == 1  # a word that this tokenizer knows


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_is_a_finite_number(text, weight):
    with pytest.raises(InputError, match="must be a finite number"):
        equaliser(text, "a dog", {"dog": weight})
