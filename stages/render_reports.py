"""Render the final grids, the user's edits and reports/index.html."""

from facepipe.restore import outputs_kept
from facepipe.stage import run


def main(params):
    from facepipe.report.render import render_reports

    render_reports(
        params.render_reports,
        models="data/models",
        latents="data/latents",
        directions="data/directions",
        edits="data/edits",
        shards="data/shards",
        report="reports",
        wanted=params.models,
        settings=params,
    )


if __name__ == "__main__":
    run(main, "render_reports", tensorflow=True, within=outputs_kept("render_reports"))
