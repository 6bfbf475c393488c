import numpy as np
import pytest

from mammo.benchmarks import input_limit
from mammo.config.data import Encoding
from mammo.data import encodings
from tests.mammo.data import small_shards

LABELS = [[0, 1, 2, 0], [0, 0, 1]]


@pytest.mark.parametrize("encoding", Encoding)
def test_the_share_of_the_limit_and_where_the_rest_goes(tmp_path, encoding):
    picture = np.full((small_shards.HEIGHT_PX, small_shards.WIDTH_PX), 0.5, np.float32)
    image = encodings.encode_image(picture, encoding)
    shards = small_shards.write(tmp_path, {"train": LABELS}, encoding, {"image": image})
    figures = input_limit.measure(shards, repeats=1, seconds=0.05)
    (limit,), (own,) = figures.limit_images_per_second, figures.images_per_second
    assert figures.limit_share == pytest.approx(own / limit)
    assert list(figures.processor_us) == ["read", "decode", "order", "batch"]
    spent_us = list(figures.processor_us.values())
    assert figures.processor_share == pytest.approx(sum(spent_us[:2]) / sum(spent_us))
