"""The loop of every training: what it does with steps, players, bad numbers, settings and disks."""

import errno
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_tasks import (
    SOUNDS,
    AdversarialSounds,
    Denoiser,
    DenoisingSounds,
    log_of,
    new_network,
    settings,
)
from torch import nn

from auffusion.cli.main import main
from auffusion.errors import InputError
from auffusion.train import checkpoints, kinds
from auffusion.train.loop import Ending, train
from auffusion.train.task import Player, Task

NAN, INF = float("nan"), float("inf")


def weights(folder):
    return load_file(folder / "model/weights.safetensors")


def state(folder, step):
    return load_file(folder / f"checkpoints/step-{step:08d}/state.safetensors")


def assert_same(one, two, tolerance=0.0):
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, two[name], rtol=tolerance, atol=tolerance, msg=name)


def interrupt_at(last):
    def tell(step, _values):
        if step == last:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize("kind", [DenoisingSounds, AdversarialSounds])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, kind):
    """With dropout, whose draws are the global generator's, and batch norm's buffers."""
    assert isinstance(kind(), Task)
    assert train(kind(new_network(tricky=True)), settings(), tmp_path / "whole") == "finished"
    for last in (3, 8, 11):
        again = kind(new_network(tricky=True))
        with pytest.raises(KeyboardInterrupt):
            train(again, settings(), tmp_path / "two", on_step=interrupt_at(last))
    train(kind(new_network(tricky=True)), settings(), tmp_path / "two")
    assert log_of(tmp_path / "two") == log_of(tmp_path / "whole")
    assert len(log_of(tmp_path / "two")) == 12
    assert_same(weights(tmp_path / "two"), weights(tmp_path / "whole"))
    assert_same(state(tmp_path / "two", 12), state(tmp_path / "whole", 12))


def test_the_loss_on_real_sounds_falls(tmp_path):
    train(DenoisingSounds(), settings(steps=60, save_every=100), tmp_path)
    losses = [line["loss"] for line in log_of(tmp_path)]
    assert sum(losses[-12:]) / 12 < 0.5 * sum(losses[:3]) / 3


def test_a_step_is_adamw_s(tmp_path):
    """Written out with torch's own optimiser, clipping and average."""
    loop = settings(steps=4, average_decay=0.5, warmup=2, clip=0.3, weight_decay=0.1)
    train(DenoisingSounds(), loop, tmp_path)
    task = DenoisingSounds()
    network = task.network
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    for step in range(4):
        optimiser.param_groups[0]["lr"] = 1e-2 * min(1, (step + 1) / 2)
        clean, noisy = task.draw(step, range(4))
        optimiser.zero_grad()
        (network(noisy) - clean).square().mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.3)
        optimiser.step()
        decay = min(0.5, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name] = decay * average[name] + (1 - decay) * value
    assert_same(weights(tmp_path), average, 1e-6)


def test_micro_batches_add_up_to_the_whole_batch(tmp_path):
    for micro in (0, 1, 2):
        train(DenoisingSounds(), settings(micro_batch=micro), tmp_path / str(micro))
    for micro in ("1", "2"):
        assert_same(weights(tmp_path / micro), weights(tmp_path / "0"), 1e-6)
        for one, two in zip(log_of(tmp_path / micro), log_of(tmp_path / "0"), strict=True):
            assert one == pytest.approx(two, rel=1e-5)


def test_players_move_alone(tmp_path):
    """Nothing of the first one's loss is left in the gradient of the second."""
    train(AdversarialSounds(), settings(steps=3, save_every=3, average_decay=0.0), tmp_path)
    task = AdversarialSounds()
    optimisers = {
        player.name: torch.optim.AdamW(player.module.parameters(), lr=1e-2)
        for player in task.players
    }
    for step in range(3):
        batch = task.draw(step, range(4))
        for player in task.players:
            for one in task.players:
                one.module.zero_grad()
            sum(task.losses(player.name, batch, step).values()).backward()
            nn.utils.clip_grad_norm_(player.module.parameters(), 1.0)
            optimisers[player.name].step()
    found = state(tmp_path, 3)
    for player in task.players:
        for name, value in player.module.named_parameters():
            kept = found[f"{player.name}.weights.{name}"]
            torch.testing.assert_close(kept, value.detach(), rtol=0, atol=1e-6)


