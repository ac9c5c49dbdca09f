"""Pictures from arrays and files: the generator and its iterators, data sets, files that are broken, threads."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import cygrad
from cygrad import layers, ops
from cygrad.preprocessing.image import ImageDataGenerator, Iterator
from cygrad.testing import settings
from cygrad.utils import image_dataset_from_directory, img_to_array, load_img, save_img
from cygrad.utils.ahead import Ahead

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: no pictures")
rng = np.random.default_rng(8)
PICTURES = rng.integers(0, 256, (9, 14, 17, 3), dtype=np.uint8)
EVERYTHING = {
    "rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 5, "zoom_range": 0.2,
    "horizontal_flip": True, "vertical_flip": True, "channel_shift_range": 20, "brightness_range": (0.5, 1.5),
    "rescale": 1 / 255,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Ten JPEGs of cats (dark), eight of dogs (bright), of several sizes."""
    for i in range(18):
        name, level = ("cat", 20) if i < 10 else ("dog", 180)
        (tmp_path / name).mkdir(exist_ok=True)
        x = np.random.default_rng(i).integers(level, level + 60, (12 + i, 30 - i, 3), dtype=np.uint8)
        Image.fromarray(x).save(tmp_path / name / f"{i:02}.jpg")
    return tmp_path


def digest(batches):
    whole = hashlib.sha256()
    for x, y in batches:
        whole.update(np.ascontiguousarray(x))
        whole.update(np.ascontiguousarray(y))
    return whole.hexdigest()


# ---- the map ----


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_augment_is_scipys_affine_transform(order, fill_mode, dtype):
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is not installed: nothing to compare with")
    x = PICTURES.astype(dtype)
    maps = rng.normal(size=(9, 6)) * [1, 1, 20, 1, 1, 20]
    maps[0] = [1, 0, -3, 0, -1, 16]  # by whole pixels
    y = ops.image.augment(x, maps, None, None, "bilinear" if order else "nearest", fill_mode, 33.0).numpy()
    for n, (a0, a1, a2, b0, b1, b2) in enumerate(maps):
        for c in range(3):
            want = ndimage.affine_transform(
                x[n, :, :, c].astype("float64"), [[a0, a1], [b0, b1]], (a2, b2), order=order, mode=fill_mode, cval=33.0
            )
            np.testing.assert_allclose(y[n, :, :, c], want, atol=1e-3)


def test_size_index_and_scale():
    maps = np.tile([1.0, 0, 2, 0, 1, 3], (3, 1))
    y = ops.image.augment(PICTURES, maps, [4, 0, 4], (5, 6), scale=0.5).numpy()
    np.testing.assert_array_equal(y, PICTURES[[4, 0, 4], 2:7, 3:9] * np.float32(0.5))


@pytest.mark.kernels
def test_brightness_is_pillows_also_where_values_leave_the_bytes():
    from PIL import ImageEnhance

    for picture, level in ((PICTURES[0], 1.3), (PICTURES[1] - 40.0, 0.7), (PICTURES[2] * 3.0, 1.9)):
        low, high = picture.min(), picture.max()
        image = cygrad.utils.array_to_img(picture, scale=low < 0 or high > 255)
        want = img_to_array(ImageEnhance.Brightness(image).enhance(level))
        if low < 0 or high > 255:
            want = want / 255 * np.float32(high - low) + np.float32(low)
        got = ImageDataGenerator().apply_transform(picture.astype("float32"), {"brightness": level})
        np.testing.assert_array_equal(got, want)
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        ImageDataGenerator().apply_transform(PICTURES[0, :, :, :2], {"brightness": 1.1})


def test_height_moves_rows_and_width_columns():
    x = np.zeros((9, 13, 1), "float32")
    x[4, 6] = 1
    for argument, places in (("width_shift_range", {(4, 3), (4, 9)}), ("height_shift_range", {(1, 6), (7, 6)})):
        generator = ImageDataGenerator(**{argument: [3]}, fill_mode="constant")
        found = {tuple(np.argwhere(generator.random_transform(x, seed)[..., 0])[0].tolist()) for seed in range(20)}
        assert found == places
    turned = ImageDataGenerator().apply_transform(x, {"theta": 90, "zx": 0.5})
    assert turned[4, 6] == 1  # the centre stays, though height and width differ


