"""What CelebA and ten million faces cost in hours, memory and disk: python -m tests.bench.costs

Computes the tables of docs/costs.md from the figures below: measured ones, each with the command that measured it, and
assumptions about machines that were not here.
"""

from typing import NamedTuple

# python -m tests.bench.training --only ours, two cores of a Zen 4: images a second; with ONEDNN_MAX_CPU_ISA=AVX2
TRAINED = {"autoencoder": 1197, "VAE": 1198, "GAN": 920}
TRAINED_AVX2 = {"autoencoder": 949, "VAE": 949, "GAN": 757}
# python -m tests.bench.memory: 200,000 JPEGs of 178x218 in 43.7 s on two cores
PREPROCESS_MS = 43.7e3 / 200_000
# python -m tests.bench.reading: images a second gathered at random from shards in the page cache, by one thread
READ = 368_000
# python -m tests.bench.scaling, On disk: bytes an image
SHARD_BYTES, LATENT_BYTES = 815.0e6 / 64_000, 224.2e6 / 64_000
# python -m tests.bench.memory: MB of preprocess at 5,000 and more at 200,000 images; of training
MEMORY = {"start": 294, "per_million": 244 / 0.195, "training": 960, "training_per_million": 25 / 0.195}
# the first run: operations of a training step per image, its GFLOP/s over its images/s
OPERATIONS = {"autoencoder": 96e9 / 1197, "VAE": 97e9 / 1198, "GAN": 111e9 / 920}

# assumed, not measured: what one GPU sustains on such small convolutions at batches of 1,024 and more
GPU_FLOPS = 10e12
# assumed: cores that preprocess beside the GPUs; measured rates are of two
HOST_CORES = 32

SETS = {"CelebA": 202_599, "10 million": 10_000_000}
EPOCHS = 40


class Machines(NamedTuple):
    """A row of the tables: its name, hosts, GPUs a host (0: two cores), what two cores train."""

    name: str
    hosts: int
    gpus: int
    trained: dict | None = None


MACHINES = (
    Machines("2 cores, bfloat16", 1, 0, TRAINED),
    Machines("2 cores, AVX2", 1, 0, TRAINED_AVX2),
    Machines("1 GPU", 1, 1),
    Machines("8 GPUs", 1, 8),
    Machines("4 x 8 GPUs", 4, 8),
)


def rate(machines, model):
    """Images a second in training, and what bounds it."""
    if not machines.gpus:
        return machines.trained[model], "arithmetic"
    arithmetic = machines.hosts * machines.gpus * GPU_FLOPS / OPERATIONS[model]
    reading = machines.hosts * READ
    return min((arithmetic, "arithmetic"), (reading, "reading"))


def preprocess_seconds(machines, images):
    cores = machines.hosts * HOST_CORES if machines.gpus else 2
    return images * PREPROCESS_MS / 1e3 * 2 / cores


def duration(seconds):
    """Two digits of seconds, minutes, hours or days."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 100 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.2g} s"


def lines():
    """The tables as lines of Markdown."""
    for label, images in SETS.items():
        yield f"| {label}, {images:,} images | preprocess | " + " | ".join(TRAINED) + " | bound by |"
        yield "|" + "---|" * (len(TRAINED) + 3)
        for machines in MACHINES:
            rates = [rate(machines, model) for model in TRAINED]
            times = [f"{duration(images / speed)} / {duration(EPOCHS * images / speed)}" for speed, _ in rates]
            bounds = ", ".join(dict.fromkeys(bound for _, bound in rates))
            first = duration(preprocess_seconds(machines, images))
            yield f"| {machines.name} | {first} | " + " | ".join(times) + f" | {bounds} |"
        yield ""
    yield "| images | data/shards | data/latents, three models | memory, preprocess | memory, training (CPU) |"
    yield "|---|---|---|---|---|"
    for label, images in SETS.items():
        shards, latents = images * SHARD_BYTES / 1e9, images * LATENT_BYTES / 1e9
        preparing = MEMORY["start"] + MEMORY["per_million"] * images / 1e6
        training = MEMORY["training"] + MEMORY["training_per_million"] * images / 1e6
        yield (f"| {label} | {shards:.1f} GB | {latents:.1f} GB | {preparing / 1e3:.1f} GB | {training / 1e3:.1f} GB |")


if __name__ == "__main__":
    print("\n".join(lines()))
