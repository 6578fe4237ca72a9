"""The section render_reports."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from facepipe.core.section import Natural, Number, Section, no_bool


class RenderReports(Section):
    """The final grids and the page."""

    columns: Annotated[int, BeforeValidator(no_bool), Field(ge=2, le=64)] = 10
    rows: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=64)] = 6
    interpolation_steps: Annotated[int, BeforeValidator(no_bool), Field(ge=3, le=64)] = 10
    strengths: Annotated[tuple[Number, ...], Field(min_length=1, max_length=32)] = (-1.0, 0.0, 0.5, 1.0, 1.5)
    explorer: Literal["auto", "float16", "int8"] = "auto"
    attributes: tuple[str, ...] | None = None
    seed: Natural = 0
