"""Few-step students: the mathematics against diffusers' schedulers, and what a student learns."""

import copy
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from safetensors.torch import load_file

from auffusion.config import read_config
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.folder import FOLDER
from auffusion.denoise import (
    ClassifierFreeGuidance,
    SeededScheduler,
    denoise,
    make_scheduler,
    noise_from,
    unet_call,
)
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.train.consistency import NoiseLevels, Solver, boundary, pseudo_huber
from auffusion.train.denoising import ConditionedUnet, DenoisingTask, Objective
from auffusion.train.distil_run import DistilConfig
from auffusion.train.distillation import Distillation, DistillationTask, Teacher
from auffusion.train.kinds import KINDS
from auffusion.train.loop import Ending, train
from auffusion.train.loop_settings import LoopSettings

SOUNDS = Path(__file__).parents[1] / "sounds"
NAMES = ("bell", "drums", "guitar", "steam")
KINDS_OF_PREDICTION = ["epsilon", "v_prediction"]


def scheduler(kind, **changes):
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=kind,
        clip_sample=False,
        set_alpha_to_one=False,
        timestep_spacing="trailing",
        **changes,
    )


def some(count, seed=0):
    source = torch.Generator().manual_seed(seed)
    return [torch.randn(count, 4, 4, 8, generator=source) for _ in range(2)]


@pytest.mark.parametrize("kind", KINDS_OF_PREDICTION)
def test_at_the_clean_end_the_function_gives_back_what_it_is_given(kind):
    noisy, output = some(3)
    levels = NoiseLevels.of(scheduler(kind), torch.device("cpu"))
    assert torch.equal(levels.consistent(output, noisy, torch.zeros(3, dtype=torch.long)), noisy)


def test_the_boundary_is_that_of_the_sampler():
    sampler = LCMScheduler()
    skip, out = boundary(torch.arange(1000))
    for timestep in range(1000):
        wanted = sampler.get_scalings_for_boundary_condition_discrete(timestep)
        found = float(skip[timestep]), float(out[timestep])
        assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS_OF_PREDICTION)
