import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np

from mammo.concepts.concept import Role
from mammo.concepts.hierarchical import Hierarchical, HierarchicalGated
from tests.mammo.concepts.known_models import KnownModels, two

SHARES = hnp.arrays(float, (5,), elements=st.floats(0, 1))


def _models(tumour, malignancy):
    return KnownModels(len(tumour), {Role.TUMOUR: two(tumour), Role.MALIGNANCY: two(malignancy)})


def test_the_hierarchy_multiplies():
    made = Hierarchical().answer(_models([0.8, 0.1], [0.25, 1.0])).probabilities
    np.testing.assert_allclose(made, [[0.2, 0.6, 0.2], [0.9, 0.0, 0.1]])


def test_the_gate_is_the_listing_of_the_study():
    # Listing 1: tumour only if it is likelier than normal, and cancer only if it is likelier than benign.
    made = HierarchicalGated().answer(_models([0.9, 0.6, 0.5, 0.1], [0.7, 0.2, 0.9, 0.9])).probabilities
    np.testing.assert_array_equal(made.argmax(axis=1), [2, 1, 0, 0])
    np.testing.assert_array_equal(made[2:], [[1, 0, 0]] * 2)
    np.testing.assert_allclose(made[:2], [[0, 0.3, 0.7], [0, 0.8, 0.2]])


@hypothesis.given(SHARES, SHARES)
def test_both_give_probabilities(tumour, malignancy):
    for concept in (Hierarchical(), HierarchicalGated()):
        made = concept.answer(_models(tumour, malignancy)).probabilities
        np.testing.assert_allclose(made.sum(axis=1), 1)
