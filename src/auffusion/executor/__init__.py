"""Many independent pieces of work, on the cores of one machine or on many machines.

`auffusion.executor.cluster` is imported by those who have Ray.
"""

from auffusion.executor.attempt import StartError as StartError
from auffusion.executor.contract import Executor as Executor
from auffusion.executor.contract import MakeWorker as MakeWorker
from auffusion.executor.contract import Outcome as Outcome
from auffusion.executor.contract import Status as Status
from auffusion.executor.contract import Unit as Unit
from auffusion.executor.contract import Worker as Worker
from auffusion.executor.local import LocalExecutor as LocalExecutor
from auffusion.executor.outputs import is_output as is_output
from auffusion.executor.outputs import locked as locked
from auffusion.executor.outputs import sweep as sweep
from auffusion.executor.outputs import write_output as write_output
from auffusion.executor.serial import SerialExecutor as SerialExecutor