@pytest.mark.parametrize("steps", [50, 20])
def test_a_solver_step_is_a_step_of_ddim(kind, steps):
    ddim = scheduler(kind)
    ddim.set_timesteps(steps)
    levels = NoiseLevels.of(ddim, torch.device("cpu"))
    solver = Solver(timesteps=1000, steps=steps)
    for timestep in ddim.timesteps:
        noisy, output = some(2, int(timestep))
        at = timestep.expand(2)
        assert torch.equal(solver.start(at), at)
        clean, noise = levels.clean_and_noise(output, noisy, at)
        found = levels.ddim(clean, noise, solver.end(at))
        wanted = ddim.step(output, timestep, noisy)
        torch.testing.assert_close(found, wanted.prev_sample, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(clean, wanted.pred_original_sample, rtol=1e-4, atol=1e-5)


def test_a_student_learns_where_its_sampler_goes():
    sampler = LCMScheduler(original_inference_steps=50)
    sampler.set_timesteps(50)
    solver = Solver(timesteps=1000, steps=50)
    starts = solver.start(torch.arange(1000))
    assert sorted(set(starts.tolist())) == sorted(sampler.timesteps.tolist())
    assert torch.bincount(starts // 20).tolist() == [20] * 50
    assert solver.end(torch.tensor([19, 39, 999])).tolist() == [0, 19, 979]


def test_the_loss_is_square_near_nothing_and_straight_far_away():
    one = torch.ones(1, 1, 1, 1)
    assert float(pseudo_huber(1e-4 * one, 0.1)) == pytest.approx(1e-8 / 0.2, rel=1e-3)
    assert float(pseudo_huber(1e4 * one, 0.1)) == pytest.approx(1e4, rel=1e-3)
    assert float(pseudo_huber(3 * one, 0.0)) == 9.0


def test_the_teacher_is_guided_as_the_pipeline_is():
    unet = tiny_pipeline(seed=3).unet
    noisy, _ = some(2)
    source = torch.Generator().manual_seed(1)
    texts = [torch.randn(2, 5, 16, generator=source) for _ in range(2)]
    timestep = torch.tensor([500, 20])
    scale = torch.tensor([1.5, 4.0])[:, None, None, None]
    found = Teacher(unet, adapted=False).guided(noisy, timestep, (texts[0], texts[1]), scale)
    for i, one in enumerate(scale.flatten().tolist()):
        rows = [text[i : i + 1] for text in texts]
        guided = ClassifierFreeGuidance(unet_call(unet), *rows, one)
        with torch.no_grad():
            wanted = guided(noisy[i : i + 1], timestep[i])
        torch.testing.assert_close(found[i : i + 1], wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four real clips of 2.5 s with their captions."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption"]
    for name in NAMES:
        samples, rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"source/{name}.wav", np.resize(samples, 5 * rate // 2), rate)
        rows.append(f"{name}.wav,a {name}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    job = Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out")
    job.run(SerialExecutor())
    return folder / "out"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline(seed=2, layout="stable-diffusion").save_pretrained(folder)
    return folder


def config(data, base, *words):
    given = [f"data.folder={data}", f"model.base={base}", "loop.tracker=none"]
    return read_config(DistilConfig, None, [*given, *words])


def weights(run):
    folder = run / "model"
    found = sorted([*folder.glob("unet/*.safetensors"), *folder.glob("*.safetensors")])
    return load_file(found[0])


class KilledError(Exception):
    """Stands for a run's sudden end."""


@pytest.mark.parametrize("student", ["full", "lora"])
def test_a_killed_run_ends_as_if_it_had_not_been(data, tiny, tmp_path, read_log, student):
    settings = config(
        data,
        tiny,
        f"distil.student={student}",
        "distil.guidance_low=2",
        "distil.guidance_high=6",
        "lora.dropout=0.1",
        "lora.rank=4",
        "loop.steps=6",
        "loop.batch=2",
        "loop.save_every=2",
        "loop.learning_rate=1e-3",
        "listening.prompts=['a bell']",
        "listening.steps=1",
    )
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert KINDS["distil"].run(settings, whole, "cpu") is Ending.FINISHED

    def die(step, _values):
        if step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        KINDS["distil"].run(settings, killed, "cpu", die)
    assert KINDS["distil"].run(settings, killed, "cpu") is Ending.FINISHED
    assert read_log(killed) == read_log(whole)
    one, two = weights(whole), weights(killed)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_student_needs_no_settings_to_answer(data, tiny, tmp_path):
    words = ["loop.steps=1", "loop.batch=1", "distil.solver_steps=25", "distil.steps=2"]
    KINDS["distil"].run(config(data, tiny, *words), tmp_path / "run", "cpu")
    student = AuffusionPipeline.from_pretrained(tmp_path / "run/model")
    assert type(student.scheduler).__name__ == "LCMScheduler"
    assert not {"skip_prk_steps", "algorithm_type"} & set(student.scheduler.config)
    calls = []
    student.unet.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    student("a bell")
    assert calls == [1, 1]
    assert make_scheduler("lcm", student.scheduler.config).config.original_inference_steps == 25
    card = (tmp_path / "run/model/README.md").read_text()
    assert "--scheduler lcm --steps 2" in card


SHOWN = DDIMScheduler(
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    prediction_type="v_prediction",
    clip_sample=False,
    set_alpha_to_one=False,
    steps_offset=1,
)


class FourClips:
    """Small spectrograms of four real sounds as latents [4, 8, 8]; all have the same text.

    So a step from pure noise shows their mean, and only many steps lead to one of them.
    """

    def __init__(self):
        self.latents = [_small(SOUNDS / f"{name}.flac") for name in NAMES]

    def draw(self, clips, _rngs):
        return [self.latents[clip] for clip in clips]

    def captions(self, _clip):
        return 1

    def rows(self, chosen):
        return [[np.ones((3, 8), np.float16)] for _ in chosen]

    def silent(self):
        return [np.zeros((3, 8), np.float16)]

    def listen(self, step, folder):
        """Nothing is played."""

    def export(self, folder):
        """Nothing is written."""


def _small(path):
    samples = soundfile.read(path, dtype="float32")[0]
    frames = np.lib.stride_tricks.sliding_window_view(np.resize(samples, 16_000), 64)[::64][:32]
    picture = np.log1p(np.abs(np.fft.rfft(frames * np.hanning(64))))[:, :32].T
    tall = ((picture - picture.mean()) / picture.std()).reshape(4, 8, 4, 8)
    return tall.transpose(0, 2, 1, 3).reshape(16, 8, 8)[::4].astype(np.float32)


def run_small(network, make_task, folder, steps, rate):
    clips = FourClips()
    examples = DenoisingTask(
        network,
        SHOWN,
        clips,
        clips,
        dict(enumerate(NAMES)),
        Objective(stratified=True, unconditional=0.0),
        batch=16,
        steps=steps,
        seed=0,
        showcase=clips,
    )
    settings = LoopSettings(
        steps=steps,
        batch=16,
        learning_rate=rate,
        warmup=10,
        decay_from=0.3,
        average_decay=0.0,
        tracker="none",
    )
    train(make_task(examples), settings, folder)


def sampled(network, name, steps):
    """Latents from the noise of sixteen seeds, without guidance."""
    sources = [torch.Generator().manual_seed(seed) for seed in range(16)]
    walk = SeededScheduler.prepared(make_scheduler(name, SHOWN.config), steps, sources)
    start = noise_from(sources, (4, 8, 8))
    call = unet_call(network.unet)
    return denoise(ClassifierFreeGuidance(call, torch.ones(16, 3, 8), None, 1.0), walk, start)


def test_a_student_is_nearer_to_its_teachers_end_than_the_teacher_in_few_steps(tmp_path, read_log):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(16, 32),
            layers_per_block=1,
            cross_attention_dim=8,
            attention_head_dim=4,
            norm_num_groups=8,
        )
    teacher = ConditionedUnet(unet)
    run_small(teacher, lambda task: task, tmp_path / "teacher", 350, 4e-3)
    student = copy.deepcopy(teacher)
    teacher.requires_grad_(False)
    guide = Teacher(teacher.unet, adapted=False)

    def distilled(examples):
        return DistillationTask(examples, guide, Distillation(), (1.0, 1.0), 0)

    run_small(student, distilled, tmp_path / "student", 200, 1e-3)
    log = [line["loss"] for line in read_log(tmp_path / "student")]
    assert np.mean(log[-30:]) < 0.9 * np.mean(log[:10])
    end = sampled(teacher, "ddim", 50)
    for steps in (1, 2, 4):
        own, made = (sampled(network, "lcm", steps) for network in (teacher, student))
        assert float((made - end).square().mean()) < 0.9 * float((own - end).square().mean())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["distil.guidance_low=5", "distil.guidance_high=2"], "choose a range"),
        (["distil.target_decay=1.0"], "0 up to below 1"),
        (["distil.steps=60"], "choose 1 to 50"),
        (["distil.student=lora", "distil.solver_steps=20"], "a LoRA is sampled with 50"),
        (["distil.student=half"], "expected one of full, lora"),
        (["model.weights=bfloat16"], "set loop.precision to bfloat16"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(words, sentence):
    with pytest.raises(InputError, match=sentence):
        config("data", "embedded", *words)


def test_only_noise_and_v_are_distilled():
    with pytest.raises(InputError, match="predicts 'sample'"):
        NoiseLevels.of(scheduler("sample"), torch.device("cpu"))
    with pytest.raises(InputError, match="choose 1 to the teacher's 1000"):
        Solver(timesteps=1000, steps=0)
