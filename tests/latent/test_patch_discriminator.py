"""A patch's score depends on that patch, and the judge learns what is real."""

import pytest
import torch

from auffusion.errors import InputError
from auffusion.latent.patch_discriminator import (
    PatchDiscriminator,
    PatchDiscriminatorConfig,
    judge_loss,
    maker_loss,
)

TINY = PatchDiscriminatorConfig(channels=8)


def picture(seed=0, batch=1, width=96):
    return torch.rand(batch, 3, 64, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def judge(config=TINY):
    torch.manual_seed(0)
    return PatchDiscriminator(config)


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_and_nothing_else(layers, patch):
    """The paper's sizes: 70 pixels with three layers that halve (appendix 6.1.2), 16 with one."""
    network = judge(PatchDiscriminatorConfig(channels=8, layers=layers)).eval()
    # A norm looks at the whole picture; the layers alone look at patches.
    for number, layer in enumerate(network.layers):
        if isinstance(layer, torch.nn.GroupNorm):
            network.layers[number] = torch.nn.Identity()
    image = torch.zeros(1, 3, 256, 256, requires_grad=True)
    scores = network(image)
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()
    seen = image.grad[0].abs().sum(dim=0).sum(dim=0).nonzero()
    assert int(seen.max() - seen.min()) + 1 == patch


def test_a_picture_is_judged_whatever_stands_beside_it():
    network, images = judge(), picture(batch=3)
    with torch.no_grad():
        each = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(network(images), each, atol=1e-5, rtol=0)


def test_losses_are_the_hinge():
    real, made = torch.tensor([[[[0.5, 3.0]]]]), torch.tensor([[[[-3.0, 1.0]]]])
    # (0.5 + 0) / 2 and (0 + 2) / 2, half of their sum.
    assert judge_loss(real, made).item() == pytest.approx(0.625)
    assert maker_loss(made).item() == 1.0


def test_it_learns_to_tell_stripes_from_noise():
    network = judge()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    stripes = torch.sin(torch.arange(96) * 0.5).expand(1, 3, 64, 96)
    before = judge_loss(network(stripes), network(picture())).item()
    for step in range(15):
        judge_loss(network(stripes), network(picture(step))).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert judge_loss(network(stripes), network(picture(99))).item() < 0.5 * before


@pytest.mark.parametrize("change", [{"channels": 12}, {"layers": 0}])
def test_settings_that_cannot_be_are_refused(change):
    with pytest.raises(InputError, match="must be a multiple of 8 and layers"):
        PatchDiscriminatorConfig(**change)
