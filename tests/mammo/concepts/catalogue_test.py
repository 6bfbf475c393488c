import subprocess
import sys

import numpy as np
import pytest

from mammo.clinical.findings import Findings
from mammo.concepts import catalogue
from mammo.concepts.catalogue import BASELINE, CONCEPTS
from mammo.concepts.concept import Role
from tests import programs
from tests.mammo.concepts.known_models import KnownModels, two

ON_ONE_LESION = Findings(np.array([[10.0, 10, 30, 30], [12, 10, 32, 30]]), np.array([0.6, 0.3]), np.array([1.0, 0.0]))


def _models():
    """Two views: two boxes of either class on one lesion, and nothing."""
    found = [ON_ONE_LESION, Findings.none()]
    return KnownModels(
        view_count=2,
        probabilities={
            Role.WHOLE_IMAGE: np.array([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]]),
            Role.TUMOUR: two([0.8, 0.1]),
            Role.MALIGNANCY: two([0.6, 0.5]),
            Role.BREAST: two([0.6, 0.5]),
        },
        found={Role.DETECTOR: found, Role.FINDER: found},
        crops=[np.array([[0.0, 0.5, 0.5], [0.5, 0.25, 0.25]]), np.zeros((0, 3))],
    )


@pytest.mark.parametrize("concept", [*CONCEPTS.values(), BASELINE], ids=lambda concept: concept.name)
def test_every_concept_answers_with_probabilities_and_with_boxes_if_it_says_so(concept):
    probabilities, found = concept.answer(_models())
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (found is not None) == concept.gives_boxes
    if found is not None:
        assert [len(its) for its in found] == [1, 0]  # boxes on one lesion are one finding


def test_a_view_keeps_the_probabilities_of_all_its_findings():
    (first, second), _ = CONCEPTS["single_stage"].answer(_models())
    np.testing.assert_allclose(first, [0.4, 0.2, 0.4])
    np.testing.assert_allclose(second, [0.999, 0.0005, 0.0005])
    (judged, _), found = CONCEPTS["multi_stage"].answer(_models())
    np.testing.assert_allclose(judged, [0.4, 0.3, 0.3])
    assert found is not None
    np.testing.assert_allclose(found[0].scores, [0.6])


def test_the_joint_concept_finds_as_the_multi_stage_one_and_asks_about_the_breast_too():
    probabilities, found = CONCEPTS["joint"].answer(_models())
    alone, found_alone = CONCEPTS["multi_stage"].answer(_models())
    np.testing.assert_allclose(probabilities[:, 0], alone[:, 0])
    np.testing.assert_allclose(probabilities[0, 2], 0.6 * 0.55)  # half of it by the crops, 0.6 by the breast
    np.testing.assert_allclose(probabilities[1], alone[1])  # nothing was found
    assert found is not None
    assert found_alone is not None
    assert [its.scores.tolist() for its in found] == [its.scores.tolist() for its in found_alone]


def test_names_are_those_of_the_catalogue_and_roles_are_known():
    assert catalogue.DEFAULT in CONCEPTS
    assert BASELINE.name not in CONCEPTS
    assert not BASELINE.roles
    for name, concept in CONCEPTS.items():
        assert concept.name == name
        assert concept.roles
        assert set(concept.roles) <= set(Role)


def test_programs_list_the_concepts_without_starting_tensorflow():
    code = "import sys; from mammo.concepts import catalogue; sys.exit('tensorflow' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env=programs.environment(), cwd=programs.ROOT, check=False).returncode == 0
