"""Saving and loading under keras.saving's names."""

from ._lookup import custom_object_scope
from .models.saving import load_model, save_model

CustomObjectScope = custom_object_scope

__all__ = ["CustomObjectScope", "custom_object_scope", "load_model", "save_model"]
