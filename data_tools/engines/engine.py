"""What an engine is: it runs tasks somewhere, and gives their results to whoever asked."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs tasks of which each gives the same result wherever, and however often, it runs."""

    def run(
        self,
        function: Callable[[Task, Callable[[], None]], Result],
        tasks: Sequence[Task],
        *,
        total: int,
        unit: str,
        done: int = 0,
    ) -> Iterator[Result]:
        """Yields the result of every task once, in no fixed order, and shows progress.

        Args:
            function: Picklable; gets a task, and what to call after each unit of it.
            tasks: Picklable.
            total: How many units all tasks have, with those that were done before.
            unit: What a unit is, for the progress bar.
            done: How many units were done before.

        Raises:
            mammo.common.errors.InputError: A task was refused, or its process killed.
            Exception: What `function` raised; the other tasks are dropped.
        """
        ...
