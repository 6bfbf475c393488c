"""The two kinds of target that Bazel's own Python rules lack: a program of the project, and a test that pytest runs."""

_PYTEST = ["@pypi//:hypothesis", "@pypi//:pytest"]

def program(name, deps = [], data = [], visibility = None):
    """A program to `bazel run`, and its module as a library for what imports it.

    Args:
        name: The program, out of `<name>.py`. The library is `<name>_lib`.
        deps: What the module imports.
        data: Files it reads.
        visibility: Of the library. The program is public.
    """
    native.py_library(
        name = name + "_lib",
        srcs = [name + ".py"],
        data = data,
        visibility = visibility,
        deps = deps,
    )
    native.py_binary(
        name = name,
        srcs = [name + ".py"],
        main = name + ".py",
        visibility = ["//visibility:public"],
        deps = [":" + name + "_lib"],
    )

def pytest_test(name, deps = [], data = [], size = "small", **kwargs):
    """A test file run by pytest. `--test_filter=EXPRESSION` is pytest's -k.

    Args:
        name: The test, out of `<name>.py`.
        deps: What it imports.
        data: Files it reads, at their paths in the project.
        size: "small", "medium", "large" or "enormous"; .bazelrc says how long each may take.
        **kwargs: As of py_test.
    """
    src = name + ".py"
    native.py_test(
        name = name,
        size = size,
        srcs = [src, "//tools:pytest_main.py"],
        args = [native.package_name() + "/" + src],
        data = data + ["//:pyproject.toml"],
        main = "//tools:pytest_main.py",
        deps = deps + [label for label in _PYTEST if label not in deps],
        **kwargs
    )
