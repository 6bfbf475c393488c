"""The two kinds of target that Bazel's own Python rules lack: a program of the project, and tests that pytest runs."""

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

def pytest_test(name, srcs, deps = [], data = [], size = "medium", **kwargs):
    """Test files run by pytest in one process. `--test_filter=EXPRESSION` is pytest's -k.

    Args:
        name: The target: "tests" for those of a folder, anything else for what a person keeps apart from them.
        srcs: The test files, which run in this order.
        deps: What they import.
        data: Files they read, at their paths in the project.
        size: "small", "medium", "large" or "enormous"; .bazelrc says how long each may take.
        **kwargs: As of py_test.
    """
    native.py_test(
        name = name,
        size = size,
        srcs = srcs + ["//tools:pytest_main.py"],
        args = [native.package_name() + "/" + src for src in srcs],
        data = data + ["//:pyproject.toml"],
        main = "//tools:pytest_main.py",
        deps = deps + [label for label in _PYTEST if label not in deps],
        **kwargs
    )
