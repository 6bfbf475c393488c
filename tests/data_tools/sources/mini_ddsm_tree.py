"""A small Mini-DDSM, written by hand with the oddities of the real one."""

import pathlib

import cv2
import numpy as np
import pandas as pd

from data_tools.sources.mini_ddsm import MiniDdsm
from tests import drawing

HEIGHT, WIDTH = 120, 80
COLUMNS = ["fullPath", "fileName", "View", "Side", "Status", "Age", "Density"]
CONTOURS = ["Tumour_Contour", *(f"Tumour_Contour{number}" for number in range(2, 7))]
TREE = "MINI-DDSM-Complete-JPEG-8"
RIGHT_CC_MASK = f"{TREE}/Cancer/0007/C_0007_1.RIGHT_CC_Mask.jpg"


class Tree:
    """Grows case by case; `sheet` writes what the cases say."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.rows: list[dict] = []

    def case(self, status="Cancer", folder="0007", case="C_0007_1", age: object = 67, density: object = 2) -> "Tree":
        for side in ("LEFT", "RIGHT"):
            for view in ("CC", "MLO"):
                name = f"{case}.{side}_{view}.jpg"
                drawing.write(self.root / TREE / status / folder / name, drawing.draw_view(HEIGHT, WIDTH))
                cells = [f"{status}\\{folder}\\{name}", name, view, side, status, age, density]
                self.rows.append(dict(zip(COLUMNS, cells, strict=True)) | dict.fromkeys(CONTOURS[:2], "-"))
        return self

    def mask(self, name: str, number: int, on_disk: str, in_sheet: str | None = None, radius: int = 10) -> "Tree":
        """Puts a mask on the disk, as `on_disk` under the root, and into the sheet's column `number`."""
        row = next(row for row in self.rows if row["fileName"].startswith(name))
        folder = row["fullPath"].rpartition("\\")[0]
        row[CONTOURS[number - 1]] = in_sheet or f"{folder}\\{pathlib.PurePath(on_disk).name}"
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(mask, (30, 40 + 10 * number), radius, (255,), 1)
        drawing.write(self.root / on_disk, mask)
        return self

    def text(self, relative: str, text: str) -> "Tree":
        (self.root / TREE / relative).write_text(text)
        return self

    def sheet(self, columns: list[str] | None = None, relative="Data-MoreThanTwoMasks/Data-MoreThanTwoMasks.xlsx"):
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame(self.rows, columns=columns or [*COLUMNS, *CONTOURS])
        table.to_excel(path, index=False, engine="xlsxwriter")
        return self

    def source(self, **options) -> MiniDdsm:
        return MiniDdsm(self.root, **options)
