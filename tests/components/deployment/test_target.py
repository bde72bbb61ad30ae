"""The configuration of a target, as TensorFlow Serving reads it."""

from google.protobuf import text_format

from components.deployment.target import TargetConfig, _config_text, _difference

LIVE = {"loyalty": 12, "churn": 3}
TEXT = """# What TensorFlow Serving loads: a projection of the log of deployments, which Perennial writes. Do not edit it.
model_config_list {
  config {
    name: "churn"
    base_path: "gs://models/models/churn"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 3 } }
  }
  config {
    name: "loyalty"
    base_path: "gs://models/models/loyalty"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 12 } }
  }
}
"""


def test_each_live_model_is_a_config_in_the_text_form_of_tensorflow_serving() -> None:
    assert _config_text("models", LIVE) == TEXT
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    parsed = text_format.Parse(TEXT, ModelServerConfig()).model_config_list.config
    assert [(one.name, one.base_path, list(one.model_version_policy.specific.versions)) for one in parsed] == [
        ("churn", "gs://models/models/churn", [3]),
        ("loyalty", "gs://models/models/loyalty", [12]),
    ]
    assert TargetConfig(TEXT, 1).served == LIVE
    assert TargetConfig(_config_text("models", {}), 1).served == {}


def test_what_differs_from_the_log_is_named() -> None:
    uri = "gs://models/serving/prod/models.config"
    older = {"loyalty": 12, "churn": 2}
    assert _difference(TargetConfig(TEXT, 1), older, uri) == f"{uri} named version 3 of churn, and the log says version 2"
    assert _difference(TargetConfig(TEXT, 1), {"churn": 3}, uri) == f"{uri} named version 12 of loyalty, and the log says nothing"
    assert _difference(TargetConfig("", 0), {"churn": 3}, uri) == f"{uri} named nothing of churn, and the log says version 3"
    assert _difference(TargetConfig(TEXT + "#", 1), LIVE, uri) == f"{uri} was not as Perennial writes it"
