"""Units on a Ray cluster: for more than one machine, whose outputs lie on shared storage.

Ray's own words on who may reach its ports: https://docs.ray.io/en/latest/ray-security/index.html
"""

import logging
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from auffusion.errors import InputError
from auffusion.executor.attempt import Refusal, StartError, attempt, failure, make, refusal
from auffusion.executor.contract import MakeWorker, Outcome, Unit, Worker
from auffusion.executor.crew import Crew, HandLostError
from auffusion.executor.local import check_counts


@dataclass(frozen=True, kw_only=True)
class RayExecutor:
    """Runs units in Ray actors, with the blame and the retries of `LocalExecutor`.

    `auffusion`, and what else the worker's maker imports, must be installed on the machines.
    """

    workers: int | None = None
    """Actors, each with one CPU; as many as the cluster has room for now when None."""
    gpus_per_worker: int | float = 0
    """GPUs of an actor, or a part of one."""
    address: str | None = None
    """The cluster's; a running one named in RAY_ADDRESS, or else this machine alone, when None."""
    retries: int = 2
    """How often a unit whose actor died is tried again."""

    def __post_init__(self) -> None:
        check_counts(workers=self.workers, retries=self.retries)
        if self.gpus_per_worker < 0:
            raise InputError(f"{self.gpus_per_worker} GPUs cannot be: choose 0 or more")
        # Without a token whoever reaches Ray's ports runs code, and local Ray too listens on all
        # interfaces (CVE-2023-48022).
        if os.environ.get("RAY_AUTH_MODE") != "token":
            raise InputError(
                "without tokens anybody who reaches Ray may run code here: set RAY_AUTH_MODE=token "
                "(and on a cluster RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH) before starting"
            )
        if find_spec("ray") is None:
            raise InputError(
                "a cluster needs Ray, which is not installed: pip install 'auffusion[cluster]'"
            )

    def map(self, make_worker: MakeWorker, units: Iterable[Unit]) -> Generator[Outcome]:
        """The outcome of every unit, in any order; at most `workers` are drawn ahead.

        Closing the iterator ends the actors at once.

        Raises:
            InputError: no cluster answers or it has no room, or a worker's maker said so.
            StartError: a worker's maker raised anything else, or actors die as they start.
        """
        with _connected(self.address) as ray:
            size = self.workers or self._room(ray.cluster_resources())
            remote = ray.remote(num_cpus=1, num_gpus=self.gpus_per_worker, max_restarts=0)
            actors = remote(_Serving)

            def wait(hands: Sequence[_Actor], timeout: float | None) -> Sequence[_Actor]:
                owners = {hand.said: hand for hand in hands}
                told, _ = ray.wait(list(owners), num_returns=1, timeout=timeout)
                return [owners[one] for one in told]

            crew = Crew(
                hire=lambda: _Actor(ray, actors.remote(), make_worker),
                wait=wait,
                size=size,
                retries=self.retries,
            )
            yield from crew.work(units)

    def _room(self, resources: dict[str, float]) -> int:
        room = resources.get("CPU", 0.0)
        if self.gpus_per_worker:
            room = min(room, resources.get("GPU", 0.0) / self.gpus_per_worker)
        if room < 1:
            raise InputError(
                f"the cluster has no room for a worker of 1 CPU and {self.gpus_per_worker:g} GPUs; "
                f"it has {resources.get('CPU', 0):g} and {resources.get('GPU', 0):g}"
            )
        return int(room)


class _Serving:
    """What runs in an actor."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def make(self, make_worker: MakeWorker) -> Refusal | None:
        try:
            self._worker = make(make_worker)
        except (InputError, StartError) as error:
            return refusal(error)
        return None

    def do(self, unit: Unit) -> Outcome | None:
        return attempt(self._worker, unit) if self._worker else None


class _Actor:
    """The driver's hand on an actor, which has always one thing to say."""

    def __init__(self, ray: Any, handle: Any, make_worker: MakeWorker) -> None:  # noqa: ANN401 - Ray's
        self._ray = ray
        self._handle = handle
        self._unit: Unit | None = None
        self.said = handle.make.remote(make_worker)

    def take(self) -> Outcome | Refusal | None:
        errors = self._ray.exceptions
        try:
            return self._ray.get(self.said)
        except errors.RayTaskError as error:
            # What was sent or answered could not be read at the other end.
            if self._unit is not None:
                return failure(self._unit.id, error.cause)
            sentence = f"a worker could not be made: {error.cause!r}"
            return Refusal(sentence=sentence, bad_input=False, traceback=str(error))
        except errors.RayError as error:
            raise HandLostError(_how(error)) from error

    def give(self, unit: Unit) -> bool:
        self._unit = unit
        self.said = self._handle.do.remote(unit)
        return True

    def dismiss(self) -> None:
        self.kill()

    def kill(self) -> None:
        self._ray.kill(self._handle)


def _how(error: Exception) -> str:
    """Ray's reason without its advice."""
    reason = str(error).strip().splitlines()[-1].partition(" Some common causes")[0]
    return f"died: {reason.rstrip('.')}"


@contextmanager
def _connected(address: str | None) -> Generator[Any]:
    """Ray, connected; left connected where it was so before."""
    # Ray reports its use to its makers unless told not to before it starts.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=address, include_dashboard=False, logging_level=logging.WARNING)
    except (ConnectionError, ray.exceptions.AuthenticationError) as error:
        raise InputError(
            f"no Ray cluster answers at {address or 'the address in RAY_ADDRESS'} "
            f"({' '.join(str(error).split())}): see that it runs and that the token is its own"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
