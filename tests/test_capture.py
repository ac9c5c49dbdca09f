"""Capture and replay: the same bits as op by op, a new recording after a change, no replay where it is wrong."""

import threading

import numpy as np
import pytest
from cygrad._program import Arena, Program

import cygrad
from cygrad import Input, Sequential, _core, layers, ops

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 12, 12, 3)).astype("float32")
Y = np.arange(70) % 5


def convolutional():
    return [
        layers.Conv2D(8, 3, padding="same", kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(2),
        layers.SpatialDropout2D(0.2),
        layers.DepthwiseConv2D(3, activation="gelu"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(16, activation="silu", activity_regularizer="l1"),
        layers.LayerNormalization(),
        layers.GaussianNoise(0.1),
        layers.Dense(5, activation="softmax"),
    ]


def trained(jit_compile, make=convolutional, loss="sparse_categorical_crossentropy", y=Y, epochs=3, **fit):
    cygrad.utils.set_random_seed(0)
    model = Sequential([Input(X.shape[1:]), *make()])
    model.compile("adam", loss, metrics=["accuracy", "crossentropy"] if y is Y else ["mae"], jit_compile=jit_compile)
    history = model.fit(X, y, batch_size=16, epochs=epochs, validation_data=(X[:20], y[:20]), verbose=0, **fit)
    return model, history.history


def what_happens(model, what="train"):
    return " ".join(model.explain_capture()[what])


@pytest.mark.parametrize(
    "fit",
    [{}, {"sample_weight": np.linspace(0, 1, 70)}, {"class_weight": {0: 2.0}}],
    ids=["plain", "sample_weight", "class_weight"],
)
def test_the_same_bits_as_op_by_op(fit):
    (fast, fast_history), (slow, slow_history) = trained("auto", **fit), trained(False, **fit)
    assert "replays" in what_happens(fast) and "op by op" not in what_happens(fast)
    assert what_happens(slow) == "runs op by op: capture is turned off"
    assert fast_history == slow_history
    for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True):
        assert (a == b).all()
    for n in (1, 16, 1, 16, 1, 16, 70):
        assert (fast.predict(X[:n], verbose=0) == slow.predict(X[:n], verbose=0)).all()


@pytest.mark.parametrize("loss", ["mse", "mae", "categorical_crossentropy", "binary_crossentropy"])
def test_losses(loss):
    y = np.eye(5, dtype="float32")[Y]
    (fast, fast_history), (slow, slow_history) = trained("auto", loss=loss, y=y), trained(False, loss=loss, y=y)
    assert fast_history == slow_history
    assert all((a == b).all() for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True))


def test_what_was_constant_may_change():
    def run(jit_compile):
        model, _ = trained(jit_compile)
        dropout, dense = model.layers[8], model.layers[9]
        dropout.rate = 0.6
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
        dense.trainable = False
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
        dense.activation = ops.tanh
        dense.trainable = True
        model.layers[0].kernel.regularizer = None
        model.optimizer.learning_rate = 0.1
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
        model.set_weights([w * 0.5 for w in model.get_weights()])
        history = model.fit(X, Y, batch_size=16, epochs=2, verbose=0).history
        return model, history

    (fast, fast_history), (slow, slow_history) = run("auto"), run(False)
    assert "replays" in what_happens(fast)
    assert fast_history == slow_history
    assert all((a == b).all() for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True))


def test_a_regularizer_may_change():
    def run(jit_compile):
        model, _ = trained(jit_compile)
        model.layers[0].kernel.regularizer.l2 = 0.5
        model.fit(X, Y, batch_size=16, verbose=0)
        return model.get_weights()

    assert all((a == b).all() for a, b in zip(run("auto"), run(False), strict=True))


class Counting(layers.Layer):
    """Does something else at each call, as only its author can know."""

    calls = 0

    def call(self, x):
        Counting.calls += 1
        return x * float(Counting.calls)


class Reading(layers.Layer):
    def call(self, x):
        return x * float(np.asarray(x).max())


