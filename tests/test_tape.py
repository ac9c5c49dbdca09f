"""GradientTape: what it records, what it gives back, what it frees."""

import gc
import threading
import weakref

import numpy as np
import pytest
from cygrad._tensor import GradientTape, Tensor, Variable, empty, record, tracked

from cygrad import _core, ops
from cygrad.ops._backend import use_reference


def tensor(*values):
    return ops.convert_to_tensor(np.array(values, "float32"))


def listed(gradient):
    return None if gradient is None else gradient.numpy().tolist()


def test_variables_are_watched_and_constants_are_not():
    v, frozen, x = Variable([2.0, 3.0]), Variable([5.0, 7.0], trainable=False), tensor(1, 2)
    with GradientTape() as tape:
        y = v * frozen * x
    assert tracked(y)
    assert [listed(g) for g in tape.gradient(y, [v, frozen, x])] == [[5, 14], None, None]


def test_watch():
    x = tensor(1, 2)
    with GradientTape() as tape:
        tape.watch([x])
        y = x * x
    assert listed(tape.gradient(y, x)) == [2, 4]
    with pytest.raises(TypeError, match="expected a Tensor; got ndarray"):
        tape.watch(np.ones(2))


def test_a_frozen_variable_can_be_watched():
    v = Variable([3.0], trainable=False)
    with GradientTape() as tape:
        tape.watch(v)
        y = v * v
    assert listed(tape.gradient(y, v)) == [6]


def test_watch_accessed_variables_false():
    v, w = Variable([2.0]), Variable([3.0])
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(w)
        y = v * w
    assert [listed(g) for g in tape.gradient(y, [v, w])] == [None, [2]]


def test_the_structure_of_sources_is_kept():
    v, w = Variable([2.0]), Variable([3.0])
    with GradientTape(persistent=True) as tape:
        y = v * w
    assert isinstance(tape.gradient(y, v), Tensor)
    assert isinstance(tape.gradient(y, [v, w]), list)
    assert isinstance(tape.gradient(y, (v, w)), tuple)


def test_a_second_call_needs_a_persistent_tape():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, v)
    tape.reset()
    with tape:
        y = v * v
    assert listed(tape.gradient(y, v)) == [4]


def test_persistent():
    v = Variable([2.0])
    with GradientTape(persistent=True) as tape:
        y = v * v
        z = y * v
    assert listed(tape.gradient(z, v)) == [12]
    assert listed(tape.gradient(z, v)) == [12]
    assert [listed(g) for g in tape.gradient(z, [y, v])] == [[2], [12]]
    assert listed(tape.gradient(y, v)) == [4]


def test_split_on_a_persistent_tape():
    v = Variable([1.0, 2.0, 3.0, 4.0])
    with GradientTape(persistent=True) as tape:
        a, b = ops.split(v, 2)
        y = a * b
    for _ in range(2):
        assert listed(tape.gradient(y, v)) == [3, 4, 1, 2]
        assert listed(tape.gradient(a, v)) == [1, 1, 0, 0]


def test_gradients_of_results_on_the_way():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * 3.0
        z = y * y
    assert [listed(g) for g in tape.gradient(z, [v, y])] == [[36], [12]]


def test_the_gradient_of_a_target_with_respect_to_itself():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * 3.0
    assert listed(tape.gradient(y, y)) == [1]
    with GradientTape() as tape:
        pass
    assert listed(tape.gradient(v, v)) == [1]


def test_shared_subexpressions_are_added_up():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * v
        z = y + y + y * y + v
    assert listed(tape.gradient(z, v)) == [4 + 4 + 32 + 1]


def test_many_uses_of_one_variable():
    v = Variable([1.0, 2.0])
    with GradientTape() as tape:
        y = v
        for _ in range(100):
            y = y + v
    assert listed(tape.gradient(y, v)) == [101, 101]


def test_adding_up_does_not_write_into_gradients_that_others_hold():
    v, w = Variable([1.0]), Variable([1.0])
    with GradientTape() as tape:
        y = v + w  # both get the same dy
        z = y + v + v
    assert [listed(g) for g in tape.gradient(z, [v, w, y])] == [[3], [1], [1]]


