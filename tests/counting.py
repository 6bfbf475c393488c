"""Counts how often files are opened and DICOM files are parsed: bodies of fixtures."""

import pathlib

import pydicom
import pytest


def opened(monkeypatch: pytest.MonkeyPatch) -> list[pathlib.Path]:
    """The paths that were opened to be read, in order."""
    paths: list[pathlib.Path] = []
    open_path = pathlib.Path.open

    def count(path, mode="r", **options):
        if "r" in mode:
            paths.append(path)
        return open_path(path, mode, **options)

    monkeypatch.setattr(pathlib.Path, "open", count)
    return paths


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """One entry for each time that a DICOM file was parsed."""
    parses: list[dict] = []
    parse = pydicom.dcmread

    def count(file, **options):
        parses.append(options)
        return parse(file, **options)

    monkeypatch.setattr(pydicom, "dcmread", count)
    return parses
