"""Workers for the tests, in a module that other processes can import.

Run as a script it is a driver, `python workers.py local|ray FOLDER SECONDS`: it makes four outputs
at once and eight that take so long each.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from auffusion.errors import InputError
from auffusion.executor import (
    LocalExecutor,
    Outcome,
    SerialExecutor,
    Status,
    Unit,
    is_output,
    locked,
    sweep,
    write_output,
)

QUICK, SLOW = 4, 8


def units(count, **payload):
    return [
        Unit(id=f"u{number:03}", payload={"seed": number, **payload}) for number in range(count)
    ]


def content(unit):
    """What a unit's output must be: hashes of its seed, 64 kB."""
    seed = unit.payload["seed"]
    return b"".join(hashlib.sha256(f"{seed} {block}".encode()).digest() for block in range(2048))


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes a unit's content to FOLDER/ID.bin and its hash to FOLDER/ID.json."""

    folder: Path

    def __call__(self):
        return self.run

    def run(self, unit):
        output, record = self.folder / f"{unit.id}.bin", self.folder / f"{unit.id}.json"
        if record.is_file() and is_output(output, json.loads(record.read_bytes())):
            return Outcome(id=unit.id, status=Status.SKIPPED)
        self.log(unit)
        self.suffer(unit)
        digest = write_output(output, content(unit))
        write_output(record, json.dumps(digest).encode())
        return Outcome(id=unit.id, status=Status.DONE, facts={"pid": os.getpid()})

    def log(self, unit):
        with (self.folder / "log").open("a") as file:
            file.write(f"{unit.id} {os.getpid()}\n")

    def suffer(self, unit):
        match unit.payload.get("fate"):
            case "rejected":
                raise InputError(f"{unit.id} is too loud: turn it down")
            case "raises":
                raise ValueError(f"no {unit.id}\nat all")
            case "killed":
                die()
            case "interrupted":
                os.kill(os.getpid(), signal.SIGINT)
            case "aborts":
                os.abort()
            case "signal 40":
                os.kill(os.getpid(), 40)
            case "leaves":
                os._exit(3)
            case "killed once in a write" if first_time(self.folder / f"{unit.id}.met"):
                os.fsync = lambda _handle: die()
            case "slow":
                time.sleep(unit.payload["seconds"])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def first_time(mark):
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def make_bad_input():
    raise InputError("the model folder is empty: download it")


def make_bug():
    raise KeyError("weights")


def make_death():
    die()


def make_talker():
    """A worker whose facts no process can send."""
    return lambda unit: Outcome(id=unit.id, status=Status.DONE, facts={"lock": threading.Lock()})


@dataclass(frozen=True)
class Homebody:
    """A payload that can leave its process but not arrive in another."""

    home: int

    def __reduce__(self):
        return arrive, (self.home,)


def arrive(home):
    if os.getpid() != home:
        raise ImportError("there is no such module here")
    return Homebody(home)


def runs(folder):
    """(identifier, process) of every run of a unit."""
    log = folder / "log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def assert_whole(folder, some_units):
    """Each unit's output is there with its content, and no others are."""
    assert sorted(path.name for path in folder.glob("*.bin")) == [f"{u.id}.bin" for u in some_units]
    for unit in some_units:
        assert (folder / f"{unit.id}.bin").read_bytes() == content(unit)


def alive(pid):
    """Whether there is such a process, and it is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_soon(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within thirty seconds")


def executor(kind, workers=2):
    if kind == "serial":
        return SerialExecutor()
    if kind == "local":
        return LocalExecutor(workers=workers)
    from auffusion.executor.cluster import RayExecutor

    return RayExecutor(workers=workers)


def driver_units(seconds):
    some_units = units(QUICK + SLOW)
    for unit in some_units[QUICK:]:
        unit.payload.update(fate="slow", seconds=seconds)
    return some_units


def drive(kind, folder, seconds):
    with locked(folder):
        sweep(folder)
        outcomes = executor(kind).map(Writer(folder=folder), driver_units(seconds))
        sys.stdout.write(json.dumps([outcome.status for outcome in outcomes]))


def start_driver(kind, folder):
    """A process that drives, in a session of its own, in the midst of its first two slow units."""
    driver = subprocess.Popen(
        [sys.executable, __file__, kind, str(folder), "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert_soon(lambda: driver.poll() is not None or len(runs(folder)) == QUICK + 2)
    assert driver.poll() is None, driver.stderr.read()
    return driver


if __name__ == "__main__":
    drive(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
