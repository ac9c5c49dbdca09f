"""cygrad.applications: the networks' sizes, their arguments, and where published files come from. tests/interop has
the comparison with Keras."""

import hashlib
import inspect
import json

import numpy as np
import pytest

import cygrad
from cygrad import Input, applications, layers
from cygrad.applications import _weights

COUNTS = {  # weights with 1000 classes, as keras.io lists them
    "VGG16": 138_357_544,
    "VGG19": 143_667_240,
    "ResNet50": 25_636_712,
    "ResNet101": 44_707_176,
    "ResNet152": 60_419_944,
    "ResNet50V2": 25_613_800,
    "ResNet101V2": 44_675_560,
    "ResNet152V2": 60_380_648,
    "InceptionV3": 23_851_784,
    "MobileNet": 4_253_864,
    "MobileNetV2": 3_538_984,
    "DenseNet121": 8_062_504,
    "DenseNet169": 14_307_880,
    "DenseNet201": 20_242_984,
    "EfficientNetB0": 5_330_571,
    "EfficientNetB1": 7_856_239,
    "EfficientNetB2": 9_177_569,
    "EfficientNetB3": 12_320_535,
    "EfficientNetB4": 19_466_823,
    "EfficientNetB5": 30_562_527,
    "EfficientNetB6": 43_265_143,
    "EfficientNetB7": 66_658_687,
    "Xception": 22_910_480,
}
SMALL = {"alpha": 0.35, "weights": None, "input_shape": (32, 32, 3)}  # of MobileNetV2, the quickest


@pytest.mark.parametrize("name", COUNTS)
def test_counts_and_arguments(name):
    make = getattr(applications, name)
    model = make(weights=None)
    assert model.count_params() == COUNTS[name]
    assert model.output_shape == (None, 1000)
    given = ["include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation"]
    parameters = inspect.signature(make).parameters
    assert set(parameters) - {"alpha", "depth_multiplier", "dropout"} == {*given, "name"}
    assert parameters["weights"].default == "imagenet"
    assert make.__module__.startswith("cygrad.applications.") and "include_top" in make.__doc__


def test_module_tree_is_that_of_keras():
    for module, name in (("vgg16", "VGG16"), ("resnet50", "ResNet50"), ("resnet", "ResNet50"), ("vgg19", "VGG19")):
        found = getattr(applications, module)
        assert getattr(found, name) is getattr(applications, name)
        assert callable(found.preprocess_input) and callable(found.decode_predictions)


def test_pooling_and_name():
    for pooling, shape in ((None, (None, 1, 1, 1280)), ("avg", (None, 1280)), ("max", (None, 1280))):
        model = applications.MobileNetV2(include_top=False, pooling=pooling, name="features", **SMALL)
        assert model.output_shape == shape and model.name == "features"


def test_without_top_pictures_have_any_size():
    model = applications.MobileNetV2(include_top=False, weights=None, alpha=0.35)
    assert model.input_shape == (None, None, None, 3)
    assert model.predict(np.zeros((1, 70, 33, 3)), verbose=0).shape == (1, 2, 1, 1280)


def test_input_tensor():
    """The model begins where the tensor's Inputs are."""
    x = Input((32, 32, 3), name="pixels")
    model = applications.MobileNetV2(
        alpha=0.35, weights=None, classes=3, input_tensor=layers.Rescaling(1 / 255, name="scaled")(x)
    )
    assert [layer.name for layer in model.layers][:3] == ["pixels", "scaled", "Conv1"]
    model = applications.VGG16(include_top=False, weights=None, input_tensor=x)
    assert model.layers[0].name == "pixels"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "nowhere.h5"}, "there is no file 'nowhere.h5'"),
        ({"weights": None, "pooling": "min"}, "pooling must be None"),
        ({"weights": None, "classes": 0}, "classes must be a positive integer"),
        ({"classes": 10}, "1000 classes; got classes=10.*include_top=False"),
        ({"classifier_activation": "relu"}, 'classifier_activation must be None or "softmax"'),
        ({"weights": None, "input_shape": (31, 32, 3)}, "32 x 32 pixels or more; got .31, 32, 3."),
        ({"weights": None, "input_shape": (32, 32)}, "must be .H, W, C."),
        ({"weights": None, "input_shape": (32, 32, None), "include_top": False}, "must be .H, W, C."),
        ({"weights": None, "input_shape": (None, None, 3)}, "needs a known height and width"),
        ({"input_shape": (224, 224, 1)}, "for 3 channels; got input_shape .224, 224, 1."),
        ({"input_shape": (64, 64, 3)}, "wants input_shape .224, 224, 3.; got .64, 64, 3."),
        ({"weights": None, "input_tensor": np.zeros((1, 32, 32, 3))}, "input_tensor must be symbolic"),
        (
            {"weights": None, "input_tensor": Input((32, 32, 3)), "input_shape": (64, 64, 3)},
            "is not that of input_tensor",
        ),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=f"ResNet50: .*{message}"):
        applications.ResNet50(**arguments)


@pytest.mark.parametrize("alpha", [0, -1, "1", True])
def test_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must be a number above 0"):
        applications.MobileNetV2(alpha=alpha, weights=None)
    with pytest.raises(ValueError, match="alpha must be a number of at least 1/32"):
        applications.MobileNet(alpha=alpha, weights=None)


