from mammo.benchmarks import workers
from mammo.config.data import Encoding


def test_two_workers_are_timed_against_one():
    figures = workers.measure(1, 1, Encoding.JPEG, 64, 64, batch_size=2, steps=1)
    assert figures.two_share == figures.two_images_per_second[0] / figures.one_images_per_second[0] > 0
    assert min(figures.one_checkpoint_s, figures.two_checkpoint_s) > 0
