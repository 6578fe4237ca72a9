"""The pages' templates: HTML files beside the modules that prepare what they show."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

TEMPLATES = Environment(
    loader=ChoiceLoader([PackageLoader(f"facepipe.report.{room}", "") for room in ("page", "compare", "explorer")]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def source(name):
    """The text of a file beside the templates, such as explorer.js, as it is."""
    return TEMPLATES.loader.get_source(TEMPLATES, name)[0]


def render(template, **values):
    """Fill in a template.

    Args:
        template: file name, such as page.html.
        values: what it shows; text in them is escaped, Markup is not.

    Returns:
        str of HTML.
    """
    return TEMPLATES.get_template(template).render(values)
