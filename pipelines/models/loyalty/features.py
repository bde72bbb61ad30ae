"""What the network sees of a customer: points, and nothing else, on a logarithmic scale, then standardised.

The band of recency is there to look at metrics by; the network is not given it.
"""

import tensorflow as tf
import tensorflow_transform as tft

POINTS = ("cds_30_days", "cds_90_days", "cds_180_days", "cds_270_days", "cds_360_days", "largest_order", "large_orders")
LABEL = "level"


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """tf.Transform's entry point: raw features [batch, 1] to transformed ones [batch, 1]."""
    points = tf.concat([tf.cast(inputs[name], tf.float32) for name in POINTS], axis=1)
    scaled = tft.scale_to_z_score(tf.math.log1p(points), elementwise=True)
    outputs = dict(zip(POINTS, tf.split(scaled, len(POINTS), axis=1), strict=True))
    outputs[LABEL] = tf.cast(inputs[LABEL], tf.int64)
    return outputs
