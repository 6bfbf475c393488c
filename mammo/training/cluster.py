"""The workers of a job on several machines: who they are, and which of them this process is. No TensorFlow.

Each worker is started with the same command. Who started it says in the environment who the others are, in words of its
own; this is the one place that reads them.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import socket
from collections.abc import Mapping

from mammo.common import typed_json
from mammo.common.errors import InputError

PORT = 2222
"""On which workers speak with each other, where nobody says another."""

_SAGEMAKER_PORT = 8890  # that of SageMaker's own TensorFlow containers, which its security groups let through
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
_SAGEMAKER_FILE = pathlib.Path("/opt/ml/input/config/resourceconfig.json")
_NAMED_ALONE = "MAMMO_ALONE"  # in the environment
_CHIEFS, _WORKERS = ("chief", "master"), ("worker",)
_POOLS = ("workerpool0", "workerpool1")  # of Vertex AI: the chief's, and that of the other workers


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a job.

    Attributes:
        addresses: host:port of each; the first is the chief, who writes what is kept.
        index: Which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def count(self) -> int:
        """How many workers there are."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes what is kept."""
        return self.index == 0

    def __str__(self) -> str:
        return f"worker {self.index} of {self.count}"

    def tf_config(self) -> str:
        """Returns TF_CONFIG as TensorFlow reads it, in which the first worker is the chief."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


ALONE = Cluster(("localhost",), 0)
"""A process that is the whole job."""


def from_environment(
    environment: Mapping[str, str] = os.environ, sagemaker_file: pathlib.Path = _SAGEMAKER_FILE
) -> Cluster:
    """Reads who the workers are from what a launcher sets.

    TF_CONFIG comes first, as TensorFlow and Kubeflow's TFJob have it; then CLUSTER_SPEC, of Vertex AI; SM_HOSTS and
    SM_CURRENT_HOST, of SageMaker's own containers, or the file that it gives to all containers; and MAMMO_WORKERS, how
    many there are, with MAMMO_WORKER_HOST, the name of each with "{index}" for its number, and JOB_COMPLETION_INDEX,
    the number of this one, which Kubernetes sets in Indexed Jobs.

    Args:
        environment: Of the process.
        sagemaker_file: In which SageMaker says who the hosts are.

    Returns:
        The cluster; `ALONE` where nothing says that there are others.

    Raises:
        InputError: What is set cannot be read, or names this process among no workers.
    """
    for name, read in (("TF_CONFIG", _from_tf_config), ("CLUSTER_SPEC", _from_cluster_spec)):
        if environment.get(name):
            return _checked(read(environment[name], name), name)
    if environment.get("SM_HOSTS"):
        return _checked(_from_sagemaker(environment["SM_HOSTS"], environment.get("SM_CURRENT_HOST", "")), "SM_HOSTS")
    if sagemaker_file.is_file():
        return _checked(_from_sagemaker_file(sagemaker_file), str(sagemaker_file))
    if environment.get("MAMMO_WORKERS"):
        return _checked(_from_indexed_job(environment), "MAMMO_WORKERS")
    return ALONE


@functools.cache
def current() -> Cluster:
    """Returns the cluster that this process is in, as its environment says, until `go_on_alone`.

    Raises:
        InputError: As `from_environment`.
    """
    return ALONE if _NAMED_ALONE in os.environ else from_environment()


def go_on_alone() -> None:
    """Has this process, and those that it starts, be the whole job from now on: what follows is for one worker."""
    os.environ[_NAMED_ALONE] = "1"
    os.environ.pop("TF_CONFIG", None)  # which TensorFlow reads, too
    current.cache_clear()


def on_this_machine(count: int) -> list[Cluster]:
    """Returns each worker of a job of several processes here, at ports that are free now: to try it out."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = tuple(f"localhost:{each.getsockname()[1]}" for each in sockets)
    return [Cluster(addresses, index) for index in range(count)]


def refuse_others(what: str) -> None:
    """Refuses what one worker does alone where there are others.

    Args:
        what: A program, or a flag of one.

    Raises:
        InputError: There are.
    """
    if current().count > 1:
        raise InputError(f"{what} is for one worker; start it alone, without what names the others.")


