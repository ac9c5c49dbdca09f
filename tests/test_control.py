"""Choices and loops of ops, and cygrad.tree."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from cygrad import GradientTape, ops, tree


def test_gradients_go_through_loops():
    x = ops.convert_to_tensor([1.0, 2.0, 3.0])
    with GradientTape() as tape:
        tape.watch(x)
        carry, products = ops.scan(lambda c, v: (c * v, c * v), 1.0, x)
    assert products.numpy().tolist() == [1, 2, 6] and float(carry) == 6
    assert tape.gradient(carry, x).numpy().tolist() == [6, 3, 2]
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.fori_loop(0, 3, lambda i, v: v * x, x)
    assert tape.gradient(y, x).numpy().tolist() == [4, 32, 108]
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.while_loop(lambda v: ops.sum(v) < 100, lambda v: v * 2, x)
    assert tape.gradient(y, x).numpy().tolist() == [32, 32, 32]


def test_choices():
    x = ops.convert_to_tensor(3.0)
    assert float(ops.cond(x > 2, lambda: x * 2, lambda: x)) == 6
    branches = [lambda v: v, lambda v: -v]
    assert [float(ops.switch(i, branches, x)) for i in (-5, 0, 1, 9)] == [3, 3, -3, -3]


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_over_a_nest(reverse):
    xs = {"a": np.arange(4.0), "b": np.arange(8.0).reshape(4, 2)}
    carry, y = ops.scan(lambda c, x: (c + x["a"], (x["b"] * 2, c)), 1.0, xs, reverse=reverse)
    assert float(carry) == 7
    np.testing.assert_array_equal(y[0], xs["b"] * 2)
    sums = np.concatenate([[1.0], 1 + np.cumsum(xs["a"][::-1] if reverse else xs["a"])[:-1]])
    np.testing.assert_array_equal(y[1], sums[::-1] if reverse else sums)
    assert float(ops.scan(lambda c, x: (c + 1, None), 0.0, length=5)[0]) == 5


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_associative_scan(n, reverse, axis):
    x = np.random.default_rng(0).integers(1, 4, (n, n)).astype(np.float32)
    got = ops.associative_scan(lambda a, b: a + b, x, reverse=reverse, axis=axis).numpy()
    turned = np.flip(x, axis) if reverse else x
    wanted = np.cumsum(turned, axis)
    np.testing.assert_array_equal(got, np.flip(wanted, axis) if reverse else wanted)


def test_associative_scan_of_a_recurrence():
    """h_t = a_t h_(t-1) + b_t, as in state space models."""
    rng = np.random.default_rng(1)
    a, b = rng.random(9).astype(np.float32), rng.random(9).astype(np.float32)
    _, h = ops.associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (a, b))
    value, wanted = 0.0, []
    for p, q in zip(a, b):
        value = p * value + q
        wanted.append(value)
    np.testing.assert_allclose(h.numpy(), wanted, rtol=1e-5)


def test_maps():
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(ops.map(lambda r: ops.sum(r), x), x.sum(1))
    np.testing.assert_array_equal(ops.vectorized_map(lambda rows: rows[0] * rows[1], [x, x]), x * x)


def test_loops_are_checked():
    with pytest.raises(ValueError, match="scan: expected xs, or length"):
        ops.scan(lambda c, x: (c, x), 0.0)
    with pytest.raises(ValueError, match=r"associative_scan: expected one length along axis 0; got \[2, 3\]"):
        ops.associative_scan(lambda a, b: a, (np.ones(2), np.ones(3)))


# ---- tree ----

Pair = namedtuple("Pair", "x y")
NEST = {"b": [1, (2, None)], "a": Pair(3, OrderedDict(z=4, y=5))}


def test_a_nest_is_taken_apart_and_put_together():
    assert tree.flatten(NEST) == [3, 5, 4, 1, 2, None]
    again = tree.pack_sequence_as(NEST, tree.flatten(NEST))
    assert again == NEST and list(again) == ["b", "a"] and isinstance(again["a"], Pair)
    assert list(again["a"].y) == ["z", "y"]
    assert [path for path, _ in tree.flatten_with_path(NEST)][:3] == [("a", 0), ("a", 1, "y"), ("a", 1, "z")]
    doubled = tree.map_structure(lambda v: v and v * 2, NEST)
    assert tree.flatten(doubled) == [6, 10, 8, 2, 4, None]
    assert tree.map_structure(lambda v: v + 1, [1, None], none_is_leaf=False) == [2, None]
    assert tree.lists_to_tuples(NEST)["b"] == (1, (2, None))
    assert tree.traverse(lambda v: sum(v) if isinstance(v, tuple) else None, [1, (2, 3)]) == [1, 5]
    assert tree.traverse(lambda v: v + 1 if isinstance(v, int) else None, [1, (2,)], top_down=False) == [2, (3,)]
    assert tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2]}) == {"a": 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tree.map_structure(lambda a, b: a, [1], (1,)), "the structures differ"),
        (lambda: tree.assert_same_structure({"a": 1}, {"b": 1}), "the structures differ"),
        (lambda: tree.assert_same_structure([1, [2]], [1, 2]), "the structures differ"),
        (lambda: tree.assert_same_paths([1], [1, 2]), "leaves have different paths"),
        (lambda: tree.pack_sequence_as([1, 2], [1]), "the structure has 2 leaves; got 1"),
        (lambda: tree.map_structure(len), "expected at least one structure"),
    ],
)
def test_tree_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
