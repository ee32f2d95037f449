"""The Fréchet distance where its value is known, and against scipy's root where it is right."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

from auffusion.errors import InputError
from auffusion.evaluate.frechet import (
    Gaussian,
    GaussianStatistics,
    frechet_distance,
    gaussian_distance,
)
from auffusion.evaluate.frechet_sqrtm import sqrtm_frechet_distance


def features(rows, width, seed, *, dead=0):
    """As a network with a last ReLU gives them: no negative values, some features never alive."""
    generator = np.random.default_rng(seed)
    mixed = (
        generator.normal(size=(rows, width)) @ generator.normal(size=(width, width)) / width**0.5
    )
    alive = np.maximum(mixed + generator.normal(size=width), 0.0)
    alive[:, :dead] = 0.0
    return alive


def dense(rows, width, seed):
    """Features whose covariance is far from singular, for which the root is well known."""
    return features(rows, width, seed) + np.random.default_rng(seed).normal(size=(rows, width))


def with_moments(mean, deviations, rows, seed):
    """Rows whose sample mean and covariance are exactly these."""
    drawn = np.random.default_rng(seed).normal(size=(rows, len(mean)))
    drawn -= drawn.mean(axis=0)
    whitened = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return whitened * deviations + mean


def by_sqrtm(a, b):
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(scipy.linalg.sqrtm(first @ second))
    step = a.mean(axis=0) - b.mean(axis=0)
    return step @ step + np.trace(first) + np.trace(second) - 2 * np.trace(root)


def test_gaussians_along_the_axes_have_the_distance_of_the_textbook():
    a = with_moments(np.array([0.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0]), 40, 0)
    b = with_moments(np.array([1.0, 2.0, 1.0]), np.array([2.0, 2.0, 0.5]), 30, 1)
    wanted = 1.0 + 4.0 + (2.0 - 1.0) ** 2 + (3.0 - 0.5) ** 2
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-12)


def test_one_feature_needs_no_root():
    a, b = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [1.5]])
    wanted = (2.0 - 1.25) ** 2 + (2.0 - np.sqrt(0.125)) ** 2
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "others", "width"),
    [(300, 300, 24), (200, 90, 24), (60, 60, 24)],
)
def test_where_scipy_is_right_it_says_the_same(rows, others, width):
    a, b = dense(rows, width, 0), dense(others, width, 1)
    assert frechet_distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-7)


@pytest.mark.parametrize(("rows", "width"), [(20, 64), (40, 200)])
def test_fewer_rows_than_features_agree_with_a_root_in_many_digits(rows, width, monkeypatch):
    a, b = features(rows, width, 2), features(rows - 3, width, 3)
    centred = [x - x.mean(axis=0) for x in (a, b)]
    monkeypatch.setattr(mpmath.mp, "dps", 40)
    # The non-zero eigenvalues of the product of the covariances are those of this small matrix.
    cross = mpmath.matrix((centred[0] @ centred[1].T).tolist())
    product = cross.T * cross / ((len(a) - 1) * (len(b) - 1))
    eigenvalues = mpmath.eigsy(product, eigvals_only=True)
    root = sum(mpmath.sqrt(max(value, mpmath.mpf(0))) for value in eigenvalues)
    step = a.mean(axis=0) - b.mean(axis=0)
    spread = sum(np.square(x).sum() / (len(x) - 1) for x in centred)
    wanted = float(step @ step + spread - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-10)


def test_the_ways_of_few_and_of_many_rows_meet():
    for rows in (15, 16, 17, 18):  # around the number of features
        a, b = features(rows, 16, 4), features(rows, 16, 5)
        both = gaussian_distance(GaussianStatistics.of(a), GaussianStatistics.of(b))
        assert frechet_distance(a, b) == pytest.approx(both, rel=1e-6)


def test_a_set_has_no_distance_from_itself_in_any_order():
    for a in (features(50, 8, 0), features(20, 64, 0), features(40, 64, 0, dead=50)):
        assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-10)
        assert frechet_distance(a, a[::-1]) == pytest.approx(0.0, abs=1e-10)


def test_it_is_symmetric_and_does_not_mind_rotations_and_shifts():
    a, b = features(30, 12, 6), features(40, 12, 7)
    turn = np.linalg.qr(np.random.default_rng(8).normal(size=(12, 12)))[0]
    far = frechet_distance(a, b)
    assert frechet_distance(b, a) == pytest.approx(far, rel=1e-10)
    assert frechet_distance(a @ turn + 1e3, b @ turn + 1e3) == pytest.approx(far, rel=1e-8)


def test_features_without_any_spread_are_compared_by_their_means():
    silence = np.tile(np.arange(6.0), (5, 1))
    assert frechet_distance(silence, silence + 1.0) == pytest.approx(6.0)
    drawn = features(30, 6, 9)
    spread = np.trace(np.cov(drawn, rowvar=False))
    step = np.square(drawn.mean(axis=0) - silence[0]).sum()
    assert frechet_distance(drawn, silence) == pytest.approx(step + spread, rel=1e-9)


def test_statistics_of_pieces_are_those_of_the_whole():
    rows = features(100, 7, 10) + 1e4  # far from zero, where naive sums lose their digits
    pieces = [rows[:1], rows[1:40], rows[40:]]
    merged = GaussianStatistics.of_pieces(iter(pieces))
    assert merged.count == 100
    np.testing.assert_allclose(merged.mean, rows.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(merged.covariance, np.cov(rows, rowvar=False), rtol=1e-9, atol=1e-9)


def test_no_pieces_have_no_statistics():
    with pytest.raises(InputError, match="no features to sum up"):
        GaussianStatistics.of_pieces([])


def test_the_original_formula_is_there_by_name_and_close():
    a, b = features(80, 16, 11), features(90, 16, 12)
    assert sqrtm_frechet_distance(a, b) == pytest.approx(frechet_distance(a, b), rel=1e-5)
    one = sqrtm_frechet_distance(a[:, :1], b[:, :1])
    assert one == pytest.approx(frechet_distance(a[:, :1], b[:, :1]), rel=1e-5)


def test_a_root_that_failed_is_no_score(monkeypatch):
    a, b = features(80, 4, 11), features(90, 4, 12)
    # What scipy 1.11.4 gave for features like these (issue 19415): imaginary parts of 1e17.
    monkeypatch.setattr(scipy.linalg, "sqrtm", lambda matrix: matrix + 1e17j)
    with pytest.raises(InputError, match=r"imaginary parts of 1e\+17: use the exact"):
        sqrtm_frechet_distance(a, b)
    monkeypatch.setattr(scipy.linalg, "sqrtm", lambda matrix: matrix * np.nan)
    with pytest.raises(InputError, match="found no root"):
        sqrtm_frechet_distance(a, b)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), "reference's features have 1 rows, expected at least 2"),
        (np.ones((4, 3)), np.ones((0, 3)), "generated clips' features have 0 rows"),
        (np.ones((4, 3)), np.ones((4, 2)), "has 3 features and the generated clips 2"),
        (np.ones(4), np.ones((4, 2)), r"shape \(4,\), expected \[row, feature\]"),
        (np.ones((4, 0)), np.ones((4, 0)), r"shape \(4, 0\)"),
        ([[1.0], [np.nan]], [[1.0], [2.0]], "NaN or infinite values in row 1"),
        ([[1.0], [2.0]], [[np.inf], [2.0]], "NaN or infinite values in row 0"),
    ],
)
def test_what_has_no_distance_is_refused_in_a_sentence(a, b, sentence):
    with pytest.raises(InputError, match=sentence):
        frechet_distance(a, b)


def test_damaged_statistics_are_refused():
    good = GaussianStatistics.of(features(9, 3, 0))
    with pytest.raises(InputError, match="at least 2 rows, but there are 1"):
        gaussian_distance(good, GaussianStatistics.of(np.ones((1, 3))))
    bad = GaussianStatistics(count=9, mean=good.mean, scatter=-good.scatter)
    with pytest.raises(InputError, match="which no rows give"):
        Gaussian.of_statistics(bad)
    with pytest.raises(InputError, match="3 features and the generated clips 2"):
        gaussian_distance(good, GaussianStatistics.of(np.ones((4, 2))))
