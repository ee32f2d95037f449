"""Swap, refine and reweight on synthetic maps against their closed forms, and on a real U-Net."""

import pytest
import torch

from auffusion.attention import AttentionSite, Controllers, controlled
from auffusion.edit.refine import Refine
from auffusion.edit.reweight import Reweight
from auffusion.edit.step_window import WordSteps
from auffusion.edit.word_swap import WordSwap
from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline
from auffusion.text import align_prompts, equaliser

CROSS = AttentionSite(name="c", place="down", cross=True, height=8, width=32)
SELF = AttentionSite(name="s", place="down", cross=False, height=8, width=32)
FINE = AttentionSite(name="f", place="down", cross=False, height=8, width=33)
LATENT = torch.randn(3, 4, 8, 32, generator=torch.Generator().manual_seed(1))
# Letter by letter: each edit has another number of tokens than the source.
SOURCE, EDITS = "a dog barks", ["a bird barks", "a cow moos"]
PROMPTS = [SOURCE, *EDITS]
ADDED = ["a dog", "a loud dog", "a dog at sea"]


@pytest.fixture(scope="module")
def tiny():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def text(tiny):
    return tiny.text


def maps(site, items=3, keys=77, seed=0):
    keys = keys if site.cross else site.queries
    shape = (items, 2, site.queries, keys)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).softmax(-1)


def walk(controller, step):
    """Where a controller stands before the prediction of a step."""
    for index in range(step):
        assert torch.equal(controller.on_step(index, torch.tensor(9), LATENT), LATENT)


def test_a_swap_is_the_sources_map_moved_within_its_window_and_its_own_outside(text):
    swap = WordSwap(text, PROMPTS, cross_replace_steps=(0.2, 0.6), self_replace_steps=0.0)
    before = maps(CROSS)
    moved = [align_prompts(text, SOURCE, edit).moved for edit in EDITS]
    for step in range(11):  # of ten, and PNDM's one more
        swap.begin(10)
        walk(swap, step)
        inside = int(0.2 * 11) <= step < int(0.6 * 11)
        assert swap.wants(CROSS) == inside
        assert not swap.wants(SELF)
        if inside:
            after = swap.attend(CROSS, before)
            assert torch.equal(after[0], before[0])
            for item, matrix in enumerate(moved, start=1):
                torch.testing.assert_close(after[item], before[0] @ matrix)


def test_a_swap_moves_attention_and_loses_none(text):
    swap = WordSwap(text, PROMPTS, cross_replace_steps=1.0)
    swap.begin(4)
    sums = swap.attend(CROSS, maps(CROSS)).sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_a_refinement_keeps_the_maps_of_what_was_there_and_leaves_the_new_their_own(text):
    refine = Refine(text, ADDED, cross_replace_steps=1.0)
    refine.begin(4)
    before = maps(CROSS)
    after = refine.attend(CROSS, before)
    assert torch.equal(after[0], before[0])
    for item, prompt in enumerate(ADDED[1:], start=1):
        alignment = align_prompts(text, ADDED[0], prompt, "refine")
        for row in range(77):
            if alignment.shared[row]:
                source = alignment.moved[:, row].argmax()
                torch.testing.assert_close(after[item, ..., row], before[0, ..., source])
            else:
                assert torch.equal(after[item, ..., row], before[item, ..., row])


def test_windows_of_words_hold_for_their_rows_only(text):
    windows = {"default_": 1.0, "bird": 0.0}
    swap = WordSwap(text, PROMPTS, cross_replace_steps=windows)
    swap.begin(4)
    before, now = maps(CROSS), WordSteps(text, EDITS, windows).table(4)[0]
    after = swap.attend(CROSS, before)
    everywhere = WordSwap(text, PROMPTS, cross_replace_steps=1.0)
    everywhere.begin(4)
    swapped = everywhere.attend(CROSS, before)
    assert not now[0].all()
    expected = torch.where(now[:, None, None], swapped[1:], before[1:])
    assert torch.equal(after[1:], expected)


@pytest.mark.parametrize("kind", [WordSwap, Refine])
def test_coarse_self_attention_is_the_sources_own_and_shared(text, kind):
    edit = kind(text, [SOURCE, *EDITS], cross_replace_steps=0.0, self_replace_steps=(0.3, 0.7))
    before = maps(SELF)
    for step in range(11):
        edit.begin(10)
        walk(edit, step)
        inside = int(0.3 * 10) <= step < int(0.7 * 10)
        assert edit.wants(SELF) == inside
        assert not edit.wants(FINE)
        assert not edit.wants(CROSS)
    after = edit.attend(SELF, before)
    assert all(torch.equal(item, before[0]) for item in after)
    # One map for all: no copies.
    assert after.untyped_storage().data_ptr() == before.untyped_storage().data_ptr()


def test_the_size_up_to_which_self_attention_is_replaced_can_be_chosen(text):
    edit = WordSwap(text, PROMPTS, self_replace_steps=1.0, self_queries=FINE.queries)
    edit.begin(2)
    assert edit.wants(FINE)