def test_code_of_the_user_s_runs_each_time():
    model = Sequential([Input((3,)), Counting()])
    x = np.ones((2, 3), "float32")
    outputs = [model.predict(x, verbose=0)[0, 0] for _ in range(4)]
    assert outputs == [outputs[0] + i for i in range(4)]
    assert "'counting" in what_happens(model, "predict") and "jit_compile=True" in what_happens(model, "predict")


def test_predict_on_batch_is_replayed():
    model, _ = trained("auto", epochs=1)  # its batches of 70 are more than predict's 32
    first, *others = [model.predict_on_batch(X) for _ in range(4)]
    assert all((other == first).all() for other in others)
    assert "(70, 12, 12, 3): replays" in what_happens(model, "predict")


def test_a_promise_captures_it_all_the_same():
    Counting.calls = 0
    model = Sequential([Input((3,)), Counting()])
    model.compile("sgd", "mse", jit_compile=True)
    x = np.ones((2, 3), "float32")
    calls = [(model.predict(x, verbose=0), Counting.calls)[1] for _ in range(4)]
    assert calls[3] == calls[1] and "replays" in what_happens(model, "predict")


def test_a_tensor_that_python_reads_is_never_replayed():
    model = Sequential([Input((3,)), Reading()])
    model.compile("sgd", "mse", jit_compile=True)
    for scale in (1, 2, 3, 4):
        x = np.full((2, 3), scale, "float32")
        assert (model.predict(x, verbose=0) == x * scale).all()
    assert "reads or writes a tensor's memory (test_capture.py" in what_happens(model, "predict")


def test_functions_of_the_user_s_are_seen():
    model = Sequential([Input((3,)), layers.Dense(2, activation=lambda x: x)])
    model.predict(np.ones((2, 3)), verbose=0)
    assert "lambda" in what_happens(model, "predict")


def test_wrong_labels_raise_in_a_replay_too():
    model, _ = trained("auto")
    with pytest.raises((ValueError, IndexError)):
        model.fit(X, np.full(70, 7), batch_size=16, verbose=0)
    model.train_on_batch(X[:16], Y[:16])
    bad = Y[:16].copy()
    bad[3] = 9
    with pytest.raises((ValueError, IndexError)):
        model.train_on_batch(X[:16], bad)


def test_outputs_are_new_each_time():
    model, _ = trained("auto")
    a = [model.predict(X[i : i + 16], verbose=0) for i in range(5)]
    assert "replays" in what_happens(model, "predict")
    assert len({id(y) for y in a}) == 5 and not any(np.shares_memory(a[i], a[i + 1]) for i in range(4))
    assert not (a[3] == a[4]).all()


def test_input_of_any_layout():
    model, _ = trained("auto")
    for _ in range(3):
        expected = model.predict(X[:16], verbose=0)
    assert (model.predict(np.asfortranarray(X[:16]), verbose=0) == expected).all()
    assert (model.predict(X[:16].astype("float64"), verbose=0) == expected).all()
    assert (model.predict(X[15::-1], verbose=0) == expected[::-1]).all()
    frozen = X[:16].copy()
    frozen.flags.writeable = False
    assert (model.predict(frozen, verbose=0) == expected).all()


def test_threads_with_one_model_and_one_arena():
    model, _ = trained("auto")
    expected = {n: model.predict(X[:n], verbose=0) for n in (1, 5, 16) for _ in range(3)}
    wrong = []

    def work(n):
        for _ in range(200):
            if not (model.predict(X[:n], verbose=0) == expected[n]).all():
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 5, 16, 16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_models_that_record_at_the_same_time():
    results = {}

    def work(i):
        results[i] = trained("auto")[0].get_weights() if i else None

    work(1)
    model, _ = trained(False)
    threads = [
        threading.Thread(target=lambda: [model.predict(X[:n], verbose=0) for n in range(1, 30)]) for _ in range(2)
    ]
    for t in threads:
        t.start()
    work(2)
    for t in threads:
        t.join()
    assert all((a == b).all() for a, b in zip(results[1], results[2], strict=True))


