"""Matrices with keras.ops's names, by NumPy's LAPACK: a well-kept library does better here than code of our own.

All take [..., M, N] and work on the last two axes. Gradients: Giles (2008), Collected matrix derivative results; of
decompositions that are not unique (equal eigenvalues or singular values) they are not finite.
"""

import sys

import numpy as np

from ._backend import as_float, from_array, record
from .layout import swapaxes
from .matmul import matmul
from .places import tril, triu

_CAUSES = {"cholesky": "Is it symmetric, x = L L^T, with all eigenvalues above 0?"}


def _matrix(x, op, square=True, argument="x"):
    x = as_float(x, op, argument)
    if len(x.shape) < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices [...,N,N]" if square else "matrices [...,M,N]"
        raise ValueError(f"{op}: expected {kind} for {argument}; got shape {x.shape}")
    return x


def _run(op, function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except np.linalg.LinAlgError as error:
        layers = sys.modules.get("cygrad.layers.context")
        if layers is not None and layers.context.trying:  # zeros, in a model's search for shapes
            return function(arguments[0] + np.eye(arguments[0].shape[-1], dtype="f4"), *arguments[1:], **options)
        raise ValueError(f"{op}: {error}. {_CAUSES.get(op, 'Are rows or columns of the matrix dependent?')}") from None


def _t(a):
    return np.swapaxes(a, -1, -2)


def _result(values, inputs, backward):
    """A tensor of values; backward(dy array) gives the inputs' gradients as arrays."""
    y = from_array(values)

    def gradients(dy):
        with np.errstate(all="ignore"):
            found = backward(np.asarray(dy))
        found = found if isinstance(found, tuple) else (found,)
        return tuple(from_array(g) for g in found) if len(found) > 1 else from_array(found[0])

    return record(y, inputs, gradients)


def inv(x):
    """The inverse of each square matrix in x[...,M,M]. dx = -y^T dy y^T. Raises ValueError for a singular one.

    >>> cygrad.ops.inv([[2.0, 0.0], [0.0, 4.0]]).numpy().tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = _matrix(x, "inv")
    y = _run("inv", np.linalg.inv, np.asarray(x))
    return _result(y, (x,), lambda dy: -_t(y) @ dy @ _t(y))


def pinv(x, rcond=None):
    """Moore and Penrose's inverse y of x[...,M,N], [...,N,M]: the least y with the least |x y - 1|.

    dx = -y^T dy y^T + (1 - x y) dy^T y y^T + y^T y dy^T (1 - y x). rcond: singular values below rcond times the largest
    count as 0; None: the float's precision times max(M, N). Source: Golub and Pereyra (1973).

    >>> cygrad.ops.pinv([[2.0], [0.0]]).numpy().tolist()
    [[0.5, 0.0]]
    """
    x = _matrix(x, "pinv", False)
    a = np.asarray(x)
    rcond = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rcond is None else rcond
    y = _run("pinv", np.linalg.pinv, a, rcond)

    def backward(dy):
        left, right = np.eye(a.shape[-2], dtype=a.dtype) - a @ y, np.eye(a.shape[-1], dtype=a.dtype) - y @ a
        return -_t(y) @ dy @ _t(y) + left @ _t(dy) @ y @ _t(y) + _t(y) @ y @ _t(dy) @ right

    return _result(y, (x,), backward)


def matrix_rank(x, tol=None):
    """How many singular values of each matrix in x[...,M,N] are above tol, as int32. No gradient.

    tol None: the largest one times the float's precision times max(M, N).

    >>> cygrad.ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).item()
    1
    """
    x = _matrix(x, "matrix_rank", False)
    return from_array(np.asarray(_run("matrix_rank", np.linalg.matrix_rank, np.asarray(x), tol)), "int32")


def det(x):
    """The determinant of each matrix, [...]. dx = dy y x^-T, for matrices that have an inverse.

    >>> round(cygrad.ops.det([[1.0, 2.0], [3.0, 4.0]]).item(), 4)
    -2.0
    """
    x = _matrix(x, "det")
    values = np.asarray(x)
    y = np.linalg.det(values)
    return _result(y, (x,), lambda dy: (dy * y)[..., None, None] * _t(_run("det", np.linalg.inv, values)))


def slogdet(x):
    """(sign, logarithm of the size) of each matrix's determinant. Of the logarithm, dx = dy x^-T.

    >>> sign, size = cygrad.ops.slogdet([[1.0, 2.0], [3.0, 4.0]])
    >>> float(sign), round(float(size), 4)
    (-1.0, 0.6931)
    """
    x = _matrix(x, "slogdet")
    values = np.asarray(x)
    sign, size = np.linalg.slogdet(values)
    back = lambda dy: dy[..., None, None] * _t(_run("slogdet", np.linalg.inv, values))  # noqa: E731
    return from_array(sign), _result(size, (x,), back)


def logdet(x):
    """The logarithm of the determinant of each positive definite matrix. dx = dy x^-T.

    >>> round(cygrad.ops.logdet([[2.0, 0.0], [0.0, 3.0]]).item(), 4)
    1.7918
    """
    return slogdet(x)[1]


def solve(a, b):
    """x with a x = b: for a[...,N,N] and b[...,N,K], or one vector b[...,N]. db = a^-T dx; da = -db x^T.

    >>> cygrad.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).numpy().tolist()
    [1.0, 0.5]
    """
    a, b = _matrix(a, "solve", argument="a"), as_float(b, "solve", "b")
    return _solution("solve", a, b, np.asarray(a), lambda gradient: gradient)


def solve_triangular(a, b, lower=False):
    """solve, of a x = b, for an upper (lower: a lower) triangular matrix a, whose other half counts as 0.

    >>> cygrad.ops.solve_triangular([[2.0, 1.0], [9.0, 4.0]], [3.0, 4.0]).numpy().tolist()
    [1.0, 1.0]
    """
    a, b = _matrix(a, "solve_triangular", argument="a"), as_float(b, "solve_triangular", "b")
    half = np.tril if lower else np.triu
    return _solution("solve_triangular", a, b, half(np.asarray(a)), half)


def _solution(op, a, b, matrix, kept):
    vector = len(b.shape) == len(a.shape) - 1
    if b.shape != (*a.shape[:-1], *([] if vector else b.shape[-1:])):
        raise ValueError(f"{op}: expected b[...,N,K] or b[...,N] for a[...,N,N]; got {b.shape} and {a.shape}")
    columns = np.asarray(b)[..., None] if vector else np.asarray(b)
    x = _run(op, np.linalg.solve, matrix, columns)

    def backward(dx):
        db = np.linalg.solve(_t(matrix), dx[..., None] if vector else dx)
        return kept(-db @ _t(x)), db[..., 0] if vector else db

    return _result(x[..., 0] if vector else x, (a, b), backward)


def lstsq(a, b, rcond=None):
    """x that makes |a x - b| least, and |x| least among those: a[M,N], b[M,K] or [M]. No gradient.

    rcond: singular values below rcond times the largest count as 0; None: the float's precision times max(M, N).

    >>> cygrad.ops.lstsq([[1.0], [1.0]], [1.0, 3.0]).numpy().round(4).tolist()
    [2.0]
    """
    a, b = _matrix(a, "lstsq", False, "a"), as_float(b, "lstsq", "b")
    return from_array(_run("lstsq", np.linalg.lstsq, np.asarray(a), np.asarray(b), rcond)[0])


def cholesky(x, upper=False):
    """L, lower triangular, with L L^T = x for a positive definite x; upper: L^T. Raises ValueError where there is none.

    >>> cygrad.ops.cholesky([[4.0, 2.0], [2.0, 2.0]]).numpy().tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    x = _matrix(x, "cholesky")
    y = _run("cholesky", np.linalg.cholesky, np.asarray(x))

    def backward(dy):
        inner = np.tril(_t(y) @ (_t(dy) if upper else dy))
        inner -= 0.5 * inner * np.eye(y.shape[-1], dtype=inner.dtype)
        inverse = np.linalg.inv(y)
        s = _t(inverse) @ inner @ inverse
        return (s + _t(s)) / 2

    return _result(_t(y) if upper else y, (x,), backward)


