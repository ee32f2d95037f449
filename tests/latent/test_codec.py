import pytest
import torch
from accelerate import cpu_offload
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from auffusion.errors import InputError
from auffusion.latent import LatentCodec, window_starts


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def small_vae():
    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.3,
    ).eval()


@pytest.fixture(scope="module")
def vae():
    return small_vae()


@pytest.fixture
def image():
    return torch.rand(2, 3, 16, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def latent():
    return torch.randn(2, 4, 4, 16, generator=torch.Generator().manual_seed(2))


def test_the_factors_are_the_networks_own(vae):
    codec = LatentCodec(vae)
    assert codec.scale_factor == 4
    assert codec.scaling_factor == 0.3


@torch.no_grad()
def test_encoding_scales_the_mean_of_the_posterior_of_the_picture_in_minus_one_to_one(vae, image):
    expected = vae.encode(2 * image - 1).latent_dist.mean * 0.3
    got = LatentCodec(vae).encode(image)
    assert got.shape == (2, 4, 4, 16)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_sampling_draws_each_item_from_its_own_generator(vae, image):
    got = LatentCodec(vae).encode(image, generators=generators(5, 6))
    for item, seed in enumerate([5, 6]):
        posterior = vae.encode(2 * image[item : item + 1] - 1).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generators(seed)[0])
        expected = (posterior.mean + posterior.std * noise) * 0.3
        torch.testing.assert_close(got[item : item + 1], expected, atol=1e-5, rtol=0)


def test_generators_can_be_kept_for_later(vae, image):
    drawn = generators(5, 6)
    got = LatentCodec(vae).encode(image, generators=drawn, sample=False)
    assert torch.equal(got, LatentCodec(vae).encode(image))
    assert torch.equal(
        torch.randn(3, generator=drawn[0]), torch.randn(3, generator=generators(5)[0])
    )


@pytest.mark.parametrize("given", [None, (5,), (5, 6, 7)])
def test_sampling_without_a_generator_an_item_is_refused(vae, image, given):
    with pytest.raises(InputError, match="needs as many random generators"):
        LatentCodec(vae).encode(
            image, generators=None if given is None else generators(*given), sample=True
        )


