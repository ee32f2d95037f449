"""Where the mask of a local blend lies, by energy put where it is known."""

import pytest
import torch

from auffusion.attention import AttentionSite, controlled
from auffusion.edit.local_blend import LocalBlend
from auffusion.errors import InputError
from auffusion.latent import window_starts
from auffusion.pipeline import tiny_pipeline

# The level of the published code at its size: a latent of 32x128, grids of 8x32.
NAMES = ("down.0", "down.1", "up.0", "up.1", "up.2")
ROWS = torch.zeros(2, 77, dtype=torch.bool)
ROWS[0, 2] = ROWS[1, 3] = True


def site(name="down.0", height=8, width=32):
    return AttentionSite(name=name, place="down", cross=True, height=height, width=width)


def map_with(*energies, height=8, width=32):
    """Maps of two items whose words are attended to at some places of some items alone."""
    maps = torch.zeros(2, 2, height, width, 77)
    for item, rows, columns in energies:
        maps[item, :, rows, columns, 2 + item] = 1.0
    return maps.flatten(2, 3)


def coverage(mask):
    """Share of each quarter in time that a mask covers."""
    return [part.float().mean().item() for part in mask.chunk(4, dim=-1)]


def looked(maps, **options):
    blend = LocalBlend(ROWS, heights=(8,), **options)
    blend.begin(4)
    for name in NAMES:
        assert blend.wants(site(name))
        assert torch.equal(blend.attend(site(name), maps), maps)
    return blend


EVERYWHERE = slice(None)


def test_energy_in_the_last_quarter_selects_the_last_quarter():
    mask = looked(map_with((0, EVERYWHERE, slice(24, 32)))).mask(32, 128)
    # One column more: the largest of 3x3 places.
    assert coverage(mask[0]) == [0.0, 0.0, 0.125, 1.0]
    assert torch.equal(mask[1], mask[0])


def test_energy_in_the_highest_bands_selects_the_highest_rows():
    mask = looked(map_with((0, slice(0, 2), EVERYWHERE))).mask(32, 128)[0]
    assert mask[:12].all()  # two rows and the one beside them, four times as large
    assert not mask[12:].any()


def test_a_grid_of_another_shape_than_a_square_is_kept():
    """The published code takes these 256 places for 16x16: energy at the end is not at the end."""
    maps = map_with((0, EVERYWHERE, slice(24, 32)))
    as_square = maps[0, 0, :, 2].view(16, 16).amax(0)
    assert as_square.nonzero().flatten().tolist() != list(range(12, 16))
    assert not looked(maps).mask(32, 128)[0, :, :80].any()


def test_masks_of_source_and_edit_are_united():
    maps = map_with((0, EVERYWHERE, slice(24, 32)), (1, EVERYWHERE, slice(0, 8)))
    mask = looked(maps).mask(32, 128)
    assert coverage(mask[1]) == [1.0, 0.125, 0.125, 1.0]
    assert coverage(mask[0]) == [0.0, 0.0, 0.125, 1.0]


def test_the_edit_is_the_source_outside_the_mask_and_itself_within():
    blend = looked(map_with((1, EVERYWHERE, slice(24, 32))))
    latent = torch.randn(2, 4, 32, 128, generator=torch.Generator().manual_seed(1))
    after = blend.on_step(0, torch.tensor(9), latent)
    assert torch.equal(after[0], latent[0])
    assert torch.equal(after[1, ..., :92], latent[0, ..., :92])
    assert torch.equal(after[1, ..., 92:], latent[1, ..., 92:])


def test_what_is_weak_is_left_out():
    strong, weak = map_with((0, EVERYWHERE, slice(0, 8))), map_with((0, EVERYWHERE, slice(16, 24)))
    covered = [coverage(looked(strong + share * weak).mask(32, 128)[0]) for share in (0.2, 0.5)]
    assert covered[0] == [1.0, 0.125, 0.0, 0.0]
    assert covered[1] == [1.0, 0.25, 1.0, 0.125]
    everything = looked(strong + 0.2 * weak, threshold=0.1).mask(32, 128)[0]
    assert coverage(everything) == covered[1]


