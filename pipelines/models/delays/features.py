"""What the network sees of a flight: the time of day as a circle, standardised numbers, carriers and airports as indices."""

import math

import tensorflow as tf
import tensorflow_transform as tft

NUMBERS = ("distance", "temperature", "wind_speed", "precipitation", "visibility")
GROUPS = ("carrier", "origin", "destination")
LABEL = "late"


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """tf.Transform's entry point: raw features [batch, 1] to transformed ones [batch, 1]."""
    numbers = tf.concat([tf.cast(inputs[name], tf.float32) for name in NUMBERS], axis=1)
    scaled = tft.scale_to_z_score(tf.math.log1p(tf.nn.relu(numbers)), elementwise=True)
    outputs = dict(zip(NUMBERS, tf.split(scaled, len(NUMBERS), axis=1), strict=True))
    angle = tf.cast(inputs["minute_of_day"], tf.float32) * (2 * math.pi / 1440)
    outputs["time_sine"], outputs["time_cosine"] = tf.sin(angle), tf.cos(angle)
    outputs["hour_of_day"] = tf.cast(inputs["hour"], tf.float32) / 24
    outputs["weekday_number"] = tf.cast(inputs["weekday"], tf.int64)
    for name in GROUPS:
        outputs[name] = tft.compute_and_apply_vocabulary(inputs[name], num_oov_buckets=1, vocab_filename=name)
    outputs[LABEL] = tf.cast(inputs[LABEL], tf.float32)
    return outputs
