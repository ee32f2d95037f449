"""When Ray is refused; what it does when it runs is in test_executors.py and test_restart.py."""

import os
import subprocess
import sys

import pytest
from workers import Writer, assert_whole, units

from auffusion.errors import InputError
from auffusion.executor import Executor
from auffusion.executor.cluster import RayExecutor


@pytest.mark.parametrize("mode", [None, "", "disabled", "TOKEN"])
def test_without_tokens_ray_is_refused(monkeypatch, mode):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(InputError, match="set RAY_AUTH_MODE=token"):
        RayExecutor()


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'auffusion\[cluster\]'"):
        RayExecutor()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"workers": 0}, "0 workers do no work"),
        ({"retries": -2}, "-2 retries cannot be"),
        ({"gpus_per_worker": -1}, "-1 GPUs cannot be"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(monkeypatch, arguments, told):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(InputError, match=told):
        RayExecutor(**arguments)


@pytest.mark.slow
def test_a_cluster_without_gpus_is_told_of(ray_here):
    resources = ray_here.cluster_resources()
    assert "GPU" not in resources
    with pytest.raises(InputError, match=r"no room for a worker of 1 CPU and 0\.5 GPUs; it has 2"):
        list(RayExecutor(gpus_per_worker=0.5).map(Writer, units(1)))


@pytest.mark.slow
def test_more_workers_than_the_cluster_has_room_for_still_do_all_units(ray_here, tmp_path):
    assert ray_here.is_initialized()
    executor = RayExecutor(workers=5)
    assert isinstance(executor, Executor)
    assert len(list(executor.map(Writer(folder=tmp_path), units(12)))) == 12
    assert_whole(tmp_path, units(12))


CONNECTING = """
import sys
from pathlib import Path
from workers import Writer, units
from auffusion.errors import InputError
from auffusion.executor.cluster import RayExecutor
executor = RayExecutor(workers=1, address=sys.argv[1])
try:
    print([one.status.value for one in executor.map(Writer(folder=Path(sys.argv[2])), units(3))])
except InputError as error:
    print(error)
import os
import ray
print(ray.is_initialized(), os.environ["RAY_USAGE_STATS_ENABLED"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("its own", "['done', 'done', 'done']\nFalse 0\n"),
        ("0" * 32, "no Ray cluster answers at"),
    ],
)
def test_a_running_cluster_is_joined_with_its_token_only(ray_here, tmp_path, token, told):
    address = ray_here.get_runtime_context().gcs_address
    environment = dict(os.environ)
    if token != "its own":
        environment["RAY_AUTH_TOKEN"] = token
    command = [sys.executable, "-c", CONNECTING, address, str(tmp_path)]
    shown = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert told in shown