def test_temporary_blocks_that_live_together_lie_apart():
    model, _ = trained("auto")
    x = ops.convert_to_tensor(X[:16])
    with _core.Recorder() as recorder:
        y = model(x, training=False)
    program = Program(recorder, (x,), (y,), Arena(), tuple)
    places = program.places
    temporary = [b for i, b in enumerate(recorder.blocks) if b[3] is not None and i in places]
    fused = 2  # results of a convolution and its normalization, which are one call with the relu
    assert len(places) == sum(b[3] is not None for b in recorder.blocks) - fused > 5
    assert program.arena_bytes < 0.9 * sum(b[1] for b in temporary)  # memory is used again
    listed = [(places[i], recorder.blocks[i]) for i in places]
    for i, (p, a) in enumerate(listed):
        assert p % 64 == 0 and p + a[1] <= program.arena_bytes
        for q, b in listed[:i]:
            together = a[2] < b[3] and b[2] < a[3]
            assert not together or p + a[1] <= q or q + b[1] <= p
    (again,) = program.replay((x,))
    assert (again.numpy() == y.numpy()).all()


def test_a_gradient_tape_around_it_sees_everything():
    model, _ = trained("auto")
    x = ops.convert_to_tensor(X[:16])
    for _ in range(3):
        model.predict(X[:16], verbose=0)
    with cygrad.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=False)
    assert np.abs(tape.gradient(y, x).numpy()).sum() > 0


def test_a_replayed_step_allocates_nothing_from_the_system():
    model, _ = trained("auto")
    for _ in range(3):
        model.train_on_batch(X[:16], Y[:16])
    before = _core.alloc_stats()["system_calls"]
    for _ in range(50):
        model.train_on_batch(X[:16], Y[:16])
    assert _core.alloc_stats()["system_calls"] == before


def test_jit_compile_is_saved(tmp_path):
    model, _ = trained(True)
    model.save(tmp_path / "m.cygrad")
    again = cygrad.models.load_model(tmp_path / "m.cygrad")
    assert again._compile_arguments["jit_compile"] is True
    with pytest.raises(ValueError, match="jit_compile"):
        model.compile("sgd", "mse", jit_compile="maybe")
    with pytest.raises(ValueError, match="contradict"):
        model.compile("sgd", "mse", jit_compile=True, run_eagerly=True)


AUGMENTATIONS = {
    "flip": lambda: layers.RandomFlip(seed=1),
    "translation": lambda: layers.RandomTranslation(0.2, 0.1, seed=1),
    "rotation": lambda: layers.RandomRotation(0.1, seed=1),
    "zoom": lambda: layers.RandomZoom(0.2, 0.1, seed=1),
    "crop": lambda: layers.RandomCrop(8, 9, seed=1),
    "contrast": lambda: layers.RandomContrast(0.2, (0, 1), seed=1),
    "brightness": lambda: layers.RandomBrightness(0.2, (0, 1), seed=1),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_images_are_varied_anew_at_each_replay(name):
    def make():
        return [AUGMENTATIONS[name](), layers.Flatten(), layers.Dense(5, activation="softmax")]

    (fast, fast_history), (slow, slow_history) = trained("auto", make), trained(False, make)
    assert "replays" in what_happens(fast) and fast_history == slow_history
    assert all((a == b).all() for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True))
    varied = fast.layers[0]
    assert (np.asarray(varied(X, training=True)) != np.asarray(varied(X, training=True))).any()


def test_masks_are_combined_at_each_replay():
    x = np.where(rng.random((70, 6, 1)) < 0.3, 0, rng.normal(size=(70, 6, 3))).astype("float32")

    def run(jit_compile):
        cygrad.utils.set_random_seed(0)
        inputs = Input((6, 3))
        a = layers.Masking()(inputs)
        b = layers.Masking(mask_value=1.0)(inputs)
        joined = layers.Concatenate()([a, b, inputs])
        both = layers.Add()([layers.Dense(4)(joined), layers.Dense(4)(a)])
        model = cygrad.Model(inputs, layers.Dense(5, activation="softmax")(layers.LSTM(4)(both)))
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit_compile)
        model.fit(x, Y, batch_size=16, epochs=3, verbose=0)
        return model

    fast, slow = run("auto"), run(False)
    assert "replays" in what_happens(fast) and "op by op" not in what_happens(fast)
    assert all((a == b).all() for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True))
