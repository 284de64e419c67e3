select
    event_id,
    sensor_id,
    cast(happened_at as date) as happened_date,
    reading
from event
