"""Endless batches of pictures: of arrays, of folders with a subfolder a class, of tables.

What is random (the order, and each picture's parameters) is drawn when a batch is started, in the thread that asks,
from numpy.random or, with a seed, from a RandomState of seed + the batches begun so far: as Keras draws it, and
whatever the number of threads that then read files and compute.
"""

import os
import threading
import warnings
from functools import partial

import numpy as np

from ...ops.image import choose
from ...utils.ahead import Ahead, check_workers
from ...utils.image_files import Reader, array_of, check_classes, no_pictures, picture_files, subfolders
from ...utils.image_utils import COLOR_MODES, INTERPOLATIONS, array_to_img, size_of
from ...utils.py_dataset import PyDataset


class Iterator(PyDataset):
    """What the iterators share. One of your own defines _get_batches_of_transformed_samples(index_array).

    n: samples; batch_size, shuffle, seed as in ImageDataGenerator.flow. next() goes on for ever; fit, evaluate and
    predict take one epoch at a time, from its first batch; iterator[i] is batch i of the current epoch.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n, batch_size, shuffle, seed, workers=0, prefetch=None):
        super().__init__()
        if not hasattr(batch_size, "__index__") or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"{type(self).__name__}: batch_size must be a positive integer; got {batch_size!r}")
        self.n, self.batch_size, self.shuffle, self.seed = n, int(batch_size), shuffle, seed
        self._threads = check_workers(type(self).__name__, workers, prefetch)
        self.batch_index = 0  # of the batch that next() gives next
        self.total_batches_seen = 0  # begun
        self.index_array, self._rng, self._stream = None, np.random, None
        self.lock = threading.Lock()

    def __len__(self):
        return -(-self.n // self.batch_size)

    def _next_rng(self):
        if self.seed is not None:
            self._rng = np.random.RandomState(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        return self._rng

    def _set_index_array(self):
        self.index_array = self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)
        return self.index_array

    def _begin(self, i, index_array, rng):
        """Batch number i of an epoch in that order, drawn but not made."""
        return self._draw(index_array[i * self.batch_size : (i + 1) * self.batch_size], rng)

    def _begin_next(self, i):
        """Batch number i of the current epoch."""
        rng = self._next_rng()
        return self._begin(i, self._set_index_array() if self.index_array is None else self.index_array, rng)

    def _draw(self, index_array, rng):
        """All that is random about a batch of these samples, for _make."""
        return index_array

    def _make(self, drawn):
        return self._get_batches_of_transformed_samples(drawn)

    def _get_batches_of_transformed_samples(self, index_array):
        """A batch of these samples."""
        if type(self)._make is Iterator._make:
            raise NotImplementedError(f"{type(self).__name__}: define _get_batches_of_transformed_samples(index_array)")
        return self._make(self._draw(index_array, self._rng))

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"{type(self).__name__}: there is no batch {i} among {len(self)}")
        return self._make(self._begin_next(i))

    def batches(self, order=None):
        """One epoch's batches, in this order of their numbers, made ahead."""
        numbers = range(len(self)) if order is None else order
        return Ahead(self._make, (self._begin_next(int(i)) for i in numbers), *self._threads)

    def on_epoch_end(self):
        self._set_index_array()

    def reset(self):
        """next() starts with an epoch's first batch again."""
        self.batch_index, self._stream = 0, None

    def _endless(self):
        order = None  # of its own: on_epoch_end may come in between
        while True:
            for i in range(len(self)):
                rng = self._next_rng()
                order = self._set_index_array() if i == 0 else order
                yield i, self._begin(i, order, rng)

    def _make_numbered(self, job):
        i, drawn = job
        return i, self._make(drawn)

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            if self._stream is None:
                self._stream = Ahead(self._make_numbered, self._endless(), *self._threads)
            i, batch = next(self._stream)
            self.batch_index = (i + 1) % len(self)
        return batch


class _Pictures(Iterator):
    """Iterators of an ImageDataGenerator: how a batch of pictures is changed, saved, and given its labels."""

    def _save_to(self, folder, prefix, ending, names):
        self.save_to_dir, self.save_prefix, self.save_format, self._names = folder, prefix, ending, int(names)
        if folder is not None and not os.path.isdir(folder):
            raise FileNotFoundError(f"{type(self).__name__}: save_to_dir {os.fspath(folder)!r} is not a folder")

    def _draw(self, index_array, rng):
        parameters = [self.image_data_generator.draw(self.image_shape, rng) for _ in index_array]
        names = [rng.randint(self._names) for _ in index_array] if self.save_to_dir else None
        return index_array, parameters, names

    def _changed(self, x, index, drawn):
        """Pictures x[index], [S,H,W,C], as drawn says; saved where that is asked for."""
        index_array, parameters, names = drawn
        y = self.image_data_generator.batch(x, index, parameters)
        for picture, j, name in zip(y, index_array, names or ()):
            file = f"{self.save_prefix}_{j}_{name}.{self.save_format}"
            array_to_img(picture, self.data_format).save(os.path.join(self.save_to_dir, file))
        return y


