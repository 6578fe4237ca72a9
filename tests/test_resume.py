"""The folder of states: two are kept, damage is noticed, pictures are kept along, nobody else's state is used."""

import os
import time
from pathlib import Path

import pytest
import tensorflow as tf

from facepipe import errors
from facepipe.errors import InputError
from facepipe.models.ae.config import TrainAE
from facepipe.training import loop, resume
from facepipe.training.config import Train
from facepipe.training.kept import KEPT_DAYS
from facepipe.training.resume import States, open_states
from facepipe.training.runtime import Runtime
from facepipe.training.workers import Workers

TRAIN, AE = Train(), TrainAE(epochs=3)
ALONE = Workers(tf.distribute.get_strategy())


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_two_states_are_kept_and_the_newest_counts(tmp_path):
    with States(tmp_path / "s") as states:
        assert states.load() is None
        for images in (16, 32, 48):
            states.save(images, {"x": images})
        assert sorted(path.name for path in (tmp_path / "s").glob("*.state")) == [
            "000000000032.state",
            "000000000048.state",
        ]
    with States(tmp_path / "s") as states:
        assert states.load() == {"x": 48}
        states.discard()
        assert not (tmp_path / "s").exists()


def test_damaged_states_are_named_in_one_line(tmp_path, capsys):
    with States(tmp_path / "s") as states:
        for images in (16, 32):
            states.save(images, {"x": images})
    newest = tmp_path / "s" / "000000000032.state"
    newest.write_bytes(newest.read_bytes()[:-1])
    with States(tmp_path / "s") as states:
        assert states.load() == {"x": 16}
    line = f"{tmp_path / 's'}: damaged: 000000000032.state (its digest does not fit); "
    assert capsys.readouterr().out == f"{line}training continues from the one before\n"
    for name in ("000000000016.state", "000000000032.state"):
        (tmp_path / "s" / name).write_bytes(b"")
    with States(tmp_path / "s") as states:
        assert states.load() is None
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.endswith("; training starts anew\n")
    assert "000000000016.state" in out and "000000000032.state" in out
    assert not list((tmp_path / "s").glob("*.state"))


def test_pictures_are_kept_with_the_states_that_rely_on_them(tmp_path, capsys):
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(name.encode())
    with States(tmp_path / "s") as states:
        states.keep(tmp_path / "1.png")
        states.save(16, {})
        states.keep(tmp_path / "2.png")
        states.save(32, {})
    for folder, missing, expected in (("a", None, ["1.png", "2.png"]), ("b", "2.png", ["1.png"])):
        if missing:
            (tmp_path / "s/pictures" / missing).unlink()
        with States(tmp_path / "s") as states:
            assert states.load() == {}
            states.put_back(tmp_path / folder)
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == expected
        assert all(path.read_bytes() == path.name.encode() for path in (tmp_path / folder).iterdir())
    assert "000000000032.state (the picture 2.png" in capsys.readouterr().out


def test_a_write_that_fails_leaves_the_state_before(tmp_path, monkeypatch):
    with States(tmp_path / "s") as states:
        states.save(16, {"x": 1})
        before = files(tmp_path / "s")
        monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            states.save(32, {"x": 2})
        monkeypatch.undo()
    assert files(tmp_path / "s") == before
    # and a killed process's half-written file is cleared away
    (tmp_path / "s/.000000000032.state.abc.tmp").write_bytes(b"half")
    with States(tmp_path / "s") as states:
        assert states.load() == {"x": 1}
    assert files(tmp_path / "s") == before


def test_only_one_process_at_a_time(tmp_path):
    with States(tmp_path / "s"), pytest.raises(InputError, match=rf"^process {os.getpid()} trains with just these"):
        States(tmp_path / "s")
    with States(tmp_path / "s"):
        pass


