"""The folder is made ready with and without git, and again when git comes later."""

import shutil
import subprocess
import sys

import pytest

from facepipe import workspace
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", tmp_path / ".dvc" / "config")
    return tmp_path


def dvc_works(folder):
    return (
        subprocess.run(
            [sys.executable, "-m", "dvc", "status"], cwd=folder, capture_output=True, text=True, check=False
        ).returncode
        == 0
    )


def test_without_git_then_with(folder):
    notes = workspace.prepare(folder)
    assert len(notes) == 1 and "dvc exp" in notes[0] and "do not" in notes[0]
    assert dvc_works(folder)
    assert workspace.prepare(folder) == notes, "a second call changes nothing"
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    assert workspace.prepare(folder) == ["found the new git repository: dvc exp works now"]
    assert workspace.prepare(folder) == []
    assert dvc_works(folder)


def test_inside_another_repository_its_history_is_not_ours(folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    inner = folder / "inner"
    inner.mkdir()
    shutil.copytree(ROOT / ".dvc", inner / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    assert "no git repository here" in workspace.prepare(inner)[0]
    assert dvc_works(inner)


def test_without_a_dvc_folder(tmp_path):
    assert workspace.prepare(tmp_path)[0] == "initialised DVC"
    assert dvc_works(tmp_path)