@torch.no_grad()
def test_decoding_inverts_the_ranges_and_clamps(vae, latent):
    raw = vae.decode(5 * latent / 0.3).sample / 2 + 0.5
    got = LatentCodec(vae).decode(5 * latent)
    assert got.shape == (2, 3, 16, 64)
    torch.testing.assert_close(got, raw.clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("bias", [-9.0, 9.0])
@torch.no_grad()
def test_what_exceeds_the_range_is_clamped(vae, latent, bias):
    before = vae.decoder.conv_out.bias.clone()
    vae.decoder.conv_out.bias.fill_(bias)
    got = LatentCodec(vae).decode(latent)
    vae.decoder.conv_out.bias.copy_(before)
    assert torch.equal(got, torch.full_like(got, float(bias > 0)))


def test_items_pass_one_by_one_and_do_not_change_each_other(vae, image, latent):
    codec = LatentCodec(vae)
    for item in range(2):
        one = slice(item, item + 1)
        assert torch.equal(codec.encode(image)[one], codec.encode(image[one]))
        assert torch.equal(codec.decode(latent)[one], codec.decode(latent[one]))


def test_slicing_changes_memory_and_nothing_else(vae, image, latent):
    sliced, whole = LatentCodec(vae), LatentCodec(vae, slicing=False)
    torch.testing.assert_close(sliced.decode(latent), whole.decode(latent), atol=1e-5, rtol=0)
    one, other = (c.encode(image, generators=generators(5, 6)) for c in (sliced, whole))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_an_offloaded_network_is_used_where_it_computes(image, latent):
    vae = small_vae()
    expected = LatentCodec(vae).encode(image), LatentCodec(vae).decode(latent)
    cpu_offload(vae, execution_device="cpu")
    assert vae.device.type == "meta"
    codec = LatentCodec(vae, device=torch.device("cpu"))
    assert torch.equal(codec.encode(image), expected[0])
    assert torch.equal(codec.decode(latent), expected[1])


class TestRange:
    @pytest.mark.parametrize("low", [-1.0, -0.01, float("nan"), float("-inf")])
    def test_pictures_out_of_range_are_refused_and_never_guessed(self, vae, image, low):
        image[0, 0, 0, 0] = low
        with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
            LatentCodec(vae).encode(image)

    def test_bytes_are_refused(self, vae, image):
        with pytest.raises(InputError, match=r"these reach from .* to 25\d"):
            LatentCodec(vae).encode(image * 255)

    def test_rounding_is_not_an_error(self, vae, image):
        image[0, 0, 0, :2] = torch.tensor([-1e-6, 1 + 1e-6])
        assert LatentCodec(vae).encode(image).isfinite().all()

    @pytest.mark.parametrize("shape", [(1, 3, 16, 62), (1, 3, 10, 64)])
    def test_sides_that_cannot_be_halved_are_refused(self, vae, shape):
        with pytest.raises(InputError, match="both sides must be multiples of 4"):
            LatentCodec(vae).encode(torch.zeros(shape))


class TestWindows:
    @pytest.mark.parametrize("window", [16, 17, 256])
    def test_a_latent_that_fits_is_decoded_plainly_to_the_bit(self, vae, latent, window):
        plain = LatentCodec(vae, window=10_000).decode(latent)
        assert torch.equal(LatentCodec(vae, window=window, overlap=4).decode(latent), plain)

    def test_no_piece_is_wider_than_the_window(self, vae, latent):
        widths = []
        hook = vae.decoder.register_forward_pre_hook(lambda _, args: widths.append(args[0].shape))
        got = LatentCodec(vae, window=6, overlap=2).decode(latent)
        hook.remove()
        assert got.shape == (2, 3, 16, 64)
        assert {shape[-1] for shape in widths} == {6}
        assert {shape[0] for shape in widths} == {1}

    def test_no_piece_of_a_long_picture_is_wider_than_the_window(self, vae):
        widths = []
        handle = vae.encoder.register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0]))
        latent = LatentCodec(vae, window=8).encode(torch.rand(1, 3, 16, 4 * 20))
        handle.remove()
        assert latent.shape == (1, 4, 4, 20)
        assert {pixels.shape[-1] for pixels in widths} == {32}

    def test_where_only_one_window_is_the_latent_is_that_window_s(self, vae):
        image = torch.rand(1, 3, 16, 4 * 20, generator=torch.Generator().manual_seed(0))
        codec = LatentCodec(vae, window=8, overlap=2)
        whole = codec.encode(image)
        assert torch.allclose(whole[..., :6], codec.encode(image[..., :32])[..., :6], atol=1e-6)
        assert torch.allclose(whole[..., -6:], codec.encode(image[..., -32:])[..., -6:], atol=1e-6)

    def test_a_long_picture_is_sampled_around_its_mean(self, vae):
        image = torch.rand(1, 3, 16, 4 * 20, generator=torch.Generator().manual_seed(0))
        codec = LatentCodec(vae, window=8)
        seeds = [torch.Generator().manual_seed(seed) for seed in range(8)]
        drawn = torch.cat([codec.encode(image, generators=[one]) for one in seeds])
        mean, deviation = codec.moments(image).unbind(dim=1)
        apart = (drawn / codec.scaling_factor - mean) / deviation
        assert abs(apart.mean().item()) < 0.05
        assert apart.std().item() == pytest.approx(1.0, abs=0.05)

    def test_windows_that_show_the_same_give_one_picture(self, vae):
        # Starts 0, 8, 16 meet the same 8-column pattern, so that all windows decode alike.
        pattern = torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(3))
        got = LatentCodec(vae, window=16, overlap=8).decode(pattern.repeat(1, 1, 1, 4))
        window = LatentCodec(vae).decode(pattern.repeat(1, 1, 1, 2))
        # Away from the ends, a window's second half fades into the next one's first.
        torch.testing.assert_close(got[..., 32:64], got[..., 64:96], atol=1e-6, rtol=0)
        torch.testing.assert_close(got[..., :32], window[..., :32], atol=1e-6, rtol=0)
        torch.testing.assert_close(got[..., 96:], window[..., 32:], atol=1e-6, rtol=0)

    def test_where_windows_meet_the_picture_changes_no_faster_than_elsewhere(self, vae):
        # Normalised over a window, louder and quieter ones come out in different tones.
        wide = torch.randn(1, 4, 4, 128, generator=torch.Generator().manual_seed(4))
        wide *= torch.linspace(0, 4, 128).cos()
        plain = LatentCodec(vae).decode(wide)

        def change_at_borders(overlap):
            got = LatentCodec(vae, window=16, overlap=overlap).decode(wide)
            change = (got - plain).diff(dim=-1).abs().mean(dim=(0, 1, 2))
            starts = window_starts(128, 16, overlap)
            borders = sorted({*starts[1:], *(start + 16 for start in starts[:-1])})
            at_borders = torch.zeros_like(change, dtype=torch.bool)
            at_borders[[4 * column - 1 for column in borders]] = True
            return change[at_borders].mean() / change[~at_borders].mean()

        assert change_at_borders(overlap=0) > 1.4
        assert change_at_borders(overlap=4) < 1.2
