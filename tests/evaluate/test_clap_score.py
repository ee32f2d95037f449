import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.evaluate.clap_score import clap_score

TEXTS, SOUNDS = np.random.default_rng(0).normal(size=(2, 9, 16))


def test_it_is_the_cosine_whatever_the_lengths():
    wanted = torch.cosine_similarity(torch.from_numpy(TEXTS), torch.from_numpy(SOUNDS)).numpy()
    np.testing.assert_allclose(clap_score(TEXTS, SOUNDS), wanted, rtol=1e-12)
    np.testing.assert_allclose(clap_score(3 * TEXTS, SOUNDS / 7), wanted, rtol=1e-12)


def test_a_text_fits_itself_fully_and_its_opposite_not_at_all():
    np.testing.assert_allclose(clap_score(TEXTS, TEXTS), 1.0)
    np.testing.assert_allclose(clap_score(TEXTS, -TEXTS), -1.0)


def test_shuffled_captions_lose_the_score_of_the_right_ones():
    sounds = TEXTS + 0.3 * SOUNDS
    assert clap_score(TEXTS, sounds).mean() > 0.9
    assert abs(clap_score(np.roll(TEXTS, 1, axis=0), sounds).mean()) < 0.3


@pytest.mark.parametrize(
    ("texts", "sounds", "sentence"),
    [
        (TEXTS, SOUNDS[:-1], "9 rows and the generated clips 8"),
        (TEXTS, SOUNDS[:, 1:], "16 features"),
        (TEXTS, SOUNDS * (np.arange(9) != 4)[:, None], "sounds' embeddings are zero in row 4"),
        (TEXTS[:0], SOUNDS[:0], "texts' embeddings have 0 rows"),
        (TEXTS * np.nan, SOUNDS, "NaN or infinite values in row 0"),
    ],
)
def test_what_has_no_angle_is_refused(texts, sounds, sentence):
    with pytest.raises(InputError, match=sentence):
        clap_score(texts, sounds)
