import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.augment import compose
from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import Batch
from tests.mammo.augment import discs

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

ALL = AugmentationConfig(flip_horizontal=0.5, cutout_count=2)
SEED = (3, 4)
ROUNDING = 2e-5  # a graph may fold operations that stand alone eagerly; boxes are of some hundred pixels


def _augment(batch, seed=SEED, chosen=ALL):
    return compose.augment(batch, tf.constant(seed, tf.int32), chosen)


def _part(batch, part):
    return Batch(*(field[part] for field in batch))


def _joined(*batches):
    return Batch(*(tf.concat(fields, 0) for fields in zip(*batches, strict=True)))


def test_with_all_off_a_batch_comes_back_bit_for_bit():
    batch = discs.breasts(3)
    discs.assert_same(_augment(batch, chosen=AugmentationConfig.off()), batch)


def test_shapes_and_dtypes_stay_and_what_is_no_picture_too():
    batch = discs.breasts(3)
    after = _augment(batch)
    for name, one, other in zip(batch._fields, batch, after, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype), name
    for name in ("is_real", "key", "position"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(after, name))


@pytest.mark.parametrize("dtype", [tf.uint8, tf.uint16])
@pytest.mark.parametrize("chosen", [ALL, AugmentationConfig.off()])
def test_images_as_they_are_stored_become_grey_levels_first(dtype, chosen):
    batch = discs.breasts(2)
    stored = batch._replace(image=tf.cast(tf.round(batch.image * float(dtype.max)), dtype))
    as_float = stored._replace(image=tf.cast(stored.image, tf.float32) / float(dtype.max))
    discs.assert_same(_augment(stored, chosen=chosen), _augment(as_float, chosen=chosen))


def test_the_same_seed_gives_the_same_and_another_another():
    batch = discs.breasts(2)
    discs.assert_same(_augment(batch), _augment(batch))
    assert np.abs(_augment(batch, (3, 5)).image - _augment(batch).image).max() > 0.1


def test_the_same_image_at_other_positions_is_varied_otherwise():
    image = _part(discs.breasts(1), slice(0, 1))
    twice = _joined(image, image)._replace(position=tf.constant([7, 8], tf.int64))
    after = _augment(twice).image.numpy()
    assert np.abs(after[0] - after[1]).max() > 0.1


def test_a_batch_is_varied_as_its_halves_are():
    batch = discs.breasts(4)
    halves = _joined(_augment(_part(batch, slice(0, 2))), _augment(_part(batch, slice(2, 4))))
    discs.assert_same(_augment(batch), halves)


def test_a_graph_of_unknown_batch_size_gives_what_eager_does():
    signature = Batch(*(tf.TensorSpec([None, *field.shape[1:]], field.dtype) for field in discs.breasts(1)))
    graph = tf.function(_augment, input_signature=[signature])
    assert graph.get_concrete_function().structured_outputs.image.shape[1:] == (discs.HEIGHT_PX, discs.WIDTH_PX, 1)
    for count in (1, 3):
        discs.assert_same(graph(discs.breasts(count)), _augment(discs.breasts(count)), ROUNDING)


def test_two_replicas_give_what_one_does():
    batch = discs.breasts(4)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: (
            _part(batch, slice(2 * context.replica_id_in_sync_group, None))
            if context.replica_id_in_sync_group
            else _part(batch, slice(0, 2))
        )
    )
    after = tf.function(lambda batches: strategy.run(_augment, args=(batches,)))(parts)
    fields = [strategy.experimental_local_results(field) for field in after]
    joined = Batch(*(tf.concat(field, axis=0) for field in fields))
    discs.assert_same(joined, _augment(batch), ROUNDING)


@pytest.mark.parametrize("count", [1, 5])
def test_images_without_a_lesion_are_varied_too(count):
    image = discs.breasts(2).image
    batch = discs.batch(image, [[[-1] * 4] * count] * 2, [[-1] * count] * 2)
    after = _augment(batch)
    assert np.abs(after.image - image).max() > 0.1
    discs.assert_same(after._replace(image=batch.image), batch)


@pytest.mark.parametrize("changes", [{"rotation_degrees": 180.0}, {"scale_range": (0.5, 0.8)}, {"shear_degrees": 30.0}])
def test_a_crop_that_is_turned_or_shrunk_stays_full_of_tissue_where_it_is_mirrored(changes):
    textured = tf.random.stateless_uniform([4, 64, 64, 1], [1, 2], minval=0.5)
    full = discs.batch(tf.concat([textured, tf.ones([4, 64, 64, 1])], 0), [[[20, 20, 40, 40]]] * 8, [[1]] * 8)
    full = full._replace(position=tf.tile(full.position[:4], [2]))  # both are moved alike
    chosen = dataclasses.replace(AugmentationConfig.off(), turns_about_frame=True, **changes)
    black, mirrored = (
        _augment(full, chosen=dataclasses.replace(chosen, beyond=beyond)) for beyond in ("black", "mirrored")
    )
    assert (black.image[:4].numpy().min((1, 2, 3)) == 0).all()
    assert mirrored.image.numpy().min() >= 0.5 - 1e-5
    is_inside = black.image[4:].numpy() > 1 - 1e-6
    assert 0.1 < is_inside.mean() < 0.99
    np.testing.assert_array_equal(mirrored.image[:4][is_inside], black.image[:4][is_inside])
    np.testing.assert_array_equal(mirrored.boxes, black.boxes)


def test_all_channels_of_an_image_are_varied_alike():
    batch = discs.breasts(4)
    squares = batch._replace(image=tf.repeat(batch.image, 3, axis=-1))
    chosen = dataclasses.replace(ALL, noise_std=0.0)  # noise is drawn anew for each
    after = _augment(batch, chosen=chosen)
    discs.assert_same(_augment(squares, chosen=chosen), after._replace(image=tf.repeat(after.image, 3, -1)), ROUNDING)


def test_switching_operations_on_leaves_the_draws_of_the_others():
    batch = discs.breasts(6)
    few = dataclasses.replace(AugmentationConfig.off(), flip_vertical=0.5, shift_share=0.05)
    grey = dataclasses.replace(few, gamma_range=(0.5, 2.0), noise_std=0.1, blur_sigma_px=0.5)
    np.testing.assert_array_equal(_augment(batch, chosen=few).boxes, _augment(batch, chosen=grey).boxes)
    hidden = _augment(batch, chosen=dataclasses.replace(grey, cutout_count=1)).image
    shown = hidden > 0
    np.testing.assert_array_equal(hidden[shown], _augment(batch, chosen=grey).image[shown])


def test_the_defaults_keep_the_breast_in_view_and_the_lesion_bright():
    batch = discs.breasts(24)
    after = _augment(batch, chosen=AugmentationConfig())
    area = (after.image.numpy() > 0.05).sum((1, 2, 3)) / (batch.image.numpy() > 0.05).sum((1, 2, 3))
    assert area.min() > 0.7
    classes = after.classes.numpy()[:, 0]
    assert (classes >= 0).mean() > 0.9
    for image, box, was in zip(after.image.numpy(), after.boxes.numpy()[:, 0], classes, strict=True):
        if was >= 0:
            x, y = (box[:2] + box[2:]) / 2
            assert image[int(y), int(x), 0] > image[image > 0.05].mean() + 0.1
