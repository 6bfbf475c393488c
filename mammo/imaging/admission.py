"""What an image object is: a view to judge, a view that is shown apart, or something else that lies beside views.

Decided from what the object says that it is: its class, image type, body part and view, not from its modality alone.
"""

import dataclasses
import enum
import re
from collections.abc import Mapping

from mammo.clinical.labels import ViewName


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


@dataclasses.dataclass(frozen=True)
class ObjectFacts:
    """What the tags say of an object; "" and empty stand for what they do not say. Codes and terms are in upper case.

    Attributes:
        sop_class: SOP Class UID (0008,0016).
        modality: (0008,0060).
        image_type: Values of (0008,0008).
        body_part: Body Part Examined (0018,0015).
        region_code: Of Anatomic Region Sequence (0008,2218).
        view_code: Of View Code Sequence (0054,0220).
        view_position: (0018,5101).
        view: Which view it is by code, modifiers and text.
        magnification: Estimated Radiographic Magnification Factor (0018,1114).
        frames: Number of Frames (0028,0008).
        has_image: Whether it has rows and columns.
        is_cut: Whether the file ends within an element.
        is_quality_control: Whether Quality Control Image (0028,0300) says so.
        description: Series Description (0008,103E), in upper case; not printed.
    """

    sop_class: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    body_part: str = ""
    region_code: str = ""
    view_code: str = ""
    view_position: str = ""
    view: ViewName = dataclasses.field(default_factory=ViewName)
    magnification: float = 1.0
    frames: int = 1
    has_image: bool = True
    is_cut: bool = False
    is_quality_control: bool = False
    description: str = dataclasses.field(default="", repr=False)


_STORAGE = "1.2.840.10008.5.1.4.1.1."
_BREAST_TOMOSYNTHESIS = _STORAGE + "13.1.3"
_MAMMOGRAPHY = _STORAGE + "1.2"
_IMAGE_CLASSES = tuple(_STORAGE + end for end in ("1", "1.1", "1.2", "1.2.1", "13.1.3", "13.1.4", "13.1.5"))
_SECONDARY_CAPTURE = _STORAGE + "7"

# By how the class begins; longer ones stand before those that they begin with. PS3.4, annex B.5.
_NO_IMAGES: Mapping[str, str] = {
    _STORAGE + "88.50": "a report of computer-aided detection",
    _STORAGE + "88.59": "a key object selection",
    _STORAGE + "88.67": "a radiation dose report",
    _STORAGE + "88.": "a structured report",
    _STORAGE + "11.": "a presentation state",
    _STORAGE + "104.1": "an encapsulated PDF document",
    _STORAGE + "104.": "an encapsulated document",
    _STORAGE + "66.4": "a segmentation",
    _STORAGE + "66.5": "a segmentation",
    _STORAGE + "66.": "a registration of images",
    _STORAGE + "66": "raw data of a device",
    _STORAGE + "67": "a real world value mapping",
    _STORAGE + "30": "a parametric map",
    _STORAGE + "9.": "a waveform",
    _STORAGE + "131": "a structured display",
    _STORAGE + "200.": "a protocol",
    _STORAGE + "8": "an overlay without an image",
    _STORAGE + "10": "a look-up table without an image",
    "1.2.840.10008.5.1.4.38.": "a hanging protocol",
    "1.2.840.10008.1.3.10": "a DICOM directory (DICOMDIR)",
}
_NO_IMAGE_MODALITIES: Mapping[str, str] = {
    "SR": "a structured report", "PR": "a presentation state", "KO": "a key object selection",
    "DOC": "an encapsulated document", "REG": "a registration of images", "SEG": "a segmentation",
    "RWV": "a real world value mapping", "PLAN": "a protocol", "HC": "a print", "AU": "a sound",
}  # fmt: skip

# Values of Image Type (PS3.3, C.8.11.7.1.4 and C.8.21), and as units of several makers write them.
_APART_TYPES: Mapping[str, str] = {
    "STEREO": "a view of a stereo pair",
    "STEREO_SCOUT": "a scout view of a biopsy",
    "SCOUT": "a scout view",
    "TOMO_PROJ": "a tomosynthesis projection",
    "PROJECTION": "a tomosynthesis projection",
    "TOMO": "a tomosynthesis slice",
    "TOMOSYNTHESIS": "a tomosynthesis slice",
    "SUBTRACTION": "a contrast-enhanced subtraction view",
    "RECOMBINED": "a contrast-enhanced subtraction view",
}
_GENERATED_2D = "GENERATED_2D"
_PROJECTION_CLASSES = (_STORAGE + "13.1.4", _STORAGE + "13.1.5")
_LEAST_MAGNIFICATION = 1.3  # contact views have up to 1.1, by the breast's thickness; magnification views 1.5 to 2