def test_a_weight_multiplies_its_rows_within_its_window(text):
    prompts = [SOURCE, SOURCE, SOURCE]
    weights = [{}, {"dog": 2.5}, {1: -1.0, "barks": 0.0}]
    factors = torch.stack([equaliser(text, SOURCE, w) for w in weights])
    reweight = Reweight(factors, WordSteps(text, prompts, (0.0, 0.5)))
    before = maps(CROSS)
    for step in range(5):
        reweight.begin(4)
        walk(reweight, step)
        assert reweight.wants(CROSS) == (step < int(0.5 * 5))
        assert not reweight.wants(SELF)
        if reweight.wants(CROSS):
            after = reweight.attend(CROSS, before)
            assert torch.equal(after[0], before[0])
            torch.testing.assert_close(after / before, factors[:, None, None].expand_as(before))


def test_a_weight_of_one_wants_no_layer():
    reweight = Reweight(torch.ones(2, 77))
    reweight.begin(4)
    assert not reweight.wants(CROSS)


def test_a_weight_after_a_swap_weights_what_was_swapped(text):
    """The published order: the edit first, then its map times the equaliser."""
    swap = WordSwap(text, PROMPTS, cross_replace_steps=1.0)
    factors = torch.stack(
        [torch.ones(77), equaliser(text, EDITS[0], {"bird": 3.0}), torch.ones(77)]
    )
    both = Controllers([swap, Reweight(factors)])
    both.begin(4)
    before = maps(CROSS)
    after = both.attend(CROSS, before)
    matrix = align_prompts(text, SOURCE, EDITS[0]).moved
    torch.testing.assert_close(after[1], (before[0] @ matrix) * factors[1])
    assert torch.equal(after[0], before[0])


def test_the_published_reweighting_is_a_swap_with_itself_and_weights(text):
    """Source times equaliser inside the window, the item's own map behind it."""
    prompts = [SOURCE, SOURCE]
    eq = equaliser(text, SOURCE, {"dog": 4.0})
    swap = WordSwap(text, prompts, cross_replace_steps=0.5, self_replace_steps=0.0)
    weighted = Reweight(torch.stack([torch.ones(77), eq]), WordSteps(text, prompts, 0.5))
    both = Controllers([swap, weighted])
    before = maps(CROSS, items=2)
    both.begin(9)
    torch.testing.assert_close(both.attend(CROSS, before)[1], before[0] * eq)
    walk(both, 5)
    assert not both.wants(CROSS)


def test_a_controller_serves_any_number_of_walks(text):
    swap = WordSwap(text, PROMPTS, cross_replace_steps=0.5)
    before = maps(CROSS)
    seen = []
    for steps in (4, 9, 4):
        swap.begin(steps)
        seen.append(swap.attend(CROSS, before))
        walk(swap, steps)
        assert not swap.wants(CROSS)
    assert torch.equal(seen[0], seen[2])


def test_a_walk_that_was_not_begun_is_refused(text):
    with pytest.raises(InputError, match="call begin"):
        WordSwap(text, PROMPTS).wants(CROSS)


def test_a_source_alone_is_no_edit(text):
    with pytest.raises(InputError, match="at least one other"):
        WordSwap(text, [SOURCE])


@torch.no_grad()
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("kind", [WordSwap, Refine])
def test_on_a_network_only_the_edits_change(tiny, guided, kind):
    embeds = tiny.text.encode(PROMPTS).embeds
    halves = 2 if guided else 1
    latent = LATENT.repeat(halves, 1, 1, 1)
    context = torch.cat([torch.zeros_like(embeds), embeds][-halves:])
    before = tiny.unet(latent, 500, encoder_hidden_states=context).sample
    controller = kind(tiny.text, PROMPTS, cross_replace_steps=1.0, self_replace_steps=1.0)
    controller.begin(2)
    with controlled(tiny.unet, controller, 3):
        after = tiny.unet(latent, 500, encoder_hidden_states=context).sample
    untouched = slice(0, -2)  # the unconditional half and the source
    assert torch.equal(after[untouched], before[untouched])
    assert all((a - b).abs().max() > 1e-4 for a, b in zip(after[-2:], before[-2:], strict=True))


@torch.no_grad()
def test_on_a_network_equal_prompts_of_equal_noise_change_no_bit(tiny):
    prompts = [SOURCE] * 3
    embeds = tiny.text.encode(prompts).embeds
    latent = LATENT[:1].repeat(3, 1, 1, 1)
    before = tiny.unet(latent, 500, encoder_hidden_states=embeds).sample
    for kind in (WordSwap, Refine):
        controller = kind(tiny.text, prompts, cross_replace_steps=1.0, self_replace_steps=1.0)
        controller.begin(2)
        with controlled(tiny.unet, controller, 3):
            assert torch.equal(tiny.unet(latent, 500, encoder_hidden_states=embeds).sample, before)