def test_unconnected_gives_none():
    v, w = Variable([2.0]), Variable([3.0])
    with GradientTape() as tape:
        y = v * 2.0
        _ = w * 2.0
    assert [listed(g) for g in tape.gradient(y, [v, w])] == [[2], None]


def test_what_happens_outside_is_not_recorded():
    v = Variable([2.0])
    y = v * 2.0
    assert not tracked(y)
    with GradientTape() as tape:
        z = y * 3.0
    w = v * 2.0
    assert tape.gradient(z + w, v) is None


def test_several_targets_and_output_gradients():
    v = Variable([2.0, 3.0])
    with GradientTape(persistent=True) as tape:
        y = v * v
        z = v * 2.0
    assert listed(tape.gradient([y, z], v)) == [6, 8]
    assert listed(tape.gradient(y, v, output_gradients=[[10, 100]])) == [40, 600]
    assert listed(tape.gradient([y, z], v, output_gradients=[tensor(1, 0), None])) == [6, 2]
    with pytest.raises(ValueError, match=r"an output gradient has shape \(3,\), its target \(2,\)"):
        tape.gradient(y, v, output_gradients=np.ones(3))
    with pytest.raises(ValueError, match="got 2 targets, but 1 output_gradients"):
        tape.gradient([y, z], v, output_gradients=[None])


def test_wrong_arguments():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * v
    with pytest.raises(TypeError, match="expected a Tensor as target; got float"):
        tape.gradient(2.0, v)
    with pytest.raises(TypeError, match="expected a Tensor as source; got str"):
        tape.gradient(y, ["v"])
    with pytest.raises(RuntimeError, match="open already"), tape, tape:
        pass


def test_nested_tapes_record_both():
    v, w = Variable([2.0]), Variable([3.0])
    with GradientTape() as outer:
        y = v * w
        with GradientTape() as inner:
            z = y * w
        assert listed(inner.gradient(z, w)) == [6]
    assert [listed(g) for g in outer.gradient(z, [v, w])] == [[9], [12]]


def test_gradients_of_gradients_are_not_recorded():
    v = Variable([2.0])
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = v**3
        first = inner.gradient(y, v)
    assert listed(first) == [12]
    assert outer.gradient(first, v) is None


def test_ops_inside_a_backward_are_not_recorded():
    v = Variable([2.0])
    x = v
    with GradientTape(persistent=True) as tape:
        y = record(empty((1,)), (x,), lambda dy: ops.multiply(dy, ops.multiply(v, v)))
        assert listed(tape.gradient(y, v)) == [4]
        assert listed(tape.gradient(y, v)) == [4]


def test_an_error_on_the_way_leaves_the_tape_usable():
    v = Variable([2.0])

    def fails(dy):
        raise ZeroDivisionError

    with GradientTape(persistent=True) as tape:
        y = v * 2.0
        bad = record(empty((1,)), (y,), fails)
        with pytest.raises(ZeroDivisionError):
            tape.gradient(bad, v)
        z = y * v  # still recording
    assert listed(tape.gradient(z, v)) == [8]


def bound(*variables):
    """Values and gradients in an arena, gradients poisoned."""
    n = sum(v.size for v in variables)
    values, gradients = empty((n,)), empty((n,))
    np.asarray(gradients).fill(np.nan)
    offset = 0
    for v in variables:
        v.bind(values, gradients, offset)
        offset += v.size
    return values, gradients


def test_gradient_into_arena():
    w, b, unused = Variable([[1.0, 2.0], [3.0, 4.0]]), Variable([5.0, 6.0]), Variable([7.0])
    values, gradients = bound(w, b, unused)
    assert listed(values) == [1, 2, 3, 4, 5, 6, 7]
    x = np.array([[1.0, -1.0], [2.0, 0.5]], "float32")
    for _ in range(2):
        with GradientTape() as tape:
            loss = ops.sum(ops.dense(x, w, b))
        tape.gradient_into_arena(loss, [w, b, unused])
        assert listed(gradients) == [3, 3, -0.5, -0.5, 2, 2, 0]
    assert listed(w.gradient) == [[3, 3], [-0.5, -0.5]]


