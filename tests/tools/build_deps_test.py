import importlib.metadata
import pathlib
import textwrap

import pytest

from mammo.common.errors import InputError
from tools import build_deps, modules
from tools.modules import Labels, Module


def _tree(root: pathlib.Path, **files: str) -> pathlib.Path:
    """Writes files, named with `__` for `/` and without ".py"."""
    (root / "requirements.in").write_text("numpy==1.26.4  # why\nopencv-python-headless<5\n")
    (root / "requirements_spark.in").write_text("pyspark==3.5.9\n")
    (root / "requirements_schemas.in").write_text("pyyaml\n")
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def _build_file(root: pathlib.Path, package: str) -> str:
    return build_deps.wanted(root)[root / package / "BUILD"]


def test_a_library_depends_on_what_it_imports_wherever_it_does(tmp_path):
    root = _tree(
        tmp_path,
        app__exams="",
        app__images="import json\nimport cv2\n",
        app__io__files="",
        app__records="""
            import numpy as np
            from app import exams

            def read():
                from app.io.files import open_file
                import app.images
        """,
    )
    assert _target(_build_file(root, "app"), "records") == textwrap.dedent("""\
        py_library(
            name = "records",
            srcs = ["records.py"],
            deps = [
                ":exams",
                ":images",
                "//app/io:files",
                "@pypi//:numpy",
            ],
        )""")
    assert 'deps = ["@pypi//:opencv_python_headless"]' in _target(_build_file(root, "app"), "images")


def test_what_is_installed_apart_has_labels_of_its_own(tmp_path):
    root = _tree(tmp_path, app__far="from pyspark.accumulators import AccumulatorParam\nimport numpy\n")
    target = _target(_build_file(root, "app"), "far")
    assert '        "@pypi//:numpy",\n        "@spark//:pyspark",\n' in target


def test_a_program_is_a_target_of_its_own_kind(tmp_path):
    root = _tree(tmp_path, app__convert='if __name__ == "__main__":\n    print()\n')
    assert 'program(\n    name = "convert",\n' in _build_file(root, "app")


def test_the_tests_of_a_folder_are_one_target(tmp_path):
    root = _tree(
        tmp_path,
        app__convert='if __name__ == "__main__":\n    print()\n',
        app__exams="",
        tests__app__convert_test="from app import convert\nimport numpy\n",
        tests__app__exams_test="from app import exams\nimport numpy\n",
        tests__app__sub__other_test="",
    )
    assert _target(_build_file(root, "tests/app"), "tests") == textwrap.dedent("""\
        pytest_test(
            name = "tests",
            srcs = [
                "convert_test.py",
                "exams_test.py",
            ],
            deps = [
                "//app:convert_lib",
                "//app:exams",
                "@pypi//:numpy",
            ],
        )""")
    assert 'srcs = ["other_test.py"]' in _build_file(root, "tests/app/sub")


def test_a_person_keeps_test_files_apart(tmp_path):
    root = _tree(
        tmp_path, app__a="", **{f"tests__{name}_test": f"import {what}\n" for name, what in _IMPORTED_BY_TESTS.items()}
    )
    (root / "tests/BUILD").write_text(
        textwrap.dedent("""\
        # Sets the devices of its process.
        pytest_test(name = "one_test", size = "large")

        pytest_test(
            name = "slow_tests",
            srcs = [
                "three_test.py",
                "two_test.py",
                "gone_test.py",
            ],
        )

        pytest_test(name = "gone_test")
        """)
    )
    text = _build_file(root, "tests")
    assert _target(text, "one_test").startswith("# Sets the devices of its process.\n")
    assert 'size = "large",\n    srcs = ["one_test.py"],\n    deps = ["//app:a"],' in _target(text, "one_test")
    slow = _target(text, "slow_tests")
    assert 'srcs = [\n        "three_test.py",\n        "two_test.py",\n    ]' in slow
    assert 'deps = ["@pypi//:numpy"]' in slow
    assert 'srcs = ["four_test.py"]' in _target(text, "tests")
    assert text.count("pytest_test(\n") == 3
    (root / "tests/BUILD").write_text(text)
    assert _build_file(root, "tests") == text


_IMPORTED_BY_TESTS = {"one": "app.a", "two": "numpy", "three": "numpy", "four": "json"}


def test_files_kept_apart_by_no_list_are_refused(tmp_path):
    root = _tree(tmp_path, tests__a_test="")
    (root / "tests/BUILD").write_text('pytest_test(name = "slow", srcs = glob(["*_test.py"]))\n')
    with pytest.raises(InputError, match="tests/BUILD: srcs of slow is no list of file names"):
        build_deps.wanted(root)


def test_a_module_named_by_a_string_is_a_dependency(tmp_path):
    root = _tree(
        tmp_path, app__convert="", tests__run_test='run("app.convert")\nCOMMAND = ["python", "-m", "numpy", "cv2"]\n'
    )
    assert 'deps = [\n        "//app:convert",\n        "@pypi//:numpy",\n    ]' in _build_file(root, "tests")