_MODALITIES = ("MG", "CR", "DX", "RG", "SC", "OT", "")  # digitised film comes as the latter, too
_KNOWN_MODALITIES = frozenset(
    re.findall(
        r"\w+",
        "AR ASMT AU BDUS BI BMD CD CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IVOCT IVUS "
        "KER KO LEN LS MG MR M3D NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG "
        "RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF STAIN TEXTUREMAP TG "
        "US VA XA XAPROTOCOL XC",
    )
)  # PS3.3, C.7.3.1.1.1
_OTHER_BODY_PARTS = frozenset(
    re.findall(
        r"\w+",
        "ABDOMEN ANKLE ARM AXILLA CALCANEUS CHEST CLAVICLE COCCYX CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT FOREARM "
        "HAND HEAD HIP HUMERUS JAW KNEE LEG LSPINE MANDIBLE MAXILLA NECK NOSE ORBIT PATELLA PELVIS RIB SACRUM SCAPULA "
        "SHOULDER SKULL SPINE STERNUM TEETH THIGH THUMB TOE TOOTH TSPINE WHOLEBODY WRIST ZYGOMA",
    )
)  # PS3.16, annex L
_BREAST = re.compile("BREAST|MAMM")
_BREAST_CODES = ("T-04000", "76752008", "T-04020", "73056007", "T-04030", "80248007")
_CHEST_POSITIONS = frozenset(["AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO"])  # PS3.3, C.8.7.1.1.1
_SPECIMEN_CODES = ("G-8310", "127457009", "G-8300", "119376003")
_SHEET = re.compile(r"\b(DOSE|DOSIS|DOSAGE|REPORT|WORKSHEET|SCREEN ?(SHOT|SAVE|CAPTURE))\b")


def admit(facts: ObjectFacts) -> Admission:
    """Tells what an object is; a view may still be refused (`refusal`)."""
    if other := _no_image(facts):
        return Admission(Role.OTHER, other)
    apart = _apart(facts)
    return Admission(Role.APART, apart) if apart else Admission()


def refusal(facts: ObjectFacts) -> str | None:
    """Returns why an object must not be read as a mammogram, as a clause without its path; None: it may."""
    admission = admit(facts)
    if admission.role == Role.OTHER:
        return f"is {admission.what}, not a mammogram"
    if not facts.has_image:
        return "is a DICOM file without an image; it may be truncated"
    if admission.role == Role.APART and facts.modality == "CT":
        return None  # slices of some units are CT images
    if facts.modality not in _MODALITIES:
        is_known = facts.modality in _KNOWN_MODALITIES  # nothing else of a tag is repeated
        return f"is of {f'modality {facts.modality}' if is_known else 'an unknown modality'}, not a mammogram (MG)"
    return _no_breast(facts)


def _no_image(facts: ObjectFacts) -> str:
    by_class = next((what for begins, what in _NO_IMAGES.items() if _is_class(facts.sop_class, begins)), "")
    if by_class:
        return by_class
    if not facts.has_image:
        if facts.modality in _NO_IMAGE_MODALITIES:
            return _NO_IMAGE_MODALITIES[facts.modality]
        return "" if facts.is_cut or facts.sop_class in ("", *_IMAGE_CLASSES) else "a DICOM object without an image"
    is_of_breast = _is_of_breast(facts) or facts.view.laterality is not None or facts.view.projection is not None
    is_capture = facts.sop_class.startswith(_SECONDARY_CAPTURE) and not is_of_breast
    return "a dose sheet or another sheet of text" if is_capture and _SHEET.search(facts.description) else ""


def _is_class(sop_class: str, begins: str) -> bool:
    return sop_class.startswith(begins) if begins.endswith(".") else sop_class == begins


def _apart(facts: ObjectFacts) -> str:
    if facts.modality not in (*_MODALITIES, "CT") or (facts.modality == "CT" and not _is_of_breast(facts)):
        return ""  # not an X-ray image of a breast: refused as what it is
    if facts.frames > 1:
        is_volume = facts.sop_class == _BREAST_TOMOSYNTHESIS or facts.modality in ("MG", "CT")
        return f"a {'tomosynthesis volume' if is_volume else 'series'} of {facts.frames:,} frames"
    if _GENERATED_2D not in facts.image_type:
        if facts.sop_class in _PROJECTION_CLASSES:
            return "a tomosynthesis projection"
        for value in facts.image_type:
            if value in _APART_TYPES:
                return _APART_TYPES[value]
    if facts.magnification >= _LEAST_MAGNIFICATION:
        return "a magnification view"
    return facts.view.other


def _is_of_breast(facts: ObjectFacts) -> bool:
    return (
        facts.modality == "MG"
        or facts.sop_class.startswith(_MAMMOGRAPHY)
        or facts.region_code in _BREAST_CODES
        or bool(_BREAST.search(facts.body_part))
    )


def _no_breast(facts: ObjectFacts) -> str | None:
    """Returns why an X-ray image is of no breast; None: nothing says so."""
    if facts.is_quality_control:
        return "is a quality control image (of a phantom), not of a breast"
    if facts.view_code in _SPECIMEN_CODES or "SPECIMEN" in (*facts.image_type, facts.view_position, facts.body_part):
        return "shows a specimen, not a breast"
    return _other_body_part(facts)


def _other_body_part(facts: ObjectFacts) -> str | None:
    if facts.body_part in _OTHER_BODY_PARTS:
        return f"is of another part of the body ({facts.body_part}), not of the breast"
    if _is_of_breast(facts):
        return None
    if facts.body_part or facts.region_code:
        return "is of another part of the body, not of the breast"
    if facts.view_position in _CHEST_POSITIONS:
        return f"was taken {facts.view_position}, which is no view of a breast"
    return None
