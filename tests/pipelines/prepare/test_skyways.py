"""Nothing of a flight's own outcome, and nothing that was not known an hour before, is in its features."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from random import Random
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from pipelines.prepare.recipes import skyways
from workbench.engines import connection

Raw = dict[str, ir.Table]
OUTCOMES = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
AHEAD = timedelta(minutes=skyways.AHEAD)


@pytest.fixture(scope="module")
def raw(flights_raw: Raw) -> Raw:
    """Four days: one with hardly a delay, one with many."""
    flights = flights_raw["flights"].filter(flights_raw["flights"].day.between(1, 4))
    return flights_raw | {"flights": connection().create_table("flights_few", flights, temp=True, overwrite=True)}


def rows_of(raw: Raw, flights: pa.Table | None = None) -> dict[str, dict[str, Any]]:
    """Features by flight, cancelled flights too."""
    if flights is not None:
        raw = raw | {"flights": connection().create_table("flights_changed", flights, temp=True, overwrite=True)}
    return {row["flight_id"]: row for row in skyways.features(skyways.join(raw)).to_pyarrow().to_pylist()}


@pytest.fixture(scope="module")
def rows(raw: Raw) -> dict[str, dict[str, Any]]:
    return rows_of(raw)


def without_label(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "late"}


def with_other_outcomes(flights: pa.Table, chosen: list[bool], seed: int = 0) -> pa.Table:
    """Other delays for the chosen flights: early, late, very late, cancelled, or landed elsewhere."""
    rng = Random(seed)
    columns = {name: flights[name].to_pylist() for name in OUTCOMES}
    for at in (n for n, change in enumerate(chosen) if change):
        delay = rng.choice([-90, -5, 20, 300, None])
        columns["dep_delay"][at] = delay
        columns["arr_delay"][at] = None if delay is None else rng.choice([delay - 200, delay + 35, None])
        columns["dep_time"][at], columns["arr_time"][at] = rng.randrange(2400), rng.randrange(2400)
        columns["air_time"][at] = rng.randrange(500)
    for name, values in columns.items():
        flights = flights.set_column(flights.column_names.index(name), name, pa.array(values, pa.int64()))
    return flights


def scheduled(flights: pa.Table) -> list[datetime]:
    pairs = zip(flights["time_hour"].to_pylist(), flights["minute"].to_pylist(), strict=True)
    return [hour + timedelta(minutes=minute) for hour, minute in pairs]


@pytest.mark.parametrize("hours", [9, 30, 55, 80])
def test_the_future_does_not_change_the_past(raw: Raw, rows: dict[str, dict[str, Any]], hours: int) -> None:
    """Flights from one moment on turn out differently: no forecast that is made by then may differ."""
    flights = raw["flights"].to_pyarrow()
    times = scheduled(flights)
    moment = min(times) + timedelta(hours=hours)
    changed = rows_of(raw, with_other_outcomes(flights, [time >= moment for time in times]))
    made_by_then = [key for key, row in rows.items() if row["scheduled_departure"] - AHEAD <= moment]
    assert 100 < len(made_by_then) < len(rows) - 100
    for key in made_by_then:
        assert without_label(changed[key]) == without_label(rows[key])
    # And it was a change worth the name.
    assert sum(without_label(changed[key]) != without_label(rows[key]) for key in rows) > 100


def test_a_flight_does_not_tell_of_itself(raw: Raw, rows: dict[str, dict[str, Any]]) -> None:
    """Each of some flights turns out differently, and its own features stay.

    Some leave even before the forecast is made: the promise must not hang on how early flights leave.
    """
    flights = raw["flights"].to_pyarrow()
    late_on_the_day = [n for n, hour in enumerate(flights["hour"].to_pylist()) if hour >= 20]
    for seed, at in enumerate(Random(3).sample(late_on_the_day, 6)):
        changed = rows_of(raw, with_other_outcomes(flights, [n == at for n in range(len(flights))], seed))
        key = flight_id(flights.slice(at, 1).to_pylist()[0])
        assert without_label(changed[key]) == without_label(rows[key])


def flight_id(flight: dict[str, Any]) -> str:
    date = f"{flight['year']}-{flight['month']:02}-{flight['day']:02}"
    return f"{date}_{flight['carrier']}{flight['flight']}_{flight['origin']}"


def test_what_is_left_out_changes_the_label_alone(raw: Raw, rows: dict[str, dict[str, Any]]) -> None:
    """The columns that are in no feature of any flight may hold anything."""
    flights = raw["flights"].to_pyarrow()
    order = list(range(len(flights)))
    Random(5).shuffle(order)
    for name in ("dep_time", "arr_time", "air_time"):
        flights = flights.set_column(flights.column_names.index(name), name, flights[name].take(order))
    assert rows_of(raw, flights) == rows


def test_the_features_name_no_excluded_column(rows: dict[str, dict[str, Any]]) -> None:
    assert not set(next(iter(rows.values()))) & set(skyways.EXCLUDED)


def test_history_is_what_a_person_would_count(raw: Raw, rows: dict[str, dict[str, Any]]) -> None:
    """Compared with loops over all flights, for some of them."""
    flights = with_planned_minutes(raw).to_pyarrow().to_pylist()
    for row in flights:
        # The two moments, once more and by another way.
        start = row["scheduled_departure"]
        row["left"] = None if row["dep_delay"] is None else start + timedelta(minutes=max(row["dep_delay"], 0))
        row["landed"] = None
        if row["arr_delay"] is not None and row["planned_minutes"] is not None:
            row["landed"] = start + timedelta(minutes=row["planned_minutes"] + row["arr_delay"])
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in flights:
        groups["origin", row["origin"], row["day"]].append(row)
        groups["dest", row["dest"], row["day"]].append(row)
        groups["flight", row["carrier"], row["flight"]].append(row)
        groups["aircraft", row["tailnum"]].append(row)
    for row in Random(1).sample(flights, 400):
        made, now = rows[row["flight_id"]], row["scheduled_departure"] - AHEAD
        here = groups["origin", row["origin"], row["day"]]
        left = [other["dep_delay"] for other in here if other["left"] and other["left"] < now]
        due = sum(other["scheduled_departure"] < now for other in here)
        assert_counts(made, "origin_today", left)
        assert made["origin_today_overdue"] == due - len(left)
        there = groups["dest", row["dest"], row["day"]]
        assert_counts(made, "dest_today", [o["arr_delay"] for o in there if o["landed"] and o["landed"] < now])
        same = groups["flight", row["carrier"], row["flight"]]
        assert_counts(made, "flight_14d", [o["arr_delay"] for o in same if o["landed"] and o["landed"] < now])
        assert_aircraft(made, row, groups["aircraft", row["tailnum"]], now)


def with_planned_minutes(raw: Raw) -> ir.Table:
    primary = skyways.join(raw)
    return primary.mutate(planned_minutes=skyways._planned_minutes(primary))


def assert_counts(made: dict[str, Any], name: str, delays: list[int]) -> None:
    assert made[f"{name}_flights"] == len(delays)
    if delays:
        assert made[f"{name}_delay"] == pytest.approx(sum(delays) / len(delays))
        assert made[f"{name}_late_share"] == pytest.approx(sum(d > skyways.LATE for d in delays) / len(delays))
    else:
        assert made[f"{name}_delay"] is None
        assert made[f"{name}_late_share"] is None


def assert_aircraft(made: dict[str, Any], row: dict[str, Any], flights: list[dict[str, Any]], now: datetime) -> None:
    def at(flight: dict[str, Any]) -> tuple[datetime, str]:
        return flight["scheduled_departure"], flight["flight_id"]

    earlier = [flight for flight in flights if at(flight) < at(row)] if row["tailnum"] else []
    last = max(earlier, key=at) if earlier else None
    departed = last is not None and last["left"] is not None and last["left"] < now
    landed = last is not None and last["landed"] is not None and last["landed"] < now
    assert made["aircraft_departure_delay"] == (last["dep_delay"] if departed else None)
    assert made["aircraft_arrival_delay"] == (last["arr_delay"] if landed else None)
    if not (departed or landed) or last["planned_minutes"] is None:
        assert made["aircraft_slack"] is None
        return
    minutes = timedelta(minutes=last["planned_minutes"])
    back = (last["landed"] if landed else last["left"] + minutes) + minutes
    slack = (row["scheduled_departure"] - back).total_seconds() / 60
    assert made["aircraft_slack"] == min(slack, skyways.DAY)


def test_planned_minutes_know_the_time_zones(raw: Raw) -> None:
    """Taking off and landing take between 5 minutes and 4 hours beside the time in the air."""
    flights = with_planned_minutes(raw).filter(ibis._.arr_delay.notnull(), ibis._.planned_minutes.notnull())
    taxi = flights.mutate(taxi=ibis._.planned_minutes + ibis._.arr_delay - ibis._.dep_delay - ibis._.air_time)
    found = taxi.aggregate(low=taxi.taxi.min(), high=taxi.taxi.max(), rows=taxi.count()).to_pyarrow().to_pylist()[0]
    assert found["rows"] > 3_000
    assert found["low"] >= 5
    assert found["high"] <= 240


def made_up(raw: Raw, *flights: dict[str, Any]) -> list[dict[str, Any]]:
    """Features of flights on 10 January or July 2013, in the order given; what a test leaves out is of a real flight."""
    real = raw["flights"].limit(1).to_pyarrow().to_pylist()[0]
    table = []
    for flight in flights:
        row = real | {"month": 1, "day": 10, "origin": "JFK"} | flight
        hour, minute = divmod(row["sched_dep_time"], 100)
        utc = datetime(2013, row["month"], 10, hour) + timedelta(hours=4 if row["month"] == 7 else 5)
        table.append(row | {"hour": hour, "minute": minute, "time_hour": utc})
    made = rows_of(raw, pa.Table.from_pylist(table, raw["flights"].schema().to_pyarrow()))
    return [made[flight_id(row)] for row in table]


@pytest.mark.parametrize(
    ("dest", "month", "minutes"),
    [("HNL", 1, 680), ("PHX", 1, 320), ("PHX", 7, 320), ("LAX", 7, 360), ("BOS", 7, 60), ("SJU", 7, None)],
)
def test_planned_minutes_in_summer_and_winter(raw: Raw, dest: str, month: int, minutes: int | None) -> None:
    """Local departure 10:00 in New York; arrival in local time: Hawaii, Arizona and Puerto Rico have no summer time."""
    summer = month == 7
    there = {"HNL": -10, "PHX": -7, "LAX": -8 + summer, "BOS": -5 + summer, "SJU": -4}[dest]
    arrival = datetime(2013, month, 10, 10) + timedelta(minutes=minutes or 240, hours=there - (-5 + summer))
    flight = {
        "month": month,
        "dest": dest,
        "sched_dep_time": 1000,
        "sched_arr_time": arrival.hour * 100 + arrival.minute,
    }
    assert made_up(raw, flight)[0]["planned_minutes"] == minutes


@pytest.mark.parametrize(
    ("landed", "known"), [("11:28", True), ("11:29", True), ("11:30", False), ("11:45", False), ("12:29", False)]
)
def test_an_arrival_is_known_once_it_took_place_before_the_forecast(raw: Raw, landed: str, known: bool) -> None:
    """The second flight leaves at 12:30, so its forecast is made at 11:30."""
    hour, minute = map(int, landed.split(":"))
    to_boston = {"dest": "BOS", "tailnum": "N1", "carrier": "AA", "sched_dep_time": 1000, "sched_arr_time": 1100}
    first = to_boston | {"flight": 1, "dep_delay": 5, "arr_delay": (hour - 11) * 60 + minute}
    second = to_boston | {"flight": 2, "sched_dep_time": 1230, "sched_arr_time": 1330}
    made = made_up(raw, first, second)[1]
    assert made["aircraft_departure_delay"] == 5
    assert made["aircraft_arrival_delay"] == (first["arr_delay"] if known else None)
    assert made["dest_today_flights"] == int(known)
    # Back an hour after it landed; if that is not known, two hours after it left.
    assert made["aircraft_slack"] == ((12 - hour) * 60 + 30 - minute - 60 if known else 25)


def test_weather_is_of_the_hour_before(raw: Raw, rows: dict[str, dict[str, Any]]) -> None:
    weather = raw["weather"].filter(raw["weather"].month == 1, raw["weather"].day <= 5).to_pyarrow().to_pylist()
    read = {(row["origin"], row["time_hour"]): row for row in weather}
    for row in Random(2).sample(list(rows.values()), 300):
        hour = row["scheduled_departure"].replace(minute=0) - timedelta(hours=1)
        reading = read.get((row["origin"], hour))
        assert row["temp"] == (reading and reading["temp"])
        hours = [(row["origin"], hour - timedelta(hours=n)) for n in range(6)]
        fallen = sum(read[at]["precip"] for at in hours if at in read)
        assert row["precip_6h"] == (pytest.approx(fallen) if reading else None)


def test_a_cancelled_flight_is_not_a_row_but_is_overdue(raw: Raw, rows: dict[str, dict[str, Any]]) -> None:
    assert any(row["late"] is None for row in rows.values())
    late_evening = [row["origin_today_overdue"] for row in rows.values() if row["scheduled_departure"].hour == 2]
    assert max(late_evening) >= 1
