"""The pages' templates: HTML files beside the modules that prepare what they show."""

import base64
import hashlib
from typing import NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Environment(
    loader=ChoiceLoader([PackageLoader(f"facepipe.report.{room}", "") for room in ("page", "compare", "explorer")]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class Inline(NamedTuple):
    """A style sheet or script for a page, and how its Content-Security-Policy names it."""

    text: Markup
    hash: str


def inline(*names):
    """The `Inline` of some files beside the templates, one after another."""
    text = "".join(TEMPLATES.loader.get_source(TEMPLATES, name)[0] for name in names)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Inline(Markup(text), f"sha256-{digest}")


def render(template, **values):
    """Fill in a template.

    Args:
        template: file name, such as page.html.
        values: what it shows; text in them is escaped, Markup is not.

    Returns:
        str of HTML.
    """
    return TEMPLATES.get_template(template).render(values)
