"""MNIST: 70,000 handwritten digits of 28x28 pixels (LeCun, Cortes and Burges)."""

from ._mnist_family import Source, load

__all__ = ["load_data"]

SOURCE = Source(
    name="mnist",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    # Of the uncompressed files, which are the same everywhere; the .gz files differ between mirrors.
    digests={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    of_gzip=False,
)


def load_data(path=None):
    """Loads MNIST as Keras does: ((x_train, y_train), (x_test, y_test)).

    Shapes: x uint8 [60000,28,28] and [10000,28,28], pixels 0 .. 255; y uint8 [60000] and [10000], classes 0 .. 9.
    path: a folder with the four IDX files (.gz or not), or Keras's mnist.npz. Without it: the subfolder mnist of the
    folder that the environment variable CYGRAD_DATA names, or that folder; else a download, verified by SHA-256 and
    kept in ~/.cache/cygrad ($XDG_CACHE_HOME/cygrad).
    Raises ValueError for a damaged file, FileNotFoundError where there is none and no network.
    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits; CC BY-SA 3.0.
    """
    return load(SOURCE, path)
