"""The data sets: what their archives look like, which label files they have, how to read them, how to crop them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from facepipe.datasets import magic, names
from facepipe.datasets.labels import (
    CELEBA_TABLES,
    UTKFACE,
    YEARBOOK,
    Labels,
    read_celeba,
    read_lfw,
    read_nothing,
    read_synthetic,
    read_utkface,
    read_yearbook,
)
from facepipe.datasets.names import LABELS, LAYOUT
from facepipe.datasets.own import read_folder
from facepipe.errors import InputError, suggest


@dataclass(frozen=True)
class Source:
    """One data set.

    Attributes:
        name: as in params.yaml.
        archive: the archive's usual file name.
        layout: full-match pattern of the pictures' names in the archive; group `id`, before it group `part` where
            only both together are unique, and group `identity` where the name says who it is.
        example: a member's name, for messages.
        read: (folder, [(id, member name)] of all the archive's pictures) -> `Labels`; the folder holds the label files.
        required, optional: names of the label files.
        tables: {name of a label file: that of a CSV which will do as well}.
        crop: the default: a box (left, top, right, bottom) as fractions of the picture; "center": the largest box of
            the target's shape; "none": the whole picture, padded to that shape.
        eyes: where the eyes lie in an image made so, as in `align.EYES`; None: not known.
        own: whether the pictures are the user's own, of any names, formats and folders; a file whose name does not
            tell is a picture where its first bytes do.
    """

    name: str
    archive: str
    layout: re.Pattern
    example: str
    read: Callable[[Path, list], Labels]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    crop: tuple[float, float, float, float] | str = "center"
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None
    own: bool = False

    def match(self, member):
        """(id, identity or "") of an archive member, or None where it is not one of the set's pictures."""
        found = self.layout.fullmatch(names.slashes(member))
        if found is None:
            return None
        groups = found.groupdict()
        id = f"{groups['part']}_{groups['id']}" if "part" in groups else groups["id"]
        identity = groups.get("identity")
        id = names.own_id(id) if self.own else names.safe_id(id)
        return id, names.safe_name(identity) if identity else ""

    def look(self, member):
        """Whether the first bytes of the archive member called so matter, see `find`."""
        return self.own and not names.is_hidden(member) and self.match(member) is None

    def leaves_out(self, member):
        """Whether an archive member called so that is not `find`'s is none of the set's business, not a wrong one."""
        path = PurePosixPath(member)
        if self.own and names.is_hidden(member):
            return True
        # "._*": what macOS adds to archives
        return path.suffix.lower().removeprefix(".") not in names.PICTURE_SUFFIXES or path.name.startswith("._")

    def find(self, member):
        """(id, identity or "") of an `members.Member` listed with `look`, or None: not one of the set's pictures."""
        if member.start and self.look(member.name):
            return (names.own_id(member.name), "") if magic.is_picture(member.start, member.name) else None
        return self.match(member.name)


def _box(left, top, right, bottom, width, height):
    return (left / width, top / height, right / width, bottom / height)


def _level(left, right, height):
    """The places of two eyes at one height."""
    return ((left, height), (right, height))


# lfw/, lfw_funneled/ and lfw-deepfunneled/ are the same pictures, aligned otherwise
_LFW = {
    "layout": re.compile(r"(?:[^/]+/)?lfw[^/]*/(?P<identity>[^/]+)/(?P<id>(?P=identity)_\d{4}\.jpg)"),
    "read": read_lfw,
    "optional": (
        "male_names.txt",
        "female_names.txt",
        "SMILE_list.txt",
        "NON-SMILE_list.txt",
        "attributes_predicted.csv",
    ),
    "crop": _box(45, 28, 207, 190, 250, 250),  # lies over CelebA's crop, without the black corners
    "eyes": _level(0.368, 0.624, 0.515),
}

# Where the eyes lie, as medians of what MTCNN finds (x, y of the left and x, y of the right one in the picture, as
# fractions; the crop's own fractions in brackets):
#   celeba   .388 .509  .607 .509   [.365 .513  .628 .513]   149 pictures
#   lfw      .418 .448  .584 .444   [.368 .518  .624 .512]   150
#   utkface  .295 .290  .690 .295   [as they are]            399; the faces fill the picture, so no box within it could
#            lie over CelebA's: the whole of it comes nearest
#   orl      .315 .469  .674 .473   [.315 .460  .674 .465]   390; fills the width; faces not aligned, eyes .39 to .53
#   synthetic  .383 .450  .617 .451   [as they are]            70 faces drawn at 256x256
# yearbook (171x186) and olivetti (64x64, cut from orl's) were not measured. By their papers both are cropped around
# frontal faces, so they are taken whole but for what the target's shape costs.
SOURCES = {
    source.name: source
    for source in (
        Source(
            name="synthetic",
            archive="synthetic.zip",
            layout=re.compile(r"synthetic/(?P<id>\d+\.png)"),
            example="synthetic/000001.png",
            read=read_synthetic,
            required=("list_attr_synthetic.txt", "factors.csv"),
            eyes=_level(0.383, 0.617, 0.451),
        ),
        Source(name="lfw", archive="lfw-deepfunneled.tgz", example="lfw-deepfunneled/<Name>/<Name>_0001.jpg", **_LFW),
        Source(name="lfw_funneled", archive="lfw-funneled.tgz", example="lfw_funneled/<Name>/<Name>_0001.jpg", **_LFW),
        Source(
            name="celeba",
            archive="img_align_celeba.zip",
            layout=re.compile(r"(?:[^/]+/)?img_align_celeba/(?P<id>\d{6}\.jpg)"),
            example="img_align_celeba/000001.jpg",
            read=read_celeba,
            required=("list_attr_celeba.txt", "list_eval_partition.txt"),
            optional=("identity_CelebA.txt",),
            tables=CELEBA_TABLES,
            crop=_box(15, 35, 163, 183, 178, 218),  # the usual 148x148 centre crop
            eyes=_level(0.365, 0.628, 0.513),
        ),
        Source(
            name="utkface",
            archive="UTKFace.tar.gz",
            layout=UTKFACE,
            example="UTKFace/26_0_1_20170117154346025.jpg.chip.jpg",
            read=read_utkface,
            eyes=_level(0.295, 0.69, 0.293),
        ),
        Source(
            name="yearbook",
            archive="faces_aligned_small_mirrored_co_aligned_cropped_cleaned.tar.gz",
            layout=YEARBOOK,
            example="F/1950_Ohio_Cleveland_Central_0-1.png",
            read=read_yearbook,
        ),
        Source(
            name="olivetti",
            archive="olivettifaces.mat",
            layout=re.compile(r"olivetti/(?P<id>(?P<identity>s\d\d)_\d\d\.pgm)"),
            example="olivetti/s01_01.pgm",
            read=read_nothing,
        ),
        Source(
            name="orl",
            archive="att_faces.zip",
            layout=re.compile(r"(?:.*/)?(?P<identity>(?P<part>s\d{1,2}))/(?P<id>\d{1,2}\.pgm)"),
            example="att_faces/s1/1.pgm",
            read=read_nothing,
            eyes=_level(0.315, 0.674, 0.463),
        ),
        Source(
            name="folder",
            archive="folder.zip",
            layout=LAYOUT,
            example="smile/photo.jpg",
            read=read_folder,
            optional=(LABELS,),
            own=True,
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
