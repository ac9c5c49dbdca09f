"""Files that Keras publishes for its applications: found on disk or downloaded, and verified before they are used.

Where they are and their MD5 digests are facts from keras.applications (Keras 3.15, Apache License 2.0). For
MobileNet's and MobileNetV2's weights Keras has none, so they are not downloaded. MD5 tells a file that was cut short or
mixed up; what a file can do is limited where it is read (models/hdf5.py).
"""

import hashlib
import os
from pathlib import Path

from ..datasets._download import cache_folder, download

SITE = "https://storage.googleapis.com/tensorflow/keras-applications"
NEWER_SITE = "https://storage.googleapis.com/keras-applications"  # of EfficientNet's weights, in no folder
CLASS_INDEX = (
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)
IMAGENET_CLASSES = 1000
LARGEST = 1 << 30  # bytes: VGG19's weights, the largest, are 575 MB

# Folder on the site, and the MD5 digests of the weights with and without the top.
DIGESTS = {
    "densenet121": ("densenet", "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ("densenet", "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ("densenet", "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "efficientnetb0": ("", "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "efficientnetb1": ("", "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "efficientnetb2": ("", "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "efficientnetb3": ("", "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "efficientnetb4": ("", "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "efficientnetb5": ("", "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "efficientnetb6": ("", "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "efficientnetb7": ("", "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    "inception_v3": ("inception_v3", "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    "resnet50": ("resnet", "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("resnet", "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("resnet", "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("resnet", "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("resnet", "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("resnet", "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
    "vgg16": ("vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": ("vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
    "xception": ("xception", "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
}


def imagenet_weights(network, include_top):
    """The path of the weights that Keras trained on ImageNet: verified, downloaded where need be.

    network: a key of DIGESTS. FileNotFoundError says what to fetch where the file is not to be had.
    """
    folder, *digests = DIGESTS[network]
    end = ".h5" if include_top else "_notop.h5"
    url = (
        f"{SITE}/{folder}/{network}_weights_tf_dim_ordering_tf_kernels{end}"
        if folder
        else f"{NEWER_SITE}/{network}{end}"
    )
    return published_file(url, digests[0 if include_top else 1], "weights=")


def not_downloaded(function, path):
    """FileNotFoundError for weights on Keras's site that there is no digest for."""
    return FileNotFoundError(
        f"{function}: Keras publishes no digests of these weights, so they are not downloaded unseen. Fetch "
        f"{SITE}/{path} and give its path as weights="
    )


def published_file(url, digest, argument):
    """The path of a file in CYGRAD_DATA's subfolder applications or in the cache, where it is downloaded to.

    argument: how else a caller can give it, for the error. ValueError for a file of another digest.
    """
    name, cache = url.rpartition("/")[2], cache_folder("applications")
    root = os.environ.get("CYGRAD_DATA")
    folders = [*([Path(root).expanduser() / "applications"] if root else []), cache]
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is not None:
        _verify(found, digest)
        return found
    problems = download([url], cache / name, lambda path: _verify(path, digest), LARGEST)
    if problems:
        raise FileNotFoundError(
            f"{name} is not in {' or '.join(map(str, folders))}, and it could not be downloaded ({problems}). "
            f"Fetch {url} elsewhere, and give its path as {argument}, or put it into {folders[0]}"
        )
    return cache / name


def _verify(path, digest):
    found = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    if found.hexdigest() != digest:
        raise ValueError(f"{path}: MD5 {found.hexdigest()}; expected {digest}, the published file's. Is it complete?")
