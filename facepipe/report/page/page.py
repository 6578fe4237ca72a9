"""reports/index.html: everything a run made, in one file that opens without a network."""

from facepipe.core.files import atomic_file
from facepipe.core.names import COMPARE, GRID
from facepipe.latents.folder import pca_path, split_path, stats_path
from facepipe.report.page import faces_section as faces
from facepipe.report.page.components_section import components_section
from facepipe.report.page.data_section import data_section
from facepipe.report.page.directions_section import directions_section
from facepipe.report.page.latent_section import latent_section
from facepipe.report.page.model_section import model_section
from facepipe.report.page.overview import overview
from facepipe.report.page.reading import INVERTER, TITLES, read_scores
from facepipe.report.page.scores_section import amiss_section, edits_section, samplers_section, scores_section
from facepipe.report.page.sheets import read_sheet
from facepipe.report.page.templates import inline, render

ALONE = {"ae": "an autoencoder", "vae": "a variational autoencoder", "gan": "a GAN"}


def write_page(
    report, shards, latents, edits, encoders, records, models=tuple(TITLES), changed=None, explorer=None, links=None
):
    """Write <report>/index.html.

    Args:
        report: Path of the reports folder, with what the other stages put there.
        shards: `facepipe.shards.shards.Shards`.
        latents: Path of the folder of the exported latents, for what each dimension does.
        edits: {name: faces} of the folders in <report>/edits.
        encoders: which of the models encode images; a GAN that does has an inverter.
        records: {model: what its model.json says of its training}, of the models and of "inverter" where it is to be
            shown.
        models: which of `TITLES` there are, in that order; the others are not mentioned.
        changed: `facepipe.report.settings.Changed`, what of params.yaml differs from a recipe; None: not said.
        explorer: str, the file name of a page to explore the models with, beside this one; None: there is none.
        links: {file name of a plain sheet of faces without .png, such as samples_vae: list of str, where each of its
            faces leads}; None: they lead nowhere.

    Raises:
        InputError: a report of an earlier stage is missing or broken.
    """
    titles = {name: TITLES[name] for name in models}
    editable = {name: title for name, title in titles.items() if name in encoders}
    scores_path, evaluation = report / "evaluate" / "scores.csv", report / "evaluate"
    metrics = read_scores(scores_path, ["real", *models])
    sections = [
        model_section(
            name, title, report, metrics[name], latent_section(stats_path(latents / name), has_encoder=name in encoders)
        )
        for name, title in titles.items()
    ]
    if "inverter" in records:
        sections.append(model_section("inverter", INVERTER, report, {}))
    # samples of the prior vary alike in every direction: their components are chance
    components = [(title, components_section(pca_path(latents / name))) for name, title in editable.items()]
    gallery = faces.Gallery(report, shards, titles, links)
    data = data_section(report / "preprocess")
    shown = {
        "reconstructions": gallery.sheets(faces.RECONSTRUCTIONS),
        "conditions": gallery.sheets(faces.CONDITIONS),
        "components": [(title, each) for title, each in components if each],
        "directions": editable
        and directions_section(report / "attribute_vectors", report / "render_reports" / "grids", editable),
        "edits": _edits(report, edits),
    }
    start = overview(report, shards, records, changed, data.rejections)
    page = render(
        "page.html",
        title=_title(models),
        count=len(models),
        contents=_contents(shown, sections),
        explorer=explorer,
        amiss=amiss_section(evaluation / "amiss.csv", models),
        overview=start,
        samples=gallery.sheets(faces.SAMPLES),
        scores=scores_section(scores_path, models),
        worst=gallery.sheets(faces.WORST),
        densities=gallery.sheets(faces.DENSITIES) if editable else [],
        samplers=samplers_section(evaluation / "samples.csv", models),
        interpolations=gallery.sheets(faces.INTERPOLATIONS),
        traversals=gallery.sheets(faces.COMPONENTS),
        judged=edits_section(evaluation / "edits.csv", models),
        nearest=gallery.sheets(faces.NEAREST),
        data=data,
        sections=sections,
        example=_example(latents, models[0], models[0] in encoders),
        credits=[text for text in (start.licence, start.citation) if text],
        style=inline("style.css", "index.css"),
        script=inline("index.js"),
        **shown,
    )
    with atomic_file(report / "index.html") as file:
        file.write(page)


def _title(models):
    if len(models) == 1:
        return f"Faces: {ALONE[models[0]]}"
    return f"Faces: {'three' if len(models) == 3 else 'two'} models of one data set"


def _contents(shown, sections):
    """The sections of the page in order: (id, heading)."""
    headings = [
        ("faces", "Faces"),
        ("scores", "Numbers"),
        ("reconstructions", "Reconstructions"),
        ("samplers", "Samplers"),
        ("interpolations", "Interpolations"),
        ("conditions", "Conditions"),
        ("components", "Components"),
        ("attributes", "Attributes"),
        ("edits", "Your edits"),
        ("nearest", "Nearest training images"),
        *((each.name, each.title) for each in sections),
        ("data", "Data"),
    ]
    absent = {name for name in ("reconstructions", "conditions", "components") if not shown[name]}
    absent |= set() if shown["directions"] else {"attributes"}
    return [(name, heading) for name, heading in headings if name not in absent]


def _edits(report, edits):
    pictures = []
    for name, number in sorted(edits.items()):
        folder = report / "edits" / name
        caption = f"{number} {'face' if number == 1 else 'faces'}"
        pictures.append(read_sheet(folder / GRID, report, caption, name))
        if (folder / COMPARE).exists():
            pictures.append(read_sheet(folder / COMPARE, report, "what became of the photographs", name))
    return pictures


def _example(latents, model, has_encoder):
    """Where to copy latents from, and where to."""
    path = split_path(latents / model, "test" if has_encoder else "sample")
    return f"data/latents/{model}/{path.name}", f"data/edits/{model}{path.suffix}"
