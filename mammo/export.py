"""Makes a model bundle of a comparison, or of single runs: what //mammo:predict takes.

bazel run //mammo:export -- --workdir=~/runs/comparison
"""

import pathlib
import time

from absl import flags, logging

from data_tools import preparation
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Role
from mammo.config import run
from mammo.inference import bundle_facts, bundles, signing
from mammo.inference.sealing import CARD_FILE
from mammo.training import cluster

_WORKDIR = flags.DEFINE_list(
    "workdir",
    ["runs/comparison"],
    "Folder of a comparison or of a run; of the runs that make up a concept, with commas between. Where you stand.",
)
_CONCEPT = flags.DEFINE_enum(
    "concept",
    None,
    list(CONCEPTS),
    "What to export; by default multi_stage, or the only one that these models make up.",
)
_NAME = flags.DEFINE_string("name", None, "Of the bundle, in every answer; by default the concept's.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "The shards that the models were trained on; none: those in the first workdir."
)
_SOURCE_DIR = flags.DEFINE_string(
    "source_dir",
    None,
    "multi_stage, joint: the folder of the files that the shards are made of; none: as the run has it.",
)
_TRAINED_ON = flags.DEFINE_string(
    "trained_on", None, "What the data is, in a line that every answer has; by default the name of its source."
)
_CARD_NOTES = flags.DEFINE_string(
    "card_notes", None, "A Markdown file for the model card: whose data it is, and what the model must not be used for."
)
_FLIPS = flags.DEFINE_bool(
    "flips",
    False,
    "Detectors look at each view's mirror image, too: twice as long; thresholds are chosen so.",
)
_LOOKS = flags.DEFINE_enum(
    "looks",
    None,
    [str(looks) for looks in run.CROP_LOOKS],
    "Over how many mirrored and turned versions of each crop the answer is averaged: twice as many take twice as long. "
    "None: as the classifier was trained.",
)
_HALVED = flags.DEFINE_bool(
    "halved", False, "Weights are stored as float16, in half the bytes; scores differ by less than 0.002."
)
_SIGN_WITH = flags.DEFINE_string(
    "sign_with", None, "File of a private key (Ed25519, PEM) that signs the bundle; none: it is not signed."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder of the bundle; by default <the first workdir>/bundle.")


def main() -> None:
    """Finds the models, measures, writes."""
    logging.set_verbosity(logging.WARNING)  # progress says enough
    cluster.refuse_others("//mammo:export")
    began_s = time.monotonic()
    folders = [cli.stored_path(folder) for folder in _WORKDIR.value]
    if not folders:
        raise InputError("--workdir is empty; give the folder of a comparison or of a run.")
    for line in (_NAME, _TRAINED_ON):
        if line.value is not None and not bundle_facts.is_text(line.value):
            raise InputError(
                f"--{line.name} is empty, too long, or has characters that cannot be shown; give a short line."
            )
    notes = _read_notes(cli.user_path(_CARD_NOTES.value)) if _CARD_NOTES.value else ""
    key = signing.read_private_key(cli.user_path(_SIGN_WITH.value)) if _SIGN_WITH.value else None

    from mammo.concepts import trained_models  # noqa: PLC0415  TensorFlow takes seconds: see above
    from mammo.data.shards import Shards  # noqa: PLC0415
    from mammo.inference import exporting  # noqa: PLC0415

    output_dir = cli.stored_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else folders[0] / bundles.FOLDER_NAME
    own_data = folders[0] / "data"
    data_dir = cli.stored_path(_DATA_DIR.value) if _DATA_DIR.value else preparation.find_shards(own_data)
    if data_dir is None:
        raise InputError(f"{folders[0]} holds no data of its own; give the --data_dir that it was trained on.")
    source_dir = cli.user_path(_SOURCE_DIR.value) if _SOURCE_DIR.value else preparation.find_source_of(data_dir)
    shards = Shards.open(data_dir)
    models = trained_models.find(folders, shards)
    concept = exporting.choose(models, _CONCEPT.value)
    name = _NAME.value or concept.name
    described = exporting.Described(_TRAINED_ON.value, notes)
    if _LOOKS.value is not None:
        if Role.CROP_CLASSIFIER not in concept.roles:
            raise InputError(f"--looks={_LOOKS.value} is of a crop classifier, which {concept.name} does not ask.")
        models = trained_models.with_looks(models, int(_LOOKS.value))
    options = {"flips": _FLIPS.value, "halved": _HALVED.value}
    made = exporting.export(name, concept, models, shards, source_dir, output_dir, described, **options, key=key)
    taken = cli.duration(time.monotonic() - began_s)
    signature = f"it is signed by {made.signed_by}" if made.signed_by else "it is not signed"
    print(f"Wrote {made.folder} after {taken}; what was measured stands in its {CARD_FILE}; {signature}.")


def _read_notes(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--card_notes={path} cannot be read ({error}); give a text file.") from None


if __name__ == "__main__":
    cli.run(main)
