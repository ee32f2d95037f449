import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

from auffusion.denoise import ClassifierFreeGuidance, rescale_guided, unet_call
from auffusion.errors import InputError

TIMESTEP = torch.tensor(500)
LATENT = torch.randn(2, 4, 8, 16, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def recorded(call):
    """The network, and the batches it was called with."""
    batches = []

    def recording(latent, timestep, embedding):
        batches.append((latent, embedding))
        return call(latent, timestep, embedding)

    recording.batches = batches
    return recording


@torch.no_grad()
def halves(call, embeddings):
    return [call(LATENT, TIMESTEP, e) for e in (torch.zeros_like(embeddings), embeddings)]


@pytest.mark.parametrize("scale", [1.5, 3.0, 7.5])
@torch.no_grad()
def test_it_is_equation_9_with_w_one_less(call, embeddings, scale):
    # From a batch of two as well: one by one they differ in the last bits, which 1 + 2w magnifies.
    both = torch.cat([torch.zeros_like(embeddings), embeddings])
    without, with_text = call(torch.cat([LATENT, LATENT]), TIMESTEP, both).chunk(2)
    w = scale - 1
    expected = (1 + w) * with_text - w * without
    guided = ClassifierFreeGuidance(call, embeddings, torch.zeros_like(embeddings), scale)
    torch.testing.assert_close(guided(LATENT, TIMESTEP), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_one_call_holds_the_unconditional_half_first(recorded, embeddings):
    blank = torch.zeros_like(embeddings)
    ClassifierFreeGuidance(recorded, embeddings, blank, 7.5)(LATENT, TIMESTEP)
    ((latent, embedding),) = recorded.batches
    assert torch.equal(latent, torch.cat([LATENT, LATENT]))
    assert torch.equal(embedding, torch.cat([blank, embeddings]))


@pytest.mark.parametrize("scale", [-1.0, 0.0, 0.5, 1.0])
@torch.no_grad()
def test_a_scale_of_at_most_one_is_a_single_pass_with_the_text(recorded, embeddings, scale):
    plain = ClassifierFreeGuidance(recorded, embeddings, None, scale, rescale=0.7)
    got = plain(LATENT, TIMESTEP)
    ((latent, embedding),) = recorded.batches
    assert torch.equal(latent, LATENT)
    assert torch.equal(embedding, embeddings)
    assert torch.equal(got, recorded(LATENT, TIMESTEP, embeddings))


def test_guidance_without_an_unconditional_embedding_is_refused(call, embeddings):
    with pytest.raises(InputError, match="needs unconditional embeddings"):
        ClassifierFreeGuidance(call, embeddings, None, 2.0)


@pytest.mark.parametrize("amount", [0.0, 0.3, 0.7, 1.0])
def test_rescaling_equals_diffusers(amount):
    guided, conditional = (
        3 * LATENT + 1,
        LATENT.flip(0) * torch.tensor([1.0, 5.0])[:, None, None, None],
    )
    expected = rescale_noise_cfg(guided, conditional, amount)
    got = rescale_guided(guided, conditional, amount)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_full_rescaling_gives_each_item_the_conditional_deviation():
    got = rescale_guided(9 * LATENT, LATENT.flip(0), 1.0)
    expected = LATENT.flip(0).std(dim=(1, 2, 3))
    torch.testing.assert_close(got.std(dim=(1, 2, 3)), expected)


@torch.no_grad()
def test_the_guided_prediction_is_rescaled_towards_the_conditional_one(call, embeddings):
    without, with_text = halves(call, embeddings)
    expected = rescale_noise_cfg(without + 7.5 * (with_text - without), with_text, 0.7)
    made = ClassifierFreeGuidance(call, embeddings, torch.zeros_like(embeddings), 7.5, rescale=0.7)
    torch.testing.assert_close(made(LATENT, TIMESTEP), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_options_reach_the_network(unet, embeddings):
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]] * 2)
    got = unet_call(unet, encoder_attention_mask=mask)(LATENT, TIMESTEP, embeddings)
    expected = unet(
        LATENT, TIMESTEP, encoder_hidden_states=embeddings, encoder_attention_mask=mask
    ).sample
    assert torch.equal(got, expected)
    assert not torch.equal(got, unet_call(unet)(LATENT, TIMESTEP, embeddings))
