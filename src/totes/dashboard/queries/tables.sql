-- How many rows the tables have, as PostgreSQL last estimated it: to count them would read them all.
select
    relname as name,
    case when reltuples >= 0 then reltuples::bigint end as rows,
    pg_total_relation_size(oid) as bytes
from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r'
order by relname