def test_maps_are_summed_over_the_steps_and_forgotten_with_a_new_walk():
    blend = looked(map_with((0, EVERYWHERE, slice(24, 32))))
    latent = torch.zeros(2, 4, 32, 128)
    blend.on_step(0, torch.tensor(9), latent)
    for name in NAMES:
        blend.attend(site(name), map_with((0, EVERYWHERE, slice(0, 8))))
    assert coverage(blend.mask(32, 128)[0]) == [1.0, 0.125, 0.125, 1.0]
    blend.begin(4)
    blend.attend(site(), map_with((0, EVERYWHERE, slice(0, 8))))
    assert coverage(blend.mask(32, 128)[0]) == [1.0, 0.125, 0.0, 0.0]


def test_several_words_are_looked_at_together():
    rows = ROWS.clone()
    rows[0, 5] = True
    maps = map_with((0, EVERYWHERE, slice(24, 32)))
    maps.view(2, 2, 8, 32, 77)[0, :, :, :8, 5] = 1.0
    blend = LocalBlend(rows, heights=(8,))
    blend.begin(4)
    blend.attend(site(), maps)
    assert coverage(blend.mask(32, 128)[0]) == [1.0, 0.125, 0.125, 1.0]


def test_several_levels_are_looked_at_together():
    blend = LocalBlend(ROWS, heights=(8, 16))
    blend.begin(4)
    blend.attend(site(), map_with((0, EVERYWHERE, slice(24, 32))))
    blend.attend(site("fine", 16, 64), map_with((0, EVERYWHERE, slice(0, 16)), height=16, width=64))
    assert coverage(blend.mask(32, 128)[0]) == [1.0, 0.0625, 0.125, 1.0]
    assert not blend.wants(site("coarse", 4, 16))


def test_a_longer_sound_is_looked_at_window_by_window():
    width, window, overlap = 224, 128, 32
    blend = LocalBlend(ROWS, heights=(8,), window=window, overlap=overlap)
    blend.begin(4)
    assert window_starts(width, window, overlap) == [0, 96]
    for first in (0, 24):  # in grid columns: the first window sees nothing, the second its end
        columns = slice(48 - first, 56 - first) if first else slice(0, 0)
        for name in NAMES:
            blend.attend(site(name), map_with((0, EVERYWHERE, columns)))
    mask = blend.mask(32, width)[0]
    # Columns 48 to 55 of 56, one more on the left, four latent columns each.
    assert mask.all(dim=0).nonzero().flatten().tolist() == list(range(47 * 4, width))
    with pytest.raises(InputError, match="3 were expected"):
        blend.mask(32, 320)


def test_a_sound_shorter_than_the_window_is_one_call():
    blend = LocalBlend(ROWS, heights=(8,), window=128, overlap=32)
    blend.begin(4)
    blend.attend(site(width=6), map_with((0, EVERYWHERE, slice(0, 2)), width=6))
    mask = blend.mask(32, 24)[0]
    assert mask.all(dim=0).nonzero().flatten().tolist() == list(range(12))


def test_a_threshold_out_of_range_is_refused():
    for threshold in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match="out of range"):
            LocalBlend(ROWS, heights=(8,), threshold=threshold)


@torch.no_grad()
def test_looking_changes_no_bit_of_a_network_and_its_grid_is_the_latents():
    unet = tiny_pipeline().unet
    latent = torch.randn(2, 4, 8, 32, generator=torch.Generator().manual_seed(1))
    context = torch.randn(2, 77, 16, generator=torch.Generator().manual_seed(2))
    before = unet(latent, 500, encoder_hidden_states=context).sample
    blend = LocalBlend(ROWS, heights=(8,))
    blend.begin(1)
    with controlled(unet, blend, 2):
        assert torch.equal(unet(latent, 500, encoder_hidden_states=context).sample, before)
    assert blend.mask(8, 32).shape == (2, 8, 32)
