"""digits ships with the package; mnist and fashion_mnist are read from a folder, or downloaded and verified."""

from . import digits, fashion_mnist, mnist

__all__ = ["digits", "fashion_mnist", "mnist"]
