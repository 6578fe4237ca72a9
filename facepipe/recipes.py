"""Recipes: overlays of params.yaml, each a YAML file in recipes/ whose first comment says what it is for and costs."""

from pathlib import Path

from facepipe.config import check_params, leaves, load_params, read_sections
from facepipe.core.files import atomic_file
from facepipe.core.yaml_edit import replace_values, values_in
from facepipe.errors import InputError, suggest

FOLDER = Path("recipes")
# its file has every key that recipes change: each is applied after it, so that none leaves a trace in the next
DEFAULT = "demo"


def list_recipes(folder=FOLDER):
    """What recipes there are.

    Returns:
        dict name -> list of str, the lines of its first comment; the default first.

    Raises:
        InputError: there are none.
    """
    paths = sorted(Path(folder).glob("*.yaml"), key=lambda path: (path.stem != DEFAULT, path.stem))
    if not paths:
        raise InputError(f"{folder}: no recipes here; run from the project's top folder")
    return {path.stem: _first_comment(path.read_text(encoding="utf-8")) for path in paths}


def _first_comment(text):
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.removeprefix("#").strip() for line in lines[:end]]


def apply_recipe(name, path="params.yaml", folder=FOLDER):
    """Write a recipe's values into params.yaml, whose comments, order and other values stay.

    `dataset.name` stays as well where `dataset.archive` names the user's own files.

    Args:
        name: str, of a file in `folder` without its ending.
        path: of the file that is changed.
        folder: of the recipes.

    Returns:
        (changed, kept): list of (key, before, after), all str, such as ("train_ae.epochs", "16", "null"); and whether
        `dataset.name` stayed for that reason, bool.

    Raises:
        InputError: no such recipe, or one with an unknown key; a params.yaml that is not right, or would not be. The
            file stays as it is.
    """
    path, folder = Path(path), Path(folder)
    known = list_recipes(folder)
    if name not in known:
        raise InputError(f"no recipe {name}{suggest(name, known) or '; there are ' + ', '.join(known)}")
    dataset, wanted = load_params(path).dataset, {}
    for file in (folder / f"{DEFAULT}.yaml", folder / f"{name}.yaml"):
        text = file.read_text(encoding="utf-8")
        written = values_in(text) if (raw := read_sections(text, file)) else {}
        wanted |= {place: written[place] for place, _ in leaves(raw, file)}
    kept = False
    if dataset.archive is not None:
        kept = wanted.pop(("dataset", "name"), dataset.name) != dataset.name
    text = path.read_text(encoding="utf-8")
    before = values_in(text)
    # 4e-3 and 0.004 are the same to params.yaml's reader, but not to YAML's
    wanted = {place: value for place, value in wanted.items() if value != before.get(place)}
    text = replace_values(text, wanted)
    check_params(read_sections(text, path), f"{path} with {folder / name}.yaml")
    if wanted:
        with atomic_file(path) as file:
            file.write(text)
    return [(".".join(place), before.get(place, "its default"), value) for place, value in wanted.items()], kept
