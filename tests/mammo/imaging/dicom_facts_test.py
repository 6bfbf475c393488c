import pydicom
import pytest

from mammo.clinical.labels import Laterality, Projection
from mammo.imaging import dicom_facts
from tests import dicoms

CC, MLO = Projection.CC, Projection.MLO
LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT


def item(**tags) -> pydicom.dataset.Dataset:
    made = pydicom.dataset.Dataset()
    for key, value in tags.items():
        setattr(made, key, value)
    return made


def code(value: str, meaning: str = "", modifiers=()) -> pydicom.dataset.Dataset:
    return item(CodeValue=value, CodeMeaning=meaning, ViewModifierCodeSequence=[code(each) for each in modifiers])


@pytest.mark.parametrize(
    ("tags", "laterality", "projection"),
    [
        ({"ImageLaterality": "L", "ViewPosition": "MLO"}, LEFT, MLO),
        ({"ImageLaterality": " r ", "ViewPosition": " cc "}, RIGHT, CC),
        ({"ImageLaterality": "L", "Laterality": "R"}, LEFT, None),
        ({"ImageLaterality": "", "Laterality": "R"}, RIGHT, None),
        ({"ImageLaterality": "B", "ViewPosition": "LCC"}, None, CC),
        ({"ViewPosition": "RIGHT CC"}, RIGHT, CC),
        ({"ViewPosition": "LMLO"}, LEFT, MLO),
        ({"ImageLaterality": "L", "ViewPosition": "R CC"}, LEFT, CC),
        ({"ViewPosition": ["CC", "MLO"]}, None, None),
        ({"ViewCodeSequence": [code("R-10242")]}, None, CC),
        ({"ViewCodeSequence": [code("399368009")], "ViewPosition": "AP"}, None, MLO),
        ({"ViewCodeSequence": [code("399162004")], "ViewPosition": "ML"}, None, CC),
        ({"ViewCodeSequence": [code("399260004")], "ViewPosition": "MLO"}, None, None),
        ({"ViewCodeSequence": [code("99-1", "medio-lateral oblique")]}, None, MLO),
        ({"ViewCodeSequence": [code("99-1", "other")], "ViewPosition": "CC"}, None, CC),
        ({"PatientOrientation": "MLO"}, None, MLO),  # so in CBIS-DDSM
        ({"PatientOrientation": ["P", "L"]}, None, None),
    ],
)
def test_which_view_it_is(tags, laterality, projection):
    view = dicom_facts.view(dicoms.make(**tags))
    assert (view.laterality, view.projection) == (laterality, projection)


@pytest.mark.parametrize("groups", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_side_and_view_may_stand_in_functional_groups(groups):
    anatomy = item(FrameLaterality="R", AnatomicRegionSequence=[code("76752008")])
    acquired = item(ViewCodeSequence=[code("399162004")])
    group = item(FrameAnatomySequence=[anatomy], XRay3DAcquisitionSequence=[acquired])
    found = dicom_facts.of(dicoms.make(**{groups: [group]}), is_cut=False)
    assert (found.view.laterality, found.view.projection, found.region_code) == (RIGHT, CC, "76752008")


@pytest.mark.parametrize(
    ("tags", "other"),
    [
        ({"ViewCodeSequence": [code("R-10226", modifiers=["R-102D7"])]}, "a spot compression view"),
        ({"ViewCodeSequence": [code("399162004", modifiers=["442581004", "399163009"])]}, "a magnification view"),
        ({"ViewCodeSequence": [code("399162004", modifiers=["399209000"])]}, ""),  # implant displaced
        ({"ViewCodeSequence": [code("399162004")], "ViewPosition": "CCRL"}, "a rolled view"),
        ({"ViewCodeSequence": [code("399192008")]}, "an exaggerated craniocaudal view"),
        ({"ViewPosition": "ML"}, "a mediolateral view"),
        ({"ViewPosition": "MLO"}, ""),
        ({}, ""),
    ],
)
def test_what_makes_it_another_view(tags, other):
    assert dicom_facts.view(dicoms.make(**tags)).other == other


def test_what_an_object_says_that_it_is():
    found = dicom_facts.of(
        dicoms.make(
            Modality="mg ", ImageType=["derived", "PRIMARY"], BodyPartExamined="breast", QualityControlImage="YES",
            EstimatedRadiographicMagnificationFactor="1.8", NumberOfFrames="7", Rows=3, Columns=4,
        ),
        is_cut=True,
    )  # fmt: skip
    assert found.sop_class == pydicom.uid.DigitalMammographyXRayImageStorageForPresentation  # of the meta header
    assert (found.modality, found.image_type, found.body_part) == ("MG", ("DERIVED", "PRIMARY"), "BREAST")
    assert (found.magnification, found.frames, found.has_image) == (1.8, 7, True)
    assert found.is_quality_control
    assert found.is_cut
    assert not dicom_facts.of(dicoms.make(Rows=3), is_cut=False).has_image
