"""Every constructor argument of every layer survives its configuration."""

import json

import pytest
from test_layer_table import MERGING, public_layers

import cygrad
from cygrad import _lookup, activations, initializers, layers, regularizers

# ---- configurations ----

SCALED = {
    "center": False,
    "scale": False,
    "beta_initializer": "ones",
    "gamma_initializer": "zeros",
    "beta_regularizer": "l1",
    "gamma_regularizer": "l2",
    "beta_constraint": "non_neg",
    "gamma_constraint": "max_norm",
    "name": "n",
}
TRANSPOSED = {
    "filters": 4,
    "padding": "same",
    "data_format": "channels_last",
    "activation": "tanh",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "bias_regularizer": "l2",
    "activity_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "t",
}
DEPTHWISE = {
    "strides": (2,),
    "padding": "same",
    "depth_multiplier": 2,
    "data_format": "channels_last",
    "dilation_rate": (1,),
    "activation": "tanh",
    "use_bias": False,
    "depthwise_initializer": "he_normal",
    "bias_initializer": "ones",
    "depthwise_regularizer": "l1",
    "bias_regularizer": "l2",
    "activity_regularizer": "l1",
    "depthwise_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "d",
}
COLOURED = {"value_range": (0, 1), "data_format": "channels_last", "seed": 3, "name": "r"}
FILLED = {"fill_mode": "constant", "interpolation": "nearest", "seed": 3, "fill_value": 2.0}
FILLED |= {"data_format": "channels_last", "name": "r"}
PROJECTED = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "p",
}
HEADED = {**PROJECTED, "dropout": 0.5, "use_bias": False, "sliding_window": 3, "activity_regularizer": "l1"}
HEADED |= {"use_gate": True, "seed": 3}
ARGUMENTS = {
    layers.Conv1DTranspose: {
        **TRANSPOSED,
        "kernel_size": (3,),
        "strides": (3,),
        "dilation_rate": (1,),
        "output_padding": (2,),
    },
    layers.Conv2DTranspose: {
        **TRANSPOSED,
        "kernel_size": (3, 2),
        "strides": (3, 2),
        "dilation_rate": (1, 1),
        "output_padding": (2, 1),
    },
    layers.DepthwiseConv1D: {**DEPTHWISE, "kernel_size": (3,)},
    layers.SeparableConv1D: {
        **DEPTHWISE,
        "filters": 4,
        "kernel_size": (3,),
        "pointwise_initializer": "zeros",
        "pointwise_regularizer": "l2",
        "pointwise_constraint": "unit_norm",
    },
    layers.Normalization: {"axis": (1, 2), "mean": [1.0, 2.0], "variance": [3.0, 4.0], "invert": True, "name": "n"},
    layers.CenterCrop: {"height": 3, "width": 4, "data_format": "channels_last", "name": "c"},
    layers.Resizing: {
        "height": 3,
        "width": 4,
        "interpolation": "nearest",
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": True,
        "fill_mode": "constant",
        "fill_value": 2.0,
        "antialias": False,
        "data_format": "channels_last",
        "name": "r",
    },
    layers.CategoryEncoding: {"num_tokens": 4, "output_mode": "count", "sparse": False, "name": "c"},
    layers.Discretization: {
        **{"bin_boundaries": [0.5, 1.0], "num_bins": None, "epsilon": 0.1, "output_mode": "one_hot", "sparse": False},
        **{"name": "d"},
    },
    layers.Hashing: {
        **{"num_bins": 5, "mask_value": "", "salt": [3, 4], "output_mode": "multi_hot", "sparse": False, "name": "h"},
    },
    layers.IntegerLookup: {
        **{"max_tokens": 9, "num_oov_indices": 2, "mask_token": 0, "oov_token": -3, "vocabulary": [5, 7]},
        **{"vocabulary_dtype": "int64", "idf_weights": [0.5, 0.25], "invert": False, "output_mode": "tf_idf"},
        **{"sparse": False, "pad_to_max_tokens": True, "oov_method": "farmhash", "salt": [3, 4], "name": "i"},
    },
    layers.StringLookup: {
        **{"max_tokens": 9, "num_oov_indices": 2, "mask_token": "", "oov_token": "?", "vocabulary": ["a", "b"]},
        **{"idf_weights": [0.5, 0.25], "invert": False, "output_mode": "tf_idf", "pad_to_max_tokens": True},
        **{"sparse": False, "encoding": "latin-1", "name": "s", "salt": [3, 4]},
    },
    layers.TextVectorization: {
        **{"max_tokens": 9, "standardize": "lower", "split": "character", "ngrams": 2, "output_mode": "tf_idf"},
        **{"output_sequence_length": None, "pad_to_max_tokens": True, "vocabulary": ["a", "b"]},
        **{"idf_weights": [0.5, 0.25], "sparse": False, "ragged": False, "encoding": "latin-1", "name": "t"},
    },
    layers.RandomFlip: {"mode": "vertical", "seed": 3, "data_format": "channels_last", "name": "r"},
    layers.RandomTranslation: {"height_factor": 0.3, "width_factor": (-0.1, 0.2), **FILLED},
    layers.RandomRotation: {"factor": (-0.1, 0.2), **FILLED},
    layers.RandomZoom: {"height_factor": 0.3, "width_factor": (-0.1, 0.2), **FILLED},
    layers.RandomCrop: {"height": 3, "width": 4, "seed": 3, "data_format": "channels_last", "name": "r"},
    layers.RandomContrast: {"factor": (0.1, 0.2), "value_range": (0, 1), "seed": 3, "name": "r"},
    layers.RandomBrightness: {"factor": (-0.1, 0.2), "value_range": (0, 1), "seed": 3, "name": "r"},
    layers.RandomGrayscale: {"factor": 0.3, "data_format": "channels_last", "seed": 3, "name": "r"},
    layers.RandomColorDegeneration: {"factor": (0.1, 0.2), **COLOURED},
    layers.RandomHue: {"factor": (0.1, 0.2), **COLOURED},
    layers.RandomSaturation: {"factor": (0.1, 0.2), **COLOURED},
    layers.AutoContrast: {"value_range": (0, 1), "name": "a"},
    layers.RandomInvert: {"factor": (0.1, 0.2), **COLOURED},
    layers.RandomPosterization: {"factor": (2, 5), **COLOURED},
    layers.RandomErasing: {"factor": (0.1, 0.2), "scale": (0.2, 0.3), "fill_value": [1, 2, 3], **COLOURED},
    layers.Solarization: {
        **{"addition_factor": (0.1, 0.2), "threshold_factor": (0.0, 0.4), "value_range": (0, 1), "seed": 3},
        "name": "s",
    },
    layers.RandomShear: {"x_factor": 0.3, "y_factor": (0.1, 0.2), **FILLED},
    layers.AdaptiveAveragePooling2D: {"output_size": (2, 3), "data_format": "channels_last", "name": "p"},
    layers.AdaptiveAveragePooling1D: {"output_size": (2,), "data_format": "channels_last", "name": "p"},
    layers.Lambda: {
        "function": activations.relu,
        "output_shape": (3,),
        "mask": activations.tanh,
        "arguments": {"negative_slope": 0.5},
        "name": "l",
    },
    layers.EinsumDense: {
        "equation": "abc,cd->abd",
        "output_shape": (None, 3),
        "activation": "gelu",
        "bias_axes": "d",
        **PROJECTED,
    },
    layers.MultiHeadAttention: {
        "num_heads": 2,
        "key_dim": 3,
        "value_dim": 4,
        "output_shape": (5,),
        "attention_axes": (1, 2),
        **HEADED,
    },
    layers.GroupQueryAttention: {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, **HEADED},
    layers.Attention: {"use_scale": True, "score_mode": "concat", "dropout": 0.5, "seed": 3, "name": "a"},
    layers.AdditiveAttention: {"use_scale": False, "dropout": 0.5, "name": "a"},
    layers.Embedding: {
        "input_dim": 3,
        "output_dim": 4,
        "embeddings_initializer": "ones",
        "embeddings_regularizer": "l2",
        "embeddings_constraint": "max_norm",
        "mask_zero": True,
        "name": "e",
    },
    layers.Dense: {
        "units": 3,
        "activation": "gelu",
        "use_bias": False,
        "kernel_initializer": initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4),
        "bias_initializer": "ones",
        "kernel_regularizer": regularizers.L1L2(0.1, 0.2),
        "bias_regularizer": "l1",
        "activity_regularizer": regularizers.L2(0.3),
        "kernel_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "name": "d",
        "trainable": False,
    },
    layers.Conv2D: {
        "filters": 4,
        "kernel_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": (1, 1),
        "groups": 2,
        "activation": "relu",
        "use_bias": False,
        "kernel_initializer": initializers.Orthogonal(0.5, seed=1),
        "bias_initializer": initializers.Constant(0.5),
        "kernel_regularizer": "l2",
        "bias_regularizer": regularizers.L1(0.5),
        "activity_regularizer": "l1",
        "kernel_constraint": cygrad.constraints.UnitNorm(axis=[0, 1, 2]),
        "bias_constraint": cygrad.constraints.MinMaxNorm(0.1, 0.9, 0.5, 0),
        "name": "c",
        "trainable": False,
    },
    layers.MaxPooling2D: {
        "pool_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "name": "m",
    },
    layers.AveragePooling2D: {
        "pool_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "name": "a",
    },
    layers.GlobalAveragePooling2D: {"data_format": "channels_last", "keepdims": True, "name": "g"},
    layers.GlobalMaxPooling2D: {"data_format": "channels_last", "keepdims": True, "name": "g"},
    layers.Activation: {"activation": "leaky_relu", "name": "act"},
    layers.Flatten: {"data_format": "channels_last", "name": "f"},
    layers.Reshape: {"target_shape": (2, -1), "name": "r"},
    layers.Dropout: {"rate": 0.25, "noise_shape": (None, 1), "seed": 7, "name": "drop"},
    layers.Rescaling: {"scale": [1.0, 2.0], "offset": -1.0, "name": "s"},
    layers.InputLayer: {
        "batch_shape": (None, 3),
        "dtype": "int32",
        "sparse": False,
        "ragged": False,
        "optional": True,
        "name": "i",
    },
}


