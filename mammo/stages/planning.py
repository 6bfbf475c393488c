"""What the plans of all stages are made from, and whether data fits a plan that was made for other data."""

from mammo.common.errors import InputError
from mammo.config.data import SIDE_MULTIPLE_PX
from mammo.data import manifests
from mammo.data.shards import Shards
from mammo.models.plans import ClassifierPlan, Plan, TrainingData


def training_data(shards: Shards) -> TrainingData:
    """Returns what identifies data that a model is trained on."""
    source = shards.manifest.source
    return TrainingData(
        manifest_sha256=shards.manifest_sha256,
        views_sha256=shards.manifest.views_sha256,
        source=source,
        is_phantom=source == manifests.PHANTOM,
    )


def view_size_px(shards: Shards) -> tuple[int, int]:
    """Returns height and width of the views of shards, for a network to be made for them.

    Raises:
        InputError: Networks cannot halve them five times.
    """
    height_px, width_px = shards.manifest.height_px, shards.manifest.width_px
    if height_px % SIDE_MULTIPLE_PX or width_px % SIDE_MULTIPLE_PX:
        raise InputError(
            f"{shards.folder} holds views of {height_px} x {width_px} px; networks take multiples of "
            f"{SIDE_MULTIPLE_PX}, convert again with another --height and --width."
        )
    return height_px, width_px


def check_views(plan: Plan, shards: Shards) -> None:
    """Checks that views were prepared as the network of a plan takes them.

    Raises:
        InputError: They are of another size, or breasts where the network takes views.
    """
    made = shards.manifest
    if isinstance(plan, ClassifierPlan) and plan.shows != made.shows:
        remedy = "give the shards of views" if plan.shows == "views" else "join them with //data_tools:breasts"
        raise InputError(f"{shards.folder} holds images of {made.shows}, but the model takes {plan.shows}; {remedy}.")
    if (made.height_px, made.width_px) != (plan.height_px, plan.width_px):
        raise InputError(
            f"{shards.folder} holds views of {made.height_px} x {made.width_px} px, but the model takes "
            f"{plan.height_px} x {plan.width_px} px; convert the data with --height={plan.height_px} "
            f"--width={plan.width_px}."
        )


def check_pixel_path(plan: Plan, shards: Shards) -> None:
    """Checks that images were prepared by the pixel path that the model was trained with.

    Raises:
        InputError: It was another version.
    """
    made = shards.manifest
    if made.pixel_path_version != plan.pixel_path_version:
        raise InputError(
            f"{shards.folder} was made with pixel path {made.pixel_path_version}, but the model was trained with "
            f"{plan.pixel_path_version}; train the model again, or use the version of the code that it was made with."
        )