def test_only_what_requires_a_gradient_is_trained_and_kept(tmp_path):
    network = new_network()
    network.layers[0].requires_grad_(False)
    frozen = network.layers[0].weight.clone()
    train(DenoisingSounds(network), settings(), tmp_path)
    assert torch.equal(network.layers[0].weight, frozen)
    names = {name.split(".", 2)[2] for name in state(tmp_path, 12) if ".optimiser." not in name}
    assert names == {"layers.2.weight", "layers.2.bias"}
    network.requires_grad_(False)
    with pytest.raises(InputError, match="the player network has no parameter to train"):
        train(DenoisingSounds(network), settings(), tmp_path / "frozen")


class SittingOut(AdversarialSounds):
    def losses(self, player, batch, step):
        return {} if player == "judge" and step < 6 else super().losses(player, batch, step)


def test_a_player_without_a_loss_sits_the_step_out(tmp_path):
    task = SittingOut()
    train(task, settings(steps=6, save_every=6), tmp_path)
    assert_same(dict(task.judge.state_dict()), dict(AdversarialSounds().judge.state_dict()))
    assert all("judge.judged" not in line for line in log_of(tmp_path))
    train(task, settings(steps=8), tmp_path)
    assert log_of(tmp_path)[-1]["judge.judged"] > 0


@pytest.mark.parametrize("spoilt", [NAN, INF])
def test_a_step_that_is_not_finite_is_left_out_and_told_with_its_clips(tmp_path, capfd, spoilt):
    """Weights, buffers and average are as if it had not been, but for the number of the step."""
    where = {(5, 2): spoilt}
    for tricky in (False, True):
        folder = tmp_path / str(tricky)
        network = new_network(tricky=tricky)
        task = DenoisingSounds(network, spoilt=where)
        train(task, settings(save_every=1, keep=12), folder)
        assert_same(state(folder, 6), state(folder, 5))
        assert all(value.isfinite().all() for value in state(folder, 12).values())
        line = log_of(folder)[5]
        assert line["step"] == 6
        assert line["loss"] is None
        # One micro batch holds all four examples.
        assert line["left_out"] == task.names(5, range(4))
        assert all(math.isfinite(one["loss"]) for one in log_of(folder) if one["step"] != 6)
        told = capfd.readouterr().err
        assert "step 6 was left out, 1 in all" in told
        assert ", ".join(task.names(5, range(4))) in told
        assert (
            json.loads((folder / "checkpoints/step-00000012/notes.json").read_text())["bad_steps"]
            == 1
        )


def test_only_the_clips_of_the_micro_batch_at_fault_are_named(tmp_path):
    task = DenoisingSounds(spoilt={(5, 2): NAN})
    train(task, settings(micro_batch=1), tmp_path)
    assert log_of(tmp_path)[5]["left_out"] == task.names(5, range(2, 3))


class BadGradient(DenoisingSounds):
    """The loss is finite, and its gradient is not: the derivative of a root at nought."""

    def losses(self, player, batch, step):
        terms = super().losses(player, batch, step)
        if step == 3:
            terms = {"loss": terms["loss"] + (self.network.layers[2].bias * 0).sum().abs().sqrt()}
        return terms


def test_a_gradient_that_is_not_finite_is_left_out_though_the_loss_is(tmp_path):
    train(BadGradient(), settings(save_every=1, keep=12), tmp_path)
    line = log_of(tmp_path)[3]
    assert line["loss"] is not None
    assert line["norm"] is None
    assert len(line["left_out"]) == 4
    assert_same(state(tmp_path, 4), state(tmp_path, 3))


class BadLoss(DenoisingSounds):
    """The loss is infinite, and its gradient is that of its finite part."""

    def losses(self, player, batch, step):
        terms = super().losses(player, batch, step)
        return {**terms, "other": torch.tensor(INF if step == 3 else 0.0)}


def test_a_loss_that_is_not_finite_is_left_out_though_its_gradient_is(tmp_path):
    train(BadLoss(), settings(save_every=1, keep=12), tmp_path)
    assert log_of(tmp_path)[3]["other"] is None
    assert_same(state(tmp_path, 4), state(tmp_path, 3))


