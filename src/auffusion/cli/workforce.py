"""Who does a command's work: processes here, machines of a Ray cluster, or this process."""

from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli.choices import Where

if TYPE_CHECKING:
    from auffusion.executor import Executor

Workers = Annotated[
    int | None,
    typer.Option("--workers", "-w", help="Processes. Default: one a core.", metavar="N"),
]
On = Annotated[
    Where,
    typer.Option(
        "--executor",
        help="local: processes of this machine; ray: a Ray cluster (RAY_ADDRESS, "
        "RAY_AUTH_MODE=token); here: this process. The result is the same.",
    ),
]


def choose_executor(where: Where, workers: int | None, *, gpus: int = 0) -> "Executor":
    """The executor that the options name.

    Raises:
        InputError: no such number of workers, or no Ray, or one without a token.
    """
    from auffusion.executor import LocalExecutor, SerialExecutor

    if where is Where.RAY:
        from auffusion.executor.cluster import RayExecutor

        return RayExecutor(workers=workers, gpus_per_worker=gpus)
    if where is Where.HERE:
        return SerialExecutor()
    # Processes that share one accelerator only take its memory from each other.
    return LocalExecutor(workers=1 if gpus and workers is None else workers)