CONVOLUTION = ARGUMENTS[layers.Conv2D]
DEPTHWISE = {
    **{name: value for name, value in CONVOLUTION.items() if not name.startswith("kernel_") and name != "groups"},
    "kernel_size": (3, 2),
    "depth_multiplier": 2,
    "depthwise_initializer": "he_normal",
    "depthwise_regularizer": "l2",
    "depthwise_constraint": "non_neg",
}
ARGUMENTS |= {
    layers.Conv1D: CONVOLUTION
    | {"kernel_size": (3,), "strides": (2,), "padding": "causal", "dilation_rate": (1,)}
    | {"kernel_constraint": "unit_norm"},
    layers.DepthwiseConv2D: {name: value for name, value in DEPTHWISE.items() if name != "filters"},
    layers.SeparableConv2D: DEPTHWISE
    | {"pointwise_initializer": "ones", "pointwise_regularizer": "l1", "pointwise_constraint": "max_norm"},
    layers.MaxPooling1D: {**ARGUMENTS[layers.MaxPooling2D], "pool_size": (3,), "strides": (1,)},
    layers.AveragePooling1D: {**ARGUMENTS[layers.MaxPooling2D], "pool_size": (3,), "strides": (1,)},
    layers.GlobalAveragePooling1D: ARGUMENTS[layers.GlobalAveragePooling2D],
    layers.GlobalMaxPooling1D: ARGUMENTS[layers.GlobalMaxPooling2D],
    layers.AdaptiveMaxPooling1D: ARGUMENTS[layers.AdaptiveAveragePooling1D],
    layers.AdaptiveMaxPooling2D: ARGUMENTS[layers.AdaptiveAveragePooling2D],
    layers.Identity: {"name": "i", "trainable": False},
    layers.Masking: {"mask_value": -1.5, "name": "m", "trainable": False},
    layers.ReLU: {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.5, "name": "r"},
    layers.LeakyReLU: {"negative_slope": 0.1, "name": "r"},
    layers.ELU: {"alpha": 0.5, "name": "r"},
    layers.PReLU: {
        "alpha_initializer": "ones",
        "alpha_regularizer": "l1",
        "alpha_constraint": "non_neg",
        "shared_axes": [1],
        "name": "r",
    },
    layers.Softmax: {"axis": [1, 2], "name": "s"},
    layers.Permute: {"dims": (2, 1), "name": "p"},
    layers.RepeatVector: {"n": 3, "name": "r"},
    layers.ZeroPadding1D: {"padding": (1, 2), "data_format": "channels_last", "name": "z"},
    layers.ZeroPadding2D: {"padding": ((1, 2), (3, 4)), "data_format": "channels_last", "name": "z"},
    layers.Cropping1D: {"cropping": (1, 2), "name": "z"},
    layers.Cropping2D: {"cropping": ((1, 2), (3, 4)), "data_format": "channels_last", "name": "z"},
    layers.UpSampling1D: {"size": 3, "name": "u"},
    layers.UpSampling2D: {"size": (2, 3), "data_format": "channels_last", "interpolation": "nearest", "name": "u"},
    layers.SpatialDropout1D: {"rate": 0.25, "seed": 7, "name": "drop"},
    layers.SpatialDropout2D: {"rate": 0.25, "data_format": "channels_last", "seed": 7, "name": "drop"},
    layers.GaussianDropout: {"rate": 0.25, "seed": 7, "name": "drop"},
    layers.GaussianNoise: {"stddev": 0.25, "seed": 7, "name": "drop"},
    layers.AlphaDropout: {"rate": 0.25, "noise_shape": (None, 1), "seed": 7, "name": "drop"},
    layers.ActivityRegularization: {"l1": 0.25, "l2": 0.5, "name": "a"},
    layers.BatchNormalization: {
        "axis": 1,
        "momentum": 0.5,
        "epsilon": 0.1,
        "moving_mean_initializer": "ones",
        "moving_variance_initializer": "zeros",
        "renorm": False,
        "renorm_clipping": {"rmax": 2.0},
        "renorm_momentum": 0.5,
        "synchronized": False,
        **SCALED,
    },
    layers.GroupNormalization: {"groups": 2, "axis": 1, "epsilon": 0.1, **SCALED},
    layers.LayerNormalization: {"axis": [1, 2], "epsilon": 0.1, **SCALED},
    layers.RMSNormalization: {"axis": [1, 2], "epsilon": 0.1, "name": "n"},
    layers.UnitNormalization: {"axis": [1, 2], "name": "n"},
    **{getattr(layers, name): {"name": "m"} for name in MERGING - {"Concatenate", "Dot"}},
    layers.Concatenate: {"axis": 1, "name": "m"},
    layers.Dot: {"axes": [1, 2], "normalize": True, "name": "m"},
}
CELL = {
    "units": 3,
    "activation": "relu",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": initializers.Orthogonal(0.5, seed=1),
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "recurrent_regularizer": regularizers.L1L2(0.1, 0.2),
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "non_neg",
    "dropout": 0.25,
    "recurrent_dropout": 0.5,
    "seed": 7,
    "name": "r",
}
GATED = CELL | {"recurrent_activation": "hard_sigmoid"}
STEPS = {"return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True, "unroll": True}
RECURRENT = STEPS | {"activity_regularizer": "l1", "zero_output_for_mask": True}
ARGUMENTS |= {
    layers.SimpleRNNCell: CELL,
    layers.GRUCell: GATED | {"reset_after": False},
    layers.LSTMCell: GATED | {"unit_forget_bias": False},
    layers.StackedRNNCells: {"cells": [layers.GRUCell(3), layers.LSTMCell(4)], "name": "s"},
    layers.RNN: STEPS | {"cell": layers.GRUCell(3), "zero_output_for_mask": True, "name": "r"},
    layers.SimpleRNN: CELL | RECURRENT,
    layers.GRU: GATED | RECURRENT | {"reset_after": False},
    layers.LSTM: GATED | RECURRENT | {"unit_forget_bias": False},
    layers.Wrapper: {"layer": layers.Dense(3), "name": "w"},
    layers.TimeDistributed: {"layer": layers.Dense(3), "name": "t"},
    layers.Bidirectional: {
        "layer": layers.LSTM(3),
        "merge_mode": "ave",
        "backward_layer": layers.GRU(3, go_backwards=True),
        "name": "b",
    },
}
REQUIRED = {
    layers.Activation: ["activation"],
    layers.InputLayer: ["batch_shape"],
    layers.Dense: ["units"],
    layers.Embedding: ["input_dim", "output_dim"],
    layers.EinsumDense: ["equation", "output_shape"],
    layers.CenterCrop: ["height", "width"],
    layers.Resizing: ["height", "width"],
    layers.RandomCrop: ["height", "width"],
    layers.RandomTranslation: ["height_factor", "width_factor"],
    layers.RandomZoom: ["height_factor"],
    layers.RandomRotation: ["factor"],
    layers.RandomContrast: ["factor"],
    layers.RandomBrightness: ["factor"],
    layers.RandomColorDegeneration: ["factor"],
    layers.RandomHue: ["factor"],
    layers.RandomPosterization: ["factor"],
    layers.RandomSaturation: ["factor"],
    layers.AdaptiveAveragePooling1D: ["output_size"],
    layers.AdaptiveAveragePooling2D: ["output_size"],
    layers.AdaptiveMaxPooling1D: ["output_size"],
    layers.AdaptiveMaxPooling2D: ["output_size"],
    layers.Normalization: [],
    layers.Lambda: ["function"],
    layers.MultiHeadAttention: ["num_heads", "key_dim"],
    layers.GroupQueryAttention: ["head_dim", "num_query_heads", "num_key_value_heads"],
    layers.GaussianNoise: ["stddev"],
    layers.Dot: ["axes"],
}
OPTIONAL = (layers.MaxPooling1D, layers.MaxPooling2D)


@pytest.mark.parametrize("cls", ARGUMENTS, ids=lambda cls: cls.__name__)
def test_every_argument_survives_get_config_and_json(cls):
    arguments = ARGUMENTS[cls]
    saved = cls(**arguments).get_config()
    assert set(arguments) <= set(saved)
    again = cls.from_config(json.loads(json.dumps(saved)))
    assert again.get_config() == saved
    for name, value in arguments.items():
        if isinstance(value, (int, float, str, bool)) and not isinstance(saved[name], dict):
            assert saved[name] == value
    names = ["filters", "kernel_size", "pool_size", "rate", "target_shape", "scale", "dims", "n"]
    names += ["units", "cell", "cells", "layer", "num_tokens", "num_bins", "bin_boundaries"]
    required = {name: arguments[name] for name in REQUIRED.get(cls, names) if name in arguments and cls not in OPTIONAL}
    defaults = cls(**required).get_config()
    only_choice = {"data_format", "sparse", "ragged", "interpolation", "renorm", "synchronized", "fill_mode"}
    only_choice |= {"antialias", "crop_to_aspect_ratio", "vocabulary_dtype", "invert"}
    only_choice |= {"num_bins"} if cls is layers.Discretization else set()  # it is this or bin_boundaries
    only_choice |= {"output_sequence_length"} if cls is layers.TextVectorization else set()  # for another output_mode
    same = {name for name in arguments if saved[name] == defaults.get(name)} - set(required) - only_choice
    assert same <= ({"dilation_rate"} if "strides" in arguments else set())  # the values above are no defaults


def test_all_constructor_arguments_are_in_the_table():
    assert public_layers() == set(ARGUMENTS)
    ignored = {"shape", "batch_size", "input_tensor"}  # other ways to say batch_shape
    ignored |= {"dtype"}  # of Discretization, which has no **kwargs for it
    ignored |= {"weights", "flash_attention", "use_cudnn"}  # first values; which kernel Keras takes
    for cls, arguments in ARGUMENTS.items():
        assert set(_lookup.parameters_of(cls.__init__)) - set(arguments) <= ignored, cls


def test_config_values_are_as_in_keras():
    saved = layers.Dense(3).get_config()
    assert saved["activation"] == "linear"
    assert saved["kernel_initializer"] == {
        "class_name": "GlorotUniform",
        "config": {"seed": None, "input_axes": None, "output_axes": None},
    }
    assert layers.MaxPooling2D().get_config()["strides"] == (2, 2)
    assert layers.Conv2D(1, 3).get_config()["kernel_size"] == (3, 3)


def test_a_function_of_the_users_as_activation():
    def double(x):
        return 2 * x

    layer = layers.Activation(double, name="a")
    saved = layer.get_config()
    assert saved["activation"] == {"class_name": "function", "config": "double"}
    with pytest.raises(ValueError, match="unknown activation 'double'"):
        layers.Activation.from_config(saved)
    from cygrad._lookup import custom_object_scope

    with custom_object_scope({"double": double}):
        assert layers.Activation.from_config(saved).activation is double
    with pytest.raises(NotImplementedError, match="Activation \"b\": the argument 'activation' is a lambda"):
        layers.Activation(lambda x: x, name="b").get_config()
