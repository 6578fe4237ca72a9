"""What the models of several revisions make of the same faces, the same noise, and the same edits."""

import logging
import tempfile
from typing import NamedTuple

import numpy as np
from PIL import Image

from facepipe.core.files import temporary_folder
from facepipe.core.pictures import save_png, to_rgb, to_uint8
from facepipe.core.progress import track
from facepipe.directions.table import read_directions
from facepipe.draw.grids import labelled, shown_scale
from facepipe.errors import InputError
from facepipe.latents.folder import MODELS
from facepipe.quiet import import_tensorflow
from facepipe.report.compare.revisions import MissingError
from facepipe.report.config import RenderReports
from facepipe.report.page.reading import Picture, read_picture
from facepipe.report.render import choose_attributes
from facepipe.shards.labels import random_labels, read_labels
from facepipe.shards.shards import Shards

INVERTER = "data/models/inverter"
FACES, EDITED_FACES, ATTRIBUTES, SEED = 16, 4, 4, 0


class ModelFaces(NamedTuple):
    """What the page shows of one model: lines of text, and pictures."""

    name: str
    notes: list[str]
    pictures: list[Picture]


class _Own(NamedTuple):
    """A revision's data and one of its models."""

    revision: object
    model: object
    shards: Shards
    rows: np.ndarray  # of the test split
    images: np.ndarray  # uint8 (n, H, W, C), these

    def labels(self, rows):
        """What the model is told of test images, float32 (n, k)."""
        with self.revision.reading():
            return read_labels(self.shards, "test", self.model.condition_on)[rows]

    def samples(self):
        """uint8 (`FACES`, H, W, C): the same noise decoded, with the labels of random training images."""
        z = self.model.sample_latents(FACES, SEED)
        with self.revision.reading():
            labels = random_labels(self.shards, self.model.condition_on, FACES, SEED)
        return self.decode(z, labels)

    def decode(self, z, labels):
        """uint8 (n, H, W, C)."""
        return to_uint8(self.model.decode(z, labels))


def compared_faces(revisions, load=None):
    """Decode what the page shows.

    Args:
        revisions: of `find_revisions`.
        load: function folder -> model, default `facepipe.models.load.load_model`; TensorFlow is imported for that.

    Returns:
        list of `ModelFaces`, of the models that any revision has.

    Raises:
        InputError: a file that is not in DVC's cache, or data that cannot be read.
    """
    if load is None:
        import_tensorflow()
        # the same networks several times over make it warn of functions that are traced anew
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        from facepipe.models.load import load_model as load
    data, found = [], []
    for revision in revisions:
        folder = revision.get("data/shards")
        if folder is None:
            raise InputError(f"{revision.name}: no data/shards, which the pictures are made from; try --no-faces")
        with revision.reading():
            data.append(Shards(folder))
    wanted = [name for name in MODELS if any(revision.trained(name) for revision in revisions)]
    for name in track(wanted, "compare", unit="models"):
        found.append(_model_faces(name, revisions, data, load))
    return found


def _model_faces(name, revisions, data, load):
    lacking = [revision.name for revision in revisions if not revision.trained(name)]
    if lacking:
        return ModelFaces(name, [f"No such model in {', '.join(lacking)}."], [])
    models, notes = [], []
    digests = {revision.outs.get(f"data/models/{name}") for revision in revisions}
    alike = ["The same model in all, by dvc.lock."] if len(digests) == 1 and None not in digests else []
    for revision in revisions:
        try:
            if name == "gan" and INVERTER in revision.outs:
                revision.get(INVERTER)  # which lies beside it then
            folder = revision.get(f"data/models/{name}")
            with revision.reading():
                models.append(load(folder))
        except MissingError:
            raise
        except InputError as error:  # such as one made by an earlier version
            notes.append(f"{error}.")
    if notes:
        return ModelFaces(name, notes, [])
    owns = []
    for revision, model, shards in zip(revisions, models, data, strict=True):
        if tuple(model.image_shape) != tuple(shards.image_shape):
            return ModelFaces(name, [f"{revision.name}: the model is not of this data; run dvc repro there."], [])
        rows = np.arange(min(FACES, shards.count("test")))
        owns.append(_Own(revision, model, shards, rows, shards.gather("test", rows)))
    pictures = []
    with temporary_folder(tempfile.gettempdir(), "compare") as folder:

        def add(caption, rows, labels, columns=None):
            shape = _largest(rows)
            path = folder / "grid.png"
            save_png(path, labelled([_fitted(row, shape) for row in rows], labels, columns, shown_scale(shape)))
            pictures.append(read_picture(path, caption))

        shown = _encodable(owns, notes)
        if shown:
            notes += _reconstructions(owns, add)
        notes += _samples(owns, add)
        if shown:
            notes += _edits(name, owns, add)
    return ModelFaces(name, alike + notes, pictures)


