"""Trainings by the name of their model, as the stages start them."""

from importlib import import_module

TASKS = {"ae": "AETask", "vae": "VAETask", "gan": "GANTask", "inverter": "InverterTask"}


def train(name, *arguments, **options):
    """`facepipe.training.session.train` of the model called `name`; its metrics."""
    from facepipe.training import session

    task = getattr(import_module(f"facepipe.models.{name}.task"), TASKS[name])
    return session.train(task, *arguments, **options)
