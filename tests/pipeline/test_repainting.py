"""Inpaint, extend, loop, upsample: the recording's own samples stay, whatever its form."""

import pytest
import torch

from auffusion.audio import resample
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.loudness import level

PROMPT = "a dog"
FEW = {"num_inference_steps": 2, "seed": 5}


def sound_of(rate=16_000, channels=1, seconds=0.96, dtype=torch.float32, loudness=0.1):
    generator = torch.Generator().manual_seed(rate + channels)
    return loudness * torch.randn(channels, round(rate * seconds), generator=generator, dtype=dtype)


def stored(sound, bits):
    """Whole numbers of so many bits, as a file holds them."""
    return (sound * 2 ** (bits - 1)).trunc() / 2 ** (bits - 1)


FORMS = [
    pytest.param(16_000, 1, 16, torch.float32, id="mono 16 kHz"),
    pytest.param(44_100, 2, 16, torch.float32, id="stereo 44.1 kHz"),
    pytest.param(48_000, 1, 24, torch.float32, id="24 bits"),
    pytest.param(8_000, 2, 16, torch.float32, id="telephone"),
    pytest.param(96_000, 2, 32, torch.float64, id="32 bits"),
]


@pytest.mark.parametrize(("rate", "channels", "bits", "dtype"), FORMS)
def test_inpainting_keeps_every_sample_outside_of_the_interval(
    shared_tiny, rate, channels, bits, dtype
):
    sound = stored(sound_of(rate, channels, dtype=dtype), bits)
    result = shared_tiny.inpaint(sound, rate, PROMPT, intervals=[(0.32, 0.64)], **FEW)
    first, end = round(0.32 * rate), round(0.64 * rate)
    assert isinstance(result, EditedRecording)
    assert (result.audio.shape, result.audio.dtype) == (sound.shape, dtype)
    assert (result.sampling_rate, result.seed) == (rate, 5)
    assert torch.equal(result.audio[:, :first], sound[:, :first])
    assert torch.equal(result.audio[:, end:], sound[:, end:])
    inside = (result.audio != sound)[:, first:end]
    assert inside.float().mean() > 0.99


def test_what_is_new_in_every_channel_has_that_channel_s_level(shared_tiny):
    sound = sound_of(channels=1).repeat(2, 1) * torch.tensor([[1.0], [0.25]])
    result = shared_tiny.inpaint(sound, 16_000, PROMPT, intervals=[(0.3, 0.7)], **FEW)
    new = result.audio[:, 6_000:10_000]
    assert torch.allclose(new[1], new[0] / 4, atol=1e-6)


def test_the_recording_s_loudness_decides_that_of_what_is_new(shared_tiny):
    sound = sound_of(loudness=0.2).clamp(-1, 1)
    loud, quiet = (
        shared_tiny.inpaint(s, 16_000, PROMPT, intervals=[(0.3, 0.7)], **FEW).audio
        for s in (sound, sound / 8)
    )
    assert torch.allclose(loud[:, 6_000:10_000] / 8, quiet[:, 6_000:10_000], atol=1e-5)


def test_nothing_new_exceeds_full_scale(shared_tiny):
    sound = sound_of(loudness=0.5).clamp(-1, 1)
    result = shared_tiny.inpaint(sound, 16_000, PROMPT, intervals=[(0.0, 0.9)], **FEW)
    new = result.audio[:, : round(0.88 * 16_000)]  # up to the fade, where two sounds meet
    assert new.abs().max() <= 1.0 + 1e-6


def test_many_intervals_and_boxes_are_made_at_once(shared_tiny):
    sound = sound_of()
    result = shared_tiny.inpaint(
        sound,
        16_000,
        PROMPT,
        intervals=[(0.1, 0.2), (0.8, 0.9)],
        boxes=[(0.4, 0.6, 1000.0, 3000.0)],
        **FEW,
    )
    changed = (result.audio != sound)[0]
    places = [(0.1, 0.2), (0.4, 0.6), (0.8, 0.9)]
    mask = torch.zeros_like(changed)
    for start, end in places:
        mask[round(start * 16_000) : round(end * 16_000)] = True
    assert not changed[~mask].any()
    assert changed[mask].float().mean() > 0.9
    assert [(r.start_s, r.end_s) for r in result.regions] == [places[0], places[2], places[1]]


