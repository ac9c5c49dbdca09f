"""image_dataset_from_directory: a folder of pictures as a data set for fit."""

import os

import numpy as np

from .. import _lookup
from ..models.data import shuffled
from ..ops._backend import empty, from_array
from ..ops.image import choose, resize
from .ahead import Ahead, check_workers
from .image_files import Reader, check_classes, no_pictures, picture_files, subfolders
from .image_utils import COLOR_MODES, img_to_array, load_img, resized, size_of
from .numerical import to_categorical
from .py_dataset import PyDataset

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_OWN = ("bilinear", "nearest")  # by our kernel; the others by Pillow, which averages where a picture becomes smaller
_PILLOW = {"bicubic": "bicubic", "lanczos3": "lanczos", "area": "box"}
_LABELS = ("int", "categorical", "binary", None)
_SUBSETS = ("training", "validation", "both")


class ImageDataset(PyDataset):
    """Batches of the pictures in files, read by threads ahead of who asks: what image_dataset_from_directory gives.

    Iterating, and each epoch of fit, evaluate and predict, goes once over all: (images, labels) or images, as tensors;
    in another order each time if shuffle. class_names: of the labels 0, 1, ...; file_paths: the files, which
    dataset[i] takes in their order.
    """

    cache = _lookup.Absent("files are read anew in each epoch, ahead of training")
    prefetch = _lookup.Absent("batches are made ahead of training anyway")
    map = _lookup.Absent(
        "let the function be a layer of the model (Rescaling, RandomFlip), or fit a generator of batches"
    )

    def __init__(self, paths, labels, class_names, read, batch_size, shuffle, seed, errors, workers, prefetch):
        super().__init__()
        self.file_paths, self.labels, self.class_names = paths, labels, class_names
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self._reader = Reader("image_dataset_from_directory", errors, read)
        self._threads, self._epochs = (workers, prefetch), 0

    def __len__(self):
        return -(-len(self.file_paths) // (self.batch_size or 1))

    def _make(self, index):
        images, kept = self._reader.batch([self.file_paths[i] for i in index])
        batch = empty((len(images), *images[0].shape))
        np.stack(images, out=np.asarray(batch))
        images = batch
        if self.labels is None:
            return images if self.batch_size else images[0]
        labels = self.labels[index[kept]]
        labels = from_array(labels, str(labels.dtype))
        return (images, labels) if self.batch_size else (images[0], labels[0])

    def _index(self, order, i):
        size = self.batch_size or 1
        return order[i * size : (i + 1) * size]

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"ImageDataset: there is no batch {i} among {len(self)}")
        return self._make(self._index(np.arange(len(self.file_paths)), i))

    def batches(self, order=None):
        """One epoch's batches, made ahead, in the data set's own order."""
        samples = np.arange(len(self.file_paths))
        if self.shuffle:
            samples, self._epochs = shuffled(len(samples), self.seed, self._epochs), self._epochs + 1
        return Ahead(self._make, (self._index(samples, i) for i in range(len(self))), *self._threads)

    def __iter__(self):
        return self.batches()

    def take(self, count):
        """The first batches of an epoch, to look at."""
        for _, batch in zip(range(count), self.batches()):
            yield batch