def test_gradient_into_arena_adds_up_and_copies():
    """A variable used several times, one whose gradient is another's dy, and one reached through a view."""
    a, b, c = Variable([1.0, 2.0]), Variable([3.0, 4.0]), Variable([[5.0], [6.0]])
    _, gradients = bound(a, b, c)
    with GradientTape() as tape:
        y = a * a + b + a * 3.0 + ops.reshape(c, (2,)) * a
    tape.gradient_into_arena(y, [a, b, c])
    assert listed(gradients) == [2 + 3 + 5, 4 + 3 + 6, 1, 1, 1, 2]
    with GradientTape() as tape:
        y = ops.matmul(ops.reshape(a, (1, 2)), c) + ops.sum(ops.split(a, 2)[1]) + a[0]
    tape.gradient_into_arena(y, [a, b, c])
    assert listed(gradients) == [5 + 1, 6 + 1, 0, 0, 1, 2]


def test_gradient_after_the_arena_is_fresh():
    """gradient() outside gradient_into_arena must not hand out the arena's slices."""
    v = Variable([2.0])
    bound(v)
    with GradientTape() as tape:
        y = v * v
    gradient = tape.gradient(y, v)
    assert listed(gradient) == [4]
    assert not np.shares_memory(gradient.numpy(), v.gradient.numpy())


def test_gradient_into_arena_of_a_free_variable():
    v = Variable([2.0])
    with GradientTape() as tape:
        y = v * v
    with pytest.raises(ValueError, match="'variable' is bound to no arena"):
        tape.gradient_into_arena(y, [v])


def test_each_thread_has_its_own_tapes():
    barrier, found = threading.Barrier(4), {}

    def work(i):
        v = Variable([float(i)])
        for _ in range(20):
            with GradientTape() as tape:
                barrier.wait(10)
                y = v * v
                barrier.wait(10)
            found[i] = listed(tape.gradient(y, v))
            barrier.wait(10)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    with GradientTape() as here:
        for t in threads:
            t.join()
        assert not ops.ones(1).logits
    v = Variable([1.0])
    assert here.gradient(v * v, v) is None
    assert found == {i: [2 * i] for i in range(4)}


def test_a_thread_without_a_tape_records_nothing():
    v, results = Variable([2.0]), []
    with GradientTape():
        t = threading.Thread(target=lambda: results.append(tracked(v * v)))
        t.start()
        t.join()
    assert results == [False]


@pytest.mark.parametrize("ending", ["gradient", "thrown away", "error"])
def test_memory_is_freed_without_the_garbage_collector(ending):
    v = Variable(np.ones((64, 64)))
    gc.collect()
    gc.disable()
    try:
        before = _core.alloc_stats()["in_use"]
        for persistent in (False, True):
            with GradientTape(persistent=persistent) as tape:
                y = v
                for _ in range(5):
                    y = ops.tanh(ops.dense(y, v, activation="relu"))
                y = ops.sum(ops.concatenate(ops.split(y, 2)))
            if ending == "gradient":
                tape.gradient(y, v)
            elif ending == "error":
                with pytest.raises(TypeError):
                    tape.gradient(y, "v")
            del y, tape
            assert _core.alloc_stats()["in_use"] == before
    finally:
        gc.enable()


def test_activations_are_freed_as_the_walk_goes():
    v = Variable(np.ones(1))
    closures, alive = [], []

    def layer(x):
        def backward(dy):
            alive.append(sum(closure() is not None for closure in closures))
            return dy

        closures.append(weakref.ref(backward))
        return record(empty((1,)), (x,), backward)

    with GradientTape() as tape:
        y = layer(layer(layer(v)))
    tape.gradient(y, v)
    assert alive == [3, 2, 1]


def test_a_long_chain_is_freed_without_running_out_of_stack():
    v = Variable([1.0])
    with GradientTape() as tape:
        y = v
        for _ in range(20000):
            y = y * 1.0
    assert listed(tape.gradient(y, v)) == [1]
    with GradientTape() as tape:
        y = v
        for _ in range(20000):
            y = ops.relu(y)
    del tape, y


def test_the_reference_runs_under_the_same_tape():
    v = Variable([1.5])
    with use_reference():
        with GradientTape() as tape:
            y = ops.exp(v)
        gradient = tape.gradient(y, v)
    assert gradient.dtype == "float64"
    assert gradient.item() == pytest.approx(np.exp(1.5), rel=1e-15)
