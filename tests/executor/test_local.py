import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
import workers
from workers import Writer, alive, runs, start_driver, units

from auffusion.executor import LocalExecutor, Status, Unit
from auffusion.executor.local import usable_cores


def told_of(unit):
    (outcome,) = LocalExecutor(workers=1).map(Writer(folder=Path()), [unit])
    return outcome


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        ("killed", "its process was killed by SIGKILL, as happens for lack of memory"),
        ("aborts", "its process was killed by SIGABRT"),
        ("signal 40", "its process was killed by signal 40"),
        ("leaves", "its process left with status 3"),
    ],
)
def test_the_reason_says_how_the_process_ended(fate, told):
    outcome = told_of(Unit(id="a", payload={"seed": 1, "fate": fate}))
    assert outcome.status is Status.FAILED
    assert outcome.reason == f"{told} (tries: 3)"


def test_without_retries_a_unit_has_one_try(tmp_path):
    executor = LocalExecutor(workers=1, retries=0)
    (outcome,) = executor.map(Writer(folder=tmp_path), units(1, fate="leaves"))
    assert outcome.reason == "its process left with status 3 (tries: 1)"
    assert len(runs(tmp_path)) == 1


def test_one_worker_is_a_process_of_its_own(tmp_path):
    list(LocalExecutor(workers=1).map(Writer(folder=tmp_path), units(2)))
    assert os.getpid() not in {int(pid) for _, pid in runs(tmp_path)}


def test_no_more_processes_than_units_are_started(tmp_path):
    list(LocalExecutor(workers=5).map(Writer(folder=tmp_path), units(1)))
    with closing(LocalExecutor(workers=5).map(Writer(folder=tmp_path), units(1))) as outcomes:
        next(outcomes)
        assert len(children()) <= 2  # its own, which may be ending, and multiprocessing's helper


def children():
    """Living and dead ones of this process."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def handles():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_two_hundred_units_and_many_deaths_leave_no_process_and_no_handle(tmp_path):
    executor = LocalExecutor(workers=2, retries=1)
    some_units = units(200)
    for unit in some_units[::20]:
        unit.payload["fate"] = "leaves"
    list(executor.map(Writer(folder=tmp_path), units(2)[1:]))  # starts multiprocessing's helper
    before = handles(), len(children())
    outcomes = list(executor.map(Writer(folder=tmp_path), some_units))
    assert [one.status for one in outcomes].count(Status.FAILED) == 10
    assert (handles(), len(children())) == before


def test_a_process_killed_between_units_costs_no_unit_a_try(tmp_path):
    # Its one outcome is told, and it is killed while it waits for the next unit to be listed.
    def listing():
        yield from units(1)
        ((_, pid),) = runs(tmp_path)
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
        workers.assert_soon(lambda: not alive(pid))
        yield Unit(id="next", payload={"seed": 5})

    executor = LocalExecutor(workers=1, retries=0)
    told = list(executor.map(Writer(folder=tmp_path), listing()))
    assert [(one.id, one.status) for one in told] == [("u000", "done"), ("next", "done")]


def test_a_worker_process_does_not_hear_ctrl_c(tmp_path):
    (outcome,) = LocalExecutor(workers=1).map(Writer(folder=tmp_path), units(1, fate="interrupted"))
    assert outcome.status is Status.DONE
    assert len(runs(tmp_path)) == 1


def test_ctrl_c_ends_the_parent_with_one_traceback_and_its_processes_at_once(tmp_path):
    driver = start_driver("local", tmp_path)
    os.killpg(driver.pid, signal.SIGINT)
    _, errors = driver.communicate(timeout=30)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    workers.assert_soon(lambda: not any(alive(pid) for _, pid in runs(tmp_path)))


def test_a_container_with_one_core_gets_one_worker():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "from auffusion.executor.local import usable_cores; assert usable_cores() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_the_executors_load_neither_torch_nor_numpy_nor_ray():
    code = "import sys, auffusion.executor, auffusion.executor.cluster; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "auffusion.executor.cluster" in shown
    assert not {"torch", "numpy", "ray"} & set(shown)
