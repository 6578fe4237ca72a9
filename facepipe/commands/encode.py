"""`facepipe encode`: your photographs to a table of latents."""

from facepipe.commands.common import add_crop, add_model, add_optimize, open_model, present, say_pictures, say_replaced

HELP = "turn photographs into a table of latents"
DESCRIPTION = """\
Encode photographs: a table of latents, one row per photo, named by its file, to edit and to decode. The photos are
framed as the training images were; of several faces in a photo the largest is taken. Photos of a folder that are
damaged or show no face are left out and named; its sub-folders are not looked into.
"""
EXAMPLE = """\
example, after `dvc repro`:
  facepipe decode data/latents/vae/test.csv --model vae -o faces
  facepipe encode faces --crop training --model vae -o mine.csv --show mine
Photographs of people, files and folders, need no --crop: facepipe encode holiday me.jpg --model vae -o mine.csv
"""


def arguments(parser):
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="picture, or folder of pictures")
    add_model(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="the table, .csv, .tsv or .parquet; for a single photo also .txt, one number per line",
    )  # fmt: skip
    add_crop(parser)
    add_optimize(parser)
    parser.add_argument(
        "--show", metavar="DIR", help="also write each framed photo beside its reconstruction to this folder"
    )


def run(arguments):
    from facepipe.latents.rows import check_suffix
    from facepipe.latents.table import Latents, check_ids, picture_names, write_table
    from facepipe.report.decoded import check_folder, write_pairs

    # everything that can be wrong without TensorFlow is found before it is imported
    check_suffix(arguments.output)
    source = open_model(arguments)
    ids, images = source.read_photos(arguments.photos, arguments.crop)
    check_suffix(arguments.output, len(ids))
    check_ids(arguments.output, ids)
    if arguments.show:
        check_folder(arguments.show, picture_names(ids))
    model = source.model
    z = model.encode_photos(images, arguments.optimize)
    written = None
    if arguments.show:
        written = write_pairs(arguments.show, picture_names(ids), images, model.decode(z))
    replaced = present(arguments.output)
    write_table(arguments.output, Latents(ids, [""] * len(ids), z))
    print(f"{len(ids)} {'photo' if len(ids) == 1 else 'photos'} in {arguments.output}")
    say_replaced(replaced)
    if written:
        say_pictures(arguments.show, written, "pair")
