"""The engine of one machine: several processes, each of one core."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from data_tools import processes
from data_tools.engines.engine import Result, Task


@dataclasses.dataclass(frozen=True)
class Local:
    """Processes of this machine.

    Attributes:
        workers: How many; 1 runs the tasks in this process.
    """

    workers: int

    def run(
        self,
        function: Callable[[Task, Callable[[], None]], Result],
        tasks: Sequence[Task],
        *,
        total: int,
        unit: str,
        done: int = 0,
    ) -> Iterator[Result]:
        """See `data_tools.engines.engine.Engine`."""
        return processes.run(function, tasks, self.workers, total=total, unit=unit, done=done)
