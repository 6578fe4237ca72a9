"""Ctrl-C and SIGTERM as a wish that the training grants between two steps, once its state is saved."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A block in which the first of the two signals only sets `signal`, to its number; None before.

    Whoever runs the block looks at it now and then. The second signal ends the process at once, as it would without
    Python's handlers: what was saved last remains. A signal that is ignored (nohup, a shell's background) stays so.
    """

    def __init__(self):
        self.signal = None
        self._handlers = {}

    def __enter__(self):
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        self.signal = number
        for each in self._handlers:
            signal.signal(each, signal.SIG_DFL)
