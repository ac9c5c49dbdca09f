"""Attention layers and EinsumDense against Keras, at random arguments: weights' names and shapes, values, weights of
attention, masks, and the gradients of the inputs and of each weight. Runs where Keras is installed."""

import math

import numpy as np
import pytest
from frameworks import close, cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")


def compare(name, arguments, inputs, options, listed=False):
    """One layer in both, called with the same inputs and options (masks and flags), all outputs weighted at random."""
    rng = np.random.default_rng(5)
    mine, theirs = (getattr(module.layers, name)(**arguments) for module in (cygrad, keras))
    call = (lambda layer, x, **more: layer(list(x), **more)) if listed else (lambda layer, x, **more: layer(*x, **more))
    call(mine, inputs, **options)
    call(theirs, inputs, **options)
    own = [w.path.split("/")[1:] for w in mine.trainable_weights]
    assert own == [w.path.split("/")[1:] for w in theirs.trainable_weights]
    assert [w.shape for w in mine.trainable_weights] == [tuple(w.shape) for w in theirs.trainable_weights]
    weights = [normal(rng, w.shape) / np.float32(math.sqrt(max(w.shape[0], 1) if w.shape else 1)) for w in mine.weights]
    for variable, weight in zip(mine.trainable_weights, weights):
        variable.assign(weight)
    state = theirs.non_trainable_variables

    def function(*tensors):
        x, w = tensors[: len(inputs)], list(tensors[len(inputs) :])
        given = [list(x)] if listed else x
        return theirs.stateless_call(w, state, *given, **options)[0]

    ys, dy, gradients = cygrad_vjp(lambda *x: call(mine, x, **options), inputs, rng, mine.trainable_variables)
    expected, expected_gradients = keras_vjp(function, [*inputs, *weights], dy)
    terms = max(math.prod(x.shape[1:]) for x in inputs)
    for y, wanted in zip(ys, expected, strict=True):
        close(y, wanted, terms)
    # All gradients together: that of the keys' bias is a sum of terms that cancel, 0 but for rounding.
    close(*(np.concatenate([np.ravel(g) for g in each]) for each in (gradients, expected_gradients)), 4 * terms)


def kept(rng, *shape):
    """A random mask in which no query is without a key (there, Keras's backends differ in the gradients)."""
    mask = rng.random(shape) < 0.7
    mask[..., 0] = True
    return mask


@pytest.mark.parametrize("seed", range(24))
def test_multi_head_attention(seed):
    rng = np.random.default_rng(seed)
    T, S, E, F = (int(n) for n in rng.integers(2, 9, 4))
    arguments = {
        "num_heads": int(rng.integers(1, 4)),
        "key_dim": int(rng.integers(1, 6)),
        "value_dim": int(rng.integers(1, 6)) if rng.random() < 0.5 else None,
        "use_bias": bool(rng.random() < 0.7),
        "output_shape": [None, 3, (2, 3)][rng.integers(3)],
        "sliding_window": int(rng.integers(1, 5)) if rng.random() < 0.2 else None,
        "use_gate": bool(rng.random() < 0.3),
        "dropout": float(rng.choice([0, 0.3])),
    }
    inputs = [normal(rng, (2, T, E)), normal(rng, (2, S, F))]
    if rng.random() < 0.4:
        inputs.append(normal(rng, (2, S, E)))
    options = {
        "use_causal_mask": bool(rng.random() < 0.4),
        "return_attention_scores": bool(rng.random() < 0.4),
        "training": False,
    }
    if rng.random() < 0.4:
        options["attention_mask"] = kept(
            rng, *[(2, T, S), (1, T, S), (2, arguments["num_heads"], T, S)][rng.integers(3)]
        )
    if arguments["sliding_window"] is not None:  # T > S + window would leave queries without keys
        options["attention_mask"] = None
        inputs[0] = inputs[0][:, : min(T, S)]
    elif rng.random() < 0.4 and options.get("attention_mask", rng.random((2, T, S))).ndim == 3:
        options["value_mask"] = kept(rng, 2, S)  # with a mask of heads, Keras's axes do not meet
    compare("MultiHeadAttention", arguments, inputs, options)


@pytest.mark.parametrize(("axes", "shape"), [((1, 2), (2, 3, 4, 5)), ((2,), (2, 3, 4, 5)), ((-2, 1), (2, 3, 2, 4, 5))])
@pytest.mark.parametrize("scores", [False, True])
def test_attention_over_several_axes(axes, shape, scores):
    rng = np.random.default_rng(0)
    arguments = {"num_heads": 2, "key_dim": 3, "attention_axes": axes}
    compare("MultiHeadAttention", arguments, [normal(rng, shape)] * 2, {"return_attention_scores": scores})


def test_attention_mask_over_several_axes():
    rng = np.random.default_rng(1)
    x, mask = normal(rng, (2, 3, 4, 5)), kept(rng, 2, 4, 4)
    arguments = {"num_heads": 2, "key_dim": 3, "attention_axes": (2,)}
    compare("MultiHeadAttention", arguments, [x, x], {"attention_mask": mask})
    arguments["attention_axes"] = (1, 2)
    mask = rng.random((2, 3, 4, 3, 4)) < 0.7
    mask[..., 0, 0] = True
    compare("MultiHeadAttention", arguments, [x, x], {"attention_mask": mask})


