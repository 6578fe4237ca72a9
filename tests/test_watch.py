"""`facepipe watch`: the page about trainings that run."""

import re

import numpy as np
import pytest

from facepipe.cli import main
from facepipe.core.pictures import save_png
from facepipe.report.page.running import write_running


@pytest.fixture
def reports(tmp_path):
    """Of an autoencoder within its second epoch, and of a VAE that has just begun."""
    folder = tmp_path / "reports"
    for name, epochs in (("ae", (0, 1, 2)), ("vae", (0,))):
        for epoch in epochs:
            save_png(folder / f"train_{name}/grids/{epoch:06d}.png", np.full((4, 4, 3), 40 * epoch, np.uint8))
    text = (
        "epoch,images,learning_rate,loss,mse,valid_loss,valid_mse\n1,96,0.002,0.5,0.5,0.4,0.4\n2,112,0.001,0.3,0.3,,\n"
    )
    (folder / "train_ae/history.csv").write_text(text)
    return folder


def test_the_page_shows_each_training_as_far_as_it_is(reports, tmp_path, capsys):
    main(["watch", "--once", "--reports", str(reports), "-o", str(tmp_path / "page.html")])
    assert capsys.readouterr().out == f"{(tmp_path / 'page.html').as_uri()}\n"
    page = (tmp_path / "page.html").read_text()
    assert '<meta http-equiv="refresh" content="10">' in page
    assert set(re.findall("<h2>(.*?)</h2>", page)) == {"Autoencoder", "Variational autoencoder"}
    assert re.findall("<figcaption>(.*?)</figcaption>", page).count("epoch 2") == 1
    assert "<td>112</td>" in page and "nan" not in page.lower() and page.count("<svg") == 2


def test_neither_reports_nor_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["watch", "--once"]) == 2
    assert capsys.readouterr().err == (
        "facepipe: watch: reports: not found; run from the project's top folder, or use --reports\n"
    )
    assert not any(tmp_path.iterdir())


def test_a_page_that_cannot_be(reports, tmp_path, capsys):
    assert main(["watch", "--once", "--reports", str(reports), "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"facepipe: {tmp_path}: is a folder; name a file\n"


def test_before_the_first_training(tmp_path):
    write_running(tmp_path / "reports", tmp_path / "page.html", 5)
    assert "None yet" in (tmp_path / "page.html").read_text()


def test_it_goes_on_until_ctrl_c(reports, tmp_path, monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append((tmp_path / "page.html").stat().st_mtime_ns)
        (tmp_path / "page.html").unlink()
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("facepipe.commands.watch.time.sleep", sleep)
    assert main(["watch", "--reports", str(reports), "-o", str(tmp_path / "page.html")]) == 0
    assert len(looks) == 3
