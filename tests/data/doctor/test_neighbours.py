import numpy as np
import pytest

from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.examination import Examined, Measure
from auffusion.data.doctor.fingerprint import (
    COURSE_SIZE,
    NEAR_LENGTH,
    SHAPE_SIZE,
    Fingerprint,
    same_course,
)
from auffusion.data.doctor.manifest import Row
from auffusion.data.doctor.neighbours import Kin, find_near
from auffusion.data.doctor.store import Store

SPLITS = ["train", "validation", "test"]


def crowd(count, seed):
    """Fingerprints of which many are near each other: families around a few ancestors."""
    rng = np.random.default_rng(seed)
    ancestors = rng.standard_normal((count // 8 + 1, SHAPE_SIZE + COURSE_SIZE))
    lengths = rng.choice([16_000, 16_400, 16_900, 160_000], len(ancestors))
    prints = []
    for _ in range(count):
        family = int(rng.integers(len(ancestors)))
        vector = ancestors[family] + rng.choice([0.03, 0.055, 0.2]) * rng.standard_normal(
            SHAPE_SIZE + COURSE_SIZE
        )
        shape = vector[:SHAPE_SIZE] / np.linalg.norm(vector[:SHAPE_SIZE])
        length = int(lengths[family] + rng.integers(-300, 300))
        prints.append(
            Fingerprint(
                length=length,
                shape=shape.astype(np.float16),
                course=vector[SHAPE_SIZE:].astype(np.float16),
            )
        )
    return prints


def stored(prints, parts, splits):
    store = Store(Checks())
    for number, (print, part, split) in enumerate(zip(prints, parts, splits, strict=True)):
        row = Row(place=f"a:{number}", id="", path="a", captions=(), split=split)
        store.add_row(number, part, row)
        measure = Measure(
            content=number.to_bytes(4), seconds=1.0, peak_db=-1.0, rms_db=-9.0, print=print
        )
        store.add_examined(Examined(number=number, faults=(), measure=measure))
    return store


def by_all_pairs(prints, parts, splits):
    """The definition: every row against every other."""
    kin = {}
    shapes = np.array([one.shape for one in prints]).astype(np.float32)
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    courses = np.array([one.course for one in prints]).astype(np.float32)
    cosines = shapes @ shapes.T
    for row in range(len(prints)):
        for other in range(len(prints)):
            near = (
                row != other
                and cosines[row, other] > 0.9985
                and abs(prints[row].length - prints[other].length) <= NEAR_LENGTH
                and same_course(courses[row][None], courses[other][None])[0]
            )
            if not near or parts[row]:
                continue
            here, there = SPLITS.index(splits[row]), SPLITS.index(splits[other])
            kind = (
                Kin.SET
                if parts[other]
                else Kin.COPY
                if here == there and other < row
                else Kin.SPLIT
                if here < there
                else None
            )
            if kind is not None:
                kin[row, int(kind)] = min(kin.get((row, int(kind)), other), other)
    return kin


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("block", [3, 50, 1024])
def test_the_search_by_blocks_finds_what_all_pairs_do(seed, block):
    rng = np.random.default_rng(seed)
    prints = crowd(160, seed)
    parts = rng.choice([0, 0, 0, 1], len(prints)).tolist()
    splits = rng.choice(SPLITS, len(prints)).tolist()
    store = stored(prints, parts, splits)
    find_near(store, block=block)
    found = {(row, kind): other for row, kind, other in store.db.execute("SELECT * FROM kin")}
    store.close()
    wanted = by_all_pairs(prints, parts, splits)
    assert {kind for _, kind in wanted} == {0, 1, 2}
    assert found == wanted


def test_a_choir_of_equal_sounds_keeps_the_first():
    print = crowd(1, 0)[0]
    store = stored([print] * 500, [0] * 500, ["train"] * 500)
    find_near(store, block=64)
    assert set(store.db.execute("SELECT number, other FROM kin")) == {
        (number, 0) for number in range(1, 500)
    }
    store.close()


def test_no_sounds_have_no_neighbours():
    store = stored([], [], [])
    find_near(store)
    assert store.one("SELECT COUNT(*) FROM kin") == (0,)
    store.close()
