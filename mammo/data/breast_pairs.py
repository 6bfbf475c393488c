"""Both projections of a breast as one image, CC above MLO: which views it shows, and how it is put together.

A network that sees both can weigh what it finds in one against the other, as a reader does.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mammo.clinical.labels import Projection


class Pair(NamedTuple):
    """The two views of a breast, by whatever numbers they have; None: there is no such view."""

    cc: int | None
    mlo: int | None


def pair(projections: Mapping[int, Projection | None], first: int | None = None) -> Pair:
    """Chooses which views of a breast are shown.

    Of several views of one projection the first is; a view of unknown projection takes a place that is free.

    Args:
        projections: Of the views of one breast, by their numbers, in order.
        first: A view that must be shown; None: none must.
    """
    shown: dict[Projection, int] = {}
    for view in sorted(projections, key=lambda view: (projections[view] is None, view != first)):
        free = [one for one in Projection if one not in shown and projections[view] in (None, one)]
        if free:
            shown[free[0]] = view
    if first is not None and first not in shown.values():  # both places were taken by views of known projection
        shown[Projection.CC] = first
    return Pair(shown.get(Projection.CC), shown.get(Projection.MLO))


def pairs_by_view(breasts: Sequence[Hashable], projections: Sequence[Projection | None]) -> list[Pair]:
    """Returns for each of several views the two views of its breast that are shown with it, itself one of them.

    The views of a breast that has one of either projection have the same pair.

    Args:
        breasts: Of which breast each view is.
        projections: And of which projection.
    """
    of_breast: dict[Hashable, dict[int, Projection | None]] = {}
    for view, (breast, projection) in enumerate(zip(breasts, projections, strict=True)):
        of_breast.setdefault(breast, {})[view] = projection
    return [pair(of_breast[breast], first=view) for view, breast in enumerate(breasts)]


def stack(cc: np.ndarray | None, mlo: np.ndarray | None) -> np.ndarray:
    """Returns the image of a breast, [2 H, W], of those of its views, [H, W]; one that is not there is black.

    Raises:
        ValueError: Neither is there.
    """
    there = cc if cc is not None else mlo
    if there is None:
        raise ValueError("an image of a breast takes a view of it")
    return np.concatenate([np.zeros_like(there) if view is None else view for view in (cc, mlo)])
