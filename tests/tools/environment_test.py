# All in one process, since the protobuf and the numpy of one package are those of the others too.
import subprocess
import sys

import cv2
import gdcm
import keras_cv
import numpy as np
import pandas as pd
import pydicom
import tensorflow as tf
import tensorflow_addons as tfa


def test_the_stack_imports_together_and_works():
    assert [module.__version__ for module in (tf, keras_cv, tfa)] == ["2.15.1", "0.9.0", "0.23.0"]
    image = pd.DataFrame({"x": [1.0, 2.0]}).to_numpy(np.float32)
    assert tf.reduce_sum(cv2.resize(image, (4, 4), interpolation=cv2.INTER_NEAREST)).numpy() == 3.0 * 8
    assert gdcm.Version.GetVersion()
    assert not pydicom.Dataset()


def test_every_package_has_the_others_it_asks_for():
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


def test_the_folder_of_a_program_is_not_on_the_import_path():
    # Else `data_tools/statistics.py` would stand for the standard library's.
    assert sys.flags.safe_path


def test_what_a_person_keeps_on_their_python_path_stays_out():
    # The target in tests/tools/BUILD sets PYTHONPATH to that folder.
    assert "/of/the/person" not in sys.path
