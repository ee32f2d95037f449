"""Signals: the first asks, the second ends the process."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from auffusion.train.stopping import stopping

ASKED = ("SIGTERM", "SIGINT", "SIGUSR1")


@pytest.mark.parametrize("name", ASKED)
def test_a_signal_is_heard_once_and_told(capfd, name):
    before = signal.getsignal(getattr(signal, name))
    with stopping() as stop:
        assert not stop.requested
        signal.raise_signal(getattr(signal, name))
        assert stop.requested
    assert f"{name}: the step is finished and saved" in capfd.readouterr().err
    assert signal.getsignal(getattr(signal, name)) == before


def test_handlers_come_back_after_an_error():
    before = [signal.getsignal(getattr(signal, name)) for name in ASKED]
    with pytest.raises(ValueError, match="inside"), stopping():
        raise ValueError("inside")
    assert [signal.getsignal(getattr(signal, name)) for name in ASKED] == before


def test_in_another_thread_nobody_asks():
    """A program with windows or requests may train there; its signals stay its own."""
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def work():
        with stopping() as stop:
            found.append((stop.requested, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, before)]


BUSY = """
import sys, time
from auffusion.train.stopping import stopping
with stopping() as stop:
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if stop.requested and len(sys.argv) > 1:
            print("saved", flush=True)
            time.sleep(float(sys.argv[1]))
            break
"""


def busy(*words, **environment):
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("second", ASKED)
def test_the_second_signal_ends_the_process_whichever_it_is(second):
    process = busy()
    process.send_signal(signal.SIGUSR1)
    assert "once more leaves at once" in process.stderr.readline()
    process.send_signal(getattr(signal, second))
    process.communicate(timeout=50)
    assert process.returncode == -getattr(signal, second)


def test_a_closed_terminal_does_not_keep_the_step_from_being_finished():
    process = busy("0")
    process.stderr.close()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=50)[0] == "saved\n"
    assert process.returncode == 0


def test_under_torchrun_the_same_request_may_come_twice():
    """A cluster may signal all processes of a job, and the launcher passes its own on."""
    process = busy("1", WORLD_SIZE="2")
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=50)[0] == "saved\n"
    assert process.returncode == 0


def test_under_torchrun_a_later_one_ends_the_process():
    process = busy("60", WORLD_SIZE="2")
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    time.sleep(5.5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=50)
    assert process.returncode == -signal.SIGTERM
