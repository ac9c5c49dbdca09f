"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels, in ten classes (Xiao, Rasul and Vollgraf 2017)."""

from ._mnist_family import Source, load

__all__ = ["load_data"]

SOURCE = Source(
    name="fashion_mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    ),
    # Of the .gz files as their authors publish them; TensorFlow Datasets lists them in url_checksums/fashion_mnist.txt.
    digests={
        "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    of_gzip=True,
)


def load_data(path=None):
    """Loads Fashion-MNIST as Keras does: ((x_train, y_train), (x_test, y_test)).

    Shapes: x uint8 [60000,28,28] and [10000,28,28], pixels 0 .. 255; y uint8 [60000] and [10000]: 0 T-shirt, 1 trouser,
    2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.
    path: a folder with the four IDX files (.gz or not), or an .npz with x_train, y_train, x_test, y_test. Without it:
    the subfolder fashion_mnist of the folder that the environment variable CYGRAD_DATA names, or that folder; else a
    download, verified by SHA-256 and kept in ~/.cache/cygrad ($XDG_CACHE_HOME/cygrad).
    Raises ValueError for a damaged file, FileNotFoundError where there is none and no network.
    Source: Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747; MIT licence.
    """
    return load(SOURCE, path)