class NumpyArrayIterator(_Pictures):
    """Batches of arrays: what ImageDataGenerator.flow gives."""

    def __init__(
        self,
        x,
        y,
        image_data_generator,
        batch_size=32,
        shuffle=False,
        sample_weight=None,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        ignore_class_split=False,
        dtype=None,
    ):
        more = []
        if isinstance(x, (tuple, list)):
            x, more = x[0], [np.asarray(a) for a in (x[1] if isinstance(x[1], list) else [x[1]])]
        x, y = np.asarray(x), None if y is None else np.asarray(y)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        if x.ndim != 4 or x.dtype.kind not in "biuf":
            raise ValueError(f"flow: expected pictures of rank 4, [N,H,W,C]; got {x.dtype}, shape {x.shape}")
        for name, a in (("y", y), ("sample_weight", weight), *(("another array of x", a) for a in more)):
            if a is not None and len(a) != len(x):
                raise ValueError(f"flow: x and {name} have different numbers of samples: {len(x)} and {len(a)}")
        if not len(x):
            raise ValueError(f"flow: x has no samples, shape {x.shape}")
        if subset is not None:
            part = self._part(image_data_generator, len(x), y, subset, ignore_class_split)
            x, y, weight, *more = (None if a is None else a[part] for a in (x, y, weight, *more))
        self.data_format = data_format or image_data_generator.data_format
        first = self.data_format == "channels_first"
        channels = x.shape[1 if first else 3]
        if channels not in (1, 3, 4):
            warnings.warn(
                f"flow: expected 1, 3 or 4 channels, {self.data_format}; x of shape {x.shape} has {channels}",
                stacklevel=3,
            )
        self.x = x if x.dtype == np.uint8 else x.astype(np.float32, copy=False)
        self._rows = np.ascontiguousarray(self.x.transpose(0, 2, 3, 1) if first else self.x)
        self.x_misc, self.y, self.sample_weight = more, y, weight
        self.image_data_generator, self.image_shape = image_data_generator, x.shape[1:]
        self._save_to(save_to_dir, save_prefix, save_format, 1e4)
        super().__init__(len(x), batch_size, shuffle, seed)

    @staticmethod
    def _part(generator, n, y, subset, ignore_class_split):
        choose("flow", "subset", subset, dict.fromkeys(("training", "validation")))
        at = int(n * generator._validation_split)
        if at == 0 and subset == "validation":
            raise ValueError(
                f"flow: validation_split={generator._validation_split} of {n} samples leaves none for validation"
            )
        if y is not None and not ignore_class_split and set(np.unique(y[:at])) != set(np.unique(y[at:])):
            raise ValueError(
                "flow: the head of y, for validation, and the rest have different classes. Is y sorted? Shuffle x and "
                "y together, or give ignore_class_split=True."
            )
        return slice(None, at) if subset == "validation" else slice(at, None)

    def _make(self, drawn):
        index = drawn[0]
        batch = self._changed(self._rows, index, drawn)
        batch = [batch, *(a[index] for a in self.x_misc)] if self.x_misc else batch
        if self.y is None:
            return batch
        return (
            (batch, self.y[index]) if self.sample_weight is None else (batch, self.y[index], self.sample_weight[index])
        )


