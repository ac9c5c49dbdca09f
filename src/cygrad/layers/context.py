"""What a thread's running calls of layers share."""

import threading
import weakref


class _Context(threading.local):
    training = None  # whether the innermost call trains
    trying = False  # whether layers are called for the shapes of their outputs only
    initial_value = None  # while a file is loaded: (layer, name, shape, dtype) gives a new weight's value

    def __init__(self):
        self.stack = []  # the layers on the way in
        self.loss_adders = weakref.WeakSet()  # layers whose last call used add_loss


context = _Context()
