"""Pictures: resize and affine_transform, the layers that vary images, and Normalization."""

import numpy as np
import pytest

import cygrad
from cygrad import layers, ops

rng = np.random.default_rng(6)
IMAGES = (rng.random((5, 8, 9, 3)) * 255).astype("float32")
RANDOM = {
    "RandomFlip": lambda **more: layers.RandomFlip(**more),
    "RandomTranslation": lambda **more: layers.RandomTranslation(0.4, (-0.3, 0.1), **more),
    "RandomRotation": lambda **more: layers.RandomRotation(0.3, fill_mode="constant", **more),
    "RandomZoom": lambda **more: layers.RandomZoom(0.5, 0.2, fill_mode="wrap", interpolation="nearest", **more),
    "RandomCrop": lambda **more: layers.RandomCrop(5, 4, **more),
    "RandomContrast": lambda **more: layers.RandomContrast(0.8, **more),
    "RandomBrightness": lambda **more: layers.RandomBrightness(0.3, **more),
    "RandomColorDegeneration": lambda **more: layers.RandomColorDegeneration(0.8, **more),
    "RandomErasing": lambda **more: layers.RandomErasing(**more),
    "RandomGrayscale": lambda **more: layers.RandomGrayscale(0.5, **more),
    "RandomHue": lambda **more: layers.RandomHue(0.5, **more),
    "RandomSaturation": lambda **more: layers.RandomSaturation(0.8, **more),
    "RandomInvert": lambda **more: layers.RandomInvert(**more),
    "RandomPosterization": lambda **more: layers.RandomPosterization(8, **more),
    "RandomShear": lambda **more: layers.RandomShear(0.3, 0.2, **more),
    "Solarization": lambda **more: layers.Solarization(0.5, 0.5, **more),
}


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.kernels
def test_random_layers(name):
    """Silent at prediction; another choice at each call, the same for the same seed; each image by itself."""
    layer, other = RANDOM[name](seed=3), RANDOM[name](seed=3)
    still = np.asarray(layer(IMAGES, training=False))
    np.testing.assert_array_equal(still, IMAGES[:, 1:6, 2:6] if name == "RandomCrop" else IMAGES)
    first, second = np.array(layer(IMAGES, training=True)), np.array(layer(IMAGES, training=True))
    np.testing.assert_array_equal(other(IMAGES, training=True), first)
    assert first.shape == layer.compute_output_shape(IMAGES.shape) and not (first == second).all()
    assert layer(IMAGES[0], training=True).shape == layer.compute_output_shape(IMAGES.shape[1:])
    whole = layer(IMAGES.astype("uint8"), training=True)
    assert whole.dtype == "float32"
    if name != "RandomCrop":  # all of a batch at one place, as in Keras
        same = np.asarray(layer(np.repeat(IMAGES[:1], 16, axis=0), training=True))
        assert len({image.tobytes() for image in same}) > 1
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config


def test_flips_are_flips():
    x = np.repeat(IMAGES, 8, axis=0)
    for mode, wanted in (("horizontal", x[:, :, ::-1]), ("vertical", x[:, ::-1]), (None, x[:, ::-1, ::-1])):
        layer = layers.RandomFlip(mode, seed=1) if mode else layers.RandomFlip(seed=1)
        y = np.asarray(layer(x, training=True))
        flipped = [(a == b).all() for a, b in zip(y, wanted)]
        assert 0 < sum(flipped) < 40
        assert all(f or (a == b).all() for f, a, b in zip(flipped, y, x))


def test_translation_goes_down_and_right():
    y = layers.RandomTranslation((0.25, 0.25), (1 / 3, 1 / 3), fill_mode="constant", fill_value=7.0)(
        IMAGES, training=True
    )
    np.testing.assert_allclose(np.asarray(y)[:, 2:, 3:], IMAGES[:, :-2, :-3], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(np.asarray(y)[:, :2], 7.0)


def test_a_quarter_turn():
    square = IMAGES[:, :, :8]
    y = layers.RandomRotation((0.25, 0.25))(square, training=True)
    np.testing.assert_allclose(y, np.rot90(square, 1, (1, 2)), rtol=1e-4, atol=1e-2)


def test_brightness_and_contrast():
    y = layers.RandomBrightness((0.1, 0.1))(IMAGES, training=True)
    np.testing.assert_allclose(y, np.clip(IMAGES + 25.5, 0, 255), rtol=1e-5)
    y = layers.RandomContrast((0.5, 0.0), value_range=(-1000, 1000), seed=2)(IMAGES, training=True)
    mean = IMAGES.mean((1, 2), keepdims=True)
    factors = (np.asarray(y) - mean) / (IMAGES - mean)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1, :1, :1], factors.shape), rtol=1e-2)
    assert (factors > 0.99).all() and (factors < 1.51).all() and np.ptp(factors) > 0.1


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
@pytest.mark.kernels
def test_resize(dtype):
    x = IMAGES.astype(dtype)
    np.testing.assert_array_equal(ops.image.resize(x, (8, 9)), x)
    y = ops.image.resize(x, (16, 18), "nearest")
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(2, axis=2))
    assert y.dtype == ops.image.resize(x[0], (4, 20)).dtype == dtype
    assert ops.image.resize(x, (4, 4), crop_to_aspect_ratio=True).shape == (5, 4, 4, 3)
    wide = np.asarray(ops.image.resize(x, (8, 18), pad_to_aspect_ratio=True, fill_value=3))
    np.testing.assert_array_equal(wide[:, :, [0, -1]], 3)