def test_outside_the_regions_the_latent_is_the_recording_s(shared_tiny):
    sound = sound_of()
    part = shared_tiny.inpaint(sound, 16_000, PROMPT, intervals=[(0.32, 0.64)], **FEW)
    other = shared_tiny.inpaint(sound, 16_000, None, intervals=[(0.64, 0.96)], **FEW)
    assert torch.equal(part.latents[..., :4], other.latents[..., :4])
    assert not torch.equal(part.latents[..., 4:8], other.latents[..., 4:8])


def test_without_a_prompt_no_text_is_asked_for(shared_tiny):
    batches = []
    unet = shared_tiny.unet
    handle = unet.register_forward_pre_hook(
        lambda _, inputs, named: batches.append((len(inputs[0]), named["encoder_hidden_states"])),
        with_kwargs=True,
    )
    shared_tiny.inpaint(sound_of(), 16_000, intervals=[(0.3, 0.6)], **FEW)
    handle.remove()
    assert {size for size, _ in batches} == {1}
    assert not any(embedding.any() for _, embedding in batches)


def test_a_recording_longer_than_the_window_works(shared_tiny):
    sound = sound_of(seconds=4.0)
    result = shared_tiny.inpaint(sound, 16_000, PROMPT, intervals=[(1.5, 2.5)], **FEW)
    assert torch.equal(result.audio[:, :24_000], sound[:, :24_000])
    assert torch.equal(result.audio[:, 40_000:], sound[:, 40_000:])


@pytest.mark.parametrize(("rate", "channels", "bits", "dtype"), FORMS[1:3])
def test_extending_adds_seconds_and_keeps_the_recording(shared_tiny, rate, channels, bits, dtype):
    sound = stored(sound_of(rate, channels, dtype=dtype), bits)
    result = shared_tiny.extend(sound, rate, PROMPT, before_s=0.5, after_s=0.75, seam_s=0.05, **FEW)
    before, seam, samples = round(0.5 * rate), round(0.05 * rate), sound.shape[-1]
    assert result.audio.shape == (channels, before + samples + round(0.75 * rate))
    kept = result.audio[:, before + seam : before + samples - seam]
    assert torch.equal(kept, sound[:, seam : samples - seam])
    for new in (result.audio[:, :before], result.audio[:, before + samples :]):
        assert level(new).min() > 0.01 * level(sound).max()


def test_the_seam_of_an_extension_does_not_click(shared_tiny):
    steady = 0.3 * torch.sin(torch.arange(16_000) / 20)[None]
    result = shared_tiny.extend(steady, 16_000, PROMPT, after_s=0.5, **FEW).audio[0]
    steps = result.diff().abs()
    seam = steps[16_000 - 1_700 : 16_000 + 100]
    assert seam.max() <= 1.5 * max(steps[:12_000].max(), steps[17_000:].max())


def test_a_loop_meets_its_beginning(shared_tiny):
    # A ramp: as it stands, end and beginning are as far apart as can be.
    ramp = torch.linspace(-0.5, 0.5, 16_000)[None] + 0.02 * sound_of(seconds=1.0)
    result = shared_tiny.loop(ramp, 16_000, junction_s=0.4, **FEW)
    sound = result.audio[0]
    assert torch.equal(result.audio[:, 3_200:-3_200], ramp[:, 3_200:-3_200])
    around = torch.cat([sound[-2_000:], sound[:2_000]])
    seam, usual = around.diff().abs()[1_999], around.diff().abs()
    assert seam <= usual.max()
    assert seam < 0.2
    curve, curves = around.diff().diff().abs()[1_997:2_000].max(), around.diff().diff().abs()
    assert curve <= curves.max()
    levels = [level(piece[None]).item() for piece in (sound[-800:], sound[:800])]
    assert max(levels) < 4 * min(levels)
    assert [(r.start_s, r.end_s) for r in result.regions] == [(0.0, 0.2), (0.8, 1.0)]


def test_a_loop_of_an_odd_number_of_samples_keeps_them(shared_tiny):
    sound = sound_of(seconds=0.96)[:, :-1]
    result = shared_tiny.loop(sound, 16_000, junction_s=0.3, **FEW)
    assert result.audio.shape == sound.shape
    assert torch.equal(result.audio[:, 2_401:-2_400], sound[:, 2_401:-2_400])


