"""Sums, products, extremes, order and statistics."""

import numpy as np

from cygrad import ops

from .inputs import distinct, normal, positive

HOLES = np.array([[True, False, False, True], [False, False, True, False], [False, True, False, False]])


def holes(x):
    """NaN in some places of x[3,4]."""
    return ops.where(HOLES, np.nan, x)


CASES = {
    # reduce
    "sum": (ops.sum, normal(3, 5)),
    "sum axis": (lambda x: ops.sum(x, axis=1), normal(3, 5, 2)),
    "sum axes": (lambda x: ops.sum(x, axis=(0, 2)), normal(3, 5, 2)),
    "sum list keepdims": (lambda x: ops.sum(x, axis=[0, -1], keepdims=True), normal(3, 5, 2)),
    "mean": (ops.mean, normal(3, 5)),
    "mean axis": (lambda x: ops.mean(x, axis=0), normal(3, 5, 2)),
    "mean axes": (lambda x: ops.mean(x, axis=(1, 2), keepdims=True), normal(2, 3, 5, 2)),
    "max": (ops.max, distinct(3, 5)),
    "max axis": (lambda x: ops.max(x, axis=1), distinct(3, 5, 2)),
    "max axes": (lambda x: ops.max(x, axis=(0, 2), keepdims=True), distinct(3, 5, 2)),
    "max initial": (lambda x: ops.max(x, axis=1, initial=0.35), distinct(3, 5)),
    "min": (lambda x: ops.min(x, axis=0), distinct(3, 5)),
    "min initial": (lambda x: ops.min(x, axis=0, initial=-0.35), distinct(3, 5)),
    "var": (lambda x: ops.var(x, axis=0), normal(4, 5)),
    "std": (ops.std, normal(4, 5)),
    "prod": (lambda x: ops.prod(x, axis=(0, 2)), normal(2, 3, 2)),
    "prod with a zero": (lambda x: ops.prod(ops.concatenate([x, np.zeros(1)])), normal(4)),
    "logsumexp": (lambda x: ops.logsumexp(x * 30.0, axis=1), normal(3, 5)),
    "norm": (lambda x: ops.norm(x, axis=-1), normal(3, 5)),
    "norm of all": (ops.norm, normal(3, 5)),
    "norm 1": (lambda x: ops.norm(x, ord=1, axis=0), normal(3, 5)),
    "norm inf": (lambda x: ops.norm(x, ord=np.inf, axis=0), distinct(3, 5)),
    "normalize": (ops.normalize, normal(3, 5)),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), normal(2, 3, 4)),
    "cumsum flat": (ops.cumsum, normal(3, 4)),
    "take_along_axis": (lambda x: ops.take_along_axis(x, [[[1], [1], [0]]] * 2, axis=2), normal(2, 3, 4)),
    "sort": (lambda x: ops.sort(x, axis=0), distinct(4, 3)),
    "top_k": (lambda x: ops.top_k(x, 2)[0], distinct(4, 3)),
    "average": (lambda x, w: ops.average(x, axis=1, weights=w), normal(2, 3), positive(3)),
    "moments": (lambda x: (lambda m, v: m * v)(*ops.moments(x, (0, 1))), normal(2, 3, 4)),
    # statistics and sorting
    "cumprod": (lambda x: ops.cumprod(x, axis=1), normal(2, 5, 3)),
    "cumprod of a zero": (lambda x: ops.cumprod(ops.concatenate([x, np.zeros(1), x])), normal(4)),
    "amax": (lambda x: ops.amax(x, axis=1), distinct(3, 5)),
    "amin": (lambda x: ops.amin(x, axis=0, keepdims=True), distinct(3, 5)),
    "ptp": (lambda x: ops.ptp(x, axis=1), distinct(3, 5)),
    "median": (lambda x: ops.median(x, axis=0), distinct(4, 5)),
    "quantile": (lambda x: ops.quantile(x, [0.2, 0.9], axis=(0, 2)), distinct(2, 3, 5)),
    "percentile": (lambda x: ops.percentile(x, 35.0, method="midpoint"), distinct(3, 5)),
    "histogram edges": (lambda x: ops.histogram(x, 3)[1], distinct(7)),
    "corrcoef": (ops.corrcoef, normal(3, 5)),
    "nansum": (lambda x: ops.nansum(holes(x), axis=1), normal(3, 4)),
    "nanprod": (lambda x: ops.nanprod(holes(x), axis=1), normal(3, 4)),
    "nanmean": (lambda x: ops.nanmean(holes(x), axis=0), normal(3, 4)),
    "nanmax": (lambda x: ops.nanmax(holes(x), axis=0), distinct(3, 4)),
    "nanmin": (lambda x: ops.nanmin(holes(x)), distinct(3, 4)),
    "nanvar": (lambda x: ops.nanvar(holes(x), axis=1), normal(3, 4)),
    "nanstd": (lambda x: ops.nanstd(holes(x), axis=1, keepdims=True), normal(3, 4)),
    "nancumsum": (lambda x: ops.nancumsum(holes(x), axis=1), normal(3, 4)),
    "nancumprod": (lambda x: ops.nancumprod(holes(x), axis=1), normal(3, 4)),
    "nanmedian": (lambda x: ops.nanmedian(holes(x), axis=1), distinct(3, 4)),
    "nanquantile": (lambda x: ops.nanquantile(holes(x), 0.3, axis=1), distinct(3, 4)),
    "nanpercentile": (lambda x: ops.nanpercentile(holes(x), [10.0, 60.0]), distinct(3, 4)),
}
