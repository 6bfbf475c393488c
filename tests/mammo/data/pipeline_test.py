import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.data import Encoding, InputConfig
from mammo.data import encodings, pipeline, schema
from mammo.data.batch import grey_levels
from mammo.data.pipeline import Reading
from tests.mammo.data import small_shards

LABELS = [[0, 0, 1, 0, 0], [0, 2, 0], [0, 1, 0, 2], [0, 0, 0, 0, 0]]  # 17 views: 13 normal, 2 benign, 2 cancer
KEYS = small_shards.keys(LABELS)
LABEL_OF = dict(zip(KEYS, itertools.chain(*LABELS), strict=True))
ONE = tf.distribute.InputContext(num_input_pipelines=1, input_pipeline_id=0, num_replicas_in_sync=1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return small_shards.write(tmp_path_factory.mktemp("shards"), {"train": LABELS, "test": LABELS[:3]})


def _options(**changes):
    seed = changes.pop("seed", 3)
    return Reading(InputConfig(**{"batch_size": 4, "balance": "none", "shuffle_buffer": 6, **changes}), seed)


def _workers(count, replicas):
    return [tf.distribute.InputContext(count, worker, replicas) for worker in range(count)]


def _elements(shards, count, *, context=ONE, position=0, **changes):
    """The first (key, position) of training."""
    dataset = pipeline.training(shards, _options(**changes), context, position)
    batches = dataset.take(-(-count // _options(**changes).input.batch_size))
    flat = [pair for batch in batches for pair in zip(batch.key.numpy(), batch.position.numpy(), strict=True)]
    return flat[:count]


def _keys(shards, count, **arguments):
    return [int(key) for key, _ in _elements(shards, count, **arguments)]


def _epochs_keys(shards, count, **changes):
    """The keys of each of the first epochs, whole."""
    epochs = collections.defaultdict(list)
    for batch in pipeline.training(shards, _options(**changes), ONE):
        for key, position in zip(batch.key.numpy(), batch.position.numpy(), strict=True):
            epochs[position >> 32].append(int(key))
        if count in epochs:
            return [epochs[epoch] for epoch in range(count)]
    raise AssertionError("the stream of training data ended")


def _same(first, second):
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


class TestBatches:
    def test_a_batch_holds_what_its_records_hold(self, shards):
        batch = next(iter(pipeline.training(shards, _options(), ONE)))
        for i, key in enumerate(batch.key.numpy()):
            shard, number = key >> 32, key & 0xFFFFFFFF
            record = small_shards.record("train", shard, number, LABEL_OF[key])
            lesions = len(record["pathologies"])
            assert grey_levels(batch.image[i]).numpy() == pytest.approx(small_shards.level(shard, number), abs=1e-6)
            assert batch.label[i] == record["label"]
            assert batch.boxes[i, :lesions].numpy().tolist() == record["boxes_xyxy_px"]
            assert batch.classes[i, :lesions].numpy().tolist() == [label - 1 for label in record["pathologies"]]
            assert (batch.boxes[i, lesions:].numpy() == -1).all()
            assert (batch.classes[i, lesions:].numpy() == -1).all()
        assert batch.is_real.numpy().all()

    @pytest.mark.parametrize("make", [
        lambda shards, options: pipeline.training(shards, options, ONE),
        lambda shards, options: pipeline.evaluation(shards, "test", options, ONE),
    ])  # fmt: skip
    def test_shapes_are_static(self, shards, make):
        spec = make(shards, _options(max_boxes=5)).element_spec
        assert spec.image == tf.TensorSpec([4, 8, 6, 1], tf.uint16)
        assert spec.boxes == tf.TensorSpec([4, 5, 4], tf.float32)
        assert spec.classes == tf.TensorSpec([4, 5], tf.int32)
        assert (spec.label.dtype, spec.is_real.dtype) == (tf.int32, tf.bool)
        assert spec.key == spec.position == tf.TensorSpec([4], tf.int64)

    @pytest.mark.parametrize(
        ("encoding", "dtype"),
        [
            (Encoding.PNG8, np.uint8),
            (Encoding.JPEG, np.uint8),
            (Encoding.PNG16, np.uint16),
            (Encoding.RAW, np.uint16),
        ],
    )
    def test_views_come_as_they_are_stored(self, tmp_path, encoding, dtype):
        picture = np.linspace(0, 1, 48, dtype=np.float32).reshape(8, 6)
        stored = {"image": encodings.encode_image(picture, encoding)}
        shards = small_shards.write(tmp_path, {"train": LABELS, "test": [[1]]}, encoding, stored)
        for dataset in (
            pipeline.training(shards, _options(), ONE),
            pipeline.evaluation(shards, "test", _options(), ONE),
        ):
            assert dataset.element_spec.image == tf.TensorSpec([4, 8, 6, 1], dtype)
            images = next(iter(dataset)).image.numpy()
            if encoding != Encoding.JPEG:  # which is with loss
                np.testing.assert_array_equal(images[0, ..., 0], np.round(picture * np.iinfo(dtype).max))
            np.testing.assert_allclose(grey_levels(images[0, ..., 0]), picture, atol=0.06)
        assert images.dtype == dtype
        assert not images[1:].any()  # the padding of the evaluation

    def test_there_is_room_for_the_boxes_of_the_fullest_image(self, shards):
        assert pipeline.training(shards, _options(), ONE).element_spec.boxes.shape == [4, 2, 4]

    def test_normal_views_alone_have_room_for_a_box(self, tmp_path):
        normal = small_shards.write(tmp_path, {"train": [[0, 0]]})
        dataset = pipeline.training(normal, _options(balance="weights"), ONE)
        assert dataset.element_spec.boxes.shape == [4, 1, 4]
        assert next(iter(dataset)).label.numpy().tolist() == [0] * 4

    def test_an_image_with_too_many_lesions_is_refused(self, shards):
        with pytest.raises(InputError, match=r"max_boxes=1, but a view of the split 'test' has \d lesions"):
            pipeline.evaluation(shards, "test", _options(max_boxes=1), ONE)


class TestUnknownLabels:
    LABELS = ((0, -1, 1), (-1, 2, 0, -1))
    KNOWN_KEYS = (0, 2, (1 << 32) + 1, (1 << 32) + 2)

    @pytest.fixture(scope="class")
    def shards(self, tmp_path_factory):
        return small_shards.write(tmp_path_factory.mktemp("unknown"), {"train": self.LABELS, "test": self.LABELS})

    @pytest.mark.parametrize(
        "changes", [{}, {"balance": "weights"}, {"balance": "weights", "class_weights": (1.0, 2.0, 3.0)}]
    )
    def test_images_of_unknown_label_are_never_trained_on(self, shards, changes):
        assert set(_keys(shards, 60, **changes)) == set(self.KNOWN_KEYS)

    def test_images_of_unknown_label_are_not_real_in_evaluation(self, shards):
        batches = list(pipeline.evaluation(shards, "test", _options(), ONE))
        keys = np.concatenate([batch.key for batch in batches])
        is_real = np.concatenate([batch.is_real for batch in batches])
        assert tuple(keys[is_real]) == self.KNOWN_KEYS

    def test_unknown_labels_alone_are_refused(self, tmp_path):
        unknown = small_shards.write(tmp_path, {"train": [[-1, -1]]})
        with pytest.raises(InputError, match="has no training views"):
            pipeline.training(unknown, _options(), ONE)


class TestEpochs:
    @pytest.mark.parametrize("buffer", [1, 6, 100])
    def test_each_image_comes_once_in_an_epoch(self, shards, buffer):
        taken = _keys(shards, 3 * len(KEYS), shuffle_buffer=buffer)
        for epoch in range(3):
            assert sorted(taken[epoch * len(KEYS) : (epoch + 1) * len(KEYS)]) == KEYS

    def test_the_order_depends_on_seed_and_epoch_alone(self, shards):
        orders = [*_epochs_keys(shards, 2, seed=3), *_epochs_keys(shards, 2, seed=4)]
        assert len({tuple(order) for order in orders}) == 4
        tf.random.set_seed(1234)  # someone's global seed
        assert _epochs_keys(shards, 2, seed=3) == orders[:2]

    def test_a_dataset_gives_the_same_each_time(self, shards):
        dataset = pipeline.training(shards, _options(balance="weights"), ONE).take(9)
        for first, second in zip(dataset, dataset, strict=True):
            assert _same(first, second)

    @pytest.mark.parametrize("taken", [1, 3, 4, 5, 12])  # the fifth batch straddles the end of an epoch
    @pytest.mark.parametrize("balance", ["none", "weights"])
    def test_it_goes_on_where_it_stopped_bit_for_bit(self, shards, taken, balance):
        options = _options(balance=balance)
        whole = list(pipeline.training(shards, options, ONE).take(taken + 4))
        position = int(whole[taken - 1].position.numpy().max()) + 1
        resumed_batches = pipeline.training(shards, options, ONE, position).take(4)
        for expected, resumed in zip(whole[taken:], resumed_batches, strict=True):
            assert _same(expected, resumed)

    def test_it_goes_on_after_the_last_image_of_an_epoch(self, shards):
        end = len(KEYS)
        assert _keys(shards, 8, position=end) == _epochs_keys(shards, 2)[1][:8]

    def test_what_is_skipped_is_not_decoded(self, tmp_path, monkeypatch):
        shards = small_shards.write(tmp_path, {"train": [[0] * 100, [1] * 100]})
        decode_views, decoded = schema.decode_views, []

        def count(images):
            decoded.extend(images)
            return images

        def watched(*arguments):
            images = decode_views(*arguments)
            return tf.ensure_shape(tf.py_function(count, [images], images.dtype), images.shape)

        monkeypatch.setattr(schema, "decode_views", watched)
        next(iter(pipeline.training(shards, _options(max_boxes=2), ONE, position=150)))
        assert 0 < len(decoded) < 150  # some batches ahead, as many as there is time for


class TestBalance:
    def test_classes_come_equally_often_and_no_image_is_left_out(self, shards):
        counts: collections.Counter[int] = collections.Counter()
        epochs = _epochs_keys(shards, 6, balance="weights")
        for keys in epochs:
            assert set(keys) == set(KEYS)
            per_key = collections.Counter(keys)
            assert all(per_key[key] == 1 for key in KEYS if LABEL_OF[key] == 0)
            assert all(per_key[key] in (6, 7) for key in KEYS if LABEL_OF[key])  # 13 normals for each 2
            counts.update(LABEL_OF[key] for key in keys)
        assert counts[0] == 6 * 13
        for label in (1, 2):  # 12 draws of 6.5 on average: the deviation is 12 ** 0.5 / 2 = 1.7
            assert counts[label] == pytest.approx(6 * 13, abs=4 * 1.7)
        assert len({tuple(sorted(keys)) for keys in epochs}) > 1  # what repeats is drawn anew in each epoch

    def test_given_weights_are_relative_to_the_least(self, shards):
        keys = collections.Counter(_epochs_keys(shards, 1, balance="weights", class_weights=(0.5, 1.0, 2.0))[0])
        assert {label: {keys[key] for key in KEYS if LABEL_OF[key] == label} for label in range(3)} == {
            0: {1}, 1: {2}, 2: {4}
        }  # fmt: skip

    def test_the_study_keeps_one_in_four_normals_always_the_same(self, tmp_path):
        labels = [[0, 1, 0, 0, 0, 2, 0, 0], [0] * 8]
        shards = small_shards.write(tmp_path, {"train": labels})
        kept = [set(keys) for keys in _epochs_keys(shards, 2, balance="study", shuffle_buffer=3)]
        assert kept[0] == kept[1]
        label_of = dict(zip(small_shards.keys(labels), itertools.chain(*labels), strict=True))
        assert collections.Counter(label_of[key] for key in kept[0]) == {0: 4, 1: 1, 2: 1}

    def test_repeats_of_an_image_are_not_neighbours(self, tmp_path):
        labels = [[0] * 20 + [1] * 4, [0] * 20 + [1] * 4, [0] * 20 + [1] * 4, [0] * 20 + [1] * 4]
        shards = small_shards.write(tmp_path, {"train": labels})
        keys = _epochs_keys(shards, 1, balance="weights", shuffle_buffer=500)[0]
        neighbours = sum(first == second for first, second in itertools.pairwise(keys))
        assert neighbours <= 4  # 160 places, 16 images 5 times each: about 1.5 by chance


class TestWorkers:
    @pytest.mark.parametrize("position", [0, 24, (1 << 32) + 12])
    @pytest.mark.parametrize(("workers", "replicas"), [(2, 2), (3, 3), (2, 4), (5, 5)])
    def test_workers_share_the_global_batches_of_one(self, shards, workers, replicas, position):
        """However many there are, and wherever the stream goes on: the same images in the same places."""
        options, steps, own = _options(), 3, replicas // workers
        one = list(pipeline.training(shards, options, ONE, position).take(steps * replicas))
        of_workers = [
            list(pipeline.training(shards, options, context, position).take(steps * own))
            for context in _workers(workers, replicas)
        ]
        for step in range(steps):
            shared = [batch for batches in of_workers for batch in batches[step * own : (step + 1) * own]]
            for batch, expected in zip(shared, one[step * replicas : (step + 1) * replicas], strict=True):
                assert _same(batch, expected)

    @pytest.mark.parametrize("batch_size", [1, 5, 12])
    @pytest.mark.parametrize(("workers", "replicas"), [(1, 1), (1, 2), (2, 4), (4, 4)])
    def test_evaluation_counts_every_image_once_on_any_number_of_replicas(self, shards, batch_size, workers, replicas):
        datasets = [
            list(pipeline.evaluation(shards, "test", _options(batch_size=batch_size), context))
            for context in _workers(workers, replicas)
        ]
        (batches,) = {len(batches) for batches in datasets}
        assert batches % (replicas // workers) == 0
        every = list(itertools.chain(*datasets))
        real = [int(key) for batch in every for key in batch.key.numpy()[batch.is_real.numpy()]]
        assert sorted(real) == small_shards.keys(LABELS[:3])
        for batch in every:
            padded = ~batch.is_real.numpy()
            assert (batch.key.numpy()[padded] == pipeline.NO_KEY).all()
            assert (batch.boxes.numpy()[padded] == -1).all()
            assert (batch.image.numpy()[padded] == 0).all()

    def test_a_strategy_reads_the_stream(self, shards):
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        dataset = strategy.distribute_datasets_from_function(
            lambda context: pipeline.training(shards, _options(), context)
        )
        assert next(iter(dataset)).position.numpy().tolist() == [0, 1, 2, 3]


class TestDamage:
    def test_an_error_while_training_is_explained(self, tmp_path):
        shards = small_shards.write(tmp_path, {"train": LABELS})
        dataset = pipeline.training(shards, _options(), ONE)
        path = shards.files("train")[2].path
        content = bytearray(path.read_bytes())
        content[int(0.6 * len(content))] ^= 1
        path.write_bytes(content)
        with pytest.raises(tf.errors.DataLossError) as raised:
            list(dataset.take(5))
        explained = pipeline.explain(shards, "train", raised.value)
        assert f"{path} is damaged in record 2" in str(explained)

    def test_an_error_of_something_else_is_not(self, shards):
        assert pipeline.explain(shards, "train", tf.errors.ResourceExhaustedError(None, None, "no memory")) is None
        assert pipeline.explain(shards, "train", tf.errors.InvalidArgumentError(None, None, "of a model")) is None
