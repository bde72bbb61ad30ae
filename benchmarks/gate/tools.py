"""What the defaults of TFDV and Evidently find in a day, held against the days before, in a process without anything of ours.

python benchmarks/gate/tools.py tfdv|evidently FOLDER     # FOLDER/cases.json, and the files that it names
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def evidently(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The columns that drifted by the default preset."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    found = Report([DataDriftPreset()]).run(Dataset.from_pandas(now), Dataset.from_pandas(before)).dict()
    return [column for metric in found["metrics"] if (column := _drifted(metric))]


def _drifted(metric: dict[str, Any]) -> str:
    """The column of a metric that is beyond its threshold; empty for none."""
    config = metric.get("config", metric.get("params", {}))
    column, method, threshold = config.get("column"), config.get("method", ""), config.get("threshold")
    if column is None or threshold is None or not isinstance(metric["value"], int | float):
        return ""
    is_beyond = (
        metric["value"] < threshold if "p_value" in method or "p_value" in metric.get("metric_name", "") else metric["value"] >= threshold
    )
    return str(column) if is_beyond else ""


def tfdv(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The columns with anomalies against the schema that is inferred from the days before."""
    import tensorflow_data_validation as validation

    schema = validation.infer_schema(validation.generate_statistics_from_dataframe(before))
    anomalies = validation.validate_statistics(validation.generate_statistics_from_dataframe(now), schema)
    return sorted(anomalies.anomaly_info)


def main() -> None:
    """Print, for each case, the columns in which something is found."""
    warnings.simplefilter("ignore")
    look, folder = {"tfdv": tfdv, "evidently": evidently}[sys.argv[1]], Path(sys.argv[2])
    found = []
    for case in json.loads((folder / "cases.json").read_text()):
        before, now = (pd.read_parquet(folder / case[side]) for side in ("before", "now"))
        try:
            found.append(look(before, now))
        except Exception as error:
            print(f"{sys.argv[1]}: {case}: {error}", file=sys.stderr)
            found.append([])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