@dataclasses.dataclass(frozen=True)
class _Task:
    type: str
    index: int


@dataclasses.dataclass(frozen=True)
class _Hosts:
    hosts: list[str]
    current_host: str


@dataclasses.dataclass(frozen=True)
class _Spec:
    cluster: dict[str, list[str]]
    task: _Task


def _from_tf_config(text: str, name: str) -> Cluster:
    fields = _decoded(text, name)
    if not fields.get("cluster"):  # as some launchers set it for one process
        return ALONE
    return _ordered(_spec(fields, name), (*_CHIEFS, *_WORKERS), name)


def _from_cluster_spec(text: str, name: str) -> Cluster:
    return _ordered(_spec(_decoded(text, name), name), _POOLS, name)


def _ordered(spec: _Spec, kinds: tuple[str, ...], name: str) -> Cluster:
    """Numbers the tasks of a cluster, in the order of `kinds`."""
    strange = sorted(kind for kind, hosts in spec.cluster.items() if hosts and kind not in kinds)
    if strange or spec.task.type not in kinds:
        raise InputError(
            f"{name} has tasks of the kind {', '.join(strange) or spec.task.type}, but training takes "
            f"{' and '.join(kinds)} alone; start the job without the others."
        )
    tasks = [(kind, index) for kind in kinds for index in range(len(spec.cluster.get(kind, ())))]
    addresses = tuple(spec.cluster[kind][index] for kind, index in tasks)
    mine = (spec.task.type, spec.task.index)
    return Cluster(addresses, tasks.index(mine) if mine in tasks else -1)


def _from_sagemaker(hosts_json: str, current_host: str) -> Cluster:
    try:
        hosts = typed_json.into(typed_json.decode(hosts_json.encode()), list[str])
    except ValueError as error:
        raise InputError(f"SM_HOSTS cannot be read ({error}); SageMaker sets it to a list of hosts.") from None
    return _of_hosts(_Hosts(hosts, current_host))


def _from_sagemaker_file(path: pathlib.Path) -> Cluster:
    try:
        return _of_hosts(typed_json.into(typed_json.read(path), _Hosts))
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); SageMaker writes it.") from None


def _of_hosts(said: _Hosts) -> Cluster:
    index = said.hosts.index(said.current_host) if said.current_host in said.hosts else -1
    return Cluster(tuple(f"{host}:{_SAGEMAKER_PORT}" for host in said.hosts), index)


def _from_indexed_job(environment: Mapping[str, str]) -> Cluster:
    host = environment.get("MAMMO_WORKER_HOST", "")
    numbers = environment["MAMMO_WORKERS"], environment.get("JOB_COMPLETION_INDEX", "")
    if not all(number.isdecimal() for number in numbers) or "{index}" not in host:
        raise InputError(
            "MAMMO_WORKERS takes the number of workers, with MAMMO_WORKER_HOST, a name of each with {index} in it, and "
            f"JOB_COMPLETION_INDEX, which worker this is; they are {numbers[0]!r}, {host!r} and {numbers[1]!r}."
        )
    count, index = map(int, numbers)
    port = "" if ":" in host else f":{PORT}"
    addresses = tuple(host.replace("{index}", str(each)) + port for each in range(count))
    return Cluster(addresses, index if index < count else -1)


def _decoded(text: str, name: str) -> dict[str, object]:
    try:
        return typed_json.into(typed_json.decode(text.encode()), dict[str, object])
    except ValueError as error:
        raise InputError(f"{name} is no JSON that can be read ({error}); the launcher of the job sets it.") from None


def _spec(fields: dict[str, object], name: str) -> _Spec:
    try:
        return typed_json.into(fields, _Spec)
    except ValueError as error:
        raise InputError(f"{name} names no cluster and task ({error}); the launcher of the job sets it.") from None


def _checked(cluster: Cluster, name: str) -> Cluster:
    if cluster.index < 0:
        raise InputError(f"{name} does not name this process among its {cluster.count} workers; set both alike.")
    if len(set(cluster.addresses)) != cluster.count:
        raise InputError(f"{name} gives two workers one address; give each its own.")
    return cluster
