"""The manifests of deploy/ are what Kubernetes, JobSet, Vertex AI and SageMaker take; what they say fits together."""

import gzip
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import botocore
import googleapiclient
import pytest
import yaml
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from kubeflow_trainer_api import models

DEPLOY = pathlib.Path("deploy")
KUBERNETES = sorted(DEPLOY.glob("kubernetes/*.yaml"))
VERTEX_AI = sorted(DEPLOY.glob("vertex_ai/*.yaml"))
KINDS = {
    "Job": models.IoK8sApiBatchV1Job,
    "JobSet": models.JobsetV1alpha2JobSet,
    "PersistentVolumeClaim": models.IoK8sApiCoreV1PersistentVolumeClaim,
    "Service": models.IoK8sApiCoreV1Service,
}


def _documents(path: pathlib.Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def _of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for path in KUBERNETES for document in _documents(path) if document["kind"] == kind]


def _job(document: dict[str, Any]) -> dict[str, Any]:
    """The one kind of job in a Job or a JobSet."""
    if document["kind"] == "Job":
        return document["spec"]
    (replicated,) = document["spec"]["replicatedJobs"]
    return replicated["template"]["spec"]


JOBS = [*_of_kind("Job"), *_of_kind("JobSet")]


def _names(param: dict[str, Any]) -> str:
    return param["metadata"]["name"]


def test_there_is_something_to_check():
    assert len(KUBERNETES) == 3
    assert len(VERTEX_AI) == 2
    assert sorted(map(_names, JOBS)) == ["mammo-conversion", "mammo-training"]


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_knows_every_field(path):
    for document in _documents(path):
        if document["kind"] == "NetworkPolicy":  # not among the models: jobs need none
            assert document["apiVersion"] == "networking.k8s.io/v1"
            continue
        model = KINDS[document["kind"]].from_dict(document)
        assert model.to_dict() == document  # what the model does not know, it leaves out


@pytest.mark.parametrize("job", JOBS, ids=_names)
def test_workers_find_each_other_by_the_names_that_kubernetes_gives_them(job):
    spec, name = _job(job), job["metadata"]["name"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(environment["MAMMO_WORKERS"])
    if job["kind"] == "Job":  # https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
        subdomain = pod["subdomain"]
        (service,) = _of_kind("Service")
        assert service["metadata"]["name"] == subdomain
        assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
        assert service["spec"]["clusterIP"] == "None"
        assert environment["MAMMO_WORKER_HOST"] == f"{name}-{{index}}.{subdomain}"
    else:  # https://jobset.sigs.k8s.io/docs/concepts
        (replicated,) = job["spec"]["replicatedJobs"]
        subdomain = job["spec"]["network"]["subdomain"]
        assert job["spec"]["network"]["enableDNSHostnames"]
        assert environment["MAMMO_WORKER_HOST"] == f"{name}-{replicated['name']}-0-{{index}}.{subdomain}"


@pytest.mark.parametrize("job", JOBS, ids=_names)
def test_pods_may_do_no_more_than_they_need(job):
    spec = _job(job)
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted.keys() == {volume["name"] for volume in pod["volumes"]}
    assert mounted["temporary"] == "/tmp"
    (policy,) = (each for each in _of_kind("NetworkPolicy") if each["metadata"]["name"] == job["metadata"]["name"])
    labels = spec["template"]["metadata"]["labels"]
    (allowed,) = policy["spec"]["ingress"]
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    assert allowed == {"from": [{"podSelector": {"matchLabels": labels}}]}


@pytest.mark.parametrize("job", JOBS, ids=_names)
def test_a_pod_that_vanished_is_made_again(job):
    spec = _job(job)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # which pod failure policies and JobSets need
    if job["kind"] == "Job":
        vanished = [{"type": "DisruptionTarget", "status": "True"}]
        assert {"action": "Ignore", "onPodConditions": vanished} in spec["podFailurePolicy"]["rules"]
        assert spec["backoffLimit"] > 0
    else:  # all of them together
        assert spec["backoffLimit"] == 0
        assert job["spec"]["failurePolicy"]["maxRestarts"] > 0


def _faults(value: Any, schema: dict[str, Any], schemas: dict[str, Any], place: str = "") -> Iterator[str]:
    """What a value has that Google's description of an interface does not."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    kind: Any = str if schema.get("format") == "int64" else kinds[schema["type"]]
    if not isinstance(value, kind):
        yield f"{place} is no {schema['type']}"
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for name, inner in value.items():
            if name in known:
                yield from _faults(inner, known[name], schemas, f"{place}.{name}")
            else:
                yield f"{place}.{name} is not known"
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _faults(inner, schema["items"], schemas, f"{place}[{number}]")
    elif value not in schema.get("enum", [value]):
        yield f"{place} is none of {schema['enum']}"


@pytest.fixture(scope="module")
def vertex_schemas():
    folder = pathlib.Path(googleapiclient.__file__).parent
    return json.loads((folder / "discovery_cache/documents/aiplatform.v1.json").read_text())["schemas"]


@pytest.mark.parametrize("path", VERTEX_AI, ids=lambda path: path.stem)
def test_vertex_ai_knows_every_field(path, vertex_schemas):
    (document,) = _documents(path)
    spec = vertex_schemas["GoogleCloudAiplatformV1CustomJobSpec"]
    counts = [str(pool["replicaCount"]) for pool in document["workerPoolSpecs"]]
    for pool, count in zip(document["workerPoolSpecs"], counts, strict=True):
        pool["replicaCount"] = count  # gcloud turns it into the text that JSON has for large numbers
    assert list(_faults(document, spec, vertex_schemas)) == []
    assert counts[0] == "1"  # the chief's pool
    one, *others = [pool["containerSpec"] for pool in document["workerPoolSpecs"]]
    assert others == [one] * len(others) != []


def test_the_check_of_vertex_ai_finds_faults(vertex_schemas):
    spec = vertex_schemas["GoogleCloudAiplatformV1CustomJobSpec"]
    wrong = {"workerPoolSpecs": [{"replicaCount": 2, "machine": {}}], "scheduling": {"strategy": "CHEAP"}}
    assert [fault.split(" ")[0] for fault in _faults(wrong, spec, vertex_schemas)] == [
        ".workerPoolSpecs[0].replicaCount",
        ".workerPoolSpecs[0].machine",
        ".scheduling.strategy",
    ]


def test_sagemaker_takes_the_request():
    (folder,) = (pathlib.Path(botocore.__file__).parent / "data/sagemaker").iterdir()
    service = ServiceModel(json.loads(gzip.decompress((folder / "service-2.json.gz").read_bytes())))
    shape = service.operation_model("CreateTrainingJob").input_shape
    request = json.loads((DEPLOY / "sagemaker/training.json").read_text())
    validate_parameters(request, shape)  # raises what does not fit
    assert request["StoppingCondition"]["MaxWaitTimeInSeconds"] > request["StoppingCondition"]["MaxRuntimeInSeconds"]
    for name, value in (("Container", []), ("RoleArn", 3)):
        with pytest.raises(botocore.exceptions.ParamValidationError, match=name):
            validate_parameters({**request, name: value}, shape)