class _FileIterator(_Pictures):
    """Batches of files, read by threads. Its classes set filenames, _filepaths, classes and class_indices."""

    class_modes = ("categorical", "binary", "sparse", "input", None)
    sample_weight = None

    def __init__(self, caller, generator, target_size, color_mode, class_mode, data_format, subset, interpolation,
                 keep_aspect_ratio, dtype, errors):  # fmt: skip
        choose(caller, "class_mode", class_mode, dict.fromkeys(self.class_modes))
        channels = choose(caller, "color_mode", color_mode, COLOR_MODES)
        choose(caller, "interpolation", interpolation, dict.fromkeys(INTERPOLATIONS))
        self.image_data_generator, self.target_size = generator, size_of(caller, "target_size", target_size)
        self.color_mode, self.class_mode, self.interpolation = color_mode, class_mode, interpolation
        self.keep_aspect_ratio, self.subset = keep_aspect_ratio, subset
        self.data_format = data_format or generator.data_format
        first = self.data_format == "channels_first"
        self.image_shape = (channels, *self.target_size) if first else (*self.target_size, channels)
        self.dtype = dtype or generator.dtype
        self.split = None
        if subset is not None:
            choose(caller, "subset", subset, dict.fromkeys(("training", "validation")))
            share = generator._validation_split
            if not share:
                raise ValueError(f"{caller}: subset={subset!r} needs validation_split in the ImageDataGenerator")
            self.split = (0, share) if subset == "validation" else (share, 1)
        how = (color_mode, self.target_size, interpolation, keep_aspect_ratio)
        self._reader = Reader(caller, errors, lambda path: array_of(path, *how))

    @property
    def filepaths(self):
        return self._filepaths

    @property
    def labels(self):
        return self.classes

    def _make(self, drawn):
        x, kept = self._reader.batch([self._filepaths[j] for j in drawn[0]])
        drawn = tuple(a if a is None else [a[i] for i in kept] for a in drawn)
        index = np.array(drawn[0])
        x = self._changed(np.stack(x), None, drawn)
        if self.class_mode is None:
            return x
        y = x.copy() if self.class_mode == "input" else self._targets(index)
        return (x, y) if self.sample_weight is None else (x, y, self.sample_weight[index])

    def _targets(self, index):
        labels = [self.classes[j] for j in index]
        if self.class_mode != "categorical":
            return np.array(labels, dtype=self.dtype)
        y = np.zeros((len(index), len(self.class_indices)), dtype=self.dtype)
        for row, label in zip(y, labels):
            row[label] = 1
        return y


