"""The data sets: what their archives look like, which label files they have, how to read them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facepipe.data import labels
from facepipe.errors import InputError, suggest


@dataclass(frozen=True)
class Source:
    """One data set.

    Attributes:
        name: as in params.yaml.
        archive: the archive's usual file name.
        layout: full-match pattern of the pictures' names in the archive; group `id`, and group `identity` where
            the name says who it is.
        example: a member's name, for messages.
        required, optional: names of the label files.
        crop: default box (left, top, right, bottom) as fractions of the picture; None: the whole picture.
        read_attributes: folder -> DataFrame indexed by id with 1.0, 0.0, NaN.
        read_split: folder -> {id: split}, the official split; None: the set has none.
        read_identities: folder -> {id: identity}, where the names do not tell; None: unknown.
        read_factors: folder -> DataFrame indexed by id of continuous values; None: there are none.
    """

    name: str
    archive: str
    layout: re.Pattern
    example: str
    read_attributes: Callable[[Path], pd.DataFrame]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    crop: tuple[float, float, float, float] | None = None
    read_split: Callable[[Path], dict] | None = None
    read_identities: Callable[[Path], dict] | None = None
    read_factors: Callable[[Path], pd.DataFrame] | None = None

    def match(self, member):
        """(id, identity or "") of an archive member, or None where it is not one of the set's pictures."""
        found = self.layout.fullmatch(member)
        return found and (found["id"], found.groupdict().get("identity", ""))


def _box(left, top, right, bottom, width, height):
    return (left / width, top / height, right / width, bottom / height)


def _celeba_identities(folder):
    path = folder / "identity_CelebA.txt"
    return labels.read_identities(path) if path.exists() else {}


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="synthetic",
            archive="synthetic.zip",
            layout=re.compile(r"synthetic/(?P<id>\d+\.png)"),
            example="synthetic/000001.png",
            required=("list_attr_synthetic.txt", "factors.csv"),
            read_attributes=lambda folder: labels.read_attribute_list(folder / "list_attr_synthetic.txt"),
            read_factors=lambda folder: labels.read_factors(folder / "factors.csv"),
        ),
        Source(
            name="lfw",
            archive="lfw-deepfunneled.tgz",
            # lfw/ and lfw_funneled/ are the same pictures, aligned otherwise
            layout=re.compile(r"(?:[^/]+/)?lfw[^/]*/(?P<identity>[^/]+)/(?P<id>(?P=identity)_\d{4}\.jpg)"),
            example="lfw-deepfunneled/<Name>/<Name>_0001.jpg",
            optional=(
                "male_names.txt",
                "female_names.txt",
                "SMILE_list.txt",
                "NON-SMILE_list.txt",
                "attributes_predicted.csv",
            ),
            crop=_box(45, 28, 207, 190, 250, 250),  # lies over CelebA's crop, without the black corners
            read_attributes=labels.read_lfw,
        ),
        Source(
            name="celeba",
            archive="img_align_celeba.zip",
            layout=re.compile(r"(?:[^/]+/)?img_align_celeba/(?P<id>\d{6}\.jpg)"),
            example="img_align_celeba/000001.jpg",
            required=("list_attr_celeba.txt", "list_eval_partition.txt"),
            optional=("identity_CelebA.txt",),
            crop=_box(15, 35, 163, 183, 178, 218),  # the usual 148x148 centre crop
            read_attributes=lambda folder: labels.read_attribute_list(folder / "list_attr_celeba.txt"),
            read_split=lambda folder: labels.read_partition(folder / "list_eval_partition.txt"),
            read_identities=_celeba_identities,
        ),
    )
}


def get_source(name):
    """The `Source` called `name`; InputError where there is none."""
    try:
        return SOURCES[name]
    except KeyError:
        known = ", ".join(SOURCES)
        raise InputError(f"dataset: {name}: unknown; known are {known}{suggest(name, SOURCES)}") from None
