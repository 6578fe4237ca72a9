"""reports/explorer.html: models, their arrays and the code that runs them, in one file."""

import base64
import io
import json
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from facepipe.core.determinism import one_blas_thread, rng
from facepipe.core.files import atomic_file
from facepipe.core.pictures import tile
from facepipe.latents.folder import MODELS
from facepipe.report.explorer.contents import contents, edit_success
from facepipe.report.explorer.program import Tensors
from facepipe.report.explorer.weights import pack
from facepipe.report.page.templates import inline, render
from facepipe.shards.shards import Shards

EXPLORER = "explorer.html"
# of "auto": arrays are int8 where the page would be larger with float16
MOST_BYTES = 8 * 2**20
FACES, COLUMNS = 24, 8  # held-out ones, in one picture of so many columns
ENGINE = ("product.js", "stored.js", "network.js", "model.js", "gradient.js", "worker.js")  # run in a worker
SCRIPT = ("vectors.js", "table.js", "state.js", "panels.js", "draw.js", "photo.js", "keep.js", "main.js")


@one_blas_thread
def write_explorer(params, models, latents, directions, shards, report, load=None, wanted=MODELS):
    """Write the explorer.

    Args:
        params: `facepipe.report.config.RenderReports`.
        models: folder of the model folders ae, vae and gan.
        latents: folder of the exported latents, of which statistics, PCA and density are taken.
        directions: folder of <model>.csv, which may be missing.
        shards: folder of the shards; some test images are in the page.
        report: the reports folder: evaluate/edits.csv is read, if it is there, explorer.html written atomically;
            equal inputs give equal bytes.
        load: function folder -> model, default `facepipe.models.load.load_model`.
        wanted: which of `MODELS` there are, one or more in any order.

    Returns:
        dict: bytes of the page, form of the weights (see `weights.FORMS`).

    Raises:
        InputError: a file of an earlier stage is missing or broken.
    """
    if load is None:
        from facepipe.models.load import load_model as load
    shards, tensors, success = Shards(shards), Tensors(), Path(report) / "evaluate" / "edits.csv"
    found = [
        contents(
            load(Path(models) / name),
            tensors,
            Path(latents) / name,
            Path(directions) / f"{name}.csv",
            edit_success(success, name),
        )
        for name in MODELS
        if name in wanted
    ]
    framing = shards.framing or {}
    data = {
        "dataset": shards.dataset,
        "models": found,
        "faces": _faces(shards, params.seed),
        "eyes": framing.get("eyes"),
    }
    for tried in ("float16", "int8") if params.explorer == "auto" else (params.explorer,):
        index, text, length = pack(tensors.arrays, tried)
        page = _page(data | {"arrays": index, "packed": length}, Markup(text))
        if len(page) <= MOST_BYTES:
            break
    with atomic_file(Path(report) / EXPLORER, "wb") as file:
        file.write(page)
    if params.explorer == "auto" and tried == "int8":
        print(f"{EXPLORER}: weights in int8 ({len(page) / 1e6:.1f} MB), since float16 would take more than 8 MB")
    return {"bytes": len(page), "form": tried}


def _page(data, arrays):
    """The page as bytes."""
    return render(
        EXPLORER,
        style=inline("explorer.css"),
        script=inline(*SCRIPT),
        engine=inline(*ENGINE),
        data=_json(data),
        arrays=arrays,
        dataset=data["dataset"],
    ).encode()


def _json(data):
    # in a script element, which only "</script" or "<!--" would end
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _faces(shards, seed):
    """Test images in one lossless picture, so that the page has their very pixels."""
    count = min(FACES, shards.count("test"))
    rows = rng(seed, "explorer").permutation(shards.count("test"))[:count]
    if not count:
        return None
    ids = shards.ids("test")
    image, file = tile(shards.gather("test", rows), COLUMNS, pad=0), io.BytesIO()
    Image.fromarray(image).save(file, format="WEBP", lossless=True)
    return {
        "ids": [ids[row] for row in rows],
        "columns": min(COLUMNS, count),
        "picture": f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}",
    }
