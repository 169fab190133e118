-- The work of src/pipelines/prepare/recipes/skyways.py, written by hand for DuckDB.
-- {raw}, {out}, {train} and {validation} are filled in by benchmarks/prepare.py.

-- primary
COPY (
    WITH readings AS (
        SELECT origin, time_hour + INTERVAL 1 HOUR AS time_hour,
            temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib,
            sum(precip) OVER (
                PARTITION BY origin ORDER BY time_hour RANGE BETWEEN INTERVAL 5 HOUR PRECEDING AND CURRENT ROW
            ) AS precip_6h
        FROM '{raw}/weather.parquet'
    )
    SELECT
        strftime(make_date(f.year, f.month, f.day), '%Y-%m-%d') || '_' || f.carrier || f.flight || '_' || f.origin AS flight_id,
        f.time_hour + to_minutes(f.minute) AS scheduled_departure,
        (f.arr_delay > 15)::TINYINT AS late,
        f.*,
        l.name AS carrier_name,
        o.tz AS origin_tz,
        d.lat AS dest_lat, d.lon AS dest_lon, d.alt AS dest_alt, d.tz AS dest_tz, d.dst AS dest_dst,
        p.year AS plane_year, p.type AS plane_type, p.manufacturer AS plane_manufacturer, p.model AS plane_model,
        p.engines AS plane_engines, p.seats AS plane_seats, p.speed AS plane_speed, p.engine AS plane_engine,
        w.* EXCLUDE (origin, time_hour)
    FROM '{raw}/flights.parquet' f
    LEFT JOIN '{raw}/airlines.parquet' l ON l.carrier = f.carrier
    LEFT JOIN '{raw}/airports.parquet' o ON o.faa = f.origin
    LEFT JOIN '{raw}/airports.parquet' d ON d.faa = f.dest
    LEFT JOIN '{raw}/planes.parquet' p ON p.tailnum = f.tailnum
    LEFT JOIN readings w ON w.origin = f.origin AND w.time_hour = f.time_hour
    ORDER BY flight_id
) TO '{out}/primary.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);

-- overview
SELECT
    count(*), count(late), min(late), max(late), count(*) - count(flight_id), count(*) - count(scheduled_departure),
    quantile_disc(scheduled_departure, 0.7) FILTER (late IS NOT NULL) AS train,
    quantile_disc(scheduled_departure, 0.85) FILTER (late IS NOT NULL) AS validation
FROM '{out}/primary.parquet';

-- checks
SELECT count(*), sum(n) FROM (SELECT count(*) AS n FROM '{out}/primary.parquet' GROUP BY flight_id) WHERE n > 1;
SELECT DISTINCT late FROM '{out}/primary.parquet' WHERE late IS NOT NULL LIMIT 3;
SELECT
    CASE WHEN scheduled_departure <= '{train}' THEN 'train' WHEN scheduled_departure <= '{validation}' THEN 'validation' ELSE 'test' END AS fold,
    count(*), min(late), max(late)
FROM '{out}/primary.parquet' WHERE late IS NOT NULL GROUP BY fold;