def _encodable(owns, notes):
    """Whether all revisions have an encoder and test images; a line on what is lacking goes to `notes`."""
    blind = [own.revision.name for own in owns if not own.model.has_encoder]
    empty = [own.revision.name for own in owns if not len(own.rows)]
    for what, names in (("encoder", blind), ("test images", empty)):
        if names:
            notes.append(f"No {what} in {', '.join(names)}: neither reconstructions nor edits.")
    return not (blind or empty)


def _reconstructions(owns, add):
    """Test faces above what each revision makes of them; a line where they are not the same ones."""
    rows, labels, said = [], [], _data_note(owns)
    for own in owns:
        if said or not rows:
            rows.append(own.images)
            labels.append(f"original, {own.revision.name}" if said else "original")
        rows.append(own.decode(own.model.encode(own.images), own.labels(own.rows)))
        labels.append(own.revision.name)
    add("Held-out faces and their reconstructions", rows, labels)
    return said


def _data_note(owns):
    """A line on how the test faces differ; none where they are the same to the pixel."""
    first = owns[0]
    if any(own.shards.ids("test")[: len(own.rows)] != first.shards.ids("test")[: len(first.rows)] for own in owns[1:]):
        return ["The data differ: each revision shows faces of its own test images."]
    if any(not np.array_equal(own.images, first.images) for own in owns[1:]):
        return ["The same photographs, prepared in other ways: each revision shows its own."]
    return []


def _samples(owns, add):
    """The same noise decoded; a line where it cannot be the same."""
    names = [own.revision.name for own in owns]
    add("The same noise through each model's own sampler", [own.samples() for own in owns], names)
    sizes = [own.model.latent_dim for own in owns]
    if len(set(sizes)) == 1:
        return []
    return [f"The latents have different sizes ({', '.join(map(str, sizes))}): not the same noise."]


def _edits(name, owns, add):
    """Attributes that all revisions have a direction for, added to the same faces."""
    found = {}
    for own in owns:
        path = own.revision.get(f"data/directions/{name}.csv")
        if path is not None:
            with own.revision.reading():
                found[own.revision.name] = read_directions(path, own.model.latent_dim, name).preferred()
    if len(found) < len(owns):
        lacking = ", ".join(own.revision.name for own in owns if own.revision.name not in found)
        return [f"No directions in {lacking}."]
    attributes = choose_attributes(RenderReports(rows=ATTRIBUTES), found)
    if not attributes:
        return ["There is no attribute that all revisions have a direction for."]
    per_revision = []
    for own in owns:
        rows, directions = own.rows[:EDITED_FACES], found[own.revision.name]
        images, labels = own.images[: len(rows)], own.labels(rows)
        z = own.model.encode(images)
        moves = [directions.vectors[directions.find(attribute)] for attribute in attributes]
        faces = [images] + [own.decode(z + move, labels) for move in (np.float32(0), *moves)]
        per_revision.append(np.stack(faces, axis=1))
    count = min(map(len, per_revision))
    rows = [faces[i] for i in range(count) for faces in per_revision]
    labels = [own.revision.name for _ in range(count) for own in owns]
    caption = f"The same faces with {', '.join(attributes)} added: strength 1 of each revision's own direction"
    add(caption, rows, labels, ["original", "reconstruction", *attributes])
    return []


def _largest(rows):
    """The largest height and width of the images in `rows`, uint8 (n, H, W, C) each."""
    return max(row.shape[1] for row in rows), max(row.shape[2] for row in rows)


def _fitted(images, shape):
    """RGB images enlarged to fit into (H, W), in the middle on white: uint8 (n, H, W, 3)."""
    images, (height, width) = to_rgb(images), shape
    if images.shape[1:3] == shape:
        return images
    scale = min(height / images.shape[1], width / images.shape[2])
    size = round(images.shape[2] * scale), round(images.shape[1] * scale)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    fitted = np.full((len(images), height, width, 3), 255, np.uint8)
    for target, image in zip(fitted, images, strict=True):
        drawn = Image.fromarray(image).resize(size, Image.Resampling.NEAREST)
        target[top : top + size[1], left : left + size[0]] = drawn
    return fitted
