"""The section export_latents."""

from typing import Annotated, Literal

from pydantic import Field

from facepipe.core.section import Count, Natural, Section


class ExportLatents(Section):
    """Latents as tables, and a density fitted to the training latents (used for random faces)."""

    format: Literal["csv", "parquet"] = "csv"
    density: Literal["gaussian", "mixture", "flow"] = "mixture"
    flow_steps: Count = 4000
    components: Count | Literal["auto"] = "auto"
    gan_samples: Annotated[Count, Field(ge=2)] = 1000
    seed: Natural = 0