class BadJudge(AdversarialSounds):
    def losses(self, player, batch, step):
        terms = super().losses(player, batch, step)
        if player == "judge" and step == 5:
            terms = {"judged": terms["judged"] * NAN}
        return terms


def test_a_player_s_step_stands_where_the_other_one_s_is_left_out(tmp_path):
    train(BadJudge(), settings(save_every=1, keep=12), tmp_path)
    before, after = state(tmp_path, 5), state(tmp_path, 6)
    for name, value in after.items():
        moved = not torch.equal(value, before[name])
        assert moved == name.startswith("denoiser."), name
    assert log_of(tmp_path)[5]["judge.judged"] is None
    assert "left_out" in log_of(tmp_path)[5]
    assert "left_out" not in log_of(tmp_path)[6]


def test_too_many_bad_steps_in_a_row_end_the_run_and_its_checkpoints_stay(tmp_path):
    spoilt = {(step, 0): NAN for step in range(6, 30)}
    loop = settings(most_bad_steps=3, steps=30)
    with pytest.raises(InputError, match="3 steps in a row were not finite: look at the clips"):
        train(DenoisingSounds(spoilt=spoilt), loop, tmp_path)
    assert [line["step"] for line in log_of(tmp_path)][-1] == 9
    assert all(value.isfinite().all() for value in state(tmp_path, 5).values())
    # Mended, it goes on, and ends as if nothing had been.
    train(DenoisingSounds(), loop, tmp_path)
    train(DenoisingSounds(), loop, tmp_path / "whole")
    assert log_of(tmp_path) == log_of(tmp_path / "whole")
    assert_same(weights(tmp_path), weights(tmp_path / "whole"))


def test_bad_steps_in_a_row_are_counted_over_a_restart(tmp_path):
    spoilt = {(step, 0): NAN for step in range(4, 30)}
    loop = settings(most_bad_steps=4, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        train(DenoisingSounds(spoilt=spoilt), loop, tmp_path, on_step=interrupt_at(6))
    with pytest.raises(InputError, match="4 steps in a row"):
        train(DenoisingSounds(spoilt=spoilt), loop, tmp_path)
    assert log_of(tmp_path)[-1]["step"] == 8


def test_bad_steps_apart_do_not_end_the_run(tmp_path):
    spoilt = {(step, 0): NAN for step in range(0, 12, 2)}
    train(DenoisingSounds(spoilt=spoilt), settings(most_bad_steps=2), tmp_path)
    assert len(log_of(tmp_path)) == 12


class LoudSounds(DenoisingSounds):
    """A loss so large that its scaled gradient overflows in float16 at first."""

    def losses(self, player, batch, step):
        return {"loss": 300 * super().losses(player, batch, step)["loss"]}


def test_float16_finds_its_scale_and_no_clip_is_blamed(tmp_path, capfd):
    loop = settings(precision="float16", most_bad_steps=2, steps=30, save_every=30, clip=0.0)
    train(LoudSounds(), loop, tmp_path)
    log = log_of(tmp_path)
    overflown = [line["step"] for line in log if line["norm"] is None]
    # It falls until the gradient fits, at most once more when that grows.
    assert overflown[:3] == [1, 2, 3]
    assert overflown[-1] <= 12
    assert not any("left_out" in line for line in log)
    assert "left out" not in capfd.readouterr().err
    assert log[0]["scale"] == 65536
    assert log[-1]["scale"] == 65536 / 2 ** len(overflown)
    assert sum(line["loss"] for line in log[-5:]) < sum(line["loss"] for line in log[:5])


def test_float16_blames_the_clips_for_a_loss_that_is_not_finite_and_keeps_its_scale(tmp_path):
    loop = settings(precision="float16", steps=8)
    train(DenoisingSounds(spoilt={(6, 1): NAN}), loop, tmp_path)
    log = log_of(tmp_path)
    assert len(log[6]["left_out"]) == 4
    assert log[7]["scale"] == log[6]["scale"]


def test_float16_goes_on_with_its_scale(tmp_path):
    loop = settings(precision="float16", save_every=2)
    train(LoudSounds(), loop, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(LoudSounds(), loop, tmp_path / "two", on_step=interrupt_at(7))
    train(LoudSounds(), loop, tmp_path / "two")
    assert log_of(tmp_path / "two") == log_of(tmp_path / "whole")


def test_bfloat16_learns_with_weights_in_float32(tmp_path):
    train(DenoisingSounds(), settings(precision="bfloat16", steps=40, save_every=40), tmp_path)
    losses = [line["loss"] for line in log_of(tmp_path)]
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])
    assert {value.dtype for value in state(tmp_path, 40).values()} == {torch.float32}
    train(DenoisingSounds(), settings(steps=40, save_every=40), tmp_path / "full")
    full = [line["loss"] for line in log_of(tmp_path / "full")]
    # It was computed in another precision, which changes little.
    assert losses != full
    assert losses == pytest.approx(full, rel=0.05)


