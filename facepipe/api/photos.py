"""The user's photographs as uint8 images, framed as a model's training images were."""

import contextlib
import os
from pathlib import Path

import numpy as np

from facepipe.core.names import SHEETS, folded, picture_name
from facepipe.core.progress import track
from facepipe.core.section import MAX_SIDE
from facepipe.datasets.magic import LOOK, is_picture
from facepipe.datasets.names import LAYOUT, PICTURE_SUFFIXES, is_hidden, safe_id
from facepipe.errors import InputError, suggest
from facepipe.preprocess.align import EYES, detect_faces
from facepipe.preprocess.images import Framing, ImageError, prepare

CROPS = ("align", "training", "center", "none")
MAX_BYTES = 2**28  # of one file
NAMED = 5  # unusable photos, at most, in a message


def read_photos(paths, framing, crop=None):
    """Read photographs; those of a folder that cannot be used are left out, and a line says which and why.

    Args:
        paths: list of files and folders; of a folder all pictures that lie directly in it, in order of their names. A
            line says how many lie in its sub-folders.
        framing: dict as `Shards.framing` and a model's model.json have it: image_shape (h, w, c); crop ("align",
            "center", "none" or a box as fractions), that of the training images; eyes, where the eyes lie in these, as
            in `align.EYES`, or None; max_pixels. Or None: not recorded.
        crop: "align": by the eyes of the largest face, to where the training faces' eyes are (to `align.EYES` where
            that is not known); "training": the training images' own; "center", "none", or a box (left, top, right,
            bottom) as fractions: see `images.Framing`. None: "align" where the training faces' eyes are known, since
            a data set's own box is made for its own pictures; else "training".

    Returns:
        (ids, images): list of n str, the files' names without suffix, different even where case does not count (the
        second face of a name is face~2, and a first grid is grid~2: `facepipe decode` itself writes grid.png); uint8
        (n, h, w, c).

    Raises:
        InputError: one line that names the photos that cannot be used, and why, where one of them is named in `paths`
            or none is left; no photo at all; no framing.
    """
    if isinstance(crop, str) and crop not in CROPS:
        known = ", ".join(CROPS)
        raise InputError(f"crop: {crop!r}: should be {known}, or a box as fractions{suggest(crop, CROPS)}")
    crop, eyes, frame = _frame(framing, crop)
    files, named = list_photos(paths), set(map(Path, paths))
    ids, images, problems, strict = [], [], [], False
    for id_, path in zip(unique_ids(files), track(files, "photos", unit="photos"), strict=True):
        try:
            images.append(_read(path, frame, eyes if crop == "align" else None))
            ids.append(id_)
        except ImageError as error:
            problems.append(f"{path}: {error}")
            strict |= path in named
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    found = "; ".join(problems[:NAMED]) + more
    if strict or not images:
        raise InputError(found)
    if problems:
        print(f"{len(problems)} of {len(files)} photos left out: {found}", flush=True)
    return ids, np.stack(images)


def list_photos(paths):
    """The files that `paths` mean (see `read_photos`), list of `Path`; InputError: nothing there, or no picture."""
    files, paths = [], list(map(Path, paths))
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside, below = sorted(p for p in path.iterdir() if _is_picture(p)), _below(path, set(paths))
        if not inside:
            others = f", {below} in its sub-folders: name those" if below else ""
            raise InputError(f"{path}: no picture in this folder (.jpg, .png and so on){others}")
        if below:
            left = "1 picture in its sub-folders is" if below == 1 else f"{below} pictures in its sub-folders are"
            print(f"{path}: {left} left out; name those folders, too", flush=True)
        files += inside
    if not files:
        raise InputError("no photo given")
    for path in files:
        if not path.exists():
            raise InputError(f"{path}: no such file")
        if not path.is_file():
            raise InputError(f"{path}: not a file")
    return files


def _below(folder, named):
    """How many pictures, by their names, lie in the folders of a folder, and are not `named`, nor are theirs."""
    count = 0
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        if (path := Path(path)) not in named:
            count += sum(LAYOUT.fullmatch(name) is not None and path / name not in named for name in names)
    return count


def unique_ids(files):
    """An id for each `Path`, see `read_photos`; none whose picture `facepipe decode` would refuse to write."""
    ids, taken = [], dict.fromkeys(SHEETS, 1)
    for path in files:
        # "~" is no part of a safe id, so face~2 is nobody else's
        name = safe_id(path.stem)
        picture = folded(picture_name(name))
        count = taken[picture] = taken.get(picture, 0) + 1
        ids.append(name if count == 1 else f"{name}~{count}")
    return ids


def _is_picture(path):
    if path.name.startswith(".") or not path.is_file():
        return False
    if path.suffix.lower().removeprefix(".") in PICTURE_SUFFIXES:
        return True
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return is_picture(file.read(LOOK), path.name)
    return False


def _frame(framing, crop):
    """(crop, where the eyes come to, `images.Framing`)."""
    if framing is None:
        raise InputError("the model does not record how its training images were made; train it again (dvc repro)")
    try:
        shape = tuple(int(side) for side in framing["image_shape"])
        trained, eyes, max_pixels = framing["crop"], framing["eyes"], int(framing["max_pixels"])
        if trained not in ("align", "center", "none"):
            left, top, right, bottom = trained = tuple(float(edge) for edge in trained)
            _check(0 <= left < right <= 1 and 0 <= top < bottom <= 1)
        if eyes is not None:
            (x0, y0), (x1, y1) = eyes = tuple(tuple(float(place) for place in eye) for eye in eyes)
            _check(0 <= x0 < x1 <= 1 and 0 <= y0 == y1 <= 1)
        _check(len(shape) == 3 and min(shape[:2]) > 0 and max(shape) <= MAX_SIDE and shape[2] in (1, 3))
        _check(max_pixels > 0)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError("model.json: framing: not as the preprocess stage writes it; train the model again") from None
    if crop is None:
        crop = "align" if eyes else "training"
    crop = trained if crop == "training" else crop
    return crop, eyes or EYES, Framing(shape, "center" if crop == "align" else crop, max_pixels)


def _check(right):
    if not right:
        raise ValueError


def _read(path, frame, at):
    """uint8 (h, w, c); `at`: where the eyes come to, None: not aligned."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"more than {MAX_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if at is None:
        return prepare(data, frame).image
    faces = detect_faces(data, frame.max_pixels)
    if not faces:
        raise ImageError("no face found; --crop center, or a box, works without one")
    return prepare(data, frame, (faces[0].left_eye, faces[0].right_eye), at).image
