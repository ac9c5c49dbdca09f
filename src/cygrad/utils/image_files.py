"""Folders of pictures: which files there are, and reading them as batches."""

import os
import warnings

from .image_utils import img_to_array, load_img


def picture_files(directory, endings, follow_links):
    """The pictures below a folder, by their endings, as paths relative to it: folder after folder, each sorted."""
    found = []
    for folder, _, names in sorted(os.walk(directory, followlinks=follow_links), key=lambda entry: entry[0]):
        inner = os.path.relpath(folder, directory)
        found += [os.path.normpath(os.path.join(inner, n)) for n in sorted(names) if n.lower().endswith(endings)]
    return found


def subfolders(caller, directory):
    """The names of a folder's subfolders, sorted; an error that names the folder where there is none."""
    if not os.path.isdir(directory):
        what = "is a file" if os.path.exists(directory) else "does not exist"
        raise FileNotFoundError(f"{caller}: the folder {os.fspath(directory)!r} {what}; expected one subfolder a class")
    return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())


def check_classes(caller, argument, directory, classes, there):
    """Raises ValueError for classes that have no subfolder, or appear twice."""
    missing = [name for name in classes if name not in there]
    if missing:
        listed = ", ".join(map(repr, there)) or "none"
        raise ValueError(
            f"{caller}: {argument} has {', '.join(map(repr, missing))}, but {os.fspath(directory)!r} has no such "
            f"subfolder; its subfolders are {listed}"
        )
    if len(set(classes)) != len(classes):
        raise ValueError(f"{caller}: a name appears twice in {argument}={classes!r}")


def no_pictures(caller, directory, endings, classes):
    """The ValueError for a folder without pictures."""
    loose = len([name for name in os.listdir(directory) if name.lower().endswith(endings)])
    where = f"in {os.fspath(directory)!r}"
    if classes is not None:
        where += f", subfolders {', '.join(map(repr, classes))}" if classes else ", which has no subfolders"
    hint = f" {loose} pictures lie in the folder itself: move each into a subfolder of its class." if loose else ""
    return ValueError(f"{caller}: no pictures {where}; expected files that end in {', '.join(endings)}.{hint}")


class Reader:
    """Reads files as arrays. errors: "raise", or "skip", which leaves broken ones out; a warning names each once."""

    def __init__(self, caller, errors, read):
        if errors not in ("raise", "skip"):
            raise ValueError(f"{caller}: errors must be 'raise' or 'skip'; got {errors!r}")
        self.caller, self.errors, self.read, self.broken = caller, errors, read, {}

    def batch(self, paths):
        """([a picture a path], the numbers of the paths that could be read)."""
        pictures, kept = [], []
        for i, path in enumerate(paths):
            try:
                pictures.append(self.read(path))
                kept.append(i)
            except OSError as error:
                if self.errors == "raise":
                    raise
                if path not in self.broken:
                    self.broken[path] = str(error)
                    warnings.warn(f"{self.caller}: left out: {error}", stacklevel=2)
        if not kept:
            raise OSError(f"{self.caller}: none of the {len(paths)} files of a batch can be read: {', '.join(paths)}")
        return pictures, kept


def array_of(path, color_mode, target_size, interpolation, keep_aspect_ratio):
    """A file as an array [H,W,C], uint8 but for 16- and 32-bit grey."""
    image = load_img(path, color_mode, target_size, interpolation, keep_aspect_ratio)
    return img_to_array(image, dtype="uint8" if image.mode in ("L", "RGB", "RGBA") else "float32")
