"""A model bundle: a folder with all that an answer takes, checksums of it, and perhaps a signature.

bundle.json      what `bundle_facts` writes and reads
MODEL_CARD.md    for people
networks/<role>  plan.json, and graph.pb: a GraphDef whose weights are constants, see `graphs`
SHA256SUMS       of every other file, as `sha256sum --check` reads them
SHA256SUMS.sig   where it is signed: see `signing`

A bundle comes from outside. Nothing in it is pickled, no file is there that is not listed, no link is followed, every
field is typed, and a graph may have no operation but those of this project's networks.
"""

import contextlib
import dataclasses
import datetime
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.clinical import questions
from mammo.clinical.exams import ModelInfo
from mammo.clinical.labels import LESION_NAMES
from mammo.common import errors, files, typed_json
from mammo.common.errors import InputError
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Role
from mammo.imaging import pixel_path
from mammo.inference import bundle_facts, sealing
from mammo.inference.bundle_facts import FORMAT_VERSION, Facts
from mammo.inference.sealing import ADVICE, FACTS_FILE, NETWORKS_FOLDER, PLAN_FILE, SUMS_FILE, SealedFolder
from mammo.models import plans
from mammo.models.plans import CLASS_BLIND, ClassifierPlan, DetectorPlan, Plan

FOLDER_NAME = "bundle"
"""Of the bundle in the folder of the run that it was made from."""

_CLASSES = {
    Role.WHOLE_IMAGE: questions.WHOLE_IMAGE.names,
    Role.TUMOUR: questions.TUMOUR.names,
    Role.MALIGNANCY: questions.MALIGNANCY.names,
    Role.BREAST: questions.MALIGNANCY.names,
    Role.CROP_CLASSIFIER: questions.CROP.names,
    Role.DETECTOR: LESION_NAMES,
    Role.FINDER: CLASS_BLIND,
}


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A bundle that is whole.

    Attributes:
        content: Its files, as they were sealed.
        facts: What it is.
        signed_by: Fingerprint of the key that signed it; None: it is not signed.
        is_trusted: Whether that key is one that the person trusts.
    """

    content: SealedFolder
    facts: Facts
    signed_by: str | None
    is_trusted: bool

    @property
    def folder(self) -> pathlib.Path:
        """Where it lies."""
        return self.content.folder

    @property
    def sha256(self) -> str:
        """Of its list of checksums, and so of all that is in it."""
        return self.content.sha256

    @property
    def info(self) -> ModelInfo:
        """What an answer says of it."""
        return ModelInfo(
            self.facts.name,
            self.sha256,
            self.facts.pixel_path_version,
            self.signed_by,
            self.is_trusted,
            self.facts.trained_on,
        )


def now() -> str:
    """Returns the time as `Facts.created` has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def seal(folder: pathlib.Path, facts: Facts, key: Ed25519PrivateKey | None = None) -> None:
    """Writes bundle.json, the plans and the checksums of a folder in which all else is written; signs it with a key."""
    for name, plan in facts.networks.items():
        network_dir = folder / NETWORKS_FOLDER / name
        network_dir.mkdir(parents=True, exist_ok=True)
        plan.write(network_dir)
    files.write_text(folder / FACTS_FILE, json.dumps(facts.to_json(), indent=2, allow_nan=False) + "\n")
    sealing.seal(folder, key)


def open_bundle(folder: pathlib.Path, trusted: frozenset[str] | None = None) -> Bundle:
    """Opens a bundle, after it has been checked as a whole.

    Args:
        folder: Where it lies.
        trusted: Fingerprints of the keys that may have signed it; None: any, or none.

    Raises:
        InputError: It is none, it was altered, it is of a version that is not known here, its signature does not fit,
            or it is not signed by one that is trusted.
    """
    if not (folder / SUMS_FILE).is_file() or not (folder / FACTS_FILE).is_file():
        raise InputError(f"{folder} holds no model bundle; give the folder that //mammo:export wrote.")
    with contextlib.suppress(ValueError):  # what is no JSON was altered
        _check_versions(folder, *bundle_facts.versions(sealing.read_bounded(folder, FACTS_FILE)))
    content = sealing.open_folder(folder)
    signed_by = sealing.signer(content)
    if trusted is not None and signed_by not in trusted:
        said = "is not signed" if signed_by is None else f"is signed by {signed_by}, whom you do not trust"
        raise InputError(f"{folder} {said}; give a bundle that is signed by a key of --trust.")
    try:
        facts = bundle_facts.parse(content.read(FACTS_FILE), lambda role: _read_plan(content, role))
        _check_versions(folder, facts.format_version, facts.pixel_path_version)
        _check_networks(facts)
    except ValueError as error:
        raise InputError(f"{folder / FACTS_FILE} cannot be used: {errors.in_line(error)}; {ADVICE}.") from None
    return Bundle(content, facts, signed_by, is_trusted=trusted is not None)


