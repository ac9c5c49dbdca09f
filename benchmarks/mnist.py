"""Accuracy on MNIST: python -m benchmarks.mnist [--seeds 3] [--epochs 10] [--models mlp cnn] [--framework cygrad|keras]

The networks of the tutorials (784-64-64-10, and the CNN with 32 and 64 filters), pixels divided by 255, Adam, batches
of 32, trained on all 60,000 digits and tested on the 10,000 others. Prints test accuracy and seconds for each seed;
with --framework keras, the same program in Keras. CYGRAD_DATA names the folder that holds mnist/.
"""

import argparse
import importlib
import time

from cygrad.datasets import mnist

from . import shapes
from .frameworks.keras_words import keras_model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--models", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--framework", choices=("cygrad", "keras"), default="cygrad")
    options = parser.parse_args()
    keras = importlib.import_module(options.framework)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for name in options.models:
        shape = shapes.MODELS[name]["input"]
        train, test = (x.reshape(-1, *shape).astype("float32") / 255 for x in (x_train, x_test))
        for seed in range(options.seeds):
            keras.utils.set_random_seed(seed)
            model = keras_model(keras, name)
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            start = time.perf_counter()
            model.fit(train, y_train, batch_size=32, epochs=options.epochs, verbose=0)
            seconds = time.perf_counter() - start
            _, accuracy = model.evaluate(test, y_test, verbose=0)
            print(f"{options.framework} {name} seed {seed}: test accuracy {accuracy:.4f}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
