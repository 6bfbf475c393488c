"""All concepts: a new one is a file beside this one, and a line here."""

from collections.abc import Mapping

from mammo.concepts.always_normal import AlwaysNormal
from mammo.concepts.concept import Concept
from mammo.concepts.hierarchical import Hierarchical, HierarchicalGated
from mammo.concepts.joint import Joint
from mammo.concepts.multi_stage import MultiStage
from mammo.concepts.single import Single
from mammo.concepts.single_stage import SingleStage

CONCEPTS: Mapping[str, Concept] = {
    concept.name: concept
    for concept in (
        Single(),
        Hierarchical(),
        HierarchicalGated(),
        SingleStage(),
        MultiStage(),
        Joint(),
    )
}
"""By name: the four of the 2022 study, the hierarchical one in both its forms, and what is built on the last."""

DEFAULT = MultiStage.name
"""What is exported unless another is asked for, and what a comparison holds the others against."""

BASELINE: Concept = AlwaysNormal()
"""What every concept of a comparison is held against, too; it is never exported."""
