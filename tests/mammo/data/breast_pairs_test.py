import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from mammo.clinical.labels import Projection
from mammo.data import breast_pairs
from mammo.data.breast_pairs import Pair

CC, MLO = Projection.CC, Projection.MLO
PROJECTIONS = st.sampled_from([CC, MLO, None])


@pytest.mark.parametrize(
    ("projections", "first", "expected"),
    [
        ([CC, MLO], None, (0, 1)),
        ([MLO, CC], None, (1, 0)),
        ([MLO], None, (None, 0)),
        ([CC, CC, MLO, MLO], None, (0, 2)),  # of several the first
        ([CC, CC, MLO, MLO], 1, (1, 2)),  # or the one that must be shown
        ([None, MLO], None, (0, 1)),  # an unknown projection takes the place that is free
        ([None, CC, MLO], None, (1, 2)),
        ([None, CC, MLO], 0, (0, 2)),
        ([None, CC], 0, (1, 0)),
        ([None, None], None, (0, 1)),
    ],
)
def test_a_pair_is_one_view_of_each_projection(projections, first, expected):
    assert breast_pairs.pair(dict(enumerate(projections)), first) == Pair(*expected)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 3), PROJECTIONS), max_size=9))
def test_each_view_is_shown_with_another_of_its_breast_in_its_own_place(views):
    breasts, projections = [breast for breast, _ in views], [projection for _, projection in views]
    for view, pair in enumerate(breast_pairs.pairs_by_view(breasts, projections)):
        assert view in pair
        for place, projection in zip(pair, (CC, MLO), strict=True):
            if place is not None:
                assert breasts[place] == breasts[view]
                assert projections[place] in (projection, None)
        own, same = projections[view], [place for place, breast in enumerate(breasts) if breast == breasts[view]]
        others = [projections[place] for place in same if place != view]
        assert (None not in pair) == any(None in (own, other) or other != own for other in others)


@hypothesis.given(st.permutations([(side, projection) for side in "lr" for projection in (CC, MLO)]))
def test_the_views_of_a_breast_have_the_same_pair_in_whatever_order(views):
    pairs = breast_pairs.pairs_by_view([side for side, _ in views], [projection for _, projection in views])
    assert len(set(pairs)) == 2
    for (side, _), pair in zip(views, pairs, strict=True):
        assert [views[place] for place in pair] == [(side, CC), (side, MLO)]


def test_cc_lies_above_mlo_and_what_is_not_there_is_black():
    cc, mlo = np.full((2, 3), 0.25, np.float32), np.full((2, 3), 0.75, np.float32)
    np.testing.assert_array_equal(breast_pairs.stack(cc, mlo)[:, 0], [0.25, 0.25, 0.75, 0.75])
    np.testing.assert_array_equal(breast_pairs.stack(None, mlo)[:, 0], [0, 0, 0.75, 0.75])
    assert breast_pairs.stack(cc, None).dtype == np.float32
    with pytest.raises(ValueError, match="takes a view"):
        breast_pairs.stack(None, None)
