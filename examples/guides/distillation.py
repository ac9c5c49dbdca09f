"""Knowledge distillation: a small network learns the digits from a large one.

    python distillation.py [--epochs N] [--plot FILE.png]

The digits that come with cygrad, 8 x 8 pixels. Labels are dear, pictures are cheap: the small network has the labels of
every eighth picture; a teacher can be asked about all pictures, and what it answers, probabilities of all ten digits,
says more than a label.
"""

import argparse

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Digits by a small network that learns from a large one")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--plot", help="a file for the accuracies")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = x_train[..., None] / 16.0, x_test[..., None] / 16.0
x_few, y_few = x_train[::8], y_train[::8]

# The networks; both end in logits
teacher = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.3),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10),
    ],
    name="teacher",
)


def small():
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(10),
        ],
        name="student",
    )


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile("adam", loss, metrics=["accuracy"])
teacher.fit(x_train, y_train, epochs=options.epochs // 2, verbose=0)

# The student on the few labels alone
alone = small()
alone.compile("adam", loss, metrics=["accuracy"])
alone.fit(x_few, y_few, epochs=options.epochs * 5, verbose=0)

# The same network without a label, by what the teacher says of all pictures
distiller = keras.distillation.Distiller(
    teacher,
    small(),
    keras.distillation.LogitsDistillation(temperature=4.0),
    student_loss_weight=0.0,
)
distiller.compile("adam", loss, metrics=["accuracy"])
distiller.fit(x_train, y_train, epochs=options.epochs, verbose=0)

student = distiller.student
student.compile("adam", loss, metrics=["accuracy"])
accuracies = {}
for name, model in {"teacher": teacher, "student alone": alone, "student taught": student}.items():
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    print(f"Parameters of the {name}: {model.count_params()}")
    print(f"Accuracy of the {name}: {accuracy:.3f}")
    accuracies[f"{name}, {model.count_params():,} parameters"] = accuracy

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 1.9), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(accuracies), list(accuracies.values()), color="#0072B2", height=0.6)
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.set(xlabel="accuracy on the digits of the test", xlim=(0, 1.2))
    axes.invert_yaxis()
    figure.savefig(options.plot, dpi=100)
