"""What all programs share: exit statuses, paths relative to where the person stands, sentences for tracebacks."""

import errno
import io
import os
import pathlib
import signal
import sys
import types
from collections.abc import Callable, Sequence
from logging import LogRecord
from typing import NoReturn

from absl import app, flags, logging

from mammo.common import errors, parents, plain, storage, tensorflow_settings
from mammo.common.errors import InputError, StoppedError

_ADVICE = {
    errno.ENOSPC: "make room there or give another folder",
    errno.EDQUOT: "make room there or give another folder",
    errno.EFBIG: "give a folder on a disk that takes larger files",
    errno.EACCES: "change its permissions or give another folder",
    errno.EPERM: "change its permissions or give another folder",
    errno.EROFS: "give another folder",
    errno.EEXIST: "give the name of a folder",
    errno.ENOTDIR: "give the name of a folder",
    errno.EISDIR: "move it away or give another folder",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EIO: "the disk, or the network to it, fails; check it, or give another folder",
    errno.ESTALE: "the disk, or the network to it, fails; check it, or give another folder",
}
_NAMED_WEIGHTS = ("imagenet", "none")  # all other weights are files
_MOST_PIECES = 20  # of one path that has commas
_STATUS_OF_SIGNALS = 128  # plus the signal's number, as shells do: 130 for Ctrl-C, 143 for SIGTERM


def run(main: Callable[[], None]) -> NoReturn:
    """Parses the flags, runs `main`, and exits with the project's statuses.

    0: done. 1: the input was refused or a check failed; one sentence on standard error says what to do.
    2: wrong flags. 130: interrupted from the keyboard. 143: asked to end by SIGTERM.

    Args:
        main: The program, which reads its flags from `absl.flags.FLAGS`.
    """
    tensorflow_settings.apply()
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # of a terminal that is not of UTF-8
    logging.get_absl_handler().addFilter(_with_plain_text)
    app.run(lambda _: _exit_status_of(main), flags_parser=_parse_flags)
    raise AssertionError("app.run does not return")


def begin_process(name: str, parent_pid: int) -> None:
    """Does what `run` does first, in a process that a program has started; before TensorFlow is imported.

    Args:
        name: With which every line of its log begins.
        parent_pid: Of the program, with which it ends.
    """
    parents.end_with(parent_pid)
    tensorflow_settings.apply()
    flags.FLAGS.mark_as_parsed()  # the log waits for that; flags are the program's
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().addFilter(_with_plain_text)
    name_logs(name)


def or_exit(prepare: Callable[[], list[str]]) -> list[str]:
    """Returns the command line that `prepare` gives; exits with status 2 if it raises an `InputError`."""
    try:
        return prepare()
    except InputError as error:
        _say_error(f"error: {error}")
        sys.exit(2)


def say(text: str) -> None:
    """Prints a line; names of files in it may hold what would rewrite a terminal (see `plain`)."""
    print(plain.shown(text))


def user_path(path: str) -> pathlib.Path:
    """Returns `path` as absolute, relative to where the person stands.

    `bazel run` starts programs inside its own runfiles folder and passes the person's in
    BUILD_WORKING_DIRECTORY (https://bazel.build/docs/user-manual#running-executables).

    Raises:
        InputError: It is an address in an object store.
    """
    storage.refuse_address(path)
    standing_in = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    return (standing_in / os.path.expanduser(path)).absolute()  # noqa: PTH111  pathlib's fails for a file "~$cases"


def stored_path(path: str) -> pathlib.Path:
    """Returns what `user_path` does, or the address of an object store as a path, see `mammo.common.storage`.

    Raises:
        InputError: It is an address of another kind.
    """
    return storage.path(path) if "://" in path else user_path(path)


def user_paths(text: str) -> list[pathlib.Path]:
    """Returns the paths in a list with commas between, each as `user_path` does; names may have commas themselves.

    What is there as a whole is one path, then the fewest pieces that are there together are; one that is not there is
    a path by itself, for whoever opens it to say so.
    """
    pieces, paths = text.split(","), []
    if os.path.lexists(user_path(text)):
        return [user_path(text)]
    while pieces:
        most = min(len(pieces), _MOST_PIECES)
        tried = ((count, user_path(",".join(pieces[:count]).strip())) for count in range(1, most + 1))
        count, path = next(((count, path) for count, path in tried if os.path.lexists(path)), (1, None))
        paths.append(path or user_path(pieces[0].strip()))
        pieces = pieces[count:]
    return paths


def weights(given: str) -> str:
    """Returns the value of --config.model.weights with a path made absolute by `user_path`; a name stays as it is."""
    return given if given in _NAMED_WEIGHTS else str(user_path(given))


def name_logs(name: str) -> None:
    """Has every line of the log begin with a name: of several processes of one job, who speaks."""

    def named(record: LogRecord) -> bool:
        record.msg = f"[{name}] {record.msg}"
        return record.module != "cross_device_ops"  # of TensorFlow, which tells of each all-reduce that it traces

    logging.get_absl_handler().addFilter(named)


def count_text(count: int, noun: str) -> str:
    """Writes a count with its noun: "1 exam", "2,000 exams"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Formats a duration: "3 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _exit_status_of(main: Callable[[], None]) -> int:
    try:
        main()
    except InputError as error:
        _say_error(f"error: {error}")
        return 1
    except StoppedError as stopped:
        _say_error(f"{stopped} Give the same command again to go on.")
        return _STATUS_OF_SIGNALS + stopped.signal_number
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        where = error.filename or "the output folder"
        _say_error(f"error: {where}: {error.strerror}; {_ADVICE[error.errno]}.")
        return 1
    except Exception as error:
        if not storage.cannot_be_reached(error):
            raise
        _say_error(
            f"error: the object store cannot be reached ({errors.reason_of(error)}); see to its address, rights and "
            "the network, then give the same command again."
        )
        return 1
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        return _STATUS_OF_SIGNALS + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    return 0


def _say_error(text: str) -> None:
    print(plain.shown(text), file=sys.stderr)


def _with_plain_text(record: LogRecord) -> bool:
    """Makes what is logged safe to show, and has it logged."""
    record.msg, record.args = plain.shown_lines(record.getMessage()), None
    return True


def _interrupt(number: int, _frame: types.FrameType | None) -> NoReturn:
    """Ends the program as Ctrl-C does, so that partial files are removed."""
    raise KeyboardInterrupt(number)


def _parse_flags(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS([_with_user_path(argument) for argument in argv])
    # AttributeError and KeyError: ml_collections, of a misspelt field. InputError: a flag file that is on no disk.
    except (flags.Error, AttributeError, KeyError, InputError) as error:
        reason = " ".join(str(error.args[0]).split()) if error.args else str(error)
        _say_error(f"error: {reason}")
        print("Pass --help to see the flags.", file=sys.stderr)
        sys.exit(2)
    if len(rest) > 1:
        _say_error(f"error: unexpected argument {rest[1]!r}; every option is a flag, --name=value.")
        sys.exit(2)
    return rest


def _with_user_path(argument: str) -> str:
    """Makes the path in `--flagfile=<path>` relative to where the person stands, too."""
    name, separator, path = argument.partition("=")
    return f"{name}={user_path(path)}" if separator and name.lstrip("-") == "flagfile" else argument
