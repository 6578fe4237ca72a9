"""Render the final grids, the user's edits, reports/index.html and reports/explorer.html."""

from functools import cache

from facepipe.config import load_params
from facepipe.restore import outputs_kept
from facepipe.stage import run


def main(params):
    from facepipe.models.load import load_model
    from facepipe.report.explorer.page import EXPLORER, write_explorer
    from facepipe.report.render import render_reports
    from facepipe.report.settings import changed_settings

    places = {name: f"data/{name}" for name in ("models", "latents", "directions", "shards")}
    places |= {"report": "reports", "load": cache(load_model), "wanted": params.models}
    # the recipe of which params.yaml is a copy, as it comes
    changed = changed_settings(params, load_params("recipes/demo.yaml"), "demo")
    render_reports(params.render_reports, edits="data/edits", changed=changed, explorer=EXPLORER, **places)
    write_explorer(params.render_reports, **places)


if __name__ == "__main__":
    run(main, "render_reports", tensorflow=True, within=outputs_kept("render_reports"))
