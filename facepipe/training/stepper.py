"""One step on all replicas of all workers, as a graph for each variant of the step."""

import tensorflow as tf

from facepipe.training.runtime import sum_over_replicas

# beside a step's terms, what the workers tell one another
NEWS = "news"


def stepper(task, strategy, workers):
    """How a step is run.

    Args:
        task: a `loop.Task`.
        strategy: `tf.distribute.Strategy`.
        workers: `workers.Workers`.

    Returns:
        A function of this worker's share of images (uint8 (n, h, w, c)) and noise (dict of arrays (n, ...)), of the
        task's variant and of news (float32 (k,)); it gives a dict of scalar tensors, and with several workers one
        entry more, NEWS: the sum of the workers' news, numpy float32 (k,). It raises WorkerLost where another worker
        has ended.
    """
    graphs = {}

    def graph(variant):
        if variant not in graphs:

            def in_replica(images, noise, news):
                logs = task.train_step(images, noise, variant)
                return logs if news is None else logs | {NEWS: sum_over_replicas(news)}

            # no graph here needs autograph, which leaves files in the temporary folder where the process is killed
            graphs[variant] = tf.function(lambda *given: strategy.run(in_replica, args=given), autograph=False)
        return graphs[variant]

    def run(images, noise, variant, news=None):
        placed = {name: workers.place(array) for name, array in noise.items()}
        with workers.together():
            logs = graph(variant)(
                workers.place(images), placed, None if workers.size == 1 else workers.place_once(news)
            )
            first = {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}
            # fetched here, where the wait for the others is
            return first | ({NEWS: first[NEWS].numpy()} if NEWS in first else {})

    return run
