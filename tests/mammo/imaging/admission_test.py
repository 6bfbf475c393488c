import pytest

from mammo.clinical.labels import Laterality, Projection, ViewName
from mammo.imaging import admission
from mammo.imaging.admission import Admission, ObjectFacts, Role

MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STRUCTURED_REPORT = "1.2.840.10008.5.1.4.1.1.88.33"


def facts(**known) -> ObjectFacts:
    return ObjectFacts(**{"sop_class": MAMMOGRAPHY, "modality": "MG", "body_part": "BREAST"} | known)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"body_part": ""},
        {"body_part": "LEFT BREAST"},
        {"modality": "RG", "sop_class": CAPTURE},
        {"modality": "CR", "sop_class": "1.2.840.10008.5.1.4.1.1.1"},
        {"modality": "OT", "sop_class": CAPTURE, "body_part": ""},
        {"modality": "", "sop_class": "", "body_part": ""},
        {"modality": "DX", "body_part": "", "region_code": "76752008", "view_position": "AP"},
        {"modality": "MG", "body_part": "", "view_position": "AP"},  # a default of other units
        {"image_type": ("DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"), "sop_class": TOMOSYNTHESIS},
        {"magnification": 1.08},
        {"sop_class": CAPTURE, "description": "SCREENING REPORT"},  # its modality and body part count more
    ],
)
def test_a_view_of_a_breast_is_judged(known):
    assert admission.admit(facts(**known)) == Admission()
    assert admission.refusal(facts(**known)) is None


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ({"image_type": ("DERIVED", "PRIMARY", "STEREO", "LEFT")}, "a view of a stereo pair"),
        ({"image_type": ("DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE")}, "a tomosynthesis slice"),
        ({"image_type": ("DERIVED", "PRIMARY", "TOMO"), "modality": "CT"}, "a tomosynthesis slice"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "TOMO_PROJ")}, "a tomosynthesis projection"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.13.1.4"}, "a tomosynthesis projection"),
        ({"sop_class": TOMOSYNTHESIS, "frames": 62}, "a tomosynthesis volume of 62 frames"),
        ({"modality": "SC", "frames": 1234}, "a series of 1,234 frames"),
        ({"magnification": 1.8}, "a magnification view"),
        ({"view": ViewName(None, Projection.CC, "a rolled view")}, "a rolled view"),
    ],
)
def test_other_images_of_this_breast_are_shown_apart(known, what):
    assert admission.admit(facts(**known)) == Admission(Role.APART, what)
    assert admission.refusal(facts(**known)) is None


@pytest.mark.parametrize(
    ("sop_class", "what"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.50", "a report of computer-aided detection"),
        (STRUCTURED_REPORT, "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "a radiation dose report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "a key object selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "an encapsulated PDF document"),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data of a device"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "a segmentation"),
        ("1.2.840.10008.1.3.10", "a DICOM directory (DICOMDIR)"),
        (CAPTURE, "a DICOM object without an image"),
    ],
)
def test_what_is_no_image_is_left_out_by_its_name(sop_class, what):
    for is_cut in (False,) if sop_class == CAPTURE else (False, True):
        other = facts(sop_class=sop_class, has_image=False, is_cut=is_cut)
        assert admission.admit(other) == Admission(Role.OTHER, what)
        assert admission.refusal(other) == f"is {what}, not a mammogram"


def test_what_is_no_image_may_say_so_by_its_modality_alone():
    report = ObjectFacts(modality="SR", has_image=False)
    assert admission.admit(report) == Admission(Role.OTHER, "a structured report")


@pytest.mark.parametrize(
    "known", [{"sop_class": MAMMOGRAPHY}, {"sop_class": ""}, {"sop_class": CAPTURE, "is_cut": True}]
)
def test_an_image_class_without_an_image_is_a_failure(known):
    cut = facts(has_image=False, **known)
    assert admission.admit(cut) == Admission()
    assert admission.refusal(cut) == "is a DICOM file without an image; it may be truncated"


def test_a_dose_sheet_is_told_from_a_film():
    sheet = ObjectFacts(sop_class=CAPTURE, modality="OT", description="DOSE REPORT")
    assert admission.admit(sheet).role == Role.OTHER
    film = ObjectFacts(sop_class=CAPTURE, modality="OT", description="DOSE REPORT", view=ViewName(Laterality.LEFT))
    assert admission.admit(film) == Admission()


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"modality": "MR"}, "is of modality MR, not a mammogram (MG)"),
        ({"modality": "CT"}, "is of modality CT, not a mammogram (MG)"),
        ({"modality": "US", "frames": 50}, "is of modality US, not a mammogram (MG)"),
        ({"modality": "\x1b[31mDOE"}, "is of an unknown modality, not a mammogram (MG)"),
        ({"body_part": "CHEST"}, "is of another part of the body (CHEST), not of the breast"),
        ({"modality": "DX", "body_part": "HAND", "sop_class": ""}, "is of another part of the body (HAND)"),
        ({"modality": "CR", "body_part": "DOE^JANE", "sop_class": ""}, "is of another part of the body, not"),
        ({"modality": "DX", "body_part": "", "sop_class": "", "region_code": "T-11180"}, "is of another part"),
        ({"modality": "CR", "body_part": "", "sop_class": "", "view_position": "PA"}, "was taken PA, which is no view"),
        ({"is_quality_control": True}, "is a quality control image"),
        ({"view_code": "G-8310"}, "shows a specimen"),
        ({"view_code": "127457009"}, "shows a specimen"),
    ],
)
def test_what_is_no_breast_is_refused_in_a_sentence(known, reason):
    refused = facts(**known)
    assert admission.admit(refused) == Admission()
    assert (admission.refusal(refused) or "").startswith(reason)