@pytest.mark.kernels
def test_whole_pixels_are_copied():
    """A flip or a shift by pixels does not touch values, whatever they are."""
    x = PICTURES[0].astype("float32")
    x[3, 4] = [np.inf, np.nan, -np.inf]
    y = ImageDataGenerator(fill_mode="wrap").apply_transform(x, {"flip_horizontal": True, "ty": 2.0})
    np.testing.assert_array_equal(y[:-2], x[2:, ::-1])


def test_integers_stay_integers():
    y = ImageDataGenerator().apply_transform(PICTURES[0], {"tx": 0.5})
    assert y.dtype == np.uint8
    exact = (PICTURES[0, :, :-1].astype(float) + PICTURES[0, :, 1:]) / 2
    np.testing.assert_array_equal(y[:, :-1], np.rint(exact))


# ---- the generator and flow ----


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_same_bits_for_any_number_of_threads(threads, folder):
    def batches(workers):
        files = ImageDataGenerator(**EVERYTHING).flow_from_directory(
            folder, target_size=(24, 20), batch_size=5, seed=3, workers=workers
        )
        arrays = ImageDataGenerator(**EVERYTHING).flow(PICTURES, np.arange(9), batch_size=4, seed=3)
        return [next(flow) for flow in (files, arrays) for _ in range(2 * len(flow))]

    with settings(threads=1):
        want = digest(batches(workers=0))
    with settings(threads=threads):
        assert digest(batches(workers=threads - 1)) == want


def test_a_seed_gives_the_same_pictures_again_and_other_ones_each_epoch():
    same = np.repeat(PICTURES[:1], 4, 0)
    for generator, x in ((ImageDataGenerator(rotation_range=90), same), (ImageDataGenerator(), PICTURES)):
        first, again = (generator.flow(x, batch_size=9, seed=3) for _ in range(2))
        epochs = [next(first).tobytes() for _ in range(3)]
        assert len(set(epochs)) == 3
        assert epochs == [next(again).tobytes() for _ in range(3)]


def test_flow_gives_what_goes_along():
    more, y, weight = np.arange(9)[:, None], np.arange(9), np.arange(9) / 10
    flow = ImageDataGenerator().flow([PICTURES, [more]], y, batch_size=4, sample_weight=weight, seed=1)
    seen = []
    for _ in range(3):
        (x, other), labels, weights = next(flow)
        np.testing.assert_array_equal(x, PICTURES[labels])
        np.testing.assert_array_equal(other[:, 0], labels)
        np.testing.assert_array_equal(weights, labels / 10)
        seen += labels.tolist()
    assert sorted(seen) == list(range(9)) and len(labels) == 1
    with pytest.raises(IndexError, match="there is no batch 3 among 3"):
        flow[3]


def test_statistics_of_fit():
    generator = ImageDataGenerator(featurewise_std_normalization=True, featurewise_center=True, rescale=0.1)
    generator.fit(PICTURES)
    x = np.concatenate([next(generator.flow(PICTURES, batch_size=9, shuffle=False))])
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=1e-4)
    whitened = ImageDataGenerator(featurewise_center=True, zca_whitening=True)
    small = PICTURES[:, :2, :2].astype("float32")
    whitened.fit(small)
    flat = next(whitened.flow(small, batch_size=9)).reshape(9, -1)
    np.testing.assert_allclose(np.linalg.svd(flat)[1], 3, rtol=1e-3)


def test_fit_of_a_folder_is_that_of_its_pictures(folder):
    generators = [ImageDataGenerator(featurewise_std_normalization=True, featurewise_center=True) for _ in range(2)]
    generators[0].fit(folder)
    pixels = [img_to_array(load_img(path)).reshape(-1, 3) for path in sorted(folder.rglob("*.jpg"))]
    generators[1].fit(np.concatenate(pixels)[None, None])
    np.testing.assert_allclose(generators[0].mean, generators[1].mean, rtol=1e-5)
    np.testing.assert_allclose(generators[0].std, generators[1].std, rtol=1e-4)
    with pytest.raises(ValueError, match="zca_whitening needs pictures of one size"):
        ImageDataGenerator(featurewise_center=True, zca_whitening=True).fit(folder)


