"""ImageDataGenerator and the functions for files of pictures beside Keras's, draw by draw."""

import numpy as np
import pytest

import cygrad
from cygrad.preprocessing import image as mine

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")
pytest.importorskip("scipy", reason="Keras's generator needs scipy")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: no pictures")
theirs = pytest.importorskip("keras.src.legacy.preprocessing.image")

# Keras calls scipy.ndimage by a name of long ago, and writes 32-bit PNG files
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
rng = np.random.default_rng(1)
SQUARE = (rng.random((7, 24, 24, 3)) * 255).astype("float32")
COARSE = np.repeat(np.repeat(SQUARE[:, ::4, ::4], 4, 1), 4, 2).round()


def both(**arguments):
    return mine.ImageDataGenerator(**arguments), theirs.ImageDataGenerator(**arguments)


def exchanged(parameters):
    """Keras's random parameters with shifts as they are documented: height for rows, width for columns."""
    return {**parameters, "tx": parameters["ty"], "ty": parameters["tx"]}


@pytest.mark.parametrize("width", [0, 0.3, 1.0, 7.5, 4, [-3, 5, 2], (0.1, 0.2)])
@pytest.mark.parametrize("height", [0.2, 3])
def test_the_same_draws(width, height):
    a, b = both(
        width_shift_range=width, height_shift_range=height, rotation_range=30, shear_range=5, zoom_range=0.3,
        channel_shift_range=20, brightness_range=(0.5, 1.5), horizontal_flip=True,
    )  # fmt: skip
    for seed in range(5):
        assert a.get_random_transform((20, 30, 3), seed) == exchanged(b.get_random_transform((20, 30, 3), seed))


PARAMETERS = [
    {"theta": 33.0},
    {"tx": 3.0, "ty": -2.25},
    {"shear": 20.0, "zx": 0.8, "zy": 1.3},
    {"theta": -50.0, "tx": 4.5, "ty": 2.0, "shear": -9.0, "zx": 1.2, "zy": 0.9, "flip_horizontal": True},
    {"flip_vertical": True, "channel_shift_intensity": 31.5},
]


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=range(len(PARAMETERS)))
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_apply_transform(parameters, fill_mode, data_format):
    a, b = both(fill_mode=fill_mode, cval=17.0, data_format=data_format)
    x = SQUARE[0] if data_format == "channels_last" else np.ascontiguousarray(SQUARE[0].transpose(2, 0, 1))
    np.testing.assert_allclose(a.apply_transform(x, parameters), b.apply_transform(x, parameters), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("x", [COARSE, COARSE - 30, COARSE / 300, np.concatenate([COARSE, COARSE[..., :1]], -1)])
@pytest.mark.parametrize("brightness", [0.4, 1.0, 1.7])
def test_brightness_is_pillows(x, brightness):
    a, b = both()
    parameters = {"brightness": brightness, "channel_shift_intensity": 12.0, "flip_horizontal": True}
    for picture in x:
        np.testing.assert_array_equal(a.apply_transform(picture, parameters), b.apply_transform(picture, parameters))
        got, want = (m.apply_brightness_shift(picture, brightness) for m in (mine, theirs))
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(mine.apply_channel_shift(x[0], 9.0, 2), theirs.apply_channel_shift(x[0], 9.0, 2))


SETTINGS = [
    {"rescale": 1 / 255},
    {"rotation_range": 40, "shear_range": 0.2, "zoom_range": 0.2, "horizontal_flip": True, "rescale": 1 / 255},
    {"samplewise_center": True, "samplewise_std_normalization": True, "vertical_flip": True},
    {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.1},
    {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2},
    {"preprocessing_function": lambda x: x[::-1] * 2, "rescale": 0.5, "zoom_range": (0.5, 0.9), "fill_mode": "reflect"},
    {"channel_shift_range": 40.0, "brightness_range": (0.5, 1.5), "rescale": 0.5},
]


@pytest.mark.parametrize("arguments", SETTINGS, ids=range(len(SETTINGS)))
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_flow(arguments, dtype):
    """Whole batches with the same seed: order, labels, weights and every pixel."""
    x = (SQUARE[:, :8, :8] if "zca_whitening" in arguments else COARSE).astype(dtype)
    a, b = both(**arguments)
    for generator in (a, b):
        generator.fit(x, augment="rotation_range" in arguments, rounds=2, seed=3)
    flows = [g.flow(x, np.arange(7), batch_size=3, sample_weight=np.arange(7) / 7, seed=5) for g in (a, b)]
    for _ in range(6):
        for got, want in zip(next(flows[0]), next(flows[1])):
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-3)
    assert flows[0].batch_index == flows[1].batch_index
    for i in range(3):
        np.testing.assert_allclose(flows[0][i][0], flows[1][i][0], rtol=2e-4, atol=2e-3)


