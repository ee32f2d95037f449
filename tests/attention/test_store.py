"""What the store keeps, against an explicit softmax of a real U-Net's own layers."""

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.attention import (
    AttentionSite,
    AttentionStore,
    Controllers,
    Selection,
    controlled,
)
from auffusion.denoise import ClassifierFreeGuidance, SeededScheduler, denoise, unet_call
from auffusion.errors import InputError

LATENT = torch.randn(1, 4, 8, 32, generator=torch.Generator().manual_seed(1))
TEXT = torch.randn(1, 77, 16, generator=torch.Generator().manual_seed(2))
STEPS = 3
WORDS = [[2, 3, 4], [6]]


def walk(tiny, *controllers, items=1):
    """A guided walk under controllers, ours the last one."""
    both = Controllers(controllers)
    scheduler = SeededScheduler.prepared(tiny.scheduler, STEPS, [])
    text = TEXT.repeat(items, 1, 1) * torch.arange(1, items + 1)[:, None, None]
    guidance = ClassifierFreeGuidance(unet_call(tiny.unet), text, torch.zeros_like(text), 3.0)
    both.begin(STEPS)
    with controlled(tiny.unet, both, items):
        return denoise(guidance, scheduler, LATENT.repeat(items, 1, 1, 1), on_step=both.on_step)


@pytest.fixture(scope="module")
def by_hand(tiny):
    """[step, head, query, key] of the conditional half for each cross-attention layer."""
    found, hooks = {}, []
    for name, layer in tiny.unet.named_modules():
        if name.endswith("attn2"):

            def see(module, args, kwargs, name=name):
                text = kwargs["encoder_hidden_states"][1]
                query, key = module.to_q(args[0][1]), module.to_k(text)
                heads = [
                    (q @ k.T / q.shape[-1] ** 0.5).softmax(-1)
                    for q, k in zip(
                        query.chunk(module.heads, -1), key.chunk(module.heads, -1), strict=True
                    )
                ]
                found.setdefault(name, []).append(torch.stack(heads))

            hooks.append(layer.register_forward_pre_hook(see, with_kwargs=True))
    walk(tiny)
    for hook in hooks:
        hook.remove()
    return {name: torch.stack(steps) for name, steps in found.items()}


