"""What a training says and shows while it runs, in real processes; and that none of it changes a byte."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from facepipe.training import display, loop
from tests.conftest import ROOT
from tests.trainings import train

# a training of some seconds, seen on a clock that goes faster for what is printed
SCRIPT = """
import sys
from facepipe.quiet import import_tensorflow
import_tensorflow()
from facepipe.core import progress
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.training import display
from facepipe.training.config import Train
from tests.trainings import train
progress.SECONDS, progress.FEWEST_SECONDS, progress.BAR_SECONDS = 3.0, 0.3, 0.1
display.ESTIMATE_SECONDS = 0.3
shards, out, name, budget = sys.argv[1:]
common = {"latent_dim": 4, "batch_size": 16, "images_per_epoch": 96}
common |= {"epochs": 60} if budget == "epochs" else {"minutes": 0.1}
sections = {
    "ae": TrainAE(**common, widths=(8, 8)),
    "gan": TrainGAN(**common, generator_widths=(8, 8), discriminator_widths=(8, 8), r1_every=2),
}
sys.stdout.reconfigure(line_buffering=True)
train(name, Train(threads=1), sections[name], shards, f"{out}/model", f"{out}/report")
"""
CLOCK = r"(\w\w\w )?\d\d:\d\d"


def start(shards, out, name, budget="epochs", **options):
    arguments = [sys.executable, "-c", SCRIPT, str(shards), str(out), name, budget]
    environment = os.environ | {"FACEPIPE_RESUME": str(out / "resume"), "TERM": "xterm"} | options.pop("more", {})
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, **options)


def in_pipe(*arguments):
    """The lines of both streams, in the order in which they came."""
    process = start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, _ = process.communicate()
    assert process.returncode == 0, text
    assert "\r" not in text and "\x1b" not in text
    return text.splitlines()


def in_terminal(*arguments, **more):
    """All that a terminal of 100 columns gets, str."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process, text = start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, more=more), b""
    os.close(theirs)
    try:
        while data := os.read(ours, 65536):
            text += data
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, text
    return text.decode()


@pytest.mark.parametrize("name", ["ae", "gan"])
def test_in_a_pipe_plain_lines_from_before_the_first_step_to_the_end(name, tiny_shards, tmp_path):
    lines = in_pipe(tiny_shards, tmp_path, name)
    precision = r"(mixed_bfloat16 \(auto: bfloat16 units\)|float32 \(auto: no bfloat16 units\))"
    first = rf"train_{name}: 5,760 images in 60 epochs, [\d.]+ GFLOP \([\d.]+ MFLOP an image\); {precision} on "
    assert re.match(rf"{first}1 thread of .+", lines[0])
    assert re.fullmatch(rf"train_{name}: 5,760 images in \d[^(]* \([\d,.]+ images/s\)", lines[-1])
    about = [i for i, line in enumerate(lines) if re.fullmatch(rf"train_{name}: about .*, until {CLOCK}", line)]
    assert len(about) == 1
    between = [line for line in lines[1:-1] if " of 5,760 images (" in line]
    assert 3 <= len(between) <= 20
    loss = {"ae": "loss", "gan": "d_loss"}[name]
    for line in between:
        assert re.match(rf"train_{name}: [\d,]+ of 5,760 images \(\d+ %\), [\d,.]+ images/s", line)
        assert re.search(rf"; epoch \d+/60 {loss} \d", line) or line == between[0]
    assert sum("collapse" not in line for line in lines) == len(between) + 3


def test_a_budget_in_minutes_in_a_pipe(tiny_shards, tmp_path):
    lines = in_pipe(tiny_shards, tmp_path, "ae", "minutes")
    assert re.match(r"train_ae: 6.0 s, [\d.]+ MFLOP an image; ", lines[0])
    assert "another machine, gives another model" in lines[1]
    between = [line for line in lines if re.search(r"images \(\d+ %\), .* left; epoch \d+ loss", line)]
    assert len(between) <= 20 and len(lines) < 30  # how many depends on the machine


def test_in_a_terminal_a_bar_and_the_same_bytes(tiny_shards, tmp_path):
    seen = in_terminal(tiny_shards, tmp_path / "bar", "ae", NO_COLOR="1")
    assert seen.count("\r") > 10 and "%|" in seen and "images/s, epoch " in seen
    assert re.findall(rf"train_ae: about .*, until {CLOCK}", seen) and "5,760 images in " in seen
    assert " of 5,760 images" not in seen and "\x1b" not in seen
    dumb = in_terminal(tiny_shards, tmp_path / "dumb", "ae", TERM="dumb")
    assert "%|" not in dumb and dumb.count(" of 5,760 images (") >= 3
    assert files(tmp_path / "bar") == files(tmp_path / "dumb")


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in ("model", "report")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


class Killed(BaseException):
    pass


@pytest.fixture
def looked(monkeypatch, tmp_path):
    """With previews after each step: what stood in the report when each began, [(grids, rows of history.csv)]."""
    seen, draw, after_step = [], loop._Loop._draw, []

    def look(self, epoch):
        path = draw(self, epoch)
        history = self.report / "history.csv"
        rows = history.read_text().splitlines()[1:] if history.exists() else []
        seen.append((sorted(int(path.stem) for path in path.parent.iterdir()), rows))
        if len(seen) in after_step:
            raise Killed
        return path

    monkeypatch.setattr(loop._Loop, "_draw", look)
    monkeypatch.setattr(display, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(display, "NEXT_SECONDS", 0.0)
    monkeypatch.setattr(display, "DRAWING_SHARE", float("inf"))
    return seen, after_step


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_previews_come_early_and_leave_no_trace(name, tiny_params, tiny_shards, tmp_path, request):
    train_params, sections = tiny_params
    params = sections[name].model_copy(update={"epochs": 4, "grid_every": 3})
    often = train_params.model_copy(update={"save_every_images": 16})
    train(name, often, params, tiny_shards, tmp_path / "whole/model", tmp_path / "whole/report")
    seen, kill_at = request.getfixturevalue("looked")
    folder = tmp_path / "part"
    kill_at.append(11)
    with pytest.raises(Killed):
        train(name, often, params, tiny_shards, folder / "model", folder / "report")
    assert seen[0] == ([0], []) and [grids for grids, _ in seen[1:7]] == [[0, 1]] * 6
    images = [[row.split(",")[1] for row in rows] for _, rows in seen[1:9]]
    assert images == [[str(16 * n)] for n in range(1, 7)] + [["96", "112"], ["96", "128"]]
    assert seen[8][0] == [0, 2], "the first epoch has no grid of its own here"
    train(name, often, params, tiny_shards, folder / "model", folder / "report")
    assert files(folder) == files(tmp_path / "whole")
    assert sorted(path.name for path in (folder / "report/grids").iterdir()) == [
        "000000.png", "000003.png", "000004.png",
    ]  # fmt: skip
    assert len(seen) > 24
