"""Controllers on a real U-Net against its own attention, computed by hand."""

import pytest
import torch

from auffusion.attention import Controllers, controlled
from auffusion.errors import InputError

LATENT = torch.randn(2, 4, 8, 32, generator=torch.Generator().manual_seed(1))
TEXT = torch.randn(2, 77, 16, generator=torch.Generator().manual_seed(2))


class Watching:
    """Keeps what it sees of some layers, changed by a function."""

    def __init__(self, wanted=lambda _: True, change=lambda _, seen: seen):
        self.wanted, self.change, self.seen = wanted, change, {}

    def begin(self, steps):  # noqa: ARG002
        self.seen = {}

    def wants(self, site):
        return self.wanted(site)

    def attend(self, site, probabilities):
        self.seen[site.name] = (site, probabilities)
        return self.change(site, probabilities)

    def on_step(self, index, timestep, latent):  # noqa: ARG002
        return latent


def run(unet, latent=LATENT, text=TEXT, **options):
    with torch.no_grad():
        return unet(latent, 500, encoder_hidden_states=text, **options).sample


def test_a_controller_that_wants_nothing_changes_no_bit(tiny):
    before = run(tiny.unet)
    with controlled(tiny.unet, Watching(lambda _: False), 2):
        assert torch.equal(run(tiny.unet), before)


def test_a_controller_that_only_looks_changes_no_bit(tiny):
    before = run(tiny.unet)
    with controlled(tiny.unet, Watching(change=lambda _, seen: seen.clone()), 1):
        assert torch.equal(run(tiny.unet), before)


def test_an_item_that_is_left_as_it_was_changes_no_bit(tiny):
    before = run(tiny.unet)
    second = torch.tensor([1.0, 0.5])[:, None, None, None]
    with controlled(tiny.unet, Watching(change=lambda _, seen: seen * second), 2):
        after = run(tiny.unet)
    assert torch.equal(after[0], before[0])
    assert (after[1] - before[1]).abs().max() > 1e-3


@pytest.mark.parametrize("items", [1, 2])
def test_explicit_attention_is_the_fused_one(tiny, items):
    before = run(tiny.unet)
    # Changed by the least that counts as a change.
    watching = Watching(change=lambda _, seen: seen * (1 + 2**-23))
    with controlled(tiny.unet, watching, items):
        torch.testing.assert_close(run(tiny.unet), before, atol=1e-5, rtol=0)
    assert len(watching.seen) == len(tiny.unet.attn_processors)
    for site, seen in watching.seen.values():
        assert seen.shape[0] == items
        assert seen.shape[2:] == (site.queries, 77 if site.cross else site.queries)
        torch.testing.assert_close(seen.sum(-1), torch.ones_like(seen[..., 0]))


def test_the_maps_are_the_softmax_of_the_conditional_half(tiny):
    inputs = {}
    name = next(n for n, m in tiny.unet.named_modules() if n.endswith("attn2"))
    layer = tiny.unet.get_submodule(name)
    hook = layer.register_forward_pre_hook(
        lambda _, args, kwargs: inputs.update(hidden=args[0], **kwargs), with_kwargs=True
    )
    watching = Watching(lambda site: site.name == name)
    with controlled(tiny.unet, watching, 1):
        run(tiny.unet)
    hook.remove()
    ((site, seen),) = watching.seen.values()
    query, key = layer.to_q(inputs["hidden"][1]), layer.to_k(TEXT[1])
    for head, (q, k) in enumerate(zip(query.chunk(2, -1), key.chunk(2, -1), strict=True)):
        by_hand = (q @ k.T / q.shape[-1] ** 0.5).softmax(-1)
        torch.testing.assert_close(seen[0, head], by_hand, atol=1e-6, rtol=0)
    assert (site.place, site.cross, site.height, site.width) == ("down", True, 8, 32)


def test_only_the_conditional_half_feels_an_edit(tiny):
    before = run(tiny.unet)
    zero = Watching(lambda site: site.cross, lambda _, seen: torch.zeros_like(seen))
    with controlled(tiny.unet, zero, 1):
        after = run(tiny.unet)
    torch.testing.assert_close(after[0], before[0], atol=1e-5, rtol=0)
    assert (after[1] - before[1]).abs().max() > 1e-3


def test_the_grid_of_each_level_is_told(tiny):
    watching = Watching()
    with controlled(tiny.unet, watching, 2):
        run(tiny.unet, LATENT[..., :24])
    grids = {(site.place, site.height, site.width) for site, _ in watching.seen.values()}
    assert grids == {("down", 8, 24), ("mid", 4, 12), ("up", 8, 24)}


def test_a_mask_hides_rows_of_the_text(tiny):
    mask = torch.ones(2, 77)
    mask[:, 40:] = 0
    before = run(tiny.unet, encoder_attention_mask=mask)
    watching = Watching(lambda site: site.cross, lambda _, seen: seen * (1 + 2**-23))
    with controlled(tiny.unet, watching, 1):
        after = run(tiny.unet, encoder_attention_mask=mask)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    for _, seen in watching.seen.values():
        assert seen[..., 40:].max() < 1e-6


def test_processors_are_put_back_even_after_an_error(tiny):
    before = dict(tiny.unet.attn_processors)
    with pytest.raises(RuntimeError, match="inside"), controlled(tiny.unet, Watching(), 1):
        raise RuntimeError("inside")
    assert tiny.unet.attn_processors == before
    assert not tiny.unet._forward_pre_hooks


def test_a_batch_of_another_size_is_refused(tiny):
    with (
        controlled(tiny.unet, Watching(), 3),
        pytest.raises(InputError, match="does not fit a controller of 3 prompts"),
    ):
        run(tiny.unet)


def test_several_controllers_see_what_those_before_left(tiny):
    double = Watching(lambda site: site.cross, lambda _, seen: 2 * seen)
    last = Watching(lambda site: site.place == "down")
    with controlled(tiny.unet, Controllers([double, last]), 1):
        run(tiny.unet)
    for name, (site, seen) in last.seen.items():
        total = 2.0 if site.cross else 1.0
        torch.testing.assert_close(seen.sum(-1), torch.full_like(seen[..., 0], total))
        assert site.place == "down", name
