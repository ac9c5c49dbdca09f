"""Weights from PyTorch by a map of names: torchvision's ResNet, written out, gives its outputs in cygrad's ResNet50."""

import numpy as np
import pytest
from frameworks import normal

import cygrad

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
STAGES = (3, 4, 6, 3)


def bottleneck(before, width, stride, projected):
    """A block with torchvision's names; the stride is at conv1, as in the paper and in Keras."""
    block = torch.nn.Module()
    block.conv1 = torch.nn.Conv2d(before, width, 1, stride, bias=False)
    block.conv2 = torch.nn.Conv2d(width, width, 3, padding=1, bias=False)
    block.conv3 = torch.nn.Conv2d(width, 4 * width, 1, bias=False)
    for i, channels in ((1, width), (2, width), (3, 4 * width)):
        setattr(block, f"bn{i}", torch.nn.BatchNorm2d(channels, eps=1.001e-5))
    block.downsample = None
    if projected:
        shortcut = torch.nn.Conv2d(before, 4 * width, 1, stride, bias=False)
        block.downsample = torch.nn.Sequential(shortcut, torch.nn.BatchNorm2d(4 * width, eps=1.001e-5))

    def forward(x):
        y = torch.relu(block.bn1(block.conv1(x)))
        y = torch.relu(block.bn2(block.conv2(y)))
        return torch.relu(block.bn3(block.conv3(y)) + (block.downsample(x) if projected else x))

    block.forward = forward
    return block


def resnet50(classes):
    net, before = torch.nn.Module(), 64
    net.conv1 = torch.nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
    net.bn1 = torch.nn.BatchNorm2d(64, eps=1.001e-5)
    for stage, depth in enumerate(STAGES, 1):
        width, blocks = 2 ** (stage + 5), []
        for i in range(depth):
            blocks.append(bottleneck(before, width, 2 if i == 0 and stage > 1 else 1, projected=i == 0))
            before = 4 * width
        setattr(net, f"layer{stage}", torch.nn.Sequential(*blocks))
    net.fc = torch.nn.Linear(before, classes)

    def forward(x):
        x = torch.relu(net.bn1(net.conv1(x)))
        x = torch.nn.functional.max_pool2d(x, 3, 2, padding=1)
        for stage in range(1, 5):
            x = getattr(net, f"layer{stage}")(x)
        return net.fc(x.mean((2, 3)))

    net.forward = forward
    return net


def names_of_resnet50():
    """{torchvision's name: the name in cygrad.applications.ResNet50}."""
    names = {"fc.weight": "predictions/kernel", "fc.bias": "predictions/bias"}

    def pair(convolution, normalization, prefix):
        names[f"{convolution}.weight"] = f"{prefix}_conv/kernel"
        for theirs, ours in (
            ("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_variance"),
        ):  # fmt: skip
            names[f"{normalization}.{theirs}"] = f"{prefix}_bn/{ours}"

    pair("conv1", "bn1", "conv1")
    for stage, depth in enumerate(STAGES, 1):
        for i in range(depth):
            block, ours = f"layer{stage}.{i}", f"conv{stage + 1}_block{i + 1}"
            for part in (1, 2, 3):
                pair(f"{block}.conv{part}", f"{block}.bn{part}", f"{ours}_{part}")
            if i == 0:
                pair(f"{block}.downsample.0", f"{block}.downsample.1", f"{ours}_0")
    return names


@pytest.mark.parametrize("as_file", [True, False])
def test_resnet50(as_file, tmp_path):
    torch.manual_seed(0)
    net = resnet50(7).eval()
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.ndim == 1:
                value.add_(0.2 * torch.randn(value.shape))
    state = net.state_dict()
    if as_file:
        from safetensors.torch import save_file

        save_file(state, tmp_path / "net.safetensors")
    arguments = {"weights": None, "input_shape": (64, 64, 3), "classes": 7, "classifier_activation": None}
    model = cygrad.applications.ResNet50(**arguments)
    names, source = names_of_resnet50(), tmp_path / "net.safetensors" if as_file else state
    with pytest.raises(ValueError, match=r"no source for 'conv1_conv/bias', "):
        cygrad.saving.load_pytorch_weights(model, source, names)
    cygrad.saving.load_pytorch_weights(
        model, source, names, strict=False
    )  # Keras's convolutions have biases: they are 0
    x = normal(np.random.default_rng(0), (2, 64, 64, 3))
    with torch.no_grad():
        expected = net(torch.tensor(x).permute(0, 3, 1, 2)).numpy()
    actual = model.predict(x, verbose=0)
    assert np.abs(expected).max() > 0.1
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


def test_flattened_features():
    """A Dense on flattened features: PyTorch flattens [C,H,W], cygrad [H,W,C]."""
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, (1, 2)), torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 3, 5))
    layers = cygrad.layers
    model = cygrad.Sequential(
        [cygrad.Input((4, 4, 2)), layers.Conv2D(3, (1, 2), name="a"), layers.Flatten(), layers.Dense(5, name="b")]
    )
    names = {"0.weight": "a/kernel", "0.bias": "a/bias", "2.weight": "b/kernel", "2.bias": "b/bias"}
    cygrad.saving.load_pytorch_weights(model, net.state_dict(), names, flattened={"b/kernel": (3, 4, 3)})
    x = normal(np.random.default_rng(1), (3, 4, 4, 2))
    expected = net(torch.tensor(x).permute(0, 3, 1, 2)).detach().numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
