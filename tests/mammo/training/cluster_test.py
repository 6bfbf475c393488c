import json
import os

import pytest

from mammo.common.errors import InputError
from mammo.training import cluster
from mammo.training.cluster import ALONE, Cluster

TWO = {"worker": ["a:1", "b:2"]}


def _tf_config(tasks, kind, index):
    return {"TF_CONFIG": json.dumps({"cluster": tasks, "task": {"type": kind, "index": index}, "environment": "cloud"})}


@pytest.mark.parametrize(
    ("environment", "addresses", "index"),
    [
        (_tf_config(TWO, "worker", 0), ("a:1", "b:2"), 0),
        (_tf_config(TWO, "worker", 1), ("a:1", "b:2"), 1),
        (_tf_config({"chief": ["c:3"], **TWO}, "chief", 0), ("c:3", "a:1", "b:2"), 0),
        (_tf_config({**TWO, "chief": ["c:3"]}, "worker", 1), ("c:3", "a:1", "b:2"), 2),
        (_tf_config({**TWO, "ps": []}, "worker", 1), ("a:1", "b:2"), 1),
        (
            {
                "CLUSTER_SPEC": json.dumps(
                    {
                        "cluster": {"workerpool0": ["p0:2222"], "workerpool1": ["p1:2222", "p2:2222"]},
                        "environment": "cloud",
                        "task": {"type": "workerpool1", "index": 1},
                    }
                )
            },
            ("p0:2222", "p1:2222", "p2:2222"),
            2,
        ),
        (
            {"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-2"},
            ("algo-1:8890", "algo-2:8890"),
            1,
        ),
        (
            {"MAMMO_WORKERS": "3", "MAMMO_WORKER_HOST": "mammo-workers-0-{index}.mammo", "JOB_COMPLETION_INDEX": "2"},
            ("mammo-workers-0-0.mammo:2222", "mammo-workers-0-1.mammo:2222", "mammo-workers-0-2.mammo:2222"),
            2,
        ),
        (
            {"MAMMO_WORKERS": "2", "MAMMO_WORKER_HOST": "w{index}:99", "JOB_COMPLETION_INDEX": "0"},
            ("w0:99", "w1:99"),
            0,
        ),
    ],
)
def test_launchers_say_who_the_workers_are(environment, addresses, index):
    found = cluster.from_environment(environment)
    assert found == Cluster(addresses, index)
    assert found.is_chief == (index == 0)
    assert cluster.from_environment({"TF_CONFIG": found.tf_config()}) == found  # what TensorFlow is given


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": ""}, {"TF_CONFIG": '{"environment": "cloud"}'}])
def test_a_process_that_nobody_calls_a_worker_is_the_whole_job(environment):
    assert cluster.from_environment(environment) is ALONE
    assert ALONE.is_chief


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG is no JSON that can be read"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a"]}}'}, "TF_CONFIG names no cluster and task"),
        (_tf_config({**TWO, "ps": ["p:1"]}, "worker", 0), "TF_CONFIG has tasks of the kind ps, but training takes"),
        (
            _tf_config(TWO, "evaluator", 0),
            "tasks of the kind evaluator, but training takes chief and master",
        ),
        (_tf_config(TWO, "worker", 2), "does not name this process among its 2 workers"),
        (_tf_config({"worker": ["a:1", "a:1"]}, "worker", 0), "gives two workers one address"),
        ({"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-3"}, "SM_HOSTS does not name this process"),
        ({"MAMMO_WORKERS": "2", "JOB_COMPLETION_INDEX": "0"}, r"MAMMO_WORKER_HOST, a name of each with \{index\}"),
        ({"MAMMO_WORKERS": "two", "MAMMO_WORKER_HOST": "{index}"}, "they are 'two', '{index}' and ''"),
        (
            {"MAMMO_WORKERS": "2", "MAMMO_WORKER_HOST": "w{index}", "JOB_COMPLETION_INDEX": "2"},
            "MAMMO_WORKERS does not name this process among its 2 workers",
        ),
    ],
)
def test_what_cannot_be_a_cluster_is_told_in_a_sentence(environment, sentence):
    with pytest.raises(InputError, match=sentence):
        cluster.from_environment(environment)


@pytest.mark.parametrize(
    ("hosts", "found"),
    [(["algo-1", "algo-2"], Cluster(("algo-1:8890", "algo-2:8890"), 1)), (["algo-2"], Cluster(("algo-2:8890",), 0))],
)
def test_sagemaker_tells_a_container_of_ours_in_a_file(tmp_path, hosts, found):
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": hosts, "network_interface_name": "eth0"}))
    assert cluster.from_environment({}, path) == found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{", "resourceconfig.json cannot be read"), ('{"hosts": ["a", "b"], "current_host": "c"}', "does not name")],
)
def test_a_file_of_sagemakers_that_cannot_be_is_told_in_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "resourceconfig.json"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        cluster.from_environment({}, path)


def test_a_worker_goes_on_alone_with_what_is_for_one(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", _tf_config(TWO, "worker", 0)["TF_CONFIG"])
    cluster.current.cache_clear()
    assert (cluster.current().count, str(cluster.current())) == (2, "worker 0 of 2")
    monkeypatch.setenv("MAMMO_ALONE", "")
    monkeypatch.delenv("MAMMO_ALONE")  # to be put back as it is now
    cluster.go_on_alone()
    assert cluster.current() is ALONE
    assert "TF_CONFIG" not in os.environ
    monkeypatch.undo()
    cluster.current.cache_clear()


def test_what_is_for_one_worker_is_refused_where_there_are_others(monkeypatch):
    cluster.refuse_others("--folds")
    monkeypatch.setattr(cluster, "current", lambda: Cluster(("a:1", "b:2"), 0))
    with pytest.raises(InputError, match="--folds is for one worker; start it alone"):
        cluster.refuse_others("--folds")
