"""ImageDataGenerator: what is done to pictures, at random and always the same."""

import math
import os
import warnings

import numpy as np

from ..._lookup import check_keywords, parameters_of
from ...ops.image import choose
from ...utils.image_files import no_pictures, picture_files, subfolders
from ...utils.image_utils import img_to_array, load_img
from .iterators import DataFrameIterator, DirectoryIterator, Iterator, NumpyArrayIterator
from .transforms import augment_batch, augment_one, check_order

FILL_MODES = dict.fromkeys(("constant", "nearest", "reflect", "wrap"))
_FORMATS = {
    "channels_last": (0, 1, 2),
    "channels_first": (1, 2, 0),
}  # where rows, columns and channels of a picture are


def _pair(caller, argument, value):
    """Two numbers, the smaller first or not, as floats."""
    if np.shape(value) != (2,) or not all(isinstance(v, (int, float, np.number)) for v in value):
        raise ValueError(f"{caller}: {argument} must be two numbers; got {value!r}")
    return [value[0], value[1]]


def _is_folder(x):
    return isinstance(x, (str, os.PathLike))


class ImageDataGenerator:
    """Batches of pictures, varied at random, as Keras's class of this name makes them (there a legacy).

    At random, in this order: rotation_range (degrees), height_shift_range and width_shift_range (a float below 1: a
    part of the picture; a larger one: pixels; an integer n: 0 .. n - 1 pixels; a list: one of these), shear_range
    (degrees), zoom_range (z: between 1 - z and 1 + z; or two numbers), horizontal_flip, vertical_flip,
    channel_shift_range (a number added to all channels), brightness_range (two factors). Outside the picture fill_mode
    has "nearest", "constant" (cval), "reflect" or "wrap". interpolation_order: 1 bilinear, 0 nearest. All this is one
    kernel call a batch.

    To all: preprocessing_function (takes one picture and returns it), rescale (a factor), samplewise_center and
    samplewise_std_normalization (by the picture's mean and deviation), featurewise_center,
    featurewise_std_normalization and zca_whitening (by what fit found; zca_epsilon).

    data_format: "channels_last" or "channels_first", of arrays in and out. validation_split: the share of pictures that
    subset="validation" gives. dtype: of the batches; computed is float32. Raises ValueError for other arguments.

    Differs from Keras: height shifts rows and width columns (Keras exchanges them), about the picture's own centre;
    interpolation_order above 1 is not there; a folder may be given to fit and flow; files are read by `workers` threads
    (one a CPU where absent; 0: none) ahead of training, at most `prefetch` batches; errors="skip" leaves broken files
    out, with a warning.

    >>> x, y = np.zeros((6, 8, 8, 3), "uint8"), np.arange(6)
    >>> generator = cygrad.preprocessing.image.ImageDataGenerator(rescale=1 / 255, rotation_range=20)
    >>> batch, labels = next(generator.flow(x, y, batch_size=4, seed=1))
    >>> batch.shape, labels.shape
    ((4, 8, 8, 3), (4,))
    """

    def __init__(
        self,
        featurewise_center=False,
        samplewise_center=False,
        featurewise_std_normalization=False,
        samplewise_std_normalization=False,
        zca_whitening=False,
        zca_epsilon=1e-6,
        rotation_range=0,
        width_shift_range=0.0,
        height_shift_range=0.0,
        brightness_range=None,
        shear_range=0.0,
        zoom_range=0.0,
        channel_shift_range=0.0,
        fill_mode="nearest",
        cval=0.0,
        horizontal_flip=False,
        vertical_flip=False,
        rescale=None,
        preprocessing_function=None,
        data_format=None,
        validation_split=0.0,
        interpolation_order=1,
        dtype=None,
    ):
        name = type(self).__name__
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else _pair(name, "brightness_range", brightness_range)
        if isinstance(zoom_range, (int, float)):
            self.zoom_range = [1 - zoom_range, 1 + zoom_range]
        else:
            self.zoom_range = _pair(name, "zoom_range (or a single one)", zoom_range)
        self.channel_shift_range = channel_shift_range
        choose(name, "fill_mode", fill_mode, FILL_MODES)
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = data_format or "channels_last"
        self._axes = choose(name, "data_format", self.data_format, _FORMATS)
        self.row_axis, self.col_axis, self.channel_axis = (axis + 1 for axis in self._axes)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"{name}: validation_split must be between 0 and 1; got {validation_split!r}")
        self._validation_split = validation_split
        check_order(name, interpolation_order)
        self.interpolation_order, self.dtype = interpolation_order, dtype or "float32"
        self.mean = self.std = self.zca_whitening_matrix = None
        self._imply("zca_whitening", "featurewise_center", True)
        self._imply("zca_whitening", "featurewise_std_normalization", False)
        self._imply("featurewise_std_normalization", "featurewise_center", True)
        self._imply("samplewise_std_normalization", "samplewise_center", True)

    def _imply(self, argument, other, wanted):
        if getattr(self, argument) and bool(getattr(self, other)) != wanted:
            setattr(self, other, wanted)
            warnings.warn(f"{type(self).__name__}: {argument}=True sets {other}={wanted}", stacklevel=3)

    def flow(
        self,
        x,
        y=None,
        batch_size=32,
        shuffle=True,
        sample_weight=None,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        ignore_class_split=False,
        subset=None,
        **kwargs,
    ):
        """Endless batches of arrays: x, or (x, y), or (x, y, sample_weight).

        x: pictures[N,H,W,C], or a list of these and of other arrays that go along. seed: of the order and of what is
        random. subset: "training" or "validation", of validation_split (the validation is the head); with y both must
        have the same classes unless ignore_class_split. save_to_dir: where each picture is written, too. x may be a
        folder, which flow_from_directory reads; then kwargs are arguments of that."""
        if _is_folder(x):
            known = parameters_of(self.flow_from_directory)
            check_keywords("flow", known, [name for name in kwargs if name not in known])
            if y is not None or sample_weight is not None:
                raise ValueError("flow: y and sample_weight belong to arrays; labels of a folder are its subfolders")
            saving = {"save_to_dir": save_to_dir, "save_prefix": save_prefix, "save_format": save_format}
            how = {"batch_size": batch_size, "shuffle": shuffle, "seed": seed, "subset": subset}
            return self.flow_from_directory(x, **how, **saving, **kwargs)
        check_keywords("flow", parameters_of(self.flow), kwargs)
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format,
            save_to_dir, save_prefix, save_format, subset, ignore_class_split, self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        errors="raise",
        workers=None,
        prefetch=None,
    ):
        """Endless batches of the pictures in a folder's subfolders, one a class: (x[N,*target_size,C], y).

        classes: the subfolders, in the order of their numbers; all of them, sorted, where absent. class_mode:
        "categorical" (one-hot rows), "sparse" and "binary" (numbers), "input" (the pictures themselves), None (no y).
        color_mode, interpolation, keep_aspect_ratio: as in utils.load_img. errors, workers, prefetch: see the class;
        the rest is as in flow, the split within each class. Raises ValueError for a folder without pictures, with one
        class only (unless classes names it, or class_mode needs none) and for classes that are not there."""
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed,
            self.data_format, save_to_dir, save_prefix, save_format, follow_links, subset, interpolation,
            keep_aspect_ratio, self.dtype, errors, workers, prefetch,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe,
        directory=None,
        x_col="filename",
        y_col="class",
        weight_col=None,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        validate_filenames=True,
        keep_aspect_ratio=False,
        errors="raise",
        workers=None,
        prefetch=None,
    ):
        """Endless batches of the pictures that a table lists, with its labels.

        dataframe: of pandas, or a dict of columns. x_col: the column of names of files, in directory if that is given.
        y_col: the column of labels, strings (for "categorical" also lists of several); for class_mode "raw" a column or
        several of numbers, for "multi_output" a list of columns, one an output. weight_col: of sample weights.
        validate_filenames: rows whose file is not there are left out, with a warning. The rest as in
        flow_from_directory."""
        if class_mode == "other":  # Keras's old word
            class_mode = "raw"
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode,
            batch_size, shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation,
            keep_aspect_ratio, self.dtype, validate_filenames, errors, workers, prefetch,
        )  # fmt: skip

    def standardize(self, x):
        """What is done to all pictures, to one or to a batch; x is changed in place, as in Keras."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted("featurewise_std_normalization", self.std):
            x /= self.std + 1e-6
        if self.zca_whitening and self._fitted("zca_whitening", self.zca_whitening_matrix):
            x = (x.reshape(-1, math.prod(x.shape[-3:])) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _fitted(self, argument, found):
        if found is None:
            warnings.warn(f"{type(self).__name__}: {argument} has no effect before fit(pictures)", stacklevel=3)
        return found is not None

    def get_random_transform(self, img_shape, seed=None):
        """Random parameters for one picture of that shape, a dict for apply_transform."""
        return self.draw(img_shape, np.random if seed is None else np.random.RandomState(seed))

    def draw(self, img_shape, rng):
        """get_random_transform from rng, numpy.random or a RandomState: the draws and their order are Keras's."""
        height, width = (img_shape[axis] for axis in self._axes[:2])
        p = {"theta": rng.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0}
        p["ty"] = _draw_shift(rng, self.height_shift_range, height)
        p["tx"] = _draw_shift(rng, self.width_shift_range, width)
        p["shear"] = rng.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        low, high = self.zoom_range
        p["zx"], p["zy"] = (1, 1) if low == high == 1 else rng.uniform(low, high, 2)
        p["flip_horizontal"] = (rng.random() < 0.5) * self.horizontal_flip
        p["flip_vertical"] = (rng.random() < 0.5) * self.vertical_flip
        shift, brightness = self.channel_shift_range, self.brightness_range
        p["channel_shift_intensity"] = rng.uniform(-shift, shift) if shift != 0 else None
        p["brightness"] = None if brightness is None else rng.uniform(*brightness)
        return p

    def apply_transform(self, x, transform_parameters):
        """One picture, changed as a dict of parameters says: theta and shear (degrees), tx and ty (columns and rows by
        which what is seen moves on), zx and zy, flip_horizontal, flip_vertical, channel_shift_intensity, brightness.

        >>> generator = cygrad.preprocessing.image.ImageDataGenerator()
        >>> generator.apply_transform(np.arange(4.0).reshape(2, 2, 1), {"flip_horizontal": True}).ravel().tolist()
        [1.0, 0.0, 3.0, 2.0]
        """
        return augment_one(x, transform_parameters, self._axes, self.fill_mode, self.cval, self.interpolation_order)

    def random_transform(self, x, seed=None):
        """One picture, changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def batch(self, x, index, parameters):
        """The pictures x[index] of [S,H,W,C], changed by the dicts and standardized, as the iterators give them."""
        plain = not (self.samplewise_center or self.featurewise_center or self.preprocessing_function)
        scale = self.rescale if plain and self.rescale else 1.0
        y = augment_batch(x, index, parameters, self.fill_mode, self.cval, self.interpolation_order, scale)
        if self.data_format == "channels_first":
            y = np.ascontiguousarray(y.transpose(0, 3, 1, 2))
        if not plain:
            for i, picture in enumerate(y):
                y[i] = self.standardize(picture)
        return y.astype(self.dtype, copy=False)

    def fit(self, x, augment=False, rounds=1, seed=None):
        """Finds what featurewise_center, featurewise_std_normalization and zca_whitening need, from sample pictures.

        x: pictures[N,H,W,C], after which rescale is applied; or a folder, whose pictures are read at their own sizes.
        augment: of each picture rounds random variations are taken instead. Raises ValueError for another rank, and for
        zca_whitening of a folder."""
        rng = np.random if seed is None else np.random.RandomState(seed)
        if _is_folder(x):
            return self._fit_folder(x, rounds if augment else 0, rng)
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"fit: expected pictures of rank 4, [N,H,W,C]; got shape {x.shape}")
        if self.rescale:
            x *= self.rescale
        if augment:
            x = np.stack([self.apply_transform(a, self.draw(a.shape, rng)) for _ in range(rounds) for a in x])
        axes, shape = (0, self.row_axis, self.col_axis), [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = x.mean(axes).reshape(shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axes).reshape(shape)
            x /= self.std + 1e-6
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))).dot(u.T)

    def _fit_folder(self, directory, rounds, rng):
        """fit from the files of a folder, one at a time, by sums of values and of their squares."""
        if self.zca_whitening:
            raise ValueError("fit: zca_whitening needs pictures of one size as an array, not a folder")
        classes, endings = subfolders("fit", directory), Iterator.white_list_formats
        files = picture_files(directory, endings, False)
        if not files:
            raise no_pictures("fit", directory, endings, classes)
        if not self.featurewise_center:  # nothing to find
            return
        count, total, squares = 0, 0.0, 0.0
        for name in files:
            x = img_to_array(load_img(os.path.join(directory, name)), self.data_format)
            x = x * self.rescale if self.rescale else x
            for picture in [self.apply_transform(x, self.draw(x.shape, rng)) for _ in range(rounds)] or [x]:
                picture, axes = picture.astype(np.float64), self._axes[:2]
                count += picture.size // 3
                total, squares = (
                    total + picture.sum(axes, keepdims=True),
                    squares + (picture**2).sum(axes, keepdims=True),
                )
        self.mean = (total / count).astype(self.dtype)
        if self.featurewise_std_normalization:
            self.std = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0)).astype(self.dtype)


def _draw_shift(rng, limit, extent):
    """A shift in pixels: of a list one, of an integer one below it, either to both sides; else uniform."""
    if np.ndim(limit) == 0 and not limit:
        return 0
    if np.ndim(limit) == 1 or isinstance(limit, (int, np.integer)):
        shift = rng.choice(limit) * rng.choice([-1, 1])
    else:
        shift = rng.uniform(-limit, limit)
    return shift * extent if np.max(limit) < 1 else shift
