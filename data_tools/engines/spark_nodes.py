"""A Spark cluster of the workers of a job (see `mammo.training.cluster`): the same command on each makes one.

The first is master of the cluster, works as the others do, and drives the conversion. The others work until what is
asked for is there.
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from data_tools.engines import spark, spark_environment
from data_tools.engines.spark import Spark
from mammo.common import parents
from mammo.common.errors import InputError
from mammo.training.cluster import Cluster

_COMES_WITHIN_S = 600  # machines of one job start minutes apart, and a spot machine comes back minutes later
_LOOK_EVERY_S = 0.5
_CALLS = 6
_ENDS_WITHIN_S = 10


@contextlib.contextmanager
def first_of(cluster: Cluster, settings: Mapping[str, str]) -> Iterator[Spark]:
    """Is the first worker of a cluster while the block lasts: yields the engine that its workers make.

    Args:
        cluster: Whose first worker this process is.
        settings: Of Spark, by their names.

    Raises:
        InputError: The master does not start.
    """
    address = cluster.addresses[0]
    host, _, port = address.rpartition(":")
    _wait_for_name(host)
    with _program("master.Master", "--host", host, "--port", port, "--webui-port", "0") as master:
        while master.poll() is None and not spark.answers(address):
            time.sleep(_LOOK_EVERY_S)
        time.sleep(_LOOK_EVERY_S)  # who answers may be another, whose port it cannot have
        if master.poll() is not None:
            raise InputError(f"Spark's master does not start at {address}, see above; give it a port that is free.")
        with _worker(cluster):
            yield Spark(f"spark://{address}", {"spark.driver.host": host, **settings})


def other_of(cluster: Cluster, is_done: Callable[[], bool]) -> None:
    """Is one of the other workers of a cluster until what is asked for is there.

    Args:
        cluster: Whose worker this process is.
        is_done: Whether it is.

    Raises:
        InputError: The first worker does not come, or come back; or Spark here has ended.
    """
    while not _wait_for_first(cluster, is_done):
        with _worker(cluster) as worker:  # another one after an absence: Spark's does not always notice one
            while not is_done() and _is_there(cluster.addresses[0]):
                if worker.poll() is not None:
                    raise InputError("Spark's worker has ended, see above; start this worker again to go on.")
                time.sleep(_LOOK_EVERY_S)


def _is_there(address: str) -> bool:
    """Tells whether the master answers, within some calls: a machine that is busy may miss one."""
    for _ in range(_CALLS):
        if spark.answers(address):
            return True
        time.sleep(_LOOK_EVERY_S)
    return False


def _wait_for_first(cluster: Cluster, is_done: Callable[[], bool]) -> bool:
    """Waits until the master answers; returns True where all is done, so that nothing needs to.

    Raises:
        InputError: It does not within a limit.
    """
    if not _comes(lambda: is_done() or spark.answers(cluster.addresses[0])):
        raise InputError(
            f"the first worker has not answered at {cluster.addresses[0]} for {_COMES_WITHIN_S} s; look at its log, "
            "and start the workers again, which goes on where they stopped."
        )
    return is_done()


def _wait_for_name(host: str) -> None:
    """Waits until this machine's own name is known, which a cluster's name service may learn seconds after its start.

    Raises:
        InputError: It is not within a limit.
    """
    if not _comes(lambda: _is_known(host)):
        raise InputError(f"{host}, the name of this worker, leads nowhere; see what names the workers of this job.")


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _comes(is_there: Callable[[], bool]) -> bool:
    """Waits for something; returns whether it came within the limit."""
    began_s = time.monotonic()
    while not is_there():
        if time.monotonic() - began_s > _COMES_WITHIN_S:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


@contextlib.contextmanager
def _worker(cluster: Cluster) -> Iterator["subprocess.Popen[bytes]"]:
    """Has this machine's cores and memory work for the cluster's master while the block lasts."""
    host = cluster.addresses[cluster.index].rpartition(":")[0]
    _wait_for_name(host)
    with _program("worker.Worker", "--host", host, "--webui-port", "0", f"spark://{cluster.addresses[0]}") as worker:
        yield worker


@contextlib.contextmanager
def _program(name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a program of Spark's while the block lasts; it ends with this process, however that ends."""
    spark_environment.apply()
    command = [str(spark_environment.SPARK_HOME / "bin/spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
    # A master whose port is taken would quietly take the next one.
    options = f"-Dlog4j2.configurationFile={spark_environment.LOG_SETTINGS} -Dspark.port.maxRetries=0"
    # Executors, which end last, may still write into it.
    with tempfile.TemporaryDirectory(prefix="mammo-spark-", ignore_cleanup_errors=True) as folder:
        own = {"SPARK_WORKER_DIR": folder, "SPARK_LOCAL_DIRS": folder, "SPARK_DAEMON_JAVA_OPTS": options}
        own["SPARK_LOCAL_IP"] = "127.0.0.1"  # of its pages, which ask nobody who they are; work goes by --host
        parent_pid = os.getpid()
        process = subprocess.Popen(
            command,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is this process's, which ends it
            preexec_fn=lambda: parents.end_with(parent_pid),  # noqa: PLW1509  it takes no lock
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
