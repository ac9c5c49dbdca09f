"""Comparisons, logic, and the choice by them. The C side: csrc/kernels/compare.c."""

import numpy as np

from .elementwise import broadcast
from .layout import items, places

RELATIONS = (np.equal, np.not_equal, np.less, np.less_equal)
OPERATIONS = (np.logical_and, np.logical_or, np.logical_xor)


def compare(y, a, b, rank, shape, strides_a, strides_b, relation):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = RELATIONS[relation](a, b)


def compare_int32(y, a, b, rank, shape, strides_a, strides_b, relation):
    compare(y, a, b, rank, shape, strides_a, strides_b, relation)


def logical(y, a, b, rank, shape, strides_a, strides_b, operation):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = OPERATIONS[operation](a, b)


def where(y, condition, a, b, rank, shape, strides_condition, strides_a, strides_b, itemsize):
    chosen = condition.reshape(-1)[places(rank, shape, strides_condition)].reshape(-1, 1) != 0
    a = items(a, itemsize)[places(rank, shape, strides_a).reshape(-1)]
    b = items(b, itemsize)[places(rank, shape, strides_b).reshape(-1)]
    items(y, itemsize)[...] = np.where(chosen, a, b)
