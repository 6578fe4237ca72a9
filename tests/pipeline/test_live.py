"""What `dvc plots` and DVC's extension for VS Code show of a training while `dvc repro` runs it."""

import json
import os
import re
import signal
import time


def test_curves_and_grids_are_shown_while_a_training_runs(copy):
    copy.set_params({"train_ae.epochs": 100000, "train_ae.grid_every": 5})
    report, process = copy.folder / "reports/train_ae", copy.start("dvc", "repro", "train_ae")
    try:
        while len(list(report.glob("grids/0*.png"))) < 4:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        # as the extension asks for them
        asked = ("dvc", "plots", "diff", "HEAD", "--json", "--split", "--out", ".dvc/tmp/plots")
        plots = json.loads(copy.run(*asked).stdout)
        shown = copy.run("dvc", "exp", "show", "--json")
        drawn = json.loads(copy.run("dvc", "plots", "show", "--json", "reports/train_ae/history.csv").stdout)
        doctor = copy.run("python", "-m", "facepipe", "doctor")
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        process.communicate(timeout=300)
    curve = plots["data"]["Autoencoder, held-out MSE"][0]["anchor_definitions"]["<DVC_METRIC_DATA>"]
    epochs = {revision: sum(row["rev"] == revision for row in curve) for revision in ("workspace", "HEAD")}
    assert epochs["HEAD"] == 2 * 2 < epochs["workspace"], "two columns an epoch"
    for epoch in (0, 5, 10):
        grids = plots["data"][f"reports/train_ae/grids/{epoch:06d}.png"]
        assert "workspace" in [revision for grid in grids for revision in grid["revisions"]]
    assert len(drawn["data"]["reports/train_ae/history.csv"]) == 1 and "errors" not in drawn
    assert "test_mse" in shown.stdout, "metrics of the run before, until there are others"
    assert "DVC is at work here just now" in doctor.stdout and re.search(r"train_ae, \d+ min old", doctor.stdout)
