"""Systems of a table: what each makes, what stays, and what each needs."""

import shutil

import numpy as np
import pytest
import soundfile as sf
import torch
from small_tables import SOUNDS
from tiny_rivals import write_tangoflux

from auffusion.audio import read_metadata
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.recipes.tables.items import Item, item_seed
from auffusion.recipes.tables.model_system import ModelSystem
from auffusion.recipes.tables.needs import Equipment
from auffusion.recipes.tables.plain_systems import RecordingsSystem, ShuffledSystem, SilenceSystem
from auffusion.recipes.tables.rival_system import RivalSystem
from auffusion.recipes.tables.round_trip_system import RoundTripSystem
from auffusion.recipes.tables.systems import Job, Sampling, System
from auffusion.studio.studio import read_record

HERE = Equipment()
SAMPLING = Sampling(steps=2, guidance=1.0, scheduler="ddim", length_s=0.5)


@pytest.fixture
def job(tmp_path):
    """The sounds of three recordings, half a second long."""
    recordings, folder = tmp_path / "recordings", tmp_path / "made"
    recordings.mkdir()
    folder.mkdir()
    items = [Item(name=name, caption=f"the sound of a {name}") for name in ("bell", "door", "till")]
    for item in items:
        samples, rate = sf.read(SOUNDS / f"{item.name}.flac", dtype="int16")
        sf.write(recordings / f"{item.name}.wav", samples[:8000], rate)
    told = []

    def on_sound(path, made):
        told.append((path.name, made))

    job = Job(
        items=items, folder=folder, recordings=recordings, sampling=SAMPLING, on_sound=on_sound
    )
    return job, told


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.wav"))}


def test_a_model_makes_each_item_with_its_own_seed(job, tiny_model):
    system, (job, told) = ModelSystem(title="Tiny", model=str(tiny_model)), job
    assert isinstance(system, System)
    system.make([job], HERE)
    assert told == [("bell.wav", True), ("door.wav", True), ("till.wav", True)]
    settings = read_record(job.folder / "door.wav").settings
    assert settings.prompt == "the sound of a door"
    assert settings.seed == item_seed(42, "door")
    assert (settings.steps, settings.scheduler, settings.length_s) == (2, "ddim", 0.5)
    # The same as the pipeline alone makes of this prompt and seed.
    pipe = AuffusionPipeline.from_pretrained(tiny_model)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = make_scheduler("ddim", pipe.scheduler.config)
    made = pipe(
        settings.prompt,
        seeds=[settings.seed],
        num_inference_steps=2,
        guidance_scale=1.0,
        audio_length_in_s=0.5,
        output_type="pt",
    )
    found, _ = sf.read(job.folder / "door.wav", dtype="int16")
    expected = (made.audios[0] * 32768).clamp(-32768, 32767).to(torch.int16)
    assert np.abs(found.astype(int) - expected.numpy().astype(int)).max() <= 1


def test_what_a_model_made_stays_and_what_changed_is_made_anew(job, tiny_model):
    system, (job, told) = ModelSystem(title="Tiny", model=str(tiny_model)), job
    system.make([job], HERE)
    before = files(job.folder)
    (job.folder / "bell.wav").unlink()
    (job.folder / "till.wav").write_bytes(before["till.wav"][:-100])
    told.clear()
    system.make([job], HERE)
    assert told == [("bell.wav", True), ("door.wav", False), ("till.wav", True)]
    assert files(job.folder) == before
    told.clear()
    ModelSystem(title="Tiny", model=str(tiny_model), steps=1).make([job], HERE)
    assert all(made for _, made in told)
    assert files(job.folder) != before


def test_a_system_overrides_the_tables_sampling():
    own = ModelSystem(title="T", model="m", steps=4, guidance=1.0, scheduler="lcm")
    settings = own.settings(Sampling(), Item(name="a", caption="rain"))
    assert (settings.steps, settings.guidance, settings.scheduler) == (4, 1.0, "lcm")
    assert own.gpu_seconds(Sampling(), 0.5) == pytest.approx(2.0)


def test_a_rival_makes_each_item_with_its_own_seed(job, tmp_path):
    write_tangoflux(tmp_path / "rival")
    system = RivalSystem(
        title="TangoFlux",
        baseline="tangoflux",
        model=str(tmp_path / "rival"),
        steps=1,
        length_s=0.1,
    )
    job, told = job
    assert isinstance(system, System)
    assert [need.lack for need in system.needs(HERE)] == [""]
    system.make([job], HERE)
    assert [made for _, made in told] == [True] * 3
    assert str(item_seed(42, "till")) in read_metadata(job.folder / "till.wav")["comment"]
    told.clear()
    system.make([job], HERE)
    assert [made for _, made in told] == [False] * 3