-- features
COPY (
    WITH offsets AS (
        SELECT *, (hour - extract(hour FROM time_hour) + 36) % 24 - 12 AS here
        FROM '{out}/primary.parquet'
    ),
    planned AS (
        SELECT *,
            make_date(year, month, day) AS date,
            epoch(scheduled_departure)::BIGINT // 60 AS scheduled,
            (
                (sched_arr_time // 100 * 60 + sched_arr_time % 100) - (sched_dep_time // 100 * 60 + sched_dep_time % 100)
                + 60 * (here - dest_tz - (dest_dst = 'A' AND here > origin_tz)::INT) + 2880
            ) % 1440 AS planned_minutes
        FROM offsets
    ),
    flights AS (
        SELECT *,
            scheduled - 60 AS moment,
            scheduled + greatest(dep_delay, CASE WHEN dep_delay IS NOT NULL THEN 0 END) AS departed,
            scheduled + CASE WHEN planned_minutes + arr_delay IS NOT NULL THEN greatest(planned_minutes + arr_delay, 0) END AS arrived
        FROM planned
    ),
    last AS (
        SELECT flight_id, scheduled, moment,
            lag(scheduled) OVER aircraft AS last_scheduled,
            lag(departed) OVER aircraft AS last_departed,
            lag(dep_delay) OVER aircraft AS last_dep_delay,
            lag(arrived) OVER aircraft AS last_arrived,
            lag(arr_delay) OVER aircraft AS last_arr_delay,
            lag(planned_minutes) OVER aircraft AS last_planned
        FROM flights WHERE tailnum IS NOT NULL
        WINDOW aircraft AS (PARTITION BY tailnum ORDER BY scheduled, flight_id)
    ),
    aircraft AS (
        SELECT flight_id,
            CASE WHEN last_departed < moment THEN last_dep_delay END AS aircraft_departure_delay,
            CASE WHEN last_arrived < moment THEN last_arr_delay END AS aircraft_arrival_delay,
            scheduled - last_planned - CASE
                WHEN last_arrived < moment THEN last_arrived
                WHEN last_departed < moment THEN last_departed + last_planned
            END AS slack,
            scheduled - last_scheduled - 2 * last_planned AS planned_slack
        FROM last
    ),
    origin AS (
        SELECT flight_id,
            coalesce(sum(n) OVER w, 0) AS flights, sum(delay) OVER w AS delay, sum(late) OVER w AS late
        FROM (
            SELECT flight_id, origin, date, moment AS minute, 0::DOUBLE AS n, 0::DOUBLE AS delay, 0::DOUBLE AS late FROM flights
            UNION ALL
            SELECT NULL, origin, date, departed, 1, dep_delay, (dep_delay > 15)::INT FROM flights WHERE departed IS NOT NULL
        )
        WINDOW w AS (PARTITION BY origin, date ORDER BY minute RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        QUALIFY flight_id IS NOT NULL
    ),
    dest AS (
        SELECT flight_id,
            coalesce(sum(n) OVER w, 0) AS flights, sum(delay) OVER w AS delay, sum(late) OVER w AS late
        FROM (
            SELECT flight_id, dest, date, moment AS minute, 0::DOUBLE AS n, 0::DOUBLE AS delay, 0::DOUBLE AS late FROM flights
            UNION ALL
            SELECT NULL, dest, date, arrived, 1, arr_delay, (arr_delay > 15)::INT FROM flights WHERE arrived IS NOT NULL
        )
        WINDOW w AS (PARTITION BY dest, date ORDER BY minute RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        QUALIFY flight_id IS NOT NULL
    ),
    same_flight AS (
        SELECT flight_id,
            coalesce(sum(n) OVER w, 0) AS flights, sum(delay) OVER w AS delay, sum(late) OVER w AS late
        FROM (
            SELECT flight_id, carrier, flight, moment AS minute, 0::DOUBLE AS n, 0::DOUBLE AS delay, 0::DOUBLE AS late FROM flights
            UNION ALL
            SELECT NULL, carrier, flight, arrived, 1, arr_delay, (arr_delay > 15)::INT FROM flights WHERE arrived IS NOT NULL
        )
        WINDOW w AS (PARTITION BY carrier, flight ORDER BY minute RANGE BETWEEN 20160 PRECEDING AND 1 PRECEDING)
        QUALIFY flight_id IS NOT NULL
    ),
    schedule AS (
        SELECT *,
            count(*) OVER (PARTITION BY origin, time_hour) AS hour_flights,
            count(*) OVER (PARTITION BY dest, time_hour) AS hour_flights_to_dest,
            count(*) OVER (
                PARTITION BY origin, date ORDER BY scheduled RANGE BETWEEN UNBOUNDED PRECEDING AND 61 PRECEDING
            ) AS due
        FROM flights
    )
    SELECT
        s.flight_id, s.scheduled_departure,
        CASE WHEN scheduled_departure <= '{train}' THEN 'train' WHEN scheduled_departure <= '{validation}' THEN 'validation' ELSE 'test' END AS fold,
        s.late, s.carrier, s.origin, s.dest,
        s.distance::DOUBLE AS distance, s.planned_minutes::DOUBLE AS planned_minutes,
        s.dest_lat, s.dest_lon, s.dest_alt::DOUBLE AS dest_alt, s.plane_model, s.plane_engine,
        s.plane_engines::DOUBLE AS plane_engines, s.plane_seats::DOUBLE AS plane_seats,
        s.temp, s.dewp, s.humid, s.wind_dir::DOUBLE AS wind_dir, s.wind_speed, s.wind_gust, s.precip, s.pressure, s.visib,
        s.precip_6h, (s.year - s.plane_year)::DOUBLE AS plane_age, s.hour + s.minute / 60 AS departure_hour,
        dayname(s.date) AS weekday,
        s.hour_flights::DOUBLE AS hour_flights, s.hour_flights_to_dest::DOUBLE AS hour_flights_to_dest,
        a.aircraft_departure_delay::DOUBLE AS aircraft_departure_delay,
        a.aircraft_arrival_delay::DOUBLE AS aircraft_arrival_delay,
        (CASE WHEN a.slack > 1440 THEN 1440 ELSE a.slack END)::DOUBLE AS aircraft_slack,
        (CASE WHEN a.planned_slack > 1440 THEN 1440 ELSE a.planned_slack END)::DOUBLE AS aircraft_planned_slack,
        o.flights AS origin_today_flights, o.delay / nullif(o.flights, 0) AS origin_today_delay,
        o.late / nullif(o.flights, 0) AS origin_today_late_share,
        d.flights AS dest_today_flights, d.delay / nullif(d.flights, 0) AS dest_today_delay,
        d.late / nullif(d.flights, 0) AS dest_today_late_share,
        f.flights AS flight_14d_flights, f.delay / nullif(f.flights, 0) AS flight_14d_delay,
        f.late / nullif(f.flights, 0) AS flight_14d_late_share,
        s.due - o.flights AS origin_today_overdue
    FROM schedule s
    LEFT JOIN aircraft a ON a.flight_id = s.flight_id
    LEFT JOIN origin o ON o.flight_id = s.flight_id
    LEFT JOIN dest d ON d.flight_id = s.flight_id
    LEFT JOIN same_flight f ON f.flight_id = s.flight_id
    WHERE s.late IS NOT NULL
    ORDER BY s.flight_id
) TO '{out}/features.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
