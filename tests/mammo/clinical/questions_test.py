import numpy as np
import pytest

from mammo.clinical import questions
from mammo.clinical.questions import Classes

SAID = np.array([[0.5, 0.3, 0.2]])


def test_each_question_is_answered_by_the_classes_that_bear_on_it():
    made = questions.WHOLE_IMAGE.scores(SAID)
    assert {task: values.tolist() for task, values in made.items()} == {
        "tumour": [0.5],
        "cancer": [0.2],
        "malignancy": [pytest.approx(0.4)],
    }
    assert list(questions.TUMOUR.scores(SAID[:, :2])) == ["tumour"]
    assert list(questions.MALIGNANCY.scores(SAID[:, :2])) == ["cancer"]


def test_labels_become_classes_and_what_is_no_part_of_the_task_is_left_out():
    labels = np.array([0, 1, 2])
    assert questions.TUMOUR.truth(labels).tolist() == [0, 1, 1]
    assert questions.MALIGNANCY.truth(labels).tolist() == [questions.LEFT_OUT, 0, 1]


def test_which_labels_are_positive_depends_on_the_question():
    labels = np.array([0, 1, 2])
    assert questions.is_positive("tumour", labels).tolist() == [False, True, True]
    assert questions.is_positive("cancer", labels).tolist() == [False, False, True]


def test_of_images_without_a_lesion_it_is_not_asked_whether_the_lesion_is_malignant():
    labels = np.array([0, 1, 2])
    assert questions.is_asked("malignancy", labels).tolist() == [False, True, True]
    assert questions.is_asked("cancer", labels).all()
    sure_of_none = np.array([[1.0, 0.0, 0.0]])
    assert questions.WHOLE_IMAGE.scores(sure_of_none)["malignancy"].tolist() == [0.5]


@pytest.mark.parametrize("of_label", [(0, 0, 0), (0, 1, 2), (-1, -1, 1)])
def test_a_class_without_a_label_or_a_label_without_a_class_is_refused(of_label):
    with pytest.raises(ValueError, match="needs a label"):
        Classes(("a", "b"), of_label)