def image_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    color_mode="rgb",
    batch_size=32,
    image_size=(256, 256),
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    interpolation="bilinear",
    follow_links=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    data_format=None,
    format=None,
    verbose=True,
    errors="raise",
    workers=None,
    prefetch=None,
):
    """A data set of the pictures in a folder, for fit, with class_names and file_paths: float32 images[N,*image_size,C]
    with values 0 .. 255, and labels.

    labels: "inferred" (each subfolder is a class), None, or a list of integers, one a file in their sorted order.
    label_mode: "int" (int32 [N]), "categorical" (one-hot rows), "binary" (float32 [N,1]), None (images only).
    class_names: the subfolders, in the order of their numbers. color_mode: "rgb", "rgba", "grayscale". batch_size: None
    for single samples. shuffle: else sorted. seed: of the order, and of which files are for validation.
    validation_split: the share of files that subset "validation" gives, "training" the others, "both" a list of both.
    interpolation: "bilinear" and "nearest", as Keras; "bicubic", "lanczos3" and "area" as Pillow has them.
    crop_to_aspect_ratio: what is too wide or high is cut off; pad_to_aspect_ratio: what is missing is black.
    data_format: "channels_last". format has no meaning here. errors: "raise", or "skip" to leave broken files out, with
    a warning that names them. workers: threads that read files, one a CPU where absent, 0: none; prefetch: how many
    batches they are ahead at most. Raises ValueError for a folder without pictures, one class only (unless class_names
    has it), and labels that do not match.

    directory: the folder. follow_links: into links to folders, too. verbose: tells what was found.

    >>> import os
    >>> for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
    ...     os.makedirs(os.path.dirname(name), exist_ok=True)
    ...     cygrad.utils.save_img(name, np.zeros((4, 6, 3)))
    >>> dataset = cygrad.utils.image_dataset_from_directory(".", image_size=(8, 8), seed=1)
    Found 3 files belonging to 2 classes.
    >>> images, labels = next(iter(dataset))
    >>> dataset.class_names, images.shape, labels.shape
    (['cat', 'dog'], (3, 8, 8, 3), (3,))
    """
    caller = "image_dataset_from_directory"
    listed = labels is not None and not isinstance(labels, str)
    if not listed and labels not in ("inferred", None):
        raise ValueError(f"{caller}: labels must be 'inferred', None or a list of integers; got {labels!r}")
    choose(caller, "label_mode", label_mode, dict.fromkeys(_LABELS))
    choose(caller, "color_mode", color_mode, COLOR_MODES)
    choose(caller, "data_format", data_format, dict.fromkeys((None, "channels_last")))
    choose(caller, "interpolation", interpolation, dict.fromkeys((*_OWN, *_PILLOW)))
    if class_names is not None and labels != "inferred":
        raise ValueError(f"{caller}: class_names goes with labels='inferred'")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{caller}: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True")
    size = size_of(caller, "image_size", (image_size, image_size) if isinstance(image_size, int) else image_size)
    _check_split(caller, validation_split, subset, shuffle, seed)
    check_workers(caller, workers, prefetch)
    if label_mode is None:
        labels = None
    seed = np.random.randint(10**6) if seed is None else seed

    paths, numbers, names = _indexed(caller, directory, labels, class_names, follow_links)
    if label_mode == "binary" and names is not None and len(names) != 2:
        raise ValueError(f"{caller}: label_mode='binary' needs 2 classes; got {len(names)}: {', '.join(names)}")
    if verbose:
        print(f"Found {len(paths)} files{'' if names is None else f' belonging to {len(names)} classes'}.")
    if shuffle:  # as Keras does it, so that the same seed leaves the same files for validation
        for a in (paths, numbers):
            if a is not None:
                np.random.RandomState(seed).shuffle(a)
    if numbers is not None:
        numbers = _targets(numbers, label_mode, len(names))

    def part(kind):
        cut = len(paths) - int(validation_split * len(paths)) if kind else 0
        which = slice(cut, None) if kind == "validation" else slice(None, cut or None)
        if not paths[which]:
            raise ValueError(
                f"{caller}: validation_split={validation_split} of {len(paths)} files leaves none for {kind}"
            )
        if kind and verbose:
            print(f"Using {len(paths[which])} files for {kind}.")
        mixed = shuffle and not (subset == "both" and kind == "validation")
        chosen = None if numbers is None else numbers[which]
        return ImageDataset(paths[which], chosen, names, read, batch_size, mixed, seed, errors, workers, prefetch)

    def read(path):
        return _image(path, color_mode, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)

    return [part("training"), part("validation")] if subset == "both" else part(subset)


def _check_split(caller, validation_split, subset, shuffle, seed):
    if bool(validation_split) != bool(subset):
        raise ValueError(f"{caller}: give both validation_split and subset, or neither")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"{caller}: validation_split must be between 0 and 1; got {validation_split!r}")
    if subset:
        choose(caller, "subset", subset, dict.fromkeys(_SUBSETS))
        if shuffle and seed is None:
            raise ValueError(
                f"{caller}: validation_split with shuffle needs a seed, or the same files may be in both subsets"
            )


def _indexed(caller, directory, labels, class_names, follow_links):
    """(paths, their labels, the names of the classes)."""
    there = [name for name in subfolders(caller, directory) if not name.startswith(".")]
    folders = [""]
    if isinstance(labels, str):
        folders = there if class_names is None else list(class_names)
        check_classes(caller, "class_names", directory, folders, there)
    files = [
        [os.path.join(f, p) for p in picture_files(os.path.join(directory, f), ENDINGS, follow_links)] for f in folders
    ]
    paths = [os.path.join(directory, name) for names in files for name in names]
    if not paths:
        raise no_pictures(caller, directory, ENDINGS, folders if isinstance(labels, str) else None)
    if labels is None:
        return paths, None, None
    if isinstance(labels, str):
        if len(folders) == 1 and class_names is None:
            raise ValueError(
                f"{caller}: {os.fspath(directory)!r} has one class only, {folders[0]!r}; expected several. For "
                f"pictures without labels give labels=None, to mean just this class class_names=[{folders[0]!r}]."
            )
        return paths, np.repeat(np.arange(len(files), dtype=np.int32), [len(names) for names in files]), folders
    numbers = np.asarray(labels)
    if numbers.shape != (len(paths),) or numbers.dtype.kind not in "biu":
        raise ValueError(
            f"{caller}: labels must be one integer a file, of {len(paths)} in {os.fspath(directory)!r}, sorted; got "
            f"{len(labels)}, {numbers.dtype}, the first file is {paths[0]!r}"
        )
    return paths, numbers.astype(np.int32), [str(number) for number in np.unique(numbers)]


def _targets(numbers, label_mode, count):
    if label_mode == "categorical":
        return to_categorical(numbers, max(count, int(numbers.max()) + 1))
    return numbers.astype(np.float32)[:, None] if label_mode == "binary" else numbers


def _image(path, color_mode, size, interpolation, crop, pad):
    """One file as a float32 array [*size,C]."""
    image = load_img(path, color_mode)
    if interpolation in _OWN:
        x = img_to_array(image)
        return x if x.shape[:2] == size else np.asarray(resize(x, size, interpolation, False, crop, pad))
    if pad:
        width, height = image.size
        aside = max(height * size[1] // size[0] - width, 0) // 2
        down = max(width * size[0] // size[1] - height, 0) // 2
        image = image.crop((-aside, -down, width + aside, height + down))  # what lies outside is black
    return img_to_array(resized(image, size, _PILLOW[interpolation], crop))