def test_when_a_save_is_due(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with States(tmp_path / "a", every_minutes=5) as states:
        assert not states.due(10**9)
        now[0] += 299
        assert not states.due(16)
        now[0] += 1
        assert states.due(16)
        states.save(16, {})
        assert not states.due(32)
    with States(tmp_path / "b", every_images=100) as states:
        now[0] += 10**6
        assert [states.due(images) for images in (16, 96, 112)] == [False, False, True]
        states.save(112, {})
        assert [states.due(images) for images in (128, 208, 224)] == [False, False, True]
    with States(tmp_path / "b", every_images=100) as states:
        states.load()
        assert [states.due(images) for images in (128, 208, 224)] == [False, False, True]
    with States(tmp_path / "c") as states:
        assert not states.due(10**9), "never by itself"


def test_a_state_of_anything_else_is_not_used(own_states, monkeypatch, capsys):
    runtime = Runtime(None, "float32", {"precision": "float32", "threads": 2, "seed": 0}, ALONE)
    inputs = {"shards": "abc"}

    def folder(stage="train_ae", train=TRAIN, params=AE, inputs=inputs, runtime=runtime):
        with open_states(stage, train, params, inputs, runtime) as states:
            return states.folder

    first = folder()
    assert first.parent == own_states and first.name.startswith("train_ae-")
    same = [folder(), folder(train=TRAIN.model_copy(update={"save_every_images": None, "save_every_minutes": 1}))]
    assert same == [first, first]
    others = [
        folder(stage="train_vae"),
        folder(train=TRAIN.model_copy(update={"seed": 1})),
        folder(params=AE.model_copy(update={"epochs": 4})),
        folder(inputs={"shards": "abd"}),
        folder(runtime=runtime._replace(record=runtime.record | {"threads": 4})),
    ]
    monkeypatch.setattr(resume, "_code", lambda: ["changed"])
    others.append(folder())
    assert len({first, *others}) == 7
    assert capsys.readouterr().out == ""
    with States(first) as states:
        states.save(16, {})
    folder()
    assert capsys.readouterr().out == (f"train_ae: starts anew: {first} is of other params, data, code or machine\n")


def test_states_of_long_ago_are_removed(own_states):
    runtime = Runtime(None, "float32", {}, ALONE)
    for name, days in (("train_ae-old", KEPT_DAYS + 1), ("train_gan-young", KEPT_DAYS - 1), ("train_ae-1.old", 0)):
        (own_states / name).mkdir(parents=True)
        (own_states / name / "lock").write_text("1")
        os.utime(own_states / name, times=(time.time() - days * 86400,) * 2)
    with open_states("train_ae", TRAIN, AE, {}, runtime) as states:
        assert sorted(path.name for path in own_states.iterdir()) == sorted(["train_gan-young", states.folder.name])


def test_states_of_long_ago_that_a_training_holds_are_kept(own_states):
    with States(own_states / "train_ae-slow"):
        os.utime(own_states / "train_ae-slow", times=(time.time() - (KEPT_DAYS + 1) * 86400,) * 2)
        with open_states("train_vae", TRAIN, AE, {}, Runtime(None, "float32", {}, ALONE)):
            assert (own_states / "train_ae-slow").is_dir()


def test_states_lie_beside_the_project_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FACEPIPE_RESUME")
    with open_states("train_ae", TRAIN, AE, {}, Runtime(None, "float32", {}, ALONE)) as states:
        assert states.folder.parent.as_posix() == ".facepipe/resume"


@pytest.mark.parametrize("change, another", [
    (lambda text: f"{text}\n# a comment\n", False),
    (lambda text: text.replace('"""The one training loop', '"""The reworded, one training loop'), False),
    (lambda text: text.replace("self.step, self.index = 0, 0", "self.step, self.index = (0, 0)"), False),
    (lambda text: text.replace("self.step, self.index = 0, 0", "self.step, self.index = 0, 1"), True),
    (lambda text: f"{text}\nADDED = 1\n", True),
])  # fmt: skip
def test_a_state_survives_a_comment_but_not_another_code(change, another, tmp_path, monkeypatch):
    before, text = resume._code(), Path(loop.__file__).read_text(encoding="utf-8")
    source = tmp_path / "loop.py"
    source.write_text(change(text), encoding="utf-8")
    assert source.read_text(encoding="utf-8") != text
    monkeypatch.setattr(loop, "__file__", str(source))
    assert (resume._code() != before) == another


def test_loose_files_are_not_part_of_the_code(tmp_path, monkeypatch):
    before = resume._code()
    source = tmp_path / "errors.py"
    source.write_text("REWORDED = True\n", encoding="utf-8")
    monkeypatch.setattr(errors, "__file__", str(source))
    assert resume._code() == before


def test_only_the_chief_has_states(own_states):
    other = Runtime(None, "float32", {}, Workers(tf.distribute.get_strategy(), 2, 1))
    with open_states("train_ae", TRAIN, AE, {}, other) as states:
        assert states is None
    assert not own_states.exists()