@pytest.mark.slow
# torch's compiler imports parts of torch that are on their way out.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_learns_the_same(tmp_path):
    train(DenoisingSounds(), settings(compile=True), tmp_path / "compiled")
    train(DenoisingSounds(), settings(), tmp_path / "plain")
    assert_same(weights(tmp_path / "compiled"), weights(tmp_path / "plain"), 1e-4)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"learning_rate": 1e-3}, "learning_rate = 0.01, not 0.001"),
        ({"batch": 2}, "batch = 4, not 2"),
        ({"seed": 3}, "seed = 0, not 3"),
        ({"precision": "bfloat16"}, "precision = 'float32', not 'bfloat16'"),
    ],
)
def test_a_folder_that_was_begun_with_other_settings_is_refused(tmp_path, change, name):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    before = (tmp_path / "settings.json").read_bytes()
    with pytest.raises(InputError, match=name):
        train(DenoisingSounds(), replace(settings(steps=5), **change), tmp_path)
    assert (tmp_path / "settings.json").read_bytes() == before


def test_what_else_was_told_is_compared_table_by_table(tmp_path):
    about = {"data": {"folder": Path("/sounds"), "split": "train"}, "names": ("a", "b")}
    train(DenoisingSounds(), settings(steps=5), tmp_path, about=about)
    train(DenoisingSounds(), settings(steps=5), tmp_path, about=about)
    other = {**about, "data": {"folder": Path("/sounds"), "split": "test"}}
    with pytest.raises(InputError, match=r"data\.split = 'train', not 'test'"):
        train(DenoisingSounds(), settings(steps=5), tmp_path, about=other)


def test_harmless_settings_may_change_and_steps_may_grow(tmp_path, capfd):
    train(DenoisingSounds(), settings(), tmp_path / "whole")
    train(DenoisingSounds(), settings(steps=7), tmp_path / "two")
    harmless = {"save_every": 3, "keep": 1, "listen_every": 2, "most_bad_steps": 9}
    train(DenoisingSounds(), settings(**harmless), tmp_path / "two")
    assert capfd.readouterr().err == ""
    assert log_of(tmp_path / "two") == log_of(tmp_path / "whole")
    assert_same(weights(tmp_path / "two"), weights(tmp_path / "whole"))
    assert json.loads((tmp_path / "two/settings.json").read_text())["steps"] == 12
    with pytest.raises(InputError, match=r"has 12 steps behind it, more than loop\.steps = 11"):
        train(DenoisingSounds(), settings(steps=11), tmp_path / "two")


def test_a_change_that_alters_rounding_is_told(tmp_path, capfd):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    train(DenoisingSounds(), settings(micro_batch=2), tmp_path)
    assert "micro_batch was 0 and is 2: losses agree to rounding only" in capfd.readouterr().err


def test_a_curve_of_the_rate_that_changes_with_the_steps_is_told(tmp_path, capfd):
    train(DenoisingSounds(), settings(steps=5, decay_from=0.5), tmp_path)
    train(DenoisingSounds(), settings(steps=7, decay_from=0.5), tmp_path)
    assert "the rate falls along another curve" in capfd.readouterr().err


def test_a_finished_run_is_exported_again_and_nothing_is_trained(tmp_path):
    train(DenoisingSounds(), settings(), tmp_path)
    before = weights(tmp_path)
    shutil.rmtree(tmp_path / "model")
    train(DenoisingSounds(), settings(), tmp_path, on_step=interrupt_at(1))
    assert_same(weights(tmp_path), before)
    assert len(log_of(tmp_path)) == 12


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    for other in (new_network(5), new_network(tricky=True)):
        with pytest.raises(InputError, match="is of another network"):
            train(DenoisingSounds(other), settings(), tmp_path)


