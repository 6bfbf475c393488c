"""Writes views, sheets and folders of exams for the tests of what is listed."""

import pathlib

from tests import dicoms, drawing

VIEWS = [("left", "cc"), ("left", "mlo"), ("right", "cc"), ("right", "mlo")]
"""In the order in which Mini-DDSM's names are sorted."""

_PIXELS = drawing.draw_view(100, 80)


def png(path):
    return drawing.write(path, _PIXELS)


def dicom(path, study="1.2.1", patient="4711", name="Doe^Jane", **tags):
    values = {"StudyInstanceUID": study, "PatientID": patient, "PatientName": name} | tags
    return dicoms.write(path, dicoms.make(**values))


def four(folder, **tags):
    """The four views of an exam as DICOM files that say which they are."""
    return [
        dicom(folder / f"{side}_{view}.dcm", ImageLaterality=side[0].upper(), ViewPosition=view.upper(), **tags)
        for side, view in VIEWS
    ]


def mini_ddsm(folder, case="C_0029_1"):
    """One exam as it lies in the download, with all that is no view; its last views are of the right breast."""
    paths = [png(folder / f"{case}.{side}_{view}.jpg") for side, view in [(a.upper(), b.upper()) for a, b in VIEWS]]
    for name in (".LEFT_CC_Mask.jpg", ".LEFT_CC_MASK2.jpg", ".RIGHT_MLO_Mask3.jpg"):
        png(folder / (case + name))
    png(folder / f"Mask_{case}.LEFT_MLO.jpg")
    for name in (f"{case}.LEFT_CC.OVERLAY", f"{case}.LEFT_MLO.OVERLAYu", "C-0029-1.ics", "TAPE_C_0029_1.COMB.16_PGM"):
        (folder / name).write_bytes(b"FILE")
    return paths


def table(folder, text) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exams.csv").write_text(text)
    return folder / "exams.csv"


def sides(exam):
    return [(view.laterality, view.projection) for view in exam.views]


def names(exam):
    return [view.path.name for view in exam.views]


def reasons(exam):
    return [view.reason for view in exam.views]
