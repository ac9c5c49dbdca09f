"""Data sets: digits ships with the package; the others are read from a folder, or downloaded and verified."""

from . import cifar10, digits, fashion_mnist, mnist

__all__ = ["cifar10", "digits", "fashion_mnist", "mnist"]