def test_a_checkpoint_with_weights_of_another_shape_is_refused(tmp_path):
    train(DenoisingSounds(new_network(5)), settings(steps=5), tmp_path)
    # It would broadcast.
    train(DenoisingSounds(new_network(1)), settings(steps=5), tmp_path / "one")
    for name in ("checkpoints", "log.jsonl"):
        source, target = tmp_path / "one" / name, tmp_path / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    with pytest.raises(InputError, match=r"ballast is \[1\], not \[5\]"):
        train(DenoisingSounds(new_network(5)), settings(), tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nonsense"])
def test_damaged_settings_are_named(tmp_path, text):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(InputError, match=r"settings\.json is damaged"):
        train(DenoisingSounds(), settings(steps=5), tmp_path)


def test_checkpoints_without_settings_are_not_taken_for_one_s_own(tmp_path):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(InputError, match=r"has checkpoints but no settings\.json"):
        train(DenoisingSounds(), settings(steps=5), tmp_path)


def test_a_damaged_newest_checkpoint_is_named_and_the_run_ends_the_same(tmp_path, capfd):
    train(DenoisingSounds(), settings(), tmp_path / "whole")
    train(DenoisingSounds(), settings(steps=10), tmp_path / "two")
    newest = tmp_path / "two/checkpoints/step-00000010/state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x55")
    train(DenoisingSounds(), settings(), tmp_path / "two")
    told = capfd.readouterr().err
    assert f"{newest.parent} is damaged" in told
    assert "passed over" in told
    assert log_of(tmp_path / "two") == log_of(tmp_path / "whole")
    assert_same(weights(tmp_path / "two"), weights(tmp_path / "whole"))


def test_a_log_that_lost_lines_is_told(tmp_path, capfd):
    train(DenoisingSounds(), settings(steps=5), tmp_path)
    (tmp_path / "log.jsonl").write_text("")
    train(DenoisingSounds(), settings(), tmp_path)
    assert "log.jsonl has lost lines" in capfd.readouterr().err
    assert [line["step"] for line in log_of(tmp_path)] == [*range(6, 13)]


def test_the_second_run_in_a_folder_is_refused(tmp_path):
    def again(_step, _values):
        with pytest.raises(InputError, match="another run is writing"):
            train(DenoisingSounds(), settings(), tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DenoisingSounds(), settings(), tmp_path, on_step=again)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        train(DenoisingSounds(), settings(), tmp_path / "file/run")


def test_pages_come_when_it_is_time_and_once(tmp_path):
    loop = settings(listen_every=4)
    train(DenoisingSounds(), loop, tmp_path)
    names = sorted(path.name for path in (tmp_path / "sounds").iterdir())
    assert names == ["step-00000004", "step-00000008", "step-00000012"]
    # A page that a kill prevented comes when its checkpoint is taken up.
    train(DenoisingSounds(), settings(listen_every=4, steps=8), tmp_path / "two")
    page = tmp_path / "two/sounds/step-00000008"
    content = (page / "shown.wav").read_bytes()
    shutil.rmtree(page)
    train(DenoisingSounds(), loop, tmp_path / "two")
    assert (page / "shown.wav").read_bytes() == content


def test_what_is_heard_and_exported_is_the_average_and_training_goes_on_with_the_weights(tmp_path):
    heard = []

    class Listened(DenoisingSounds):
        def listen(self, step, folder):
            heard.append((step, self.network.layers[0].weight.clone()))
            super().listen(step, folder)

    task = Listened()
    train(task, settings(listen_every=6), tmp_path)
    train(DenoisingSounds(), settings(), tmp_path / "silent")
    assert log_of(tmp_path) == log_of(tmp_path / "silent")
    found = state(tmp_path, 12)
    assert [step for step, _ in heard] == [6, 12]
    assert torch.equal(heard[1][1], found["network.average.layers.0.weight"])
    assert torch.equal(weights(tmp_path)["layers.0.weight"], heard[1][1])
    assert torch.equal(task.network.layers[0].weight, found["network.weights.layers.0.weight"])
    assert not torch.equal(heard[1][1], found["network.weights.layers.0.weight"])