def cholesky_inverse(x, upper=False):
    """The inverse of L L^T, for x = L, lower triangular; upper: x = L^T. The other half of x counts as 0.

    >>> cygrad.ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]).numpy().tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    x = _matrix(x, "cholesky_inverse")
    y = inv(triu(x) if upper else tril(x))
    return matmul(y, swapaxes(y, -1, -2)) if upper else matmul(swapaxes(y, -1, -2), y)


def _gaps(values):
    """1 / (values_j - values_i), 0 where i = j."""
    gaps = values[..., None, :] - values[..., :, None]
    same = np.eye(values.shape[-1], dtype=bool)
    return np.where(same, 0, 1 / np.where(same, 1, gaps)).astype(values.dtype)


def eigh(x):
    """(w, v) of symmetric matrices, of which the lower half is read: x v = v diag(w), w going up.

    dx = v (diag(dw) + F v^T dv) v^T, F_ij = 1 / (w_j - w_i).

    >>> w, v = cygrad.ops.eigh([[2.0, 0.0], [0.0, 1.0]])
    >>> w.numpy().tolist()
    [1.0, 2.0]
    """
    x = _matrix(x, "eigh")
    w, v = _run("eigh", np.linalg.eigh, np.asarray(x))

    def of_vectors(dv):
        inner = v @ (_gaps(w) * (_t(v) @ dv)) @ _t(v)
        return (inner + _t(inner)) / 2

    return _result(w, (x,), lambda dw: (v * dw[..., None, :]) @ _t(v)), _result(v, (x,), of_vectors)


def qr(x, mode="reduced"):
    """(q, r): x = q r, q with orthonormal columns, r upper triangular; mode "complete": q is square.

    Gradients for x[...,M,N] with M >= N and mode "reduced".

    >>> q, r = cygrad.ops.qr([[3.0, 0.0], [4.0, 5.0]])
    >>> bool(np.allclose(q @ r, [[3.0, 0.0], [4.0, 5.0]], atol=1e-5))
    True
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete'; got {mode!r}")
    x = _matrix(x, "qr", False)
    q, r = np.linalg.qr(np.asarray(x), mode)

    def pulled(dq, m):
        if mode == "complete" or x.shape[-2] < x.shape[-1]:
            raise ValueError(f"qr: there is a gradient for mode 'reduced' and M >= N alone; x has shape {x.shape}")
        lower = np.tril(m)
        both = lower + _t(np.tril(m, -1))
        return _t(np.linalg.solve(r, _t(dq + q @ both)))

    def of_r(dr):
        return pulled(np.zeros_like(q), r @ _t(dr))

    return _result(q, (x,), lambda dq: pulled(dq, -_t(dq) @ q)), _result(r, (x,), of_r)


