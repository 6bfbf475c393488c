"""The engine of several machines: Apache Spark (https://spark.apache.org/docs/3.5.9), of which tasks take a core each.

Python and the project lie at the same paths on all machines, as one image gives them, and all reach the same folders.
Spark may run a task more than once: when its machine has vanished, or beside a slow one (speculation). Its result
counts once.
"""

import contextlib
import dataclasses
import functools
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any, Generic, NoReturn

import cv2
import py4j.protocol
import pyspark
from pyspark.accumulators import AccumulatorParam

from data_tools.engines import spark_environment
from data_tools.engines.engine import Result, Task
from mammo.common import progress, tensorflow_settings
from mammo.common.errors import InputError

_LOOK_EVERY_S = 0.2
_MASTER = re.compile(r"local(\[.+\])?|spark://.+")
_IDLE_S = 30  # without a task that runs, before it is said
_ANSWERS_WITHIN_S = 10
_ALONE: Mapping[str, str] = {"spark.driver.host": "localhost", "spark.driver.bindAddress": "127.0.0.1"}
"""On one machine nobody else need reach it, who would be let in."""
_SETTINGS: Mapping[str, str] = {
    "spark.app.name": "mammo convert",
    "spark.ui.enabled": "false",  # a page for whoever can reach its port, without a password
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",  # no limit: of a million views the rows of the index alone are above its 1 GiB
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={spark_environment.LOG_SETTINGS}",
    "spark.driver.memory": "2g",  # keeps 14 KB a task: of a million views half a gigabyte
    "spark.executor.memory": "512m",  # of Java, which hands tasks on; Python's is beside it
}


@dataclasses.dataclass(frozen=True)
class _Ended(Generic[Result]):
    """What came of a task.

    Attributes:
        units: How many of it were done.
        result: None where it was refused.
        refusal: What it ended with, which is no fault of the program.
    """

    units: int
    result: Result | None = None
    refusal: InputError | OSError | None = None


@dataclasses.dataclass(frozen=True)
class Spark:
    """A cluster, and how to use it.

    Attributes:
        master: Where it is: "spark://host:7077"; "local[4]" is four tasks at a time on this machine.
        settings: Of Spark, by their names; they come before the project's own.
    """

    master: str
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

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
        if not tasks:
            return
        with progress.bar(total, unit, initial=done) as bar, self._context() as context:
            for ended in _run(context, function, tasks):
                bar.update(ended.units)
                if ended.refusal is not None:
                    raise ended.refusal
                yield ended.result  # type: ignore[misc]  # which is there where no refusal is

    @contextlib.contextmanager
    def _context(self) -> Iterator[pyspark.SparkContext]:
        """Is connected to the cluster while the block lasts; what runs there when it ends is cancelled.

        Raises:
            InputError: The cluster does not answer, or does not take a setting.
        """
        _check_answers(self.master)
        spark_environment.apply()
        logging.getLogger("py4j").setLevel(logging.CRITICAL)  # what it raises says enough
        seen = {f"spark.executorEnv.{name}": value for name, value in spark_environment.of_tasks().items()}
        here = _ALONE if self.master.startswith("local") else {}
        settings = {**_SETTINGS, **seen, **here, **self.settings}
        conf = pyspark.SparkConf().setAll([*settings.items()]).setMaster(self.master)
        try:
            context = pyspark.SparkContext(conf=conf)
        except (py4j.protocol.Py4JError, RuntimeError) as error:
            raise InputError(f"Spark does not start with --spark_master={self.master}: {_reason(error)}.") from None
        try:
            yield context
        except (py4j.protocol.Py4JNetworkError, ConnectionError):
            raise InputError(
                "Spark's own process here has ended, most likely for want of memory; the same command goes on where it "
                "stopped."
            ) from None
        finally:
            with contextlib.suppress(py4j.protocol.Py4JError, ConnectionError):
                context.stop()


class _Listed(AccumulatorParam[list]):
    """Spark adds what each task gives to it once, however often the task ran."""

    def zero(self, value: list) -> list:
        return []

    def addInPlace(self, value1: list, value2: list) -> list:  # noqa: N802
        value1.extend(value2)
        return value1