def is_bundle(folder: pathlib.Path) -> bool:
    """Tells whether a folder is meant as a bundle."""
    return (folder / FACTS_FILE).is_file()


def find_last(runs: pathlib.Path) -> pathlib.Path | None:
    """Returns the bundle that was made last from any run in a folder of runs; None: there is none."""
    made = []
    for path in runs.glob(f"*/{FOLDER_NAME}/{FACTS_FILE}"):
        with contextlib.suppress(OSError, ValueError, InputError):  # a damaged one is told when it is asked for by name
            fields = typed_json.decode(sealing.read_bounded(path.parent, FACTS_FILE))
            made.append((typed_json.into(fields, _Created).created, path.parent))
    return max(made, default=(None, None))[1]


@dataclasses.dataclass(frozen=True)
class _Created:
    created: str


def _check_versions(folder: pathlib.Path, format_version: int, pixel_path_version: int) -> None:
    for what, version, own in (
        ("format", format_version, FORMAT_VERSION),
        ("pixel path", pixel_path_version, pixel_path.PIXEL_PATH_VERSION),
    ):
        if version != own:
            raise InputError(
                f"{folder} has version {version} of the {what}, this program has {own}; {ADVICE}, or use the "
                "program that it was made with."
            )


def _read_plan(content: SealedFolder, role: str) -> Plan:
    name = f"{NETWORKS_FOLDER}/{role}/{PLAN_FILE}"
    if name not in content.digests:
        raise ValueError(f"it has no network {role!r}")
    return plans.parse(content.read(name), f"{content.folder}/{name}")


def _check_networks(facts: Facts) -> None:
    """Checks that the networks are those of the concept, and take what it gives them.

    Raises:
        ValueError: They are or do not; the message is a clause.
    """
    if facts.concept not in CONCEPTS:
        raise ValueError(f"it is of the concept {facts.concept!r}, this program has {', '.join(CONCEPTS)}")
    roles = CONCEPTS[facts.concept].roles
    if set(facts.networks) != set(roles):
        raise ValueError(f"{facts.concept} takes the networks {', '.join(roles)}, not {', '.join(facts.networks)}")
    for role in roles:
        plan = facts.networks[role]
        is_of_kind = isinstance(plan, DetectorPlan if role in (Role.DETECTOR, Role.FINDER) else ClassifierPlan)
        if not is_of_kind or plan.classes != _CLASSES[role]:
            raise ValueError(f"the {role} tells apart {', '.join(plan.classes)}, not {', '.join(_CLASSES[role])}")
        crop = plan.crop if isinstance(plan, ClassifierPlan) else None
        if (crop is not None) != (role is Role.CROP_CLASSIFIER):
            raise ValueError(f"the {role} judges {'crops' if crop else 'views'}")
        shown = plan.shows if isinstance(plan, ClassifierPlan) else "views"
        if (shown == "breasts") != (role is Role.BREAST):
            raise ValueError(f"the {role} judges {shown}")
        height_px = facts.height_px * (2 if role is Role.BREAST else 1)
        size_px = (crop.side_px, crop.side_px) if crop else (height_px, facts.width_px)
        if (plan.height_px, plan.width_px) != size_px:
            raise ValueError(f"the {role} takes {plan.height_px} x {plan.width_px} px, not {size_px[0]} x {size_px[1]}")
        if plan.pixel_path_version != facts.pixel_path_version:
            raise ValueError(f"the {role} was trained with pixel path {plan.pixel_path_version}")
