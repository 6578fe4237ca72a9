"""Recipes: overlays of params.yaml, each a YAML file in recipes/ whose first comment says what it is for and costs."""

import stat
from pathlib import Path

from facepipe.config import check_params, leaves, read_sections, read_text
from facepipe.core.files import atomic_file
from facepipe.core.yaml_edit import replace_values, values_in
from facepipe.errors import InputError, suggest

FOLDER = Path("recipes")
# its file has every key that recipes change, so that none leaves a trace in the next
DEFAULT = "demo"
# only one of these may have a value
BUDGET = ("epochs", "images", "minutes", "images_per_epoch")
SYNTHETIC = "synthetic"  # the data set that has no photographs


def list_recipes(folder=FOLDER):
    """What recipes there are.

    Returns:
        dict name -> list of str, the lines of its first comment; the default first.

    Raises:
        InputError: there are none, or one that cannot be read.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.yaml"), key=lambda path: (path.stem != DEFAULT, path.stem))
    if not paths or paths[0].stem != DEFAULT:
        raise InputError(f"{folder / DEFAULT}.yaml: not found; run from the project's top folder")
    return {path.stem: _first_comment(read_text(path)) for path in paths}


def _first_comment(text):
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.removeprefix("#").strip() for line in lines[:end]]


def apply_recipe(name, path="params.yaml", folder=FOLDER):
    """Write a recipe's values into params.yaml, whose comments, order and other values stay.

    What another recipe has set goes back to the default; what is neither is the user's, and stays.

    `dataset.name` stays as well where `dataset.archive` names the user's own files, and where both it and the recipe's
    are photographs.

    Args:
        name: str, of a file in `folder` without its ending.
        path: of the file that is changed.
        folder: of the recipes.

    Returns:
        (changed, kept): list of (key, before, after), all str, such as ("train_ae.epochs", "16", "null"); and the
        `dataset.name` that stayed for that reason, str, or None.

    Raises:
        InputError: no such recipe, or one with an unknown key; a params.yaml that is not right, or would not be, or
            that cannot be edited without loss (see `replace_values`). The file stays as it is.
    """
    path, folder = Path(path), Path(folder)
    known = list_recipes(folder)
    if name not in known:
        raise InputError(f"no recipe {name}{suggest(name, known) or '; there are ' + ', '.join(known)}")
    found = read_text(path)
    text = found.replace("\r\n", "\n")
    sections = read_sections(text, path)
    dataset, found_values = check_params(sections, path).dataset, dict(leaves(sections, path))
    recipes = {each: _values(folder / f"{each}.yaml") for each in known}
    wanted = {}
    for place, (_, written) in recipes[DEFAULT].items():
        traces = [values[place][0] for each, values in recipes.items() if each != DEFAULT and place in values]
        if place[-1] in BUDGET or (place in found_values and found_values[place] in traces):
            wanted[place] = written
    wanted |= {place: written for place, (_, written) in recipes[name].items()}
    kept, other = None, wanted.get(("dataset", "name"), dataset.name)
    if other != dataset.name and (dataset.archive is not None or SYNTHETIC not in (other, dataset.name)):
        kept = dataset.name
        del wanted["dataset", "name"]
    before = values_in(text)
    # 4e-3 and 0.004 are the same to params.yaml's reader, but not to YAML's
    wanted = {place: value for place, value in wanted.items() if value != before.get(place)}
    try:
        text = replace_values(text, wanted)
    except ValueError as error:
        raise InputError(f"{path}: {error}, which a recipe cannot change without loss; write it plainly") from None
    check_params(read_sections(text, path), f"{path} with {folder / name}.yaml")
    if wanted:
        # where it is a link, the file that it leads to is replaced
        path = path.resolve()
        mode = stat.S_IMODE(path.stat().st_mode)
        with atomic_file(path) as file:
            file.write(text.replace("\n", "\r\n") if "\r\n" in found else text)
        path.chmod(mode)
    return [(".".join(place), before.get(place, "its default"), value) for place, value in wanted.items()], kept


def _values(path):
    """What a recipe sets: {place: (value, its text)}."""
    text = read_text(path)
    raw = read_sections(text, path)
    written = values_in(text) if raw else {}
    return {place: (value, written[place]) for place, value in leaves(raw, path)}