@pytest.mark.parametrize("seed", range(10))
def test_group_query_attention(seed):
    rng = np.random.default_rng(seed)
    T, S, E = (int(n) for n in rng.integers(2, 9, 3))
    shared = int(rng.integers(1, 3))
    arguments = {
        "head_dim": int(rng.integers(1, 6)),
        "num_query_heads": shared * int(rng.integers(1, 4)),
        "num_key_value_heads": shared,
        "use_bias": bool(rng.random() < 0.7),
        "use_gate": bool(rng.random() < 0.3),
    }
    options = {"use_causal_mask": bool(rng.random() < 0.4), "return_attention_scores": bool(rng.random() < 0.4)}
    if rng.random() < 0.5:
        options["attention_mask"] = kept(rng, 2, T, S)
    compare("GroupQueryAttention", arguments, [normal(rng, (2, T, E)), normal(rng, (2, S, E))], options)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
@pytest.mark.parametrize("seed", range(10))
def test_attention(name, seed):
    rng = np.random.default_rng(seed)
    T, S, D = (int(n) for n in rng.integers(2, 9, 3))
    arguments = {"use_scale": bool(rng.random() < 0.5), "dropout": float(rng.choice([0, 0.4]))}
    if name == "Attention":
        arguments["score_mode"] = str(rng.choice(["dot", "concat"]))
    inputs = [normal(rng, (2, T, D)), normal(rng, (2, S, D))]
    if rng.random() < 0.5:
        inputs.append(normal(rng, (2, S, D)))
    options = {"use_causal_mask": bool(rng.random() < 0.4), "return_attention_scores": bool(rng.random() < 0.4)}
    if rng.random() < 0.5:
        options["mask"] = [rng.random((2, T)) < 0.7, kept(rng, 2, S)]
    compare(name, arguments, inputs, options, listed=True)


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape"),
    [
        ("ab,bc->ac", 4, "c", (3, 5)),
        ("abc,cd->abd", (None, 4), None, (2, 3, 5)),
        ("abc,cde->abde", (None, 4, 2), "de", (2, 3, 5)),
        ("abc,cde->abde", (None, 4, 2), "e", (2, 3, 5)),
        ("abc,cde->abde", (None, 4, 2), "d", (2, 3, 5)),
        ("abcd,cde->abe", (None, 4), "e", (2, 3, 5, 4)),
        ("...x,xy->...y", 4, "y", (2, 3, 2, 5)),
        ("...x,xy->...y", 4, None, (3, 5)),
        ("ab...,bc->ac...", 4, "c", (2, 5, 3)),
        ("abc,bd->adc", (4, None), "d", (2, 5, 3)),
        ("abc,abd->acd", (5, 4), "cd", (2, 3, 5)),
    ],
)
def test_einsum_dense(equation, output_shape, bias_axes, shape):
    arguments = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": "tanh"}
    compare("EinsumDense", arguments, [normal(np.random.default_rng(0), shape)], {})
    mine, theirs = (m.layers.EinsumDense(**arguments) for m in (cygrad, keras))
    # of what comes out: Keras's own compute_output_shape mixes up the axes of "..." in rank 4
    assert mine.compute_output_shape(shape) == tuple(theirs(np.ones(shape, "float32")).shape)


@pytest.mark.parametrize("seed", range(12))
def test_dot_product_attention(seed):
    rng = np.random.default_rng(seed)
    T, S, D, K = (int(n) for n in rng.integers(1, 9, 4))
    N = K * int(rng.integers(1, 3)) if K > 1 else K
    inputs = [normal(rng, (2, T, N, D)), normal(rng, (2, S, K, D)), normal(rng, (2, S, K, D))]
    options = {"scale": 0.3 if rng.random() < 0.5 else None}
    kind = rng.integers(4)
    if kind == 1:
        options["is_causal"] = True
    if kind == 2:
        options["mask"] = kept(rng, *[(2, N, T, S), (1, 1, T, S), (2, 1, 1, S)][rng.integers(3)])
    if kind == 3:
        options["bias"] = normal(rng, [(2, N, T, S), (1, N, T, S)][rng.integers(2)])
    (y,), dy, gradients = cygrad_vjp(lambda *x: cygrad.ops.dot_product_attention(*x, **options), inputs, rng)
    (expected,), expected_gradients = keras_vjp(lambda *x: keras.ops.dot_product_attention(*x, **options), inputs, dy)
    close(y, expected, S * D)
    assert [g.shape for g in gradients] == [g.shape for g in expected_gradients]
    flat, wanted = (np.concatenate([g.ravel() for g in gs]) for gs in (gradients, expected_gradients))
    close(flat, wanted, S * T * D)  # together: of one key alone, q's gradient is 0 but for rounding
