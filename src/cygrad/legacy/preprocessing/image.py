"""cygrad.preprocessing.image under the name that Keras 3 has for it."""

from ...preprocessing.image import *  # noqa: F403
from ...preprocessing.image import __all__ as __all__