def test_a_library_is_visible_to_the_packages_that_use_it_and_no_other(tmp_path):
    users = {f"other__p{i}__user": "from app import wide\n" for i in range(5)}
    root = _tree(tmp_path, app__wide="", app__narrow="", app__lonely="", one__user="import app.narrow\n", **users)
    text = _build_file(root, "app")
    assert 'visibility = ["//other:__subpackages__"]' in _target(text, "wide")
    assert 'visibility = ["//one:__pkg__"]' in _target(text, "narrow")
    assert "visibility" not in _target(text, "lonely")


def test_files_beside_a_module_or_a_test_are_its_data(tmp_path):
    root = _tree(tmp_path, app__describe="", tests__app__describe_test="")
    (root / "app/describe.html").write_text("")
    (root / "tests/app/testdata").mkdir()
    assert 'data = ["describe.html"]' in _build_file(root, "app")
    assert 'data = glob(["testdata/**"])' in _build_file(root, "tests/app")


def test_data_of_other_packages_that_a_person_gave_a_module_stays(tmp_path):
    root = _tree(tmp_path, app__shown="import numpy\n")
    (root / "app/BUILD").write_text(
        'py_library(name = "shown", srcs = ["shown.py"], data = ["gone.txt", "//models:all"])\n'
    )
    assert 'data = ["//models:all"],' in _build_file(root, "app")


def test_a_conftest_reaches_the_tests_below_it(tmp_path):
    root = _tree(tmp_path, tests__conftest="", tests__app__x_test="")
    assert '"//tests:conftest"' in _target(_build_file(root, "tests/app"), "tests")


def test_what_a_person_wrote_stays_and_the_rest_is_made_anew(tmp_path):
    root = _tree(tmp_path, tests__slow_test="import numpy\n")
    (root / "tests/BUILD").write_text(
        textwrap.dedent('''\
        """What this package is for."""

        load("//tools:python.bzl", "program")

        # It trains for a while.
        pytest_test(
            name = "tests",
            size = "large",
            srcs = ["gone_test.py"],
            data = [
                "//app:program",
            ],
            deps = ["//app:gone"],
        )

        py_library(
            name = "gone",
            srcs = ["gone.py"],
        )

        # Shown to all.
        exports_files(["README.md"])
        ''')
    )
    assert _build_file(root, "tests") == textwrap.dedent('''\
        """What this package is for."""

        load("//tools:python.bzl", "pytest_test")

        # It trains for a while.
        pytest_test(
            name = "tests",
            size = "large",
            srcs = ["slow_test.py"],
            data = [
                "//app:program",
            ],
            deps = ["@pypi//:numpy"],
        )

        # Shown to all.
        exports_files(["README.md"])

        filegroup(
            name = "all_files",
            srcs = glob(
                ["**"],
                exclude = ["**/*.pyc"],
            ),
            visibility = ["//:__pkg__"],
        )
        ''')


def test_writing_twice_changes_nothing(tmp_path):
    root = _tree(tmp_path, app__a="import numpy\n", app__b="import app.a\n", tests__a_test="import app.a\n")
    first = build_deps.wanted(root)
    for path, text in first.items():
        path.write_text(text)
    assert build_deps.wanted(root) == first


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import app.missing", "imports app.missing, which is neither"),
        ("from app import missing", "imports app.missing, which is neither"),
        ("from . import other", "which is neither"),
        ("import hypothesis", "which hypothesis brings: name it in requirements.in"),
        ("def broken(:", "line 1"),
    ],
)
def test_an_import_that_leads_nowhere_is_refused_by_name(tmp_path, source, sentence):
    root = _tree(tmp_path, app__other="", app__user=source)
    with pytest.raises(InputError, match=sentence) as refusal:
        build_deps.wanted(root)
    assert "app/user.py" in str(refusal.value)


def test_what_tests_of_two_folders_share_is_no_test(tmp_path):
    root = _tree(tmp_path, tests__a__one_test="A = 1\n", tests__a__two_test="from tests.a.one_test import A\n")
    assert "one_test.py" in _build_file(root, "tests/a")
    _tree(tmp_path, tests__b__three_test="from tests.a import one_test\n")
    with pytest.raises(InputError, match=r"three_test\.py imports tests\.a\.one_test, a test of another folder"):
        build_deps.wanted(root)


def test_requirement_names_are_normalised():
    text = "# why\nXlsxWriter\ntensorflow[and-cuda]==2.15.1\nsetuptools<81 # why\n-r other.in\nmy_pkg.sub ; os\n"
    assert modules.requirement_names(text) == {"xlsxwriter", "tensorflow", "setuptools", "my-pkg-sub"}


def test_labels_of_this_environment_are_found_by_import_name():
    labels = Labels([], frozenset({"pytest"}), importlib.metadata.packages_distributions())
    module = Module("app", "user", "py_library", (("pytest",),))
    assert labels.deps([module]) == ["@pypi//:pytest"]


def _target(text: str, name: str) -> str:
    """The target of that name, from its rule to its closing bracket."""
    return next(block for block in text.split("\n\n") if f'    name = "{name}",' in block)
