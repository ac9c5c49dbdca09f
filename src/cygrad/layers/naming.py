"""The automatic names of layers and symbolic tensors."""

import itertools
import re

_counters = {}


def snake_case(class_name):
    """MaxPooling2D is max_pooling2d."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<!^)(?=[A-Z][a-z])", "_", class_name).lower()


def auto_name(class_name):
    """The next name of a class, as Keras gives it: Conv2D is conv2d, conv2d_1, ..."""
    prefix = snake_case(class_name)
    number = next(_counters.setdefault(prefix, itertools.count()))
    return f"{prefix}_{number}" if number else prefix


def reset_names():
    """Starts the numbering of automatic names again, for utils.clear_session."""
    _counters.clear()