def test_whole_maps_are_the_mean_softmax_of_every_layer(tiny, by_hand):
    store = AttentionStore()
    walk(tiny, store)
    maps = store.maps()
    assert {one.key.layer for one in maps} == set(by_hand)
    for one in maps:
        expected = by_hand[one.key.layer].mean(dim=(0, 1))
        torch.testing.assert_close(one.values[0], expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(one.values.sum(-1), torch.ones(1, one.site.queries))


def test_pndms_extra_prediction_counts_like_any_other(tiny, by_hand):
    assert {len(steps) for steps in by_hand.values()} == {STEPS + 1}
    store = AttentionStore(apart=("step",))
    walk(tiny, store)
    assert {key.step for key in store.kept} == set(range(STEPS + 1))


def test_steps_and_heads_are_kept_apart_where_asked(tiny, by_hand):
    store = AttentionStore(apart=("step", "head"))
    walk(tiny, store)
    for one in store.maps():
        expected = by_hand[one.key.layer][one.key.step, one.key.head]
        torch.testing.assert_close(one.values[0], expected, atol=1e-6, rtol=0)
    chosen = store.maps(Selection(steps=[1], heads=[0], places=["mid"]))
    assert [(one.key.step, one.key.head, one.site.place) for one in chosen] == [(1, 0, "mid")]


def test_a_words_tokens_are_joined_and_no_other_column_is_kept(tiny, by_hand):
    store = AttentionStore(columns=WORDS)
    walk(tiny, store)
    for one in store.maps():
        whole = by_hand[one.key.layer].mean(dim=(0, 1))
        expected = torch.stack([whole[:, word].sum(-1) for word in WORDS], dim=-1)
        torch.testing.assert_close(one.values[0], expected, atol=1e-6, rtol=0)
        assert one.values.shape == (1, one.site.queries, 2)


def test_only_what_was_asked_for_is_looked_at(tiny, by_hand):
    watched = Selection(places=["up"], grids=[(8, 32)], steps=[1, 2], heads=[1])
    store = AttentionStore(watched=watched)
    walk(tiny, store)
    for one in store.maps():
        assert one.site.place == "up"
        expected = by_hand[one.key.layer][1:3, 1].mean(dim=0)
        torch.testing.assert_close(one.values[0], expected, atol=1e-6, rtol=0)
    (name, *_) = by_hand
    store = AttentionStore(watched=Selection(layers=[name]))
    walk(tiny, store)
    assert [key.layer for key in store.kept] == [name]


def test_the_aggregate_is_the_mean_over_the_layers_of_a_grid(tiny, by_hand):
    store = AttentionStore()
    walk(tiny, store)
    outer = store.aggregate((8, 32), Selection(places=["up", "down"]))
    layers = [one for name, one in by_hand.items() if not name.startswith("mid")]
    expected = torch.stack(layers).mean(dim=(0, 1, 2)).reshape(8, 32, 77)
    torch.testing.assert_close(outer, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(outer.sum(-1), torch.ones(8, 32), atol=1e-6, rtol=0)
    assert store.aggregate((4, 16)).shape == (4, 16, 77)
    with pytest.raises(InputError, match="no layer with a grid of 5x5"):
        store.aggregate((5, 5))


def test_items_of_a_batch_have_maps_of_their_own(tiny):
    both, alone = AttentionStore(), AttentionStore()
    walk(tiny, both, items=2)
    walk(tiny, alone)
    first = both.aggregate((4, 16), item=0)
    torch.testing.assert_close(first, alone.aggregate((4, 16)), atol=1e-5, rtol=0)
    assert (both.aggregate((4, 16), item=1) - first).abs().max() > 1e-3


def test_it_sees_what_the_controllers_before_it_left(tiny):
    class Double(AttentionStore):
        def attend(self, site, probabilities):  # noqa: ARG002
            return 2 * probabilities

    store = AttentionStore()
    walk(tiny, Double(), store)
    for one in store.maps():
        torch.testing.assert_close(one.values.sum(-1), torch.full((1, one.site.queries), 2.0))


def test_watching_changes_no_bit_and_every_processor_comes_back(tiny):
    before = dict(tiny.unet.attn_processors)
    assert torch.equal(walk(tiny, AttentionStore()), walk(tiny))
    assert tiny.unet.attn_processors == before


def test_attention_of_places_to_places_can_be_watched_too(tiny):
    store = AttentionStore(cross=False, watched=Selection(places=["mid"]))
    walk(tiny, store)
    (one,) = store.maps()
    assert one.values.shape == (1, 64, 64)


def test_a_new_walk_begins_with_nothing(tiny):
    store = AttentionStore(apart=("step",))
    walk(tiny, store)
    first = [one.values for one in store.maps()]
    walk(tiny, store)
    for before, after in zip(first, store.maps(), strict=True):
        assert torch.equal(before, after.values)


def test_a_walk_by_another_loop_needs_no_steps(tiny, by_hand):
    store = AttentionStore()
    text = torch.cat([torch.zeros_like(TEXT), TEXT])
    with controlled(tiny.unet, store, 1), torch.no_grad():
        tiny.unet(LATENT.repeat(2, 1, 1, 1), 981, encoder_hidden_states=text)
    assert {one.key.layer for one in store.maps()} == set(by_hand)


def test_what_was_not_kept_cannot_be_asked_for(tiny):
    store = AttentionStore()
    with pytest.raises(InputError, match="no attention of the layers"):
        store.maps()
    walk(tiny, store)
    with pytest.raises(InputError, match=r'single steps were asked for.*apart=\("step",\)'):
        store.maps(Selection(steps=[0]))
    with pytest.raises(InputError, match="single heads were asked for"):
        store.maps(Selection(heads=[0]))


def test_at_the_papers_size_the_layers_lie_as_published():
    unet = UNet2DConditionModel(
        sample_size=(32, 128),
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=2,
        norm_num_groups=4,
        cross_attention_dim=8,
        attention_head_dim=2,
    ).eval()
    # The published store keeps what has at most 1024 places.
    store = AttentionStore(watched=Selection(grids=[(16, 64), (8, 32), (4, 16)]))
    with controlled(unet, store, 1), torch.no_grad():
        unet(torch.zeros(1, 4, 32, 128), 500, encoder_hidden_states=torch.zeros(1, 77, 8))
    found = [(one.site.place, one.site.queries, one.values.shape[-1]) for one in store.maps()]
    assert found == [
        *[("down", 1024, 77)] * 2,
        *[("down", 256, 77)] * 2,
        ("mid", 64, 77),
        *[("up", 256, 77)] * 3,
        *[("up", 1024, 77)] * 3,
    ]


def test_a_few_words_at_the_papers_size_take_little_memory():
    store = AttentionStore(columns=[[1], [2, 3]], apart=("step",))
    site = AttentionSite(name="up", place="up", cross=True, height=32, width=128)
    for step in range(3):
        store.attend(site, torch.full((1, 8, 4096, 77), 1 / 77))
        store.on_step(step, torch.tensor(1), LATENT)
    kept = sum(one.values.numel() for one in store.maps())
    assert kept == 3 * 4096 * 2
