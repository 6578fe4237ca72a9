"""`facepipe recipe`: a named set of values, written into params.yaml."""

HELP = "set params.yaml for a purpose: demo, faces, gpu"
DESCRIPTION = """\
Write the values of a recipe into params.yaml and print what changed. Its comments and all that recipes leave alone
stay; so does dataset.name where it is of photographs, as the recipe's. `recipe demo` leads back. A recipe is a YAML
file in recipes/: add your own.
"""
EXAMPLE = """\
example, before or after `dvc repro`:
  facepipe recipe --list
  facepipe recipe faces
"""


def arguments(parser):
    parser.add_argument("name", nargs="?", help="the recipe")
    parser.add_argument("--list", action="store_true", help="say what each is for and costs")


def run(arguments):
    from facepipe.errors import InputError
    from facepipe.recipes import apply_recipe, list_recipes

    if arguments.list == bool(arguments.name):
        raise InputError(f"recipe: name one of {', '.join(list_recipes())}, or use --list")
    if arguments.list:
        for name, lines in list_recipes().items():
            print(name, *(f"  {line}" for line in lines), sep="\n")
        return
    changed, kept = apply_recipe(arguments.name)
    for key, before, after in changed:
        print(f"{key}: {before} -> {after}")
    if kept:
        print(f"dataset.name is kept: {kept}")
    if not changed:
        print(f"params.yaml is the recipe {arguments.name} already")
