"""Two real streams as models meet them: a year of flights by day, and CDNOW's purchases with the customers of each Sunday."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from components.model.folder import Model, read_model
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, ProfileKey
from components.profiles.profiling import profile_batch
from components.settings import REPOSITORY
from pipelines.local.flights import FLIGHTS_SCHEMA, read_flights
from pipelines.local.seed import SCHEMA, read_cdnow

Table = Mapping[date, pd.DataFrame]


@dataclass
class Source:
    """A table by partition, with the profiles of those that were asked for."""

    table: Table
    profiles: dict[date, ColumnProfiles] = field(default_factory=dict)

    def profiles_of(self, days: Sequence[date], fingerprint: str) -> dict[ProfileKey, ColumnProfiles]:
        """Of the days that the table has."""
        for day in days:
            if day in self.table and day not in self.profiles:
                self.profiles[day] = profile_batch(pa.RecordBatch.from_pandas(self.table[day], preserve_index=False))
        return {ProfileKey(SOURCE_TABLE, day, fingerprint): self.profiles[day] for day in days if day in self.table}

    def changed(self, change: Callable[[pd.DataFrame], pd.DataFrame], first: date) -> "Source":
        """The same with other partitions from a day on."""
        table = {day: change(rows) if day >= first else rows for day, rows in self.table.items()}
        return Source(table, {day: profile for day, profile in self.profiles.items() if day < first})


CDNOW_SPANS = pd.date_range("1997-04-06", "1998-05-31", freq="7D").date


@dataclass(frozen=True)
class Stream:
    """A source table by partition, and the rows that its model makes of it by span."""

    name: str
    model: Model
    source: Source
    columns: tuple[tuple[str, str], ...]
    """Of the source, with BigQuery's types."""
    spans: Sequence[date]
    features_of: Callable[[Table, Sequence[date]], Table]
    """Features, key and label of spans, as source.sql makes them."""
    trained_spans: int
    every_spans: int
    """A version is made every so many spans, of the last ones whose labels are known."""

    @cached_property
    def rows(self) -> Table:
        """Of all spans."""
        return self.features_of(self.source.table, self.spans)

    @property
    def late(self) -> int:
        """Spans until the labels of one are known."""
        step = (self.spans[1] - self.spans[0]).days
        return -(-self.model.rows.label_delay_days // step)


def flights() -> Stream:
    """Each day of 2013, by the model `delays`."""
    _, _, days = read_flights()
    source = Source({day: pd.DataFrame(rows) for day, rows in days.items()})
    columns = tuple(sorted((column.name, column.field_type) for column in FLIGHTS_SCHEMA))
    return Stream("flights", _model("delays"), source, columns, list(source.table), _departures, 42, 28)


def _model(name: str) -> Model:
    return read_model(REPOSITORY / "pipelines" / "models", name)


def _departures(source: Table, spans: Sequence[date]) -> Table:
    return {day: _departed(source[day], day) for day in spans}


def _departed(rows: pd.DataFrame, day: date) -> pd.DataFrame:
    arrived = rows[rows["arrival_delay"].notna()]
    filled = {"temperature": 55.0, "wind_speed": 10.0, "precipitation": 0.0, "visibility": 10.0}
    return pd.DataFrame(
        {
            "flight_id": arrived["carrier"] + "-" + arrived["flight"].astype(str) + "-" + arrived["origin"],
            "carrier": arrived["carrier"],
            "origin": arrived["origin"],
            "destination": arrived["destination"],
            "hour": arrived["scheduled_hour"].astype("int64"),
            "weekday": np.int64(day.isoweekday() % 7 + 1),
            "minute_of_day": 60 * arrived["scheduled_hour"].astype("int64") + arrived["scheduled_minute"].astype("int64"),
            "distance": arrived["distance"].astype(float),
            **{name: arrived[name].astype(float).fillna(value) for name, value in filled.items()},
            "late": (arrived["arrival_delay"].astype(float) > 15).astype("int64"),
        }
    ).reset_index(drop=True)


def cdnow() -> Stream:
    """Each Sunday from April 1997 on, by the model `churn`."""
    _, days = read_cdnow()
    source = Source({day: pd.DataFrame(rows) for day, rows in days.items()})
    columns = tuple(sorted((column.name, column.field_type) for column in SCHEMA))
    return Stream("CDNOW", _model("churn"), source, columns, list(CDNOW_SPANS), _customers, 8, 4)


def _customers(source: Table, spans: Sequence[date]) -> Table:
    bought = pd.concat(source.values(), ignore_index=True)
    bought["day"] = pd.to_datetime(bought["purchase_date"]).dt.date.map(date.toordinal)
    return {span: _known(bought, span.toordinal()) for span in spans}


def _known(bought: pd.DataFrame, evening: int) -> pd.DataFrame:
    past, next_days = bought[bought["day"] <= evening], bought["day"].between(evening + 1, evening + 30)
    age = evening - past["day"]
    recent = {days: past[age < days].groupby("customer_id") for days in (30, 90)}
    by = past.groupby("customer_id")
    rows = pd.DataFrame({"days_since_purchase": evening - by["day"].max(), "days_since_first": evening - by["day"].min()})
    rows["purchases"] = by.size()
    for days, group in recent.items():
        rows[f"purchases_{days}_days"] = group.size()
    rows["cds"] = by["number_of_cds"].sum()
    rows["spend"] = by["dollar_value"].sum().astype(float)
    rows["spend_90_days"] = recent[90]["dollar_value"].sum().astype(float)
    rows["largest_purchase"] = by["dollar_value"].max().astype(float)
    rows = rows.fillna(0)
    rows["mean_purchase"] = rows["spend"] / rows["purchases"]
    rows["segment"] = np.select([rows["purchases"] == 1, rows["purchases"] < 5], ["one-time", "occasional"], "regular")
    bands = ["0-30 days", "31-90 days", "91-365 days", "over a year"]
    rows["recency_band"] = np.array(bands)[np.searchsorted([30, 90, 365], rows["days_since_purchase"])]
    rows["churned"] = (~rows.index.isin(bought.loc[next_days, "customer_id"])).astype("int64")
    whole = ["days_since_purchase", "days_since_first", "purchases", "purchases_30_days", "purchases_90_days", "cds"]
    return rows.astype(dict.fromkeys(whole, "int64")).reset_index()


def days_back(last: date, days: int) -> list[date]:
    """So many days up to one."""
    return [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