@pytest.fixture
def folder(tmp_path):
    """Three classes of pictures of all kinds, one of them deeper."""
    for i in range(13):
        size = (int(rng.integers(5, 30)), int(rng.integers(5, 30)), 3)
        image = Image.fromarray(rng.integers(0, 256, size).astype("uint8"))
        path = tmp_path / "abc"[i % 3] / ("deep" if i == 4 else "") / f"{i}.{['png', 'jpg', 'bmp'][i % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        (image.convert("L") if i == 5 else image).save(path)
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", "input", None])
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_flow_from_directory(folder, class_mode, subset):
    a, b = both(rescale=1 / 255, horizontal_flip=True, rotation_range=10, validation_split=0.4)
    how = {"target_size": (12, 14), "batch_size": 4, "seed": 2, "class_mode": class_mode, "subset": subset}
    how.update(interpolation="bilinear", keep_aspect_ratio=class_mode == "sparse", classes=["c", "a"])
    how.update(color_mode={"input": "rgba", "sparse": "grayscale"}.get(class_mode, "rgb"))
    got, want = (g.flow_from_directory(str(folder), **how) for g in (a, b))
    for name in ("class_indices", "filenames", "samples", "n", "image_shape", "filepaths", "num_classes"):
        assert getattr(got, name) == getattr(want, name), name
    np.testing.assert_array_equal(got.classes, want.classes)
    square = class_mode != "input"  # Keras turns others about another point
    for _ in range(2 * len(got)):
        mine_, theirs_ = next(got), next(want)
        if class_mode is None:
            mine_, theirs_ = (mine_,), (theirs_,)
        assert mine_[0].shape == theirs_[0].shape and len(mine_) == len(theirs_)
        if class_mode in ("categorical", "sparse"):
            np.testing.assert_array_equal(mine_[1], theirs_[1])
    assert square or got.image_shape[2] == 4


def test_flow_from_directory_pixels(folder):
    a, b = both(rescale=1 / 255, rotation_range=10, zoom_range=0.1)
    got, want = (g.flow_from_directory(str(folder), target_size=(12, 12), batch_size=4, seed=2) for g in (a, b))
    for _ in range(2 * len(got)):
        for x, y in zip(next(got), next(want)):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)


