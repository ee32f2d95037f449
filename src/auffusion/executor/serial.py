"""Units one after the other in this process: for debugging and for jobs of seconds."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from auffusion.executor.attempt import attempt, make
from auffusion.executor.contract import MakeWorker, Outcome, Unit, Worker


@dataclass(frozen=True)
class SerialExecutor:
    """Runs units here; a unit that kills its process kills the run."""

    def map(self, make_worker: MakeWorker, units: Iterable[Unit]) -> Generator[Outcome]:
        """The outcome of every unit, in order; each is drawn when it is run.

        Raises:
            InputError: the worker's maker said so.
            StartError: the worker's maker raised anything else.
        """
        worker: Worker | None = None
        for unit in units:
            # Made for the first unit: no unit, no model to load.
            worker = worker or make(make_worker)
            yield attempt(worker, unit)
