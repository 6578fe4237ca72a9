"""The workers of one training, each a process: who writes, how they agree, and the end when one of them is lost."""

import contextlib
import functools

import numpy as np
import tensorflow as tf

from facepipe.errors import WorkerLost
from facepipe.training.state import from_bytes, to_bytes

# float32 numbers of one broadcast; one shape, so that one graph serves all
CHUNK = 1 << 18
# what TensorFlow raises in a worker whose peer has gone, by the moment at which it notices
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class Workers:
    """All workers of a training, seen from one of them; a training in one process is a group of one.

    Args:
        strategy: `tf.distribute.Strategy`.
        size: int, workers.
        index: int, which of them this process is; 0 is the chief, the only one that writes.
    """

    def __init__(self, strategy, size=1, index=0):
        self.size, self.index, self.chief = size, index, index == 0
        self._strategy = strategy
        self._first_replica = index * (strategy.num_replicas_in_sync // size)

    def share(self, count):
        """This worker's part of a batch of `count` rows: a slice."""
        each = count // self.size
        return slice(self.index * each, (self.index + 1) * each)

    def place(self, array):
        """This worker's part of a batch as `strategy.run` takes it: divided over the worker's own replicas."""
        if self._strategy.num_replicas_in_sync == 1:
            return tf.constant(array)
        each = len(array) * self.size // self._strategy.num_replicas_in_sync

        def of_replica(context):
            start = (context.replica_id_in_sync_group - self._first_replica) * each
            return tf.constant(array[start : start + each])

        return self._strategy.experimental_distribute_values_from_function(of_replica)

    def place_once(self, array):
        """An array for this worker's first replica, zeros for its others; the sum over all replicas is that of workers.

        Args:
            array: numpy float32.
        """

        def of_replica(context):
            ours = context.replica_id_in_sync_group == self._first_replica
            return tf.constant(array if ours else np.zeros_like(array))

        return self._strategy.experimental_distribute_values_from_function(of_replica)

    def broadcast(self, tree=None):
        """The chief's tree (see `state.to_bytes`) in all workers, exact to the bit; the others' argument is dropped.

        Every worker must call it at the same point.

        Raises:
            WorkerLost: another worker has ended.
        """
        if self.size == 1:
            return tree
        payload = to_bytes({"tree": tree}) if self.chief else b""
        data = len(payload).to_bytes(8, "little") + payload
        # 16 bits a number: float32 holds them exactly, and every device can sum it
        numbers = np.zeros(-(-len(data) // (2 * CHUNK)) * CHUNK, np.uint16)
        numbers.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
        received = [self._sum(numbers[:CHUNK])]
        length = 8 + int.from_bytes(received[0].tobytes()[:8], "little")
        for start in range(CHUNK, -(-length // 2), CHUNK):
            received.append(self._sum(numbers[start : start + CHUNK] if self.chief else np.zeros(CHUNK, np.uint16)))
        return from_bytes(np.concatenate(received).tobytes()[8:length])["tree"]

    def _sum(self, numbers):
        ours = numbers.astype(np.float32) if self.chief else np.zeros(CHUNK, np.float32)
        with self.together():
            total = self._sum_graph(self.place_once(ours))
            return self._strategy.experimental_local_results(total)[0].numpy().astype(np.uint16)

    @functools.cached_property
    def _sum_graph(self):
        def in_replica(values):
            # a function's argument has no device yet, which the all-reduce asks for
            here = tf.identity(values)
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)

        return tf.function(lambda values: self._strategy.run(in_replica, args=(values,)), autograph=False)

    def finish(self):
        """The last call of every worker: the others wait here until the chief has written all outputs."""
        # whoever is lost now is not missed by the chief
        with contextlib.suppress(WorkerLost) if self.chief else contextlib.nullcontext():
            self.broadcast(None)

    @contextlib.contextmanager
    def together(self):
        """A block in which this worker waits for the others: WorkerLost instead of TensorFlow's error."""
        try:
            yield
        except LOST as error:
            if self.size == 1:
                raise
            raise WorkerLost(
                f"worker {self.index} of {self.size} stops: another worker has ended or cannot be reached "
                "(its own output says why); start all of them again, training continues from the last state"
            ) from error