def spectrum_of(sound, rate):
    """Frequencies and magnitudes; a window leaves the ends out, where every frequency is."""
    windowed = sound.double() * torch.hann_window(sound.shape[-1], dtype=torch.float64)
    return torch.fft.rfftfreq(sound.shape[-1], 1 / rate), torch.fft.rfft(windowed).abs()


@pytest.mark.parametrize("given", [None, 3_800.0])
def test_upsampling_leaves_what_is_below_the_cutoff(shared_tiny, given):
    full = sound_of(seconds=1.0)
    telephone = resample(full, 16_000, 8_000)
    result = shared_tiny.upsample(telephone, 8_000, PROMPT, cutoff_hz=given, **FEW)
    dull = resample(telephone, 8_000, 16_000)
    assert (result.sampling_rate, result.audio.shape) == (16_000, dull.shape)
    (region,) = result.regions
    assert 3_500 < region.low_hz < 4_000
    change = result.audio - dull
    hertz, changed = spectrum_of(change, 16_000)
    _, present = spectrum_of(dull, 16_000)
    # -100 dB of what is there.
    assert changed[:, hertz < region.low_hz - 50].max() < 1e-5 * present.max()
    assert level(change) > 0.01 * level(dull)


def test_upsampling_leaves_what_is_above_the_model_s_band(shared_tiny):
    sound = sound_of(44_100, 2, seconds=1.0)
    result = shared_tiny.upsample(sound, 44_100, cutoff_hz=4_000.0, **FEW)
    hertz, spectrum = spectrum_of(result.audio - sound, 44_100)
    inside = spectrum[:, (hertz > 4_100) & (hertz < 7_900)].mean()
    assert spectrum[:, hertz > 8_100].max() < 1e-3 * inside
    assert spectrum[:, hertz < 3_950].max() < 1e-3 * inside


def test_rounds_ask_the_network_more_often(tiny):
    tiny.scheduler = make_scheduler("ddim", tiny.scheduler.config)
    calls = []
    tiny.unet.register_forward_pre_hook(lambda *_: calls.append(1))
    tiny.inpaint(sound_of(), 16_000, intervals=[(0.3, 0.6)], rounds=3, num_inference_steps=4)
    assert len(calls) == 3 * 3 + 1


@pytest.mark.parametrize(
    ("method", "given", "sentence"),
    [
        ("inpaint", {}, "nothing is to be made anew"),
        ("inpaint", {"intervals": [(0.5, 2.0)]}, "does not lie within the recording"),
        ("inpaint", {"intervals": [(0.5, 0.2)]}, "is none"),
        ("inpaint", {"boxes": [(0.1, 0.2, 900.0, 100.0)]}, "the band from 900 to 100 Hz is none"),
        ("inpaint", {"intervals": [(0.1, 0.2)], "fade_s": -1.0}, "a cross-fade of -1 s"),
        ("inpaint", {"intervals": [(0.1, 0.2)], "strength": 2.0}, "the strength 2.0"),
        ("inpaint", {"intervals": [(0.1, 0.2)], "rounds": 0}, "0 rounds cannot be made"),
        (
            "inpaint",
            {"intervals": [(0.1, 0.2)], "rounds": 2},
            "PNDMScheduler steps from several latents",
        ),
        ("inpaint", {"intervals": [(0.1, 0.2)], "negative_prompt": "x"}, "without a prompt"),
        ("extend", {}, "expected 0 or more each"),
        ("extend", {"before_s": -1.0, "after_s": 2.0}, "-1 s before and 2 s after"),
        ("extend", {"after_s": 900.0}, "out of range"),
        ("loop", {"junction_s": 0.9}, "a junction of 0.9 s does not fit"),
        ("loop", {"junction_s": 0.0}, "a junction of 0 s does not fit"),
        ("upsample", {}, "nothing is missing|no cutoff was found"),
        ("upsample", {"cutoff_hz": 100.0}, "a cutoff of 100 Hz is out of range"),
        ("upsample", {"cutoff_hz": 8_000.0}, "a cutoff of 8000 Hz is out of range"),
    ],
)
def test_what_makes_no_sense_is_refused(shared_tiny, method, given, sentence):
    with pytest.raises(InputError, match=sentence):
        getattr(shared_tiny, method)(sound_of(), 16_000, **FEW, **given)
