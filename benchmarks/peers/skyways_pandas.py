"""The work of `src/pipelines/prepare/recipes/skyways.py` in pandas: merges, cumulative sums, `merge_asof`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEY, TIME, LABEL = ["flight_id"], "scheduled_departure", "late"


def join(raw: Path) -> pd.DataFrame:
    flights, weather, planes, airports, airlines = (
        pd.read_parquet(raw / f"{name}.parquet") for name in ("flights", "weather", "planes", "airports", "airlines")
    )
    date = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    flight_id = date + "_" + flights.carrier + flights.flight.astype(str) + "_" + flights.origin
    flights.insert(0, "flight_id", flight_id)
    flights.insert(1, "scheduled_departure", flights.time_hour + pd.to_timedelta(flights.minute, "min"))
    flights.insert(2, "late", (flights.arr_delay > 15).astype("Int8").where(flights.arr_delay.notna()))

    weather = weather.sort_values(["origin", "time_hour"])
    fallen = weather.set_index("time_hour").groupby("origin").precip.rolling("6h", min_periods=1).sum()
    weather["precip_6h"] = fallen.to_numpy()
    weather["time_hour"] += pd.Timedelta(hours=1)
    places = airports[["faa", "lat", "lon", "alt", "tz", "dst"]].add_prefix("dest_")
    return (
        flights.merge(airlines.rename(columns={"name": "carrier_name"}), how="left", on="carrier")
        .merge(airports[["faa", "tz"]].set_axis(["origin", "origin_tz"], axis=1), how="left", on="origin")
        .merge(places.rename(columns={"dest_faa": "dest"}), how="left", on="dest")
        .merge(planes.add_prefix("plane_").rename(columns={"plane_tailnum": "tailnum"}), how="left", on="tailnum")
        .merge(weather.drop(columns=["year", "month", "day", "hour"]), how="left", on=["origin", "time_hour"])
        .sort_values(KEY)
    )


def features(primary: pd.DataFrame) -> pd.DataFrame:
    f = primary.reset_index(drop=True)
    f["date"] = pd.to_datetime(f[["year", "month", "day"]])
    f["scheduled"] = f.scheduled_departure.astype("datetime64[s]").astype("int64") // 60
    here = (f.hour - f.time_hour.dt.hour + 36) % 24 - 12
    there = f.dest_tz + ((f.dest_dst == "A") & (here > f.origin_tz))
    f["planned_minutes"] = (_clock(f.sched_arr_time) - _clock(f.sched_dep_time) + 60 * (here - there) + 2880) % 1440
    f["moment"] = f.scheduled - 60
    f["departed"] = f.scheduled + f.dep_delay.clip(lower=0)
    f["arrived"] = f.scheduled + (f.planned_minutes + f.arr_delay).clip(lower=0)

    made = f[["flight_id", "scheduled_departure", "late", "carrier", "origin", "dest"]].copy()
    for name in ("distance", "planned_minutes", "dest_lat", "dest_lon", "dest_alt", "plane_model", "plane_engine"):
        made[name] = f[name]
    for name in ("plane_engines", "plane_seats", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"):
        made[name] = f[name]
    for name in ("precip", "pressure", "visib", "precip_6h"):
        made[name] = f[name]
    made["plane_age"] = f.year - f.plane_year
    made["departure_hour"] = f.hour + f.minute / 60
    made["weekday"] = f.date.dt.day_name()
    made["hour_flights"] = f.groupby(["origin", "time_hour"]).flight_id.transform("size")
    made["hour_flights_to_dest"] = f.groupby(["dest", "time_hour"]).flight_id.transform("size")
    _aircraft(f, made)
    _past(f, made, "origin_today", ["origin", "date"], "departed", "dep_delay")
    _past(f, made, "dest_today", ["dest", "date"], "arrived", "arr_delay")
    _past(f, made, "flight_14d", ["carrier", "flight"], "arrived", "arr_delay", within=14 * 1440)
    due = f.assign(known=f.scheduled, delay=0)
    made["origin_today_overdue"] = _totals(f, due, ["origin", "date"], f.moment)["flights"] - made.origin_today_flights
    return made


def _clock(time: pd.Series) -> pd.Series:
    return time // 100 * 60 + time % 100


def _aircraft(f: pd.DataFrame, made: pd.DataFrame) -> None:
    ordered = f[f.tailnum.notna()].sort_values(["tailnum", "scheduled", "flight_id"])
    columns = ["scheduled", "departed", "dep_delay", "arrived", "arr_delay", "planned_minutes"]
    last = ordered.groupby("tailnum")[columns].shift().reindex(f.index)
    departed, arrived = last.departed < f.moment, last.arrived < f.moment
    there = last.arrived.where(arrived, (last.departed + last.planned_minutes).where(departed))
    made["aircraft_departure_delay"] = last.dep_delay.where(departed)
    made["aircraft_arrival_delay"] = last.arr_delay.where(arrived)
    made["aircraft_slack"] = (f.scheduled - there - last.planned_minutes).clip(upper=1440)
    made["aircraft_planned_slack"] = (f.scheduled - last.scheduled - 2 * last.planned_minutes).clip(upper=1440)


def _past(
    f: pd.DataFrame, made: pd.DataFrame, name: str, by: list[str], known: str, delay: str, within: int | None = None
) -> None:
    events = f.loc[f[known].notna(), by].assign(known=f[known], delay=f[delay])
    past = _totals(f, events, by, f.moment)
    if within:
        past = past - _totals(f, events, by, f.moment - within)
    made[f"{name}_flights"] = past.flights
    made[f"{name}_delay"] = past.delay / past.flights.replace(0, np.nan)
    made[f"{name}_late_share"] = past.late / past.flights.replace(0, np.nan)


def _totals(f: pd.DataFrame, events: pd.DataFrame, by: list[str], moment: pd.Series) -> pd.DataFrame:
    """Totals of what was known before a moment: cumulative sums, looked up by `merge_asof`."""
    events = events[[*by, "known", "delay"]].astype({"known": "int64"}).sort_values("known")
    events = events.assign(flights=1, late=(events.delay > 15).astype("int64"))
    columns = ["flights", "delay", "late"]
    events[columns] = events.groupby(by)[columns].cumsum()
    asked = f[by].assign(moment=moment, row=f.index).sort_values("moment")
    found = pd.merge_asof(asked, events, left_on="moment", right_on="known", by=by, allow_exact_matches=False)
    return found.set_index("row")[columns].fillna(0).reindex(f.index)