def test_what_one_argument_implies_is_said():
    with pytest.warns(UserWarning, match="samplewise_std_normalization=True sets samplewise_center=True"):
        assert ImageDataGenerator(samplewise_std_normalization=True).samplewise_center
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match=r"featurewise_center has no effect before fit"):
        next(generator.flow(PICTURES))


def test_pictures_are_saved(tmp_path, folder):
    saved = tmp_path / "saved"
    saved.mkdir()
    flow = ImageDataGenerator(rotation_range=20).flow(
        PICTURES, batch_size=9, save_to_dir=saved, save_prefix="p", seed=1, shuffle=False
    )
    batch = next(flow)
    assert sorted(path.name.split("_")[1] for path in saved.iterdir()) == [str(i) for i in range(9)]
    path = next(saved.glob("p_3_*.png"))
    want = np.asarray(cygrad.utils.array_to_img(batch[3]))
    np.testing.assert_array_equal(np.asarray(load_img(path)), want)
    with pytest.raises(FileNotFoundError, match=r"save_to_dir .*nowhere' is not a folder"):
        ImageDataGenerator().flow(PICTURES, save_to_dir=tmp_path / "nowhere")


def test_the_tutorials_generator(folder):
    """Tutorial 5's lines as they stand, with a folder where Keras wants arrays; its loop has no end of its own."""
    train_data_dir = str(folder)
    datagen = ImageDataGenerator(
        rescale=1.0 / 255,
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    datagen.fit(train_data_dir)
    X_train = []
    for X_batch, y_batch in datagen.flow(
        train_data_dir, target_size=(224, 224), batch_size=32, class_mode="categorical"
    ):
        X_batch = X_batch.astype("float32")
        X_train.append((X_batch, y_batch))
        if len(X_train) == 2:
            break
    assert X_batch.shape == (18, 224, 224, 3) and y_batch.shape == (18, 2) and X_batch.max() <= 1.001


# ---- folders and tables ----


def test_flow_from_directory_in_fit_evaluate_predict(folder):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, (8, 8), batch_size=4, class_mode="sparse", seed=1
    )
    model = cygrad.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")])
    model.compile(cygrad.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(flow, epochs=20, validation_data=flow, verbose=0)
    assert history.history["val_accuracy"][-1] == 1.0
    still = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, (8, 8), batch_size=4, class_mode="sparse", shuffle=False
    )
    next(still)  # predict starts with the first file nevertheless
    np.testing.assert_array_equal(model.predict(still, verbose=0).argmax(1), still.classes)
    assert model.evaluate(still, verbose=0)[1] == 1.0
    model.fit(flow, steps_per_epoch=3, epochs=4, verbose=0)  # goes on where it stood, and over the end


def test_next_says_where_it_is(folder):
    flow = ImageDataGenerator().flow_from_directory(folder, (4, 4), batch_size=5, shuffle=False)
    for i in (1, 2, 3, 0, 1):
        next(flow)
        assert flow.batch_index == i
    flow.reset()
    np.testing.assert_array_equal(next(flow)[1].argmax(1), flow.classes[:5])
    assert flow.filenames[0] == os.path.join("cat", "00.jpg") and flow.class_indices == {"cat": 0, "dog": 1}


def test_flow_from_a_table_without_pandas(folder):
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.jpg"))] + ["gone.jpg"]
    table = {"filename": names, "class": [name[:3] for name in names], "age": list(range(19))}
    generator = ImageDataGenerator()
    with pytest.warns(UserWarning, match=r"1 of 19 rows are left out: .* the first is '.*gone.jpg'"):
        flow = generator.flow_from_dataframe(table, folder, target_size=(6, 6), shuffle=False, classes=["dog", "cat"])
    _, y = next(flow)
    np.testing.assert_array_equal(y.argmax(1), [name[0] == "c" for name in names[:-1]])
    raw = generator.flow_from_dataframe(
        {k: v[:-1] for k, v in table.items()}, folder, y_col="age", class_mode="raw", target_size=(6, 6), shuffle=False
    )
    np.testing.assert_array_equal(next(raw)[1], np.arange(18))


