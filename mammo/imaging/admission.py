"""What an image object is: a view to judge, a view that is shown apart, or something else that lies beside views."""

import dataclasses
import enum


class Role(enum.StrEnum):
    """What is done with an object.

    VIEW is judged. APART is an image of this breast, but no screening view (magnification, spot compression, stereo
    pair, tomosynthesis slice): it is shown apart and counts in no score. OTHER is no image at all (structured report,
    presentation state, key object, PDF): it is left out by name.
    """

    VIEW = "view"
    APART = "apart"
    OTHER = "other"


@dataclasses.dataclass(frozen=True)
class Admission:
    """What an object is.

    Attributes:
        role: What is done with it.
        what: For people, as a noun with its article ("a magnification view", "a structured report"); "" of a view.
    """

    role: Role = Role.VIEW
    what: str = ""