def test_flow_from_dataframe(folder):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*"))  # the text among them
    table = pandas.DataFrame({"filename": files, "class": [f[0] for f in files], "w": np.arange(len(files)) / 9})
    table["several"] = [["a", "b"], ["c"]] * (len(files) // 2)
    table["p"], table["q"] = np.arange(len(files)), np.arange(len(files))[::-1]
    a, b = both(rescale=1 / 255, validation_split=0.25)
    for how in (
        {"class_mode": "categorical", "weight_col": "w"},
        {"class_mode": "sparse", "classes": ["b", "a"]},
        {"class_mode": "categorical", "y_col": "several", "subset": "training"},
        {"class_mode": "raw", "y_col": ["p", "q"]},
        {"class_mode": "raw", "y_col": "p", "subset": "validation"},
        {"class_mode": "multi_output", "y_col": ["p", "q"]},
        {"class_mode": None},
    ):
        flows = []
        for g in (a, b):
            with pytest.warns(UserWarning):
                flows.append(g.flow_from_dataframe(table, str(folder), target_size=(8, 8), batch_size=5, seed=1, **how))
        assert flows[0].filenames == flows[1].filenames
        for _ in range(4):
            got, want = next(flows[0]), next(flows[1])
            for x, y in zip(got if isinstance(got, tuple) else [got], want if isinstance(want, tuple) else [want]):
                np.testing.assert_allclose(np.array(x), np.array(y), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LA", "I;16", "I"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_load_img(tmp_path, mode, color_mode):
    path = tmp_path / ("x.tiff" if mode in ("CMYK", "I") else "x.png")
    grey = np.arange(48).reshape(6, 8)
    if mode in ("I;16", "I"):
        image = Image.fromarray((grey * 900).astype("uint16" if mode == "I;16" else "int32"))
    else:
        image = Image.fromarray(rng.integers(0, 256, (6, 8, 3)).astype("uint8")).convert(mode)
    image.save(path)
    how = {"color_mode": color_mode, "target_size": (3, 5), "interpolation": "bilinear", "keep_aspect_ratio": True}
    got, want = cygrad.utils.load_img(path, **how), keras.utils.load_img(path, **how)
    assert got.mode == want.mode
    np.testing.assert_array_equal(cygrad.utils.img_to_array(got), keras.utils.img_to_array(want))


def test_arrays_and_files(tmp_path):
    for channels in (1, 3, 4):
        x = rng.normal(size=(5, 6, channels)) * 300
        for scale in (True, False):
            x = x if scale else np.abs(x) % (2000 if channels == 1 else 256)
            got, want = cygrad.utils.array_to_img(x, scale=scale), keras.utils.array_to_img(x, scale=scale)
            assert got.mode == want.mode
            np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
        first = x.transpose(2, 0, 1)
        cygrad.utils.save_img(tmp_path / "mine.png", first, data_format="channels_first")
        keras.utils.save_img(tmp_path / "theirs.png", first, data_format="channels_first")
        assert (tmp_path / "mine.png").read_bytes() == (tmp_path / "theirs.png").read_bytes()


def test_image_dataset_files_are_split_alike(folder):
    """Which files are for training, and their labels: Keras's own functions, without tf.data."""
    from keras.src.utils import dataset_utils

    how = {"validation_split": 0.3, "subset": "both", "seed": 7, "verbose": False, "image_size": (8, 8)}
    for shuffle in (True, False):
        parts = cygrad.utils.image_dataset_from_directory(str(folder), shuffle=shuffle, **how)
        formats = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
        paths, labels, names = dataset_utils.index_directory(
            str(folder), "inferred", formats=formats, shuffle=shuffle, seed=7, follow_links=True, verbose=False
        )
        for part, subset in zip(parts, ("training", "validation")):
            want = dataset_utils.get_training_or_validation_split(paths, labels, 0.3, subset)
            assert part.file_paths == want[0] and part.class_names == names
            np.testing.assert_array_equal(part.labels, want[1])


@pytest.mark.parametrize("aspect", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
def test_image_dataset_pixels(folder, aspect):
    dataset = cygrad.utils.image_dataset_from_directory(folder, image_size=(16, 10), shuffle=False, **aspect)
    images = np.concatenate([np.asarray(x) for x, _ in dataset])
    for path, got in zip(dataset.file_paths, images):
        x = keras.utils.img_to_array(keras.utils.load_img(path))
        want = keras.ops.image.resize(x, (16, 10), **aspect)
        np.testing.assert_allclose(got, np.asarray(want), rtol=1e-4, atol=0.02)


FORMULAS = {
    "extract_patches": lambda m, x: m.extract_patches(x, 2),
    "extract_patches same": lambda m, x: m.extract_patches(x, (3, 2), (2, 3), padding="same"),
    "extract_patches dilated": lambda m, x: m.extract_patches(x, 2, 1, 2),
    "extract_patches of one": lambda m, x: m.extract_patches(x[0], 3),
    "crop_images": lambda m, x: m.crop_images(x, 1, None, 2, 1, None, 3),
    "pad_images": lambda m, x: m.pad_images(x, 1, None, None, 1, 9, 12),
    "rgb_to_grayscale": lambda m, x: m.rgb_to_grayscale(x),
    "rgb_to_hsv": lambda m, x: m.rgb_to_hsv(x),
    "hsv_to_rgb": lambda m, x: m.hsv_to_rgb(x),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_pictures_by_formulas(name):
    x = np.random.default_rng(0).uniform(0, 1, (2, 7, 8, 3)).astype("float32")
    x[0, 0, 0] = x[0, 0, 1, 1] = 0.0
    found = FORMULAS[name](cygrad.ops.image, x)
    expected = FORMULAS[name](keras.ops.image, keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(np.asarray(found), keras.ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6)
