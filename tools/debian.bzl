"""Repositories that Debian's Bazel would otherwise download, out of Debian's packages or out of nothing.

A release of Bazel brings or fetches its own, and is left alone.
"""

_FROM_PACKAGES = {
    "bazel_skylib": "/usr/share/bazel/tools/skylib",
    "platforms": "/usr/share/bazel/tools/platforms",
    "rules_java": "/usr/share/bazel/rules/java",
    "rules_proto": "/usr/share/bazel/rules/proto",
}

# Debian's rules_cc 0.0.4 does not load in its own Bazel 4.2.3; what Bazel's embedded tools take from rules_cc
# are the native rules under other names.
_RULES_CC = """
cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
objc_library = native.objc_library
"""

# `bazel test` resolves these two labels even when no coverage is asked for.
_COVERAGE_TOOLS = """
[filegroup(name = name, visibility = ["//visibility:public"]) for name in ("coverage_report_generator", "lcov_merger")]
"""

def _written_repository_impl(repository_ctx):
    for path, content in repository_ctx.attr.files.items():
        repository_ctx.file(path, content)

_written_repository = repository_rule(
    implementation = _written_repository_impl,
    attrs = {"files": attr.string_dict(doc = "Content by path.")},
)

def debian_repositories():
    """Defines them where Bazel is Debian's, which reports no version."""
    if native.bazel_version:
        return
    for name, path in _FROM_PACKAGES.items():
        native.local_repository(name = name, path = path)
    _written_repository(name = "rules_cc", files = {"cc/BUILD": "", "cc/defs.bzl": _RULES_CC})
    _written_repository(name = "remote_coverage_tools", files = {"BUILD": _COVERAGE_TOOLS})