def svd(x, full_matrices=True, compute_uv=True):
    """(u, s, vh): x = u diag(s) vh, s going down; compute_uv=False: s alone. full_matrices: u and vh are square.

    Gradients of u and vh for full_matrices=False, of s always: dx = u diag(ds) vh.

    >>> cygrad.ops.svd([[0.0, 2.0], [1.0, 0.0]], compute_uv=False).numpy().tolist()
    [2.0, 1.0]
    """
    x = _matrix(x, "svd", False)
    values = np.asarray(x)
    u, s, vh = _run("svd", np.linalg.svd, values, full_matrices=False)
    sizes = _result(s, (x,), lambda ds: (u * ds[..., None, :]) @ vh)
    if not compute_uv:
        return sizes
    if full_matrices and x.shape[-1] != x.shape[-2]:
        left, _, right = np.linalg.svd(values)

        def refuse(dy):
            raise ValueError("svd: there is a gradient of u and vh for full_matrices=False alone")

        return _result(left, (x,), refuse), sizes, _result(right, (x,), refuse)
    f = _gaps(s * s)

    def of_u(du):
        j = f * (_t(u) @ du)
        outside = du - u @ (_t(u) @ du)
        return (u @ ((j + _t(j)) * s[..., None, :]) + outside / s[..., None, :]) @ vh

    def of_vh(dvh):
        k = f * (vh @ _t(dvh))
        outside = dvh - (dvh @ _t(vh)) @ vh
        return u @ (s[..., :, None] * ((k + _t(k)) @ vh) + outside / s[..., :, None])

    return _result(u, (x,), of_u), sizes, _result(vh, (x,), of_vh)
