with referred as (
    select created_at::date as day from sales_order union select last_updated::date from sales_order
    union select agreed_delivery_date::date from sales_order
    union select agreed_payment_date::date from sales_order
    union select created_at::date from purchase_order union select last_updated::date from purchase_order
    union select agreed_delivery_date::date from purchase_order
    union select agreed_payment_date::date from purchase_order
    union select created_at::date from payment union select last_updated::date from payment
    union select payment_date::date from payment
)
select day::date, extract(year from day)::int, extract(month from day)::int,
    extract(day from day)::int, extract(isodow from day)::int - 1, to_char(day, 'FMDay'),
    to_char(day, 'FMMonth'), extract(quarter from day)::int
from (select distinct extract(year from day)::int as year from referred) as years,
    generate_series(make_date(year, 1, 1), make_date(year, 12, 31), interval '1 day') as day