@pytest.mark.parametrize("stage", ["mel", "latent"])
def test_a_round_trip_gives_each_recording_back_at_its_length_and_level(job, tiny_model, stage):
    system = RoundTripSystem(title="Round trip", model=str(tiny_model), stage=stage)
    job, told = job
    system.make([job], HERE)
    for item in job.items:
        back, _ = sf.read(job.path_of(item))
        recording, _ = sf.read(job.recording_of(item))
        assert len(back) == len(recording)
        assert np.abs(back).max() <= np.abs(recording).max() + 1e-3
    assert [made for _, made in told] == [True] * 3


def test_a_round_trip_of_another_recording_is_made_anew(job, tiny_model):
    system = RoundTripSystem(title="Round trip", model=str(tiny_model), stage="mel")
    job, told = job
    system.make([job], HERE)
    shutil.copy(job.recordings / "bell.wav", job.recordings / "door.wav")
    (job.folder / "till.wav").write_bytes(b"no sound")
    told.clear()
    system.make([job], HERE)
    assert told == [("bell.wav", False), ("door.wav", True), ("till.wav", True)]
    bell, door = (sf.read(job.folder / f"{name}.wav")[0] for name in ("bell", "door"))
    np.testing.assert_array_equal(bell, door)


def test_systems_without_a_model(job, tmp_path):
    job, told = job
    made = {"real": tmp_path / "real", "shuffled": tmp_path / "shuffled", "none": tmp_path / "none"}
    for folder in made.values():
        folder.mkdir()
    others = {"real": made["real"]}
    rows = {
        "real": RecordingsSystem(title="Recordings"),
        "shuffled": ShuffledSystem(title="Shuffled", of="real"),
        "none": SilenceSystem(title="Silence"),
    }
    for name, row in rows.items():
        assert isinstance(row, System)
        assert not row.left_out
        assert list(row.needs(HERE)) == []
        row.make([_in(job, made[name], others)], HERE)
    real, shuffled, none = (files(folder) for folder in made.values())
    assert real == files(job.recordings)
    assert sorted(shuffled.values()) == sorted(real.values())
    assert all(shuffled[name] != real[name] for name in real)
    for name in none:
        samples, rate = sf.read(made["none"] / name)
        assert (len(samples), rate, np.abs(samples).max()) == (8000, 16_000, 0.0)
    told.clear()
    rows["real"].make([_in(job, made["real"], others)], HERE)
    assert [again for _, again in told] == [False] * 3


def test_shuffling_what_is_not_there_is_refused(job):
    with pytest.raises(InputError, match="needs the sounds of tiny, which must stand before it"):
        ShuffledSystem(title="Shuffled", of="tiny").make([job[0]], HERE)


def _in(job, folder, others):
    return Job(
        items=job.items,
        folder=folder,
        recordings=job.recordings,
        sampling=job.sampling,
        others=others,
        on_sound=job.on_sound,
    )


def test_needs_say_how_what_is_missing_is_had():
    (folder,) = ModelSystem(title="A", model="runs/x/model", how="train it").needs(HERE)
    assert (folder.missing, folder.lack) == (True, "there is no such folder; train it")
    (hub,) = ModelSystem(title="A", model="nobody/nothing").needs(HERE)
    assert hub.missing
    assert hub.told().startswith("missing ")
    assert "--download fetches it" in hub.lack
    (hub,) = ModelSystem(title="A", model="nobody/nothing").needs(Equipment(download=True))
    assert not hub.missing
    assert hub.told().startswith("to be fetched ")
    (here,) = ModelSystem(title="A", model="embedded").needs(HERE)
    assert here.told().split() == ["here", "model", "embedded"]
    own, t5 = RivalSystem(title="A", baseline="tango").needs(HERE)
    assert (own.what, t5.what) == ("declare-lab/tango", "google/flan-t5-large")
    assert "5.3 GB" in own.lack
    (mine,) = RivalSystem(title="A", baseline="riffusion-retrained", model="x", how="train").needs(
        Equipment(download=True)
    )
    assert (mine.missing, mine.lack) == (True, "there is no such folder; train")


def test_what_is_no_system_is_refused():
    with pytest.raises(InputError, match="a system has no title"):
        SilenceSystem(title=" ")
    with pytest.raises(InputError, match="there is no baseline 'musiclm'"):
        RivalSystem(title="A", baseline="musiclm")
    left = ModelSystem(title="Student", how="name a student")
    assert left.left_out == "no model is named (name a student)"