def test_in_a_model():
    """Varies in fit, not in predict; a batch of bytes goes in."""
    x = rng.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    model = cygrad.Sequential(
        [
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((32, 2)), epochs=2, verbose=0)
    flat = cygrad.Sequential(model.layers[2:])
    np.testing.assert_allclose(model.predict(x, verbose=0), flat.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_normalization_adapts():
    x = (3 * rng.normal(size=(40, 6, 4)) + 5).astype("float32")
    for axis, axes in ((-1, (0, 1)), (None, (0, 1, 2)), ((1, 2), (0,))):
        mean, deviation = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)
        layer = layers.Normalization(axis)
        layer.adapt(x)
        np.testing.assert_allclose(layer(x), (x - mean) / deviation, rtol=1e-4, atol=1e-5)
        batches = layers.Normalization(axis)
        batches.adapt([x[:7], x[7:30], x[30:]])
        np.testing.assert_allclose(batches.variance, layer.variance, rtol=1e-5)
        back = layers.Normalization(axis, invert=True)
        back.adapt(x)
        np.testing.assert_allclose(back(layer(x)), x, rtol=1e-4, atol=1e-4)
        again = type(layer).from_config(layer.get_config())
        again.build(x.shape)
        again.set_weights(layer.get_weights())
        np.testing.assert_array_equal(again(x), layer(x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Normalization(mean=1.0), "Normalization: give both mean and variance"),
        (lambda: layers.Normalization(mean=[1.0], variance=1.0), "must have one shape"),
        (lambda: layers.Normalization(3)(np.ones((2, 2))), r"axis \(3,\) does not exist in shape \(2, 2\)"),
        (
            lambda: layers.Normalization(mean=[1.0] * 3, variance=[1.0] * 3)(np.ones((2, 2))),
            "do not fit inputs of shape",
        ),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 2))), "adapt has nothing to find"),
        (lambda: layers.Normalization().adapt([]), "adapt got no data"),
        (lambda: layers.RandomFlip("sideways"), "RandomFlip: mode must be 'horizontal' or 'vertical' or"),
        (
            lambda: layers.RandomRotation(2.0),
            r"factor must be a number in \[-1.0, 1.0\] or two of them",
        ),
        (lambda: layers.RandomZoom(0.1, fill_mode="mirror"), "RandomZoom: fill_mode must be 'reflect' or 'wrap' or"),
        (lambda: layers.RandomContrast(-0.5), r"RandomContrast: factor must be a number in \[0.0, 1.0\]"),
        (lambda: layers.RandomBrightness(0.1, (1, 0)), "value_range must be two numbers, the lower first"),
        (lambda: layers.RandomCrop(0, 3), "RandomCrop: height must be a positive integer; got 0"),
        (lambda: layers.RandomFlip(data_format="channels_first"), 'data_format="channels_first" is not supported'),
        (lambda: layers.Resizing(3, 3, antialias=True), "Resizing: antialias is not supported"),
        (lambda: layers.Resizing(3, 3, "lanczos5"), "lanczos5"),
        (lambda: ops.image.resize(IMAGES, 3), "resize: size must be two positive integers"),
        (lambda: ops.image.resize(IMAGES[0, 0], (3, 3)), r"expected images\[N,H,W,C\] or one image"),
        (lambda: ops.image.affine_transform(IMAGES, np.ones((5, 6))), r"expected transform\[5,8\]; got shape \(5, 6\)"),
        (lambda: ops.image.affine_transform(IMAGES, np.ones(8)), "its perspective, must be 0"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