def _run(
    context: pyspark.SparkContext, function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task]
) -> Iterator[_Ended[Result]]:
    """Yields what came of each task as it ends: Spark itself gives nothing until the last has ended."""
    arrived = context.accumulator([], _Listed())
    shared = context.broadcast(function)  # each process reads once what a source knows of all views
    work = functools.partial(_work, shared, arrived)
    with futures.ThreadPoolExecutor(1) as thread:
        job = thread.submit(context.parallelize(tasks, len(tasks)).foreach, work)
        try:
            taken, idle = 0, _Idle(context)
            while not job.done() or taken < len(arrived.value):
                for ended in arrived.value[taken:]:
                    taken += 1
                    yield ended
                idle.look()
                futures.wait([job], _LOOK_EVERY_S)
            _check(job)
        except BaseException:
            with contextlib.suppress(py4j.protocol.Py4JError, ConnectionError):
                context.cancelAllJobs()
            raise
    if taken != len(tasks):  # Spark has no more than a line of its log for a result that it could not take
        raise RuntimeError(f"Spark has lost the results of {len(tasks) - taken} of {len(tasks)} tasks")


def _work(shared: "pyspark.Broadcast", arrived: "pyspark.Accumulator[list]", task: Task) -> None:
    """Runs a task on the machine that Spark has chosen."""
    _prepare_process()
    units = 0

    def count() -> None:
        nonlocal units
        units += 1

    try:
        ended = _Ended(units, shared.value(task, count))
    except InputError as error:  # to try again would not help, and Spark would
        ended = _Ended(units, refusal=InputError(f"{socket.gethostname()}: {error}"))
    except OSError as error:  # a full disk, for one, which the program has a sentence for
        ended = _Ended(units, refusal=error)
    arrived.add([dataclasses.replace(ended, units=units)])


@functools.cache
def _prepare_process() -> None:
    """Does what a program does as it starts; once, for a process of Spark's runs many tasks."""
    tensorflow_settings.apply()
    cv2.setNumThreads(1)


class _Idle:
    """Says so when nothing runs: Spark waits for machines without an end, and without a word."""

    def __init__(self, context: pyspark.SparkContext) -> None:
        self._context, self._since_s = context, time.monotonic()

    def look(self) -> None:
        tracker = self._context.statusTracker()
        stages = filter(None, map(tracker.getStageInfo, tracker.getActiveStageIds()))
        now_s = time.monotonic()
        if any(stage.numActiveTasks for stage in stages):
            self._since_s = now_s
        elif now_s - self._since_s > _IDLE_S:
            logging.warning("Nothing runs: the cluster has no machine, or none with a free core and memory.")
            self._since_s = now_s


def _check(job: "futures.Future[Any]") -> None:
    """Raises what a job has failed with."""
    error = job.exception()
    if isinstance(error, py4j.protocol.Py4JError):
        _refuse(error)
    if error is not None:
        raise error


def _refuse(error: py4j.protocol.Py4JError) -> NoReturn:
    text = str(error)
    if "PythonException" in text:  # of a task: a fault of the program, whose traceback is in the message
        raise RuntimeError(text)
    if "Python worker exited unexpectedly" in text or "ExecutorLostFailure" in text:
        raise InputError(
            "a task was killed on every machine that tried it, most likely for want of memory; give each machine fewer "
            "cores or more memory."
        )
    raise InputError(f"Spark gave up: {_reason(error)}; the same command goes on where it stopped.")


def _reason(error: Exception) -> str:
    """Returns what Java says, without where in it: the first line of the innermost exception."""
    if "JAVA_GATEWAY_EXITED" in str(error):
        return "what stands above says why"
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() or java) if java is not None else str(error)
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else type(error).__name__


def answers(address: str) -> bool:
    """Tells whether anybody listens at host:port."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()
    except (OSError, ValueError):
        return False
    return True


def _check_answers(master: str) -> None:
    """Refuses a master that is not there, for which Spark would wait a minute.

    Raises:
        InputError: Nothing answers there, or it is no master at all.
    """
    scheme, _, addresses = master.partition("://")
    if not _MASTER.fullmatch(master):
        raise InputError(f"--spark_master={master} is no master of Spark; give one such as spark://host:7077.")
    if scheme != "spark" or "," in addresses:  # of several masters one may be away
        return
    if not answers(addresses):
        raise InputError(f"no Spark master answers at {master}; start one, or give its address.")