# ---- published files ----


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A site in a folder, an empty cache, and a network whose weights' digest is that of the file on the site."""
    site, cache = tmp_path / "site", tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("CYGRAD_DATA", raising=False)
    monkeypatch.setattr(_weights, "SITE", site.as_uri())
    file = site / "net" / "net_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    digest = hashlib.md5(b"weights").hexdigest()
    monkeypatch.setitem(_weights.DIGESTS, "net", ("net", "0" * 32, digest))
    return file


def test_download_is_verified_and_kept(published, tmp_path, capsys):
    found = _weights.imagenet_weights("net", include_top=False)
    assert found == tmp_path / "cache" / "cygrad" / "applications" / published.name
    assert found.read_bytes() == b"weights" and "downloading" in capsys.readouterr().err
    published.unlink()
    assert _weights.imagenet_weights("net", include_top=False) == found  # no download now
    found.write_bytes(b"weight")
    with pytest.raises(ValueError, match=r"notop\.h5: MD5 .* expected .* complete\?"):
        _weights.imagenet_weights("net", include_top=False)


def test_a_wrong_download_is_not_kept(published, tmp_path):
    published.write_bytes(b"weights of something else")
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded .*MD5.*give its path as weights="):
        _weights.imagenet_weights("net", include_top=False)
    assert [path for path in tmp_path.rglob("cache/**/*") if path.is_file()] == []


def test_no_network(published, tmp_path, monkeypatch):
    published.unlink()
    monkeypatch.setenv("CYGRAD_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match=f"Fetch {published.as_uri()} elsewhere.* into .*data.applications"):
        _weights.imagenet_weights("net", include_top=False)
    folder = tmp_path / "data" / "applications"
    folder.mkdir(parents=True)
    (folder / published.name).write_bytes(b"weights")
    assert _weights.imagenet_weights("net", include_top=False) == folder / published.name


def test_every_network_with_digests(monkeypatch):
    """Each function asks for a file that there is a digest for; MobileNet and MobileNetV2 say what to fetch."""
    asked = []

    def ask(url, digest, argument):
        asked.append((url, digest))
        raise FileNotFoundError("asked")

    monkeypatch.setattr(_weights, "published_file", ask)
    for name in COUNTS:
        for top in (True, False) if "MobileNet" not in name else ():
            with pytest.raises(FileNotFoundError, match="asked"):
                getattr(applications, name)(include_top=top)
    assert len(asked) == 2 * 21 and len(set(asked)) == len(asked)
    assert all(len(digest) == 32 for _, digest in asked)
    with pytest.raises(FileNotFoundError, match=r"Fetch https.*_0\.35_96_no_top\.h5 and give its path as weights="):
        applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False)
    with pytest.raises(ValueError, match=r"weights for alpha 0\.35, 0\.5, .*; got 0\.4"):
        applications.MobileNetV2(alpha=0.4)
    with pytest.raises(
        FileNotFoundError, match=r"MobileNet: .*/mobilenet_7_5_160_tf\.h5 and give its path as weights="
    ):
        applications.MobileNet((160, 160, 3), alpha=0.75)
    for arguments in ({"alpha": 0.4}, {"depth_multiplier": 2}):
        with pytest.raises(ValueError, match=r"alpha 0\.25, 0\.5, 0\.75, 1\.0 and depth_multiplier 1; got"):
            applications.MobileNet(**arguments)


# ---- pictures in, classes out ----


@pytest.mark.parametrize(
    ("x", "arguments", "message"),
    [
        (np.zeros((2, 4, 4, 1)), {}, "expected pictures in colour"),
        (np.zeros((2, 4, 4, 3)), {"data_format": "channels_first"}, r"x\[N,3,H,W\]"),
        (np.zeros((4, 3)), {}, "got shape .4, 3."),
        (np.zeros((2, 4, 4, 3)), {"mode": "keras"}, 'mode must be "caffe"'),
        (np.zeros((2, 4, 4, 3)), {"data_format": "NHWC"}, "data_format must be"),
    ],
)
def test_preprocess_input_refuses(x, arguments, message):
    with pytest.raises(ValueError, match=message):
        applications.imagenet_utils.preprocess_input(x, **arguments)


def test_decode_predictions(tmp_path, monkeypatch):
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"0": ["n0", "cat"], "1": ["n1", "dog"], "2": ["n2", "eel"]}))
    preds = cygrad.ops.convert_to_tensor([[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]])
    assert applications.resnet50.decode_predictions(preds, top=2, path=path) == [
        [("n1", "dog", 0.5), ("n0", "cat", 0.25)],
        [("n2", "eel", 1.0), ("n0", "cat", 0.0)],
    ]
    with pytest.raises(ValueError, match=r"expected preds\[N,3\], one column a class; got shape \(2, 4\)"):
        applications.resnet50.decode_predictions(np.zeros((2, 4)), path=path)
    for text, message in (("[]", "expected an object"), ('{"0": ["n0"]}', "for each class"), ("{", "broken JSON")):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"index.json: .*{message}"):
            applications.resnet50.decode_predictions(np.zeros((1, 1)), path=path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CYGRAD_DATA", raising=False)
    monkeypatch.setattr("cygrad.applications.imagenet_utils.CLASS_INDEX", ((tmp_path / "no.json").as_uri(), ""))
    with pytest.raises(FileNotFoundError, match=r"no\.json elsewhere, and give its path as path="):
        applications.resnet50.decode_predictions(np.zeros((1, 1000)))
