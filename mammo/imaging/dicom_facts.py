"""What the tags of a DICOM object say of the view that it shows, wherever they say it."""

from pydicom.dataset import Dataset

from mammo.clinical import labels
from mammo.clinical.labels import Laterality, ViewName
from mammo.imaging import dicom_values
from mammo.imaging.admission import ObjectFacts

_GROUPS_WITH_VIEW = ("FrameAnatomySequence", "XRay3DAcquisitionSequence", "XRay3DFrameTypeSequence")


def laterality(dataset: Dataset) -> Laterality | None:
    """Returns the side by Image Laterality, of the frame or of the object, else by Laterality, else by View Position.

    PS3.3, C.8.11.7 and C.7.6.16.2.8: (0020,0062), (0020,9072), (0020,0060). "B" stands for both breasts.
    """
    stated = (
        dicom_values.text(dataset, "ImageLaterality")
        or dicom_values.text(dicom_values.functional_group(dataset, "FrameAnatomySequence"), "FrameLaterality")
        or dicom_values.text(dataset, "Laterality")
    )
    return labels.parse_laterality(stated) if stated else _named(dataset).laterality


def view(dataset: Dataset) -> ViewName:
    """Returns which view it is: by View Code Sequence (0054,0220), else by View Position (0018,5101).

    The code is what mammography has (PS3.3, C.8.11.7); View Position is of other X-ray images, and may be a default. A
    modifier, in either, makes a view another.
    """
    coded = _view_code(dataset)
    by_code = labels.view_of_code(_code(coded))
    if by_code == ViewName():
        by_code = labels.parse_view(dicom_values.text(coded, "CodeMeaning"))
    named = _named(dataset)
    chosen = named if by_code == ViewName() else by_code
    others = [labels.modifier_of_code(_code(item)) for item in _modifiers(dataset, coded)]
    others += [chosen.other, named.other if named.projection == chosen.projection else ""]
    return ViewName(laterality(dataset), chosen.projection, next(filter(None, others), ""))


def of(dataset: Dataset, is_cut: bool) -> ObjectFacts:
    """Returns what an object says that it is.

    Args:
        dataset: Of the object.
        is_cut: Whether its file ends within an element.
    """
    anatomy = dicom_values.functional_group(dataset, "FrameAnatomySequence")
    regions = (dicom_values.first_item(place, "AnatomicRegionSequence") for place in (dataset, anatomy))
    return ObjectFacts(
        sop_class=dicom_values.text(dataset, "SOPClassUID") or _media_class(dataset),
        modality=dicom_values.text(dataset, "Modality").upper(),
        image_type=tuple(value.upper() for value in dicom_values.texts(dataset, "ImageType")),
        body_part=dicom_values.text(dataset, "BodyPartExamined").upper(),
        region_code=next(filter(None, map(_code, regions)), ""),
        view_code=_code(_view_code(dataset)),
        view_position=dicom_values.text(dataset, "ViewPosition").upper(),
        view=view(dataset),
        magnification=dicom_values.number(dataset, "EstimatedRadiographicMagnificationFactor") or 1.0,
        frames=dicom_values.whole(dataset, "NumberOfFrames") or 1,
        has_image=bool(dicom_values.text(dataset, "Rows") and dicom_values.text(dataset, "Columns")),
        is_cut=is_cut,
        is_quality_control=dicom_values.text(dataset, "QualityControlImage").upper() == "YES",
        description=dicom_values.text(dataset, "SeriesDescription").upper(),
    )


def _named(dataset: Dataset) -> ViewName:
    """What View Position calls the view; of CBIS-DDSM what Patient Orientation (0020,0020) does, which is its text."""
    named = labels.parse_view(dicom_values.text(dataset, "ViewPosition"))
    if named == ViewName():
        oriented = labels.parse_view(dicom_values.text(dataset, "PatientOrientation"))
        named = oriented if oriented.projection else named  # of directions, "L" is none of a breast
    return named


def _view_code(dataset: Dataset) -> Dataset:
    places = (dataset, *(dicom_values.functional_group(dataset, keyword) for keyword in _GROUPS_WITH_VIEW))
    return next(filter(len, (dicom_values.first_item(place, "ViewCodeSequence") for place in places)), Dataset())


def _modifiers(dataset: Dataset, coded: Dataset) -> list[Dataset]:
    within = dicom_values.items(coded, "ViewModifierCodeSequence")
    return within or dicom_values.items(dataset, "ViewModifierCodeSequence")


def _code(item: Dataset) -> str:
    return dicom_values.text(item, "CodeValue") or dicom_values.text(item, "LongCodeValue")


def _media_class(dataset: Dataset) -> str:
    meta = getattr(dataset, "file_meta", None)
    return dicom_values.text(meta, "MediaStorageSOPClassUID") if meta is not None else ""