class DirectoryIterator(_FileIterator):
    """Batches of a folder's pictures: what ImageDataGenerator.flow_from_directory gives."""

    def __init__(
        self,
        directory,
        image_data_generator,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        dtype=None,
        errors="raise",
        workers=None,
        prefetch=None,
    ):
        caller = "flow_from_directory"
        super().__init__(
            caller, image_data_generator, target_size, color_mode, class_mode, data_format, subset, interpolation,
            keep_aspect_ratio, dtype, errors,
        )  # fmt: skip
        there = subfolders(caller, directory)
        if classes:
            classes = list(classes)
            check_classes(caller, "classes", directory, [name for name in classes if name != "."], there)
        self.directory, self.class_indices = directory, {name: i for i, name in enumerate(classes or there)}
        self.num_classes = len(self.class_indices)
        self.filenames, numbers = [], []
        for name, number in self.class_indices.items():
            files = picture_files(os.path.join(directory, name), self.white_list_formats, follow_links)
            if self.split:
                files = files[slice(*(int(share * len(files)) for share in self.split))]
            self.filenames += [os.path.join(name, file) for file in files]
            numbers += [number] * len(files)
        if not numbers:
            raise no_pictures(caller, directory, self.white_list_formats, list(self.class_indices))
        _check_count(caller, class_mode, list(self.class_indices), classes, os.fspath(directory))
        self.classes, self.samples = np.array(numbers, "int32"), len(numbers)
        self._filepaths = [os.path.join(directory, name) for name in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        self._save_to(save_to_dir, save_prefix, save_format, 1e7)
        Iterator.__init__(self, self.samples, batch_size, shuffle, seed, workers, prefetch)


def _check_count(caller, class_mode, found, given, where):
    """Raises ValueError where the number of classes cannot be what class_mode means."""
    if class_mode == "binary" and len(found) != 2:
        raise ValueError(f"{caller}: class_mode='binary' needs 2 classes; {where} has {len(found)}: {', '.join(found)}")
    if class_mode in ("categorical", "sparse") and len(found) == 1 and not given:
        raise ValueError(
            f"{caller}: {where} has one class only, {found[0]!r}; expected several. For pictures without labels give "
            f"class_mode=None, to mean just this class classes=[{found[0]!r}]."
        )


class DataFrameIterator(_FileIterator):
    """Batches of the pictures that a table lists: what ImageDataGenerator.flow_from_dataframe gives."""

    class_modes = ("categorical", "binary", "sparse", "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe,
        directory=None,
        image_data_generator=None,
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
        data_format="channels_last",
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        dtype="float32",
        validate_filenames=True,
        errors="raise",
        workers=None,
        prefetch=None,
    ):
        caller = "flow_from_dataframe"
        super().__init__(
            caller, image_data_generator, target_size, color_mode, class_mode, data_format, subset, interpolation,
            keep_aspect_ratio, dtype, errors,
        )  # fmt: skip
        column = partial(_column, caller, dataframe)
        names, self.directory = column(x_col), directory or ""
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"{caller}: the column x_col={x_col!r} must hold names of files, strings")
        labelled = class_mode in ("categorical", "binary", "sparse")
        if class_mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(f"{caller}: class_mode='multi_output' needs a list of columns as y_col; got {y_col!r}")
        if classes and not labelled:
            warnings.warn(f"{caller}: classes has no effect with class_mode={class_mode!r}", stacklevel=3)
        labels = column(y_col) if labelled else None
        rows = list(range(len(names)))
        if validate_filenames:
            rows = [i for i in rows if self._is_picture(names[i])]
            if len(rows) < len(names):
                gone = next(name for i, name in enumerate(names) if not self._is_picture(name))
                warnings.warn(
                    f"{caller}: {len(names) - len(rows)} of {len(names)} rows are left out: their files are not there, "
                    f"or no pictures by their endings; the first is {os.path.join(self.directory, gone)!r}",
                    stacklevel=3,
                )
        if labelled:
            rows, known = _known_labels(caller, class_mode, y_col, labels, rows, classes)
            _check_count(caller, class_mode, known, classes, f"the column {y_col!r}")
            self.class_indices = {name: i for i, name in enumerate(known)}
        if self.split:
            rows = rows[slice(*(int(share * len(rows)) for share in self.split))]
        if not rows:
            raise ValueError(f"{caller}: none of the {len(names)} rows is left; expected files in {self.directory!r}")
        if labelled:
            number = self.class_indices
            self.classes = [
                number[labels[i]] if isinstance(labels[i], str) else [number[a] for a in labels[i]] for i in rows
            ]
        elif class_mode in ("raw", "multi_output"):
            columns = [
                np.array([column(name)[i] for i in rows]) for name in (y_col if isinstance(y_col, list) else [y_col])
            ]
            self._columns = columns if class_mode == "multi_output" else np.stack(columns, 1)
            if not isinstance(y_col, list):
                self._columns = columns[0]
        if weight_col is not None:
            weights = np.array([column(weight_col)[i] for i in rows])
            if weights.dtype.kind not in "biuf":
                raise TypeError(
                    f"{caller}: the column weight_col={weight_col!r} must hold numbers; got {weights.dtype}"
                )
            self.sample_weight = weights
        self.filenames = [names[i] for i in rows]
        self._filepaths, self.samples = [os.path.join(self.directory, name) for name in self.filenames], len(rows)
        belonging = f" belonging to {len(self.class_indices)} classes" if labelled else ""
        validated = "validated" if validate_filenames else "non-validated"
        print(f"Found {self.samples} {validated} image filenames{belonging}.")
        self._save_to(save_to_dir, save_prefix, save_format, 1e7)
        Iterator.__init__(self, self.samples, batch_size, shuffle, seed, workers, prefetch)

    def _is_picture(self, name):
        path = os.path.join(self.directory, name)
        return path.lower().endswith(self.white_list_formats) and os.path.isfile(path)

    @property
    def labels(self):
        return self._columns if self.class_mode in ("raw", "multi_output") else self.classes

    def _targets(self, index):
        if self.class_mode == "multi_output":
            return [column[index] for column in self._columns]
        return self._columns[index] if self.class_mode == "raw" else super()._targets(index)


def _column(caller, table, name):
    """A column of a pandas DataFrame or of a dict, as a list."""
    there = list(getattr(table, "columns", table))
    if name not in there:
        raise ValueError(f"{caller}: there is no column {name!r}; the table has {', '.join(map(repr, there))}")
    return list(table[name])


def _known_labels(caller, class_mode, y_col, labels, rows, classes):
    """(the rows whose labels are among classes, all classes). Lists of labels lose what is not among them."""
    types = (str, list, tuple) if class_mode == "categorical" else (str,)
    for i in rows:
        if not isinstance(labels[i], types):
            raise TypeError(
                f"{caller}: class_mode={class_mode!r} needs {' or '.join(t.__name__ for t in types)} in the column "
                f"{y_col!r}; got {labels[i]!r}. (class_mode='raw' takes numbers as they are.)"
            )
    listed = {i: [labels[i]] if isinstance(labels[i], str) else list(labels[i]) for i in rows}
    known = list(dict.fromkeys(classes)) if classes else sorted({name for names in listed.values() for name in names})
    for i in rows:
        kept = [name for name in listed[i] if name in known]
        if len(kept) < len(listed[i]):
            labels[i] = kept
    return [i for i in rows if isinstance(labels[i], str) or labels[i]], known
