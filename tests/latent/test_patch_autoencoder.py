"""The embedded model's autoencoder: sizes, locality, and that every part of it learns."""

import torch

from auffusion.latent import PatchAutoencoder, PatchAutoencoderConfig

SMALL = PatchAutoencoderConfig(latent_channels=4, fine_channels=8, coarse_channels=16)


def network():
    torch.manual_seed(0)
    return PatchAutoencoder(SMALL).eval()


@torch.no_grad()
def test_a_latent_is_sixteen_fold_smaller_and_comes_back_at_full_size():
    moments = network().encode(torch.rand(2, 3, 64, 96))
    assert moments.shape == (2, 8, 4, 6)
    assert network().decode(moments[:, :4]).shape == (2, 3, 64, 96)


@torch.no_grad()
def test_the_three_channels_of_the_picture_are_equal():
    image = network().decode(torch.randn(1, 4, 2, 3))
    assert torch.equal(image[:, 0], image[:, 1])
    assert torch.equal(image[:, 0], image[:, 2])


@torch.no_grad()
def test_a_moment_does_not_depend_on_what_comes_half_a_second_later():
    # Blocks at a quarter reach 2·3 + 1 pixels of 4, those at a sixteenth 2·2 + 1 of 16: under 128.
    image = torch.rand(1, 3, 64, 512)
    changed = image.clone()
    changed[..., 384:] = 0
    before, after = network().encode(image), network().encode(changed)
    assert torch.equal(before[..., :16], after[..., :16])
    assert not torch.equal(before[..., 24:], after[..., 24:])


def test_all_parameters_learn():
    model = network().train()
    # The second convolution of a block starts at zero, so that the first one's gradient is zero.
    for name, parameter in model.named_parameters():
        if name.endswith("second.weight"):
            torch.nn.init.normal_(parameter, std=0.1)
    moments = model.encode(torch.rand(1, 3, 32, 32))
    model.decode(moments[:, :4]).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
