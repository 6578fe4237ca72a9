"""`facepipe nearest`: the training faces that are most like a face."""

from facepipe.commands.common import add_latents, add_model, open_model, positive

HELP = "the training faces nearest to a face"
DESCRIPTION = (
    "Find the training faces nearest to faces named by their ids: Euclidean distance of standardised latents. "
    "A training face is not its own neighbour."
)
EXAMPLE = """\
example, after `dvc repro`, with ids of data/latents/vae/*.csv:
  facepipe nearest 000001 000004 --model vae -o nearest.png
"""


def arguments(parser):
    parser.add_argument("ids", nargs="*", metavar="ID", help="of the faces (default: all rows of --table)")
    add_model(parser)
    add_latents(parser)
    parser.add_argument("--count", type=positive, default=5, metavar="N", help="number of neighbours (default: 5)")
    parser.add_argument(
        "--shards", default="data/shards", metavar="DIR", help="folder of the training images (default: %(default)s)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="picture .png of each decoded face and its neighbours")


def run(arguments):
    import sys

    from facepipe.api.lookup import nearest
    from facepipe.core.files import write_rows
    from facepipe.draw.strips import check_picture
    from facepipe.errors import InputError
    from facepipe.latents.folder import split_path
    from facepipe.latents.standard import fit_standard
    from facepipe.latents.table import read_latents
    from facepipe.shards.shards import Shards

    if arguments.output and check_picture(arguments.output) != ".png":
        raise InputError(f"{arguments.output}: a picture of neighbours does not move; use .png")
    model = open_model(arguments)
    train = read_latents(split_path(model.latents, "train"), model.latent_dim, model.name)
    if arguments.ids:
        faces = model.find_faces(arguments.ids, arguments.table)
    elif arguments.table:
        faces = read_latents(arguments.table, model.latent_dim, model.name)
    else:
        raise InputError("nothing to look for; name ids, or a --table")
    shards = Shards(arguments.shards) if arguments.output else None
    if shards and shards.ids("train") != train.ids:
        raise InputError(f"{arguments.shards}: its training images are not those of {model.latents}")
    standard = fit_standard(train.z)
    places = {face: row for row, face in enumerate(train.ids)}
    # the same face, not one of the same name in a table that was edited
    same = [places.get(face) for face in faces.ids]
    same = [
        row if row is not None and (train.z[row] == z).all() else None for row, z in zip(same, faces.z, strict=True)
    ]
    x = standard.standardise(faces.z)
    rows, distances = nearest(x, standard.standardise(train.z), arguments.count, same)
    if arguments.output:
        _picture(arguments.output, model.decoded(faces), shards, faces, train, rows, distances)
    lines = (
        (face, train.ids[row], f"{distance:.4f}")
        for face, near, lengths in zip(faces.ids, rows, distances, strict=True)
        for row, distance in zip(near, lengths, strict=True)
    )
    write_rows(sys.stdout, ("id", "neighbour", "distance"), lines)


def _picture(path, pictures, shards, faces, train, rows, distances):
    """A row a face: the face, decoded, then its neighbours as they are in the data, with ids and distances."""
    import numpy as np

    from facepipe.core.pictures import save_png
    from facepipe.draw.grids import contact_sheet, shown_scale

    shown, captions = [], []
    for face, name, near, lengths in zip(pictures, faces.ids, rows, distances, strict=True):
        shown += [face[None], shards.gather("train", near)]
        captions += [name, *(f"{train.ids[i]}  {d:.2f}" for i, d in zip(near, lengths, strict=True))]
    scale = 2 * shown_scale(shards.image_shape)
    save_png(path, contact_sheet(np.concatenate(shown), captions, 1 + rows.shape[1], scale))
