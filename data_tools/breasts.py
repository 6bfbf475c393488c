"""Makes shards of breasts out of shards of views: both projections in one image, CC above MLO.

A network that sees both can weigh what it finds in one against the other, as a reader does. To what trains and
evaluates, a breast is an image of twice the height: `--stage=malignancy --data_dir=<these shards>`.

bazel run //data_tools:breasts -- --data_dir=~/shards --output_dir=~/breasts
"""

from absl import flags

from mammo.common import cli, files, storage
from mammo.common.errors import InputError
from mammo.data import manifests

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Shards of //data_tools:convert.", required=True)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the shards of breasts.", required=True)
_PER_SHARD = flags.DEFINE_integer("breasts_per_shard", 64, "Breasts in one file.", lower_bound=1)


def main() -> None:
    """Joins, and says what was made."""
    data_dir, output_dir = cli.stored_path(_DATA_DIR.value), cli.stored_path(_OUTPUT_DIR.value)
    is_taken = output_dir.exists() and any(output_dir.iterdir())
    if storage.is_stored(output_dir):  # where a run that was killed leaves files, but no manifest
        is_taken = (output_dir / manifests.FILE_NAME).exists()
    if is_taken:
        raise InputError(f"{output_dir} already holds files; give another --output_dir or empty it.")

    from data_tools import joining  # noqa: PLC0415  TensorFlow takes seconds: see above
    from mammo.data.shards import Shards  # noqa: PLC0415

    shards = Shards.open(data_dir)
    with files.making_folder(output_dir, whole_by=manifests.FILE_NAME) as unfinished:
        made = joining.join(shards, unfinished, _PER_SHARD.value)
    counts = {name: cli.count_text(sum(split.images.values()), "breast") for name, split in made.items()}
    told = ", ".join(f"{count} in {name}" for name, count in counts.items())
    print(f"Wrote {output_dir / manifests.FILE_NAME}: {told}.")


if __name__ == "__main__":
    cli.run(main)
