"""HiFi-GAN against transformers' network, and against the published definition spelt out."""

import math

import pytest
import torch
import torch.nn.functional as F

from auffusion.errors import InputError
from auffusion.mel import MelConfig
from auffusion.vocoder import HifiGan, HifiGanConfig, Vocoder

MEL = MelConfig(bands=16)
EVEN = {
    "num_mels": 16,
    "upsample_initial_channel": 32,
    "upsample_rates": [5, 4, 4, 2],
    "upsample_kernel_sizes": [11, 8, 8, 4],
    "resblock": "1",
    "resblock_kernel_sizes": [3, 7],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]],
}
ODD = EVEN | {"upsample_kernel_sizes": [16, 16, 4, 4]}  # 16 - 5 is odd
FIVE_STAGES = EVEN | {
    "upsample_rates": [5, 4, 2, 2, 2],
    "upsample_kernel_sizes": [16, 16, 8, 4, 4],
}
SINGLE = {"resblock": "2", "resblock_dilation_sizes": [[1, 3], [1, 3]]}


def published(config, seed=0):
    """Random weights under the published names, with old weight norm, of an audible size."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def convolution(name, *shape):
        fan_in = math.prod(shape[1:])
        return {
            f"{name}.weight_g": 1.0 + 0.2 * normal(shape[0], 1, 1),
            f"{name}.weight_v": normal(*shape) / math.sqrt(fan_in),
            f"{name}.bias": 0.1 * normal(bias_size[name]),
        }

    bias_size = {}
    channels = config["upsample_initial_channel"]
    bias_size["conv_pre"] = channels
    state = convolution("conv_pre", channels, config["num_mels"], 7)
    steps = 3 if config["resblock"] == "1" else 2
    lists = ["convs1", "convs2"] if config["resblock"] == "1" else ["convs"]
    kernels = config["resblock_kernel_sizes"]
    for i, width in enumerate(config["upsample_kernel_sizes"]):
        bias_size[f"ups.{i}"] = channels // 2
        state |= convolution(f"ups.{i}", channels, channels // 2, width)
        channels //= 2
        for j, kernel in enumerate(kernels):
            for layers in lists:
                for step in range(steps):
                    name = f"resblocks.{i * len(kernels) + j}.{layers}.{step}"
                    bias_size[name] = channels
                    state |= convolution(name, channels, channels, kernel)
    bias_size["conv_post"] = 1
    return state | convolution("conv_post", 1, channels, 7)


def spelt_out(config, state, x):
    """The published definition, straight from its text, with weight norm applied here."""

    def weight(name):
        v = state[f"{name}.weight_v"].double()
        return v * state[f"{name}.weight_g"].double() / v.square().sum((1, 2), keepdim=True).sqrt()

    def convolve(name, x, dilation=1):
        w = weight(name)
        padding = (w.shape[-1] * dilation - dilation) // 2
        return F.conv1d(x, w, state[f"{name}.bias"].double(), padding=padding, dilation=dilation)

    def residual(name, x, dilations):
        if config["resblock"] == "1":
            for step, dilation in enumerate(dilations[:3]):
                y = convolve(f"{name}.convs1.{step}", F.leaky_relu(x, 0.1), dilation)
                x = x + convolve(f"{name}.convs2.{step}", F.leaky_relu(y, 0.1))
        else:
            for step, dilation in enumerate(dilations[:2]):
                x = x + convolve(f"{name}.convs.{step}", F.leaky_relu(x, 0.1), dilation)
        return x

    x = convolve("conv_pre", x.double())
    blocks = config["resblock_dilation_sizes"]
    stages = zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True)
    for i, (rate, width) in enumerate(stages):
        length = x.shape[-1] * rate
        # The whole transposed convolution, then the part that padding leaves: (k - u)//2 samples
        # cut in front, one more when k - u is odd, and the length is L·u.
        full = F.conv_transpose1d(F.leaky_relu(x, 0.1), weight(f"ups.{i}"), stride=rate)
        cut = (width - rate) // 2 + (width - rate) % 2
        x = full[..., cut : cut + length] + state[f"ups.{i}.bias"].double()[:, None]
        names = [f"resblocks.{i * len(blocks) + j}" for j in range(len(blocks))]
        parts = [
            residual(name, x, dilations) for name, dilations in zip(names, blocks, strict=True)
        ]
        x = torch.stack(parts).mean(dim=0)
    return torch.tanh(convolve("conv_post", F.leaky_relu(x, 0.01)))[:, 0]


def log_mel(batch=2, frames=9):
    return torch.randn(batch, 16, frames, generator=torch.Generator().manual_seed(5)) * 2 - 5


@pytest.mark.parametrize(
    "config",
    [EVEN, ODD, FIVE_STAGES, EVEN | SINGLE, ODD | SINGLE],
    ids=["even", "odd", "five stages", "even, single", "odd, single"],
)
def test_it_computes_the_published_definition(config):
    state = published(config)
    vocoder = HifiGan.from_published(config, {"generator": state}, mel=MEL)
    with torch.no_grad():
        waveform = vocoder(log_mel())
    assert waveform.shape == (2, 9 * 160)
    assert waveform.std() > 0.01
    expected = spelt_out(config, state, log_mel()).float()
    torch.testing.assert_close(waveform, expected, atol=1e-5, rtol=0)


def test_even_kernels_equal_transformers():
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    state = published(EVEN)
    other = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=16,
            upsample_initial_channel=32,
            upsample_rates=EVEN["upsample_rates"],
            upsample_kernel_sizes=EVEN["upsample_kernel_sizes"],
            resblock_kernel_sizes=EVEN["resblock_kernel_sizes"],
            resblock_dilation_sizes=EVEN["resblock_dilation_sizes"],
            leaky_relu_slope=0.1,
            normalize_before=False,
        )
    )
    # Weight norm is theirs to fold, so that ours has a judge.
    other.apply_weight_norm()
    names = {name.replace("ups.", "upsampler."): weight for name, weight in state.items()}
    modern = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): weight
        for name, weight in names.items()
    }
    known = modern if modern.keys() <= other.state_dict().keys() else names
    missing, left_over = other.load_state_dict(known, strict=False)
    assert (sorted(missing), left_over) == (["mean", "scale"], [])
    ours = HifiGan.from_published(EVEN, {"generator": state}, mel=MEL)
    with torch.no_grad():
        expected = other(log_mel().transpose(1, 2))
        torch.testing.assert_close(ours(log_mel()), expected, atol=1e-5, rtol=0)


def test_a_batch_is_its_items():
    vocoder = HifiGan.from_published(ODD, published(ODD), mel=MEL)
    with torch.no_grad():
        each = torch.cat([vocoder(item[None]) for item in log_mel(3)])
        torch.testing.assert_close(vocoder(log_mel(3)), each, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kernels", [[11, 8, 8, 4], [16, 16, 4, 4], [5, 4, 4, 2], [10, 9, 7, 3]])
@pytest.mark.parametrize("frames", [1, 2, 31])
def test_every_frame_gives_a_hop_of_samples(kernels, frames):
    config = HifiGanConfig.from_dict(EVEN | {"upsample_kernel_sizes": kernels})
    assert HifiGan(config)(log_mel(1, frames)).shape == (1, frames * 160)


def test_a_released_size_has_the_published_number_of_keys_and_parameters():
    # 3·(2 + U + 6·U·K) keys with weight norm, two of the three when folded; 13.7 M parameters.
    with torch.device("meta"):
        vocoder = HifiGan()
    assert len(vocoder.state_dict()) * 3 // 2 == 234
    assert sum(p.numel() for p in vocoder.parameters()) == pytest.approx(13.7e6, rel=5e-3)
    assert len(published(EVEN)) == 3 * (2 + 4 + 6 * 4 * 2)


def test_weights_without_weight_norm_and_without_the_outer_name_load_too():
    state = published(EVEN)
    normed = HifiGan.from_published(EVEN, {"generator": state}, mel=MEL)
    bare = HifiGan.from_published(EVEN, normed.state_dict(), mel=MEL)
    assert torch.equal(normed(log_mel()), bare(log_mel()))
    assert not bare.training


@pytest.mark.parametrize(
    ("resblock", "layers"), [("1", 3), ("2", 2), (1, 2), (None, 2), ("one", 2)]
)
def test_only_the_string_1_means_the_double_block(resblock, layers):
    # The published code compares with the string; a number 1 has always meant the single block.
    config = HifiGanConfig.from_dict(EVEN | {"resblock": resblock})
    assert config.block_steps == layers
    assert hasattr(HifiGan(config).resblocks[0], "convs1") == (resblock == "1")


def test_keys_that_do_not_shape_the_generator_are_ignored():
    extra = {"sampling_rate": 44100, "hop_size": 1, "segment_size": 8192, "num_gpus": 0}
    assert HifiGanConfig.from_dict(EVEN | extra) == HifiGanConfig.from_dict(EVEN)


def test_both_kinds_of_network_are_vocoders():
    assert isinstance(HifiGan(HifiGanConfig.from_dict(EVEN)), Vocoder)
    assert not isinstance(torch.zeros(1), Vocoder)


def broken(change):
    state = published(EVEN)
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("conv_pre.bias"), r"1 missing \(conv_pre\.bias\)"),
        (lambda s: s.pop("ups.0.weight_g"), "weights of ups.0 are incomplete"),
        (lambda s: s.pop("ups.0.weight_v"), "weights of ups.0 are incomplete"),
        (lambda s: s.update({"ups.9.bias": torch.zeros(1)}), r"1 left over \(ups\.9\.bias\)"),
        (lambda s: s.update({"conv_post.bias": torch.zeros(2)}), "1 of another shape"),
        (lambda s: s["conv_pre.weight_v"].fill_(math.nan), r"1 not finite \(conv_pre\.weight\)"),
        (lambda s: s.update({"ups.0.weight_g": torch.ones(3)}), "one magnitude to each row"),
        (lambda s: s.update({"steps": 7}), "holds steps where weights are expected"),
        (lambda s: s.clear(), "holds no generator weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, message):
    with pytest.raises(InputError, match=message):
        HifiGan.from_published(EVEN, {"generator": broken(change)}, mel=MEL)


@pytest.mark.parametrize("content", [[], 3, {"generator": 3}, {"generator": {}}, None])
def test_a_file_of_something_else_is_refused(content):
    with pytest.raises(InputError, match="holds no generator weights"):
        HifiGan.from_published(EVEN, content, mel=MEL)


def test_weights_of_another_config_are_refused_with_counts():
    with pytest.raises(InputError, match=r"missing \(.*left over \(resblocks.*one and the same"):
        HifiGan.from_published(EVEN | SINGLE, published(EVEN), mel=MEL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_mels": 80}, "reads 80 mel bands and the front-end makes 16"),
        ({"upsample_rates": [4, 4, 4, 2]}, "give 128 samples a frame and the front-end takes 160"),
        ({"upsample_rates": [5, 4, 8]}, "must be of the same number"),
        ({"upsample_kernel_sizes": [4, 8, 8, 4]}, "cannot upsample by 5 with a kernel of 4"),
        ({"upsample_rates": [5, 4, 8, 1]}, "cannot upsample by 1 with a kernel of 4"),
        ({"upsample_initial_channel": 8}, "survive 4 halvings"),
        ({"resblock_kernel_sizes": [3, 4]}, "must be odd"),
        ({"resblock_kernel_sizes": [3]}, "as many as"),
        ({"resblock_dilation_sizes": [[1, 3], [1, 3]]}, "at least 3 positive dilations"),
        ({"resblock_dilation_sizes": [[1, 3, 0], [1, 3, 5]]}, "positive dilations"),
        ({"num_mels": "16"}, "'num_mels' .* must be a whole number, not '16'"),
        ({"num_mels": True}, "must be a whole number, not True"),
        ({"upsample_rates": 160}, "must be a list of whole numbers, not 160"),
        ({"upsample_rates": [5, 4.0, 4, 2]}, "must be a list of whole numbers"),
        ({"resblock_dilation_sizes": [1, 3]}, "must be a list of lists of whole numbers"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        HifiGan.from_published(EVEN | change, published(EVEN), mel=MEL)


def test_a_config_with_missing_keys_names_them():
    config = {key: value for key, value in EVEN.items() if key not in ("resblock", "num_mels")}
    with pytest.raises(InputError, match="lacks num_mels, resblock: use the config"):
        HifiGanConfig.from_dict(config)
