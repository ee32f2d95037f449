"""A run that is killed is started again, on any executor, and ends with the same bytes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import workers
from workers import (
    QUICK,
    SLOW,
    alive,
    assert_soon,
    assert_whole,
    driver_units,
    runs,
    start_driver,
)

PAIRS = [
    ("local", "local"),
    pytest.param("local", "ray", marks=pytest.mark.slow),
    pytest.param("ray", "local", marks=pytest.mark.slow),
]


def drive(kind, folder):
    command = [sys.executable, workers.__file__, kind, str(folder), "0.01"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.fixture
def for_drivers(request):
    if "ray" in request.node.callspec.params.values():
        request.getfixturevalue("ray_token")


@pytest.mark.usefixtures("for_drivers")
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_driver_killed_half_way_leaves_no_process_and_a_rerun_makes_only_what_is_missing(
    tmp_path, first, second
):
    driver = start_driver(first, tmp_path)
    assert any(alive(pid) for _, pid in runs(tmp_path))
    driver.kill()
    driver.communicate(timeout=30)
    assert driver.returncode == -signal.SIGKILL
    # They were to sleep for ten minutes.
    assert_soon(lambda: not any(alive(pid) for _, pid in runs(tmp_path)))
    if first == "local":  # Ray's own services take a minute to see that they are alone
        assert_soon(lambda: not in_session(driver.pid))

    (tmp_path / "log").unlink()
    statuses = drive(second, tmp_path)
    assert (statuses.count("skipped"), statuses.count("done")) == (QUICK, SLOW)
    assert len(runs(tmp_path)) == SLOW
    assert_whole(tmp_path, driver_units(seconds=0))


def in_session(leader):
    """Processes the leader has started, however deep, that still run."""
    sessions = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            sessions[stat.parent.name] = stat.read_text().rpartition(")")[2].split()[3]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [pid for pid, session in sessions.items() if session == str(leader) and alive(pid)]
