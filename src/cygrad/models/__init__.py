"""Models: Sequential, Model, and their files."""

from .model import Model, clone_model, model_from_json
from .saving import load_model, save_model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
