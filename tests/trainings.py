"""Trainings by the name of their model, and the exports of all models, as the stages start them."""

from importlib import import_module
from pathlib import Path

TASKS = {"ae": "AETask", "vae": "VAETask", "gan": "GANTask", "inverter": "InverterTask"}


def train(name, *arguments, **options):
    """`facepipe.training.session.train` of the model called `name`; its metrics."""
    from facepipe.training import session

    task = getattr(import_module(f"facepipe.models.{name}.task"), TASKS[name])
    return session.train(task, *arguments, **options)


def export_all(params, models, shards, out):
    """`export_latents` of each model, reports beside the models; all metrics."""
    from facepipe.latents.export import export_latents

    reports, metrics = Path(models).parent / "reports", {}
    for name in ("ae", "vae", "gan"):
        metrics |= export_latents(params, name, models, shards, reports, out)
    return metrics
