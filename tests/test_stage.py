"""Stages start fast, check params first, and end bad input with one line and exit code 2."""

import errno
import os
import runpy
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

from facepipe.core.files import read_json
from facepipe.errors import InputError, Stopped
from facepipe.stage import run
from tests.conftest import ROOT

STAGES = sorted(path.stem for path in (ROOT / "stages").glob("[!_]*.py"))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return tmp_path


def test_numbers_are_written_as_a_table_or_as_metrics(workspace):
    run(lambda params: {"data": {"height": params.preprocess.image_size[0], "rejected": 0.5}}, "preprocess")
    assert (workspace / "reports/preprocess/facts.csv").read_text() == (
        "model,metric,value\ndata,height,64\ndata,rejected,0.5\n"
    )
    run(lambda params: {"vae": {"test_mse": 0.5}}, "evaluate", report="metrics.json")
    assert read_json("reports/evaluate/metrics.json") == {"vae": {"test_mse": 0.5}}


def test_bad_input_is_one_line_and_exit_code_2(workspace, capsys):
    def main(params):
        raise InputError("faces.zip: not found")

    with pytest.raises(SystemExit) as stop:
        run(main, "download")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "download: faces.zip: not found\n"
    assert not (workspace / "reports").exists()


@pytest.mark.parametrize(
    "error, said",
    [
        (OSError(errno.EIO, "Input/output error", "x.npy"), "x.npy: Input/output error"),
        (OSError(errno.EFBIG, "File too large"), "writing the outputs: File too large"),
        (RuntimeError("can't start new thread"), "out of memory;"),
        (MemoryError(), "out of memory; end other programs, or ask for less in params.yaml"),
    ],
)
def test_a_fault_of_the_machine_is_one_line(workspace, capsys, error, said):
    def main(params):
        raise error

    with pytest.raises(SystemExit) as stop:
        run(main, "download")
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"download: {said}")


def test_a_message_names_the_key_as_params_yaml_has_it(workspace, capsys):
    params = yaml.safe_load((workspace / "params.yaml").read_text(encoding="utf-8"))
    params["dataset"] |= {"name": "celeba", "archive": "none.zip"}
    (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (workspace / "data").mkdir()
    shutil.copy(ROOT / "data" / "sources.yaml", workspace / "data")
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("stages.download", run_name="__main__")
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("download: params.yaml: dataset.archive: none.zip: no such file")


def test_a_full_disk_and_a_signal_are_one_line_each(workspace, capsys):
    def fill(params):
        with open("/dev/full", "w") as file:
            file.write("x" * 100000)

    def interrupt(params):
        raise KeyboardInterrupt

    def terminate(params):
        os.kill(os.getpid(), signal.SIGTERM)

    def stop(params):
        raise Stopped(signal.SIGTERM, "stopped at epoch 3")

    def bug(params):
        raise FileNotFoundError(2, "No such file or directory", "x")

    before = signal.getsignal(signal.SIGTERM)
    for main, code, line in (
        (fill, 2, "preprocess: writing the outputs: No space left on device\n"),
        (interrupt, 130, "preprocess: stopped; run dvc repro again to go on\n"),
        (terminate, 143, "preprocess: stopped; run dvc repro again to go on\n"),
        (stop, 143, "preprocess: stopped at epoch 3\n"),
    ):
        with pytest.raises(SystemExit) as caught:
            run(main, "preprocess")
        assert (caught.value.code, capsys.readouterr().err) == (code, line)
        assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(FileNotFoundError):
        run(bug, "preprocess")


def test_every_stage_is_short_and_named_as_in_dvc_yaml():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert sorted(pipeline) == STAGES
    for stage in STAGES:
        one_a_model = " ${item}" * (stage == "export_latents")
        assert pipeline[stage].get("do", pipeline[stage])["cmd"] == f"python -m stages.{stage}{one_a_model}"
        assert len((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_refuses_a_misspelled_key_before_anything_else(workspace, stage):
    text = (workspace / "params.yaml").read_text(encoding="utf-8").replace("latent_dim:", "latent_dimm:", 1)
    (workspace / "params.yaml").write_text(text, encoding="utf-8")
    words = ["vae"] if stage == "export_latents" else []
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"{stage}: params.yaml: train_ae.latent_dimm: unknown key; did you mean latent_dim?\n"
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["stages.download", "stages.preprocess", "stages.attribute_vectors", "facepipe.cli"])
def test_tensorflow_stays_out_of_what_does_not_need_it(module):
    code = (
        "import sys, importlib;"
        f"m = importlib.import_module({module!r});"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_lost_worker_is_one_line_and_exit_code_75(workspace):
    code = (
        "from facepipe.errors import WorkerLost\nfrom facepipe.stage import run\n"
        "def main(params):\n    print('so far')\n    raise WorkerLost('worker 1 stops')\n"
        "run(main, 'evaluate')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (75, "so far\n", "evaluate: worker 1 stops\n")


def test_a_second_process_of_the_same_stage_is_refused(workspace, capsys):
    """It would write its history, its grids and its model among those of the first."""
    code = "from facepipe.stage import run\nrun(lambda params: print('runs', flush=True) or input(), 'evaluate')"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as first:
        assert first.stdout.readline() == "runs\n"
        with pytest.raises(SystemExit) as stop:
            run(lambda params: None, "evaluate")
        assert stop.value.code == 2
        said = f"process {first.pid} runs this stage here (.facepipe/locks/evaluate-facts); wait for it or end it"
        assert capsys.readouterr().err == f"evaluate: {said}\n"
        run(lambda params: None, "attribute_vectors")
        run(lambda params: {}, "export_latents", report="ae.csv")
        first.kill()
        first.wait()
        run(lambda params: None, "evaluate")


def test_workers_of_one_training_run_the_same_stage(workspace, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    ran = []
    run(lambda params: run(lambda params: ran.append(1), "evaluate"), "evaluate")
    assert ran == [1]