@pytest.mark.kernels
def test_image_dataset(folder, capsys):
    how = {"image_size": (8, 8), "batch_size": 5, "seed": 4}
    train, test = image_dataset_from_directory(folder, validation_split=0.3, subset="both", **how)
    assert "Found 18 files belonging to 2 classes." in capsys.readouterr().out
    assert train.class_names == ["cat", "dog"] and len(train.file_paths) == 13 and len(test.file_paths) == 5
    assert not set(train.file_paths) & set(test.file_paths) and len(train) == 3
    first, second = ([y.numpy().tolist() for _, y in train] for _ in range(2))
    assert first != second and sorted(np.concatenate(first)) == sorted(np.concatenate(second))  # another order
    again, _ = image_dataset_from_directory(folder, validation_split=0.3, subset="both", workers=3, **how)
    assert [y.numpy().tolist() for _, y in again] == first
    (images, labels), *_ = train.take(1)
    assert images.shape == (5, 8, 8, 3) and images.dtype == "float32" and labels.dtype == "int32"
    model = cygrad.Sequential([layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D()])
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(cygrad.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    binary = image_dataset_from_directory(folder, label_mode="binary", image_size=(8, 8), batch_size=4, seed=1)
    model.fit(binary, epochs=15, verbose=0)
    assert model.evaluate(binary, verbose=0)[1] == 1.0
    images = image_dataset_from_directory(folder, label_mode=None, image_size=(8, 8), shuffle=False, verbose=False)
    assert model.predict(images, verbose=0).shape == (18, 1)
    single = image_dataset_from_directory(folder, batch_size=None, image_size=(8, 8), label_mode="categorical")
    x, y = next(iter(single))
    assert x.shape == (8, 8, 3) and y.shape == (2,)
    labelled = image_dataset_from_directory(folder, labels=list(range(18)), image_size=(8, 8), shuffle=False)
    np.testing.assert_array_equal(next(iter(labelled))[1], np.arange(18))


@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos3", "area"])
@pytest.mark.parametrize("aspect", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
def test_image_dataset_of_one_colour(tmp_path, interpolation, aspect):
    for name in "ab":
        save_img(_made(tmp_path / name / "x.png"), np.full((9, 20, 1), 128), scale=False)
    how = {"image_size": (6, 6), "interpolation": interpolation, "color_mode": "grayscale", **aspect}
    x, _ = image_dataset_from_directory(tmp_path, verbose=False, **how)[0]
    wanted = np.full((6, 6), 128)
    if "pad_to_aspect_ratio" in aspect:
        assert (x.numpy()[0, [0, -1], :, 0] < 30).all()
        wanted = wanted[2:4]
        x = x[:, 2:4]
    np.testing.assert_allclose(x.numpy()[0, ..., 0], wanted, atol=20)


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# ---- what is wrong ----


def test_broken_files_are_named_or_left_out(folder):
    whole = (folder / "cat" / "00.jpg").read_bytes()
    (folder / "cat" / "00.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "dog" / "17.jpg").write_text("no picture")
    (folder / "dog" / "16.jpg").write_bytes(b"")
    generator = ImageDataGenerator()
    for workers in (0, 2):
        flow = generator.flow_from_directory(folder, (8, 8), shuffle=False, batch_size=6, workers=workers)
        with pytest.raises(OSError, match=r"load_img: .*cat.00\.jpg is broken \(.*; expected a whole picture"):
            next(flow)
        if workers:  # goes on after it
            assert next(flow)[0].shape == (6, 8, 8, 3)
    with pytest.raises(
        OSError, match=r"17\.jpg is no picture that Pillow can read \(10 bytes, the first b'no pictu'\)"
    ):
        load_img(folder / "dog" / "17.jpg")
    with pytest.raises(OSError, match=r"16\.jpg is no picture that Pillow can read \(it is empty\)"):
        load_img(folder / "dog" / "16.jpg")
    for make in (
        lambda: generator.flow_from_directory(folder, (8, 8), shuffle=False, errors="skip", workers=1, batch_size=9),
        lambda: image_dataset_from_directory(folder, image_size=(8, 8), shuffle=False, errors="skip", batch_size=9),
    ):
        flow = make()
        with pytest.warns(UserWarning, match="left out") as caught:
            sizes = [len(x) for x, _ in flow.batches()]
        assert sizes == [8, 7]
        named = [name for name in ("00.jpg", "16.jpg", "17.jpg") if any(name in str(w.message) for w in caught)]
        assert named == ["00.jpg", "16.jpg", "17.jpg"] and len(flow._reader.broken) == 3
        assert [len(x) for x, _ in flow.batches()] == [8, 7]  # without a warning


def test_a_batch_of_broken_files(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        _made(tmp_path / name).write_text("x")
    flow = ImageDataGenerator().flow_from_directory(tmp_path, errors="skip", workers=0)
    with (
        pytest.warns(UserWarning),
        pytest.raises(OSError, match=r"none of the 2 files of a batch can be read: .*1\.png"),
    ):
        next(flow)


def test_too_many_pixels(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(OSError, match=r"00\.jpg has too many pixels; expected at most 200"):
        load_img(folder / "cat" / "00.jpg")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        load_img(tmp_path / "gone.png")
    with pytest.raises(TypeError, match=r"load_img: path must be a file's name or an io\.BytesIO; got int"):
        load_img(3)


def test_colours(tmp_path):
    """What Keras makes of files that are not plain RGB; docs/images.md says it."""

    def stored(image, name="x.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    grey = stored(Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)))
    np.testing.assert_array_equal(img_to_array(load_img(grey)), np.arange(6).reshape(2, 3, 1) + np.zeros(3))
    deep = stored(Image.fromarray((np.arange(6) * 9000).astype(np.uint16).reshape(2, 3)))
    np.testing.assert_array_equal(img_to_array(load_img(deep, "grayscale")).ravel(), np.arange(6) * 9000)
    assert img_to_array(load_img(deep)).max() == 255  # cut off
    clear = stored(Image.fromarray(np.full((2, 3, 4), [9, 8, 7, 0], np.uint8)))
    assert img_to_array(load_img(clear))[0, 0].tolist() == [9, 8, 7]  # opacity is dropped, not blended
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = stored(Image.fromarray(PICTURES[0]), "x.jpg", exif=exif)
    assert img_to_array(load_img(turned)).shape == PICTURES[0].shape  # not looked at
    buffer = io.BytesIO(turned.read_bytes())
    np.testing.assert_array_equal(np.asarray(load_img(buffer)), np.asarray(load_img(str(turned))))
    flow = ImageDataGenerator().flow_from_dataframe(
        {"filename": ["x.png"], "y": [1.0]}, tmp_path, y_col="y", class_mode="raw", color_mode="grayscale"
    )
    assert next(flow)[0].shape == (1, 256, 256, 1)


FLOWS = {
    "no folder": (
        lambda g, d: g.flow_from_directory(d / "gone"),
        FileNotFoundError, "flow_from_directory: the folder '.*gone' does not exist; expected one subfolder a class",
    ),
    "no pictures": (
        lambda g, d: g.flow_from_directory(_made(d / "empty" / "a" / "x.txt").parents[1]),
        ValueError, "no pictures in '.*empty', subfolders 'a'; expected files that end in png, jpg",
    ),
    "no subfolders": (
        lambda g, d: g.flow_from_directory(d / "cat"),
        ValueError, "which has no subfolders; .* 10 pictures lie in the folder itself",
    ),
    "missing classes": (
        lambda g, d: g.flow_from_directory(d, classes=["cat", "bird"]),
        ValueError, "classes has 'bird', but '.*' has no such subfolder; its subfolders are 'cat', 'dog'",
    ),
    "one class": (
        lambda g, d: [(d / "dog").rename(d.parent / "elsewhere"), g.flow_from_directory(d)],
        ValueError, "has one class only, 'cat'; expected several. For pictures without labels give class_mode=None",
    ),
    "two for binary": (
        lambda g, d: g.flow_from_directory(d, classes=["cat"], class_mode="binary"),
        ValueError, "class_mode='binary' needs 2 classes; .* has 1: cat",
    ),
    "subset": (lambda g, d: g.flow_from_directory(d, subset="validation"), ValueError, "needs validation_split in the"),
    "errors": (lambda g, d: g.flow_from_directory(d, errors="no"), ValueError, "errors must be 'raise' or 'skip'"),
    "workers": (lambda g, d: g.flow_from_directory(d, workers=-1), ValueError, "workers must be an integer of at"),
    "size": (lambda g, d: g.flow_from_directory(d, target_size=8), ValueError, "target_size must be two positive"),
    "colour": (lambda g, d: g.flow_from_directory(d, color_mode="bgr"), ValueError, "color_mode must be 'grayscale'"),
    "batch_size": (lambda g, d: g.flow_from_directory(d, batch_size=0), ValueError, "batch_size must be a positive"),
    "column": (
        lambda g, d: g.flow_from_dataframe({"file": []}, d),
        ValueError, "there is no column 'filename'; the table has 'file'",
    ),
    "numbers as labels": (
        lambda g, d: g.flow_from_dataframe({"filename": ["cat/00.jpg"], "class": [3]}, d),
        TypeError, r"class_mode='categorical' needs str or list or tuple in the column 'class'; got 3",
    ),
    "labels": (
        lambda g, d: image_dataset_from_directory(d, labels=[1, 2, 3]),
        ValueError, r"labels must be one integer a file, of 18 in '.*', sorted; got 3, int64, the first file is '.*00",
    ),
    "names": (
        lambda g, d: image_dataset_from_directory(d, class_names=["cat", "cow"]),
        ValueError, "class_names has 'cow', but .* its subfolders are 'cat', 'dog'",
    ),
    "split": (
        lambda g, d: image_dataset_from_directory(d, validation_split=0.2, subset="training"),
        ValueError, "needs a seed, or the same files may be in both subsets",
    ),
    "filter": (
        lambda g, d: image_dataset_from_directory(d, interpolation="gaussian"),
        ValueError, "interpolation must be 'bilinear' or 'nearest' or 'bicubic' or 'lanczos3' or 'area'; got",
    ),
    "not pictures": (lambda g, d: g.flow(np.zeros((3, 4, 4))), ValueError, r"rank 4, \[N,H,W,C\]; got float64, shape"),
    "lengths": (
        lambda g, d: g.flow(PICTURES, np.zeros(8)),
        ValueError, "flow: x and y have different numbers of samples: 9 and 8",
    ),
    "sorted": (
        lambda g, d: ImageDataGenerator(validation_split=0.5).flow(PICTURES, [0] * 5 + [1] * 4, subset="training"),
        ValueError, "have different classes. Is y sorted",
    ),
    "argument": (lambda g, d: g.flow(PICTURES, colour="rgb"), TypeError, "flow: unknown argument 'colour'"),
    "rank": (lambda g, d: g.fit(PICTURES[0]), ValueError, r"fit: expected pictures of rank 4"),
    "zoom": (lambda g, d: ImageDataGenerator(zoom_range=[1]), ValueError, "zoom_range .* must be two numbers"),
    "order": (lambda g, d: ImageDataGenerator(interpolation_order=3), ValueError, "interpolation_order must be 0"),
    "fill": (lambda g, d: ImageDataGenerator(fill_mode="mirror"), ValueError, "fill_mode must be 'constant' or"),
    "share": (lambda g, d: ImageDataGenerator(validation_split=1.5), ValueError, "validation_split must be between"),
    "augment": (lambda g, d: ops.image.augment(PICTURES, np.ones((2, 6))), ValueError, r"expected transform\[9,6\]"),
    "index": (
        lambda g, d: ops.image.augment(PICTURES, np.ones((2, 6)), [0, 9]),
        ValueError, r"index must be numbers of images, 0 \.\. 8",
    ),
    "double": (
        lambda g, d: ops.image.augment(PICTURES * 1.0, np.ones((9, 6))),
        ValueError, "of uint8 or float32; got float64",
    ),
    "rank of a picture": (lambda g, d: cygrad.utils.array_to_img(PICTURES), ValueError, "expected one picture"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
def test_errors(name, folder):
    make, kind, text = FLOWS[name]
    with pytest.raises(kind, match=text):
        make(ImageDataGenerator(), folder)


def test_without_pillow(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"load_img: pictures need Pillow \(pip install 'cygrad\[images\]'\)"):
        load_img(folder / "cat" / "00.jpg")


def test_pillow_is_imported_when_a_picture_is_read():
    code = "import sys, cygrad, cygrad.utils, cygrad.preprocessing.image, cygrad.legacy.preprocessing.image as legacy\n"
    code += "assert legacy.ImageDataGenerator is cygrad.preprocessing.image.ImageDataGenerator\n"
    code += "assert 'PIL' not in sys.modules and 'pandas' not in sys.modules and 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- threads ----


def test_ahead_is_bounded_and_in_order():
    begun, made = [], []

    def jobs():
        for i in range(12):
            begun.append(i)
            yield i

    def make(i):
        time.sleep(0.001 * (12 - i))  # later ones are ready earlier
        made.append(i)
        return i

    ahead = Ahead(make, jobs(), workers=4, ahead=5)
    assert begun == []
    for i in range(12):
        assert next(ahead) == i
        assert len(begun) <= i + 1 + 5
    with pytest.raises(StopIteration):
        next(ahead)
    assert sorted(made) == list(range(12))


def test_ahead_raises_where_the_result_is_asked_for_and_goes_on():
    ahead = Ahead(lambda i: 1 // (i - 2), range(5), workers=2, ahead=3)
    assert [next(ahead), next(ahead)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(ahead)
    assert list(ahead) == [1, 0]


def test_threads_end_with_their_iterator():
    ahead = Ahead(lambda i: i, iter(range(10**9)), workers=3, ahead=4)
    next(ahead)
    threads = list(ahead._pool._threads)
    assert threads and all(thread.is_alive() for thread in threads)
    del ahead
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()
    closed = Ahead(lambda i: i, iter(range(10**9)), workers=1)
    next(closed)
    closed.close()
    assert list(closed) == []


def test_own_iterators():
    class Numbers(Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array * 2

    numbers = Numbers(5, 2, shuffle=False, seed=None)
    assert [next(numbers).tolist() for _ in range(4)] == [[0, 2], [4, 6], [8], [0, 2]]
    with pytest.raises(NotImplementedError, match="define _get_batches"):
        next(Iterator(5, 2, False, None))


PROGRAM = """
import os, sys, time, numpy as np
from cygrad.preprocessing.image import ImageDataGenerator
def slow(x):
    time.sleep({pause})
    return x
flow = ImageDataGenerator(preprocessing_function=slow).flow_from_directory(
    sys.argv[1], (8, 8), batch_size=3, seed=1, workers=2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_reads_on(folder):
    code = (
        PROGRAM.format(pause=0.001)
        + """
want = [next(flow)[0] for _ in range(4)]
flow.reset(); flow.total_batches_seen = 0
assert (next(flow)[0] == want[0]).all()
import warnings; warnings.simplefilter("ignore")
child = os.fork()
got = [next(flow)[0] for _ in range(3)]
assert all((a == b).all() for a, b in zip(got, want[1:]))
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True, timeout=60)


def test_an_interrupt_ends_the_program(folder):
    code = PROGRAM.format(pause=0.3) + "print('ready', flush=True)\nfor batch in flow: pass\n"
    program = subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"Found" in program.stdout.readline() and b"ready" in program.stdout.readline()
    time.sleep(0.3)
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors and program.returncode != 0