def test_the_caller_s_threads_and_random_state_are_as_before(tmp_path):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    during = []
    loop = settings(threads=threads + 1)
    task = DenoisingSounds(new_network(tricky=True))
    train(task, loop, tmp_path, on_step=lambda *_: during.append(torch.get_num_threads()))
    assert set(during) == {threads + 1}
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)
    during.clear()
    train(
        DenoisingSounds(),
        settings(),
        tmp_path / "two",
        on_step=lambda *_: during.append(torch.get_num_threads()),
    )
    assert set(during) == {threads}


def test_a_full_disk_is_one_sentence_and_status_2(tmp_path, monkeypatch, capsys):
    """Through the command; its task is the small one."""
    whole = tmp_path / "whole"
    train(DenoisingSounds(), settings(), whole)

    def run_small(*_args):
        return train(DenoisingSounds(), settings(), tmp_path / "run")

    monkeypatch.setattr(kinds.Kind, "run", run_small)
    command = ["train", "diffusion", "-o", str(tmp_path / "run"), "--set", "data.folder=x"]
    with monkeypatch.context() as patch:
        saves = []

        def fill(*args):
            saves.append(args)
            if len(saves) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return save_file(*args)

        save_file = checkpoints.save_file
        patch.setattr(checkpoints, "save_file", fill)
        assert main(command) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "step-00000010" in told
    assert "No space left on device" in told
    kept = [path.name for path in (tmp_path / "run/checkpoints").iterdir()]
    assert sorted(kept) == ["LATEST", "step-00000005"]
    assert main(command) == 0
    assert log_of(tmp_path / "run") == log_of(whole)
    assert_same(weights(tmp_path / "run"), weights(whole))


def test_a_run_killed_between_its_last_checkpoint_and_latest_is_tidied(tmp_path, monkeypatch):
    """No save comes after it that would name it and let the oldest go."""
    loop = settings(steps=12, save_every=4, keep=2)
    assert train(DenoisingSounds(), loop, tmp_path / "whole") == "finished"
    names = ["LATEST", "step-00000008", "step-00000012"]
    folder = tmp_path / "run/checkpoints"

    def stop_at_the_last(path, content):
        if b"12" in content:
            raise KeyboardInterrupt
        write_file(path, content)

    write_file = checkpoints.write_file
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write_file", stop_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            train(DenoisingSounds(), loop, tmp_path / "run")
    assert (folder / "LATEST").read_text() == "step-00000008\n"
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["LATEST", "step-00000004", *names[1:]]
    assert train(DenoisingSounds(), loop, tmp_path / "run") == "finished"
    for run in ("whole", "run"):
        found = tmp_path / run / "checkpoints"
        assert (found / "LATEST").read_text() == "step-00000012\n"
        assert sorted(path.name for path in found.iterdir()) == names


def test_a_batch_that_micro_batches_cannot_share_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"loop\.micro_batch is 3"):
        train(DenoisingSounds(), settings(micro_batch=3), tmp_path)


def test_every_step_is_told_with_its_pace(tmp_path):
    told = []
    train(DenoisingSounds(), settings(), tmp_path, on_step=lambda *one: told.append(one))
    assert [step for step, _ in told] == [*range(1, 13)]
    for (_, values), line in zip(told, log_of(tmp_path), strict=True):
        assert values["flops"] == pytest.approx(1e6 * values["examples_per_s"])
        assert "examples_per_s" not in line
        assert line["loss"] == values["loss"]


def test_the_share_of_a_known_peak_is_told(tmp_path):
    told = []
    loop = settings(peak_tflops=0.5)
    train(DenoisingSounds(), loop, tmp_path, on_step=lambda _, values: told.append(values))
    assert all(v["mfu"] == pytest.approx(v["flops"] / 5e11) for v in told)


def test_players_and_names_are_the_task_s():
    task = AdversarialSounds()
    assert [player.name for player in task.players] == ["denoiser", "judge"]
    assert isinstance(task.players[0], Player)
    assert isinstance(task.network, Denoiser)
    assert set(task.names(0, range(4))) <= {path.stem for path in SOUNDS}
    assert Ending("stopped") is Ending.STOPPED
