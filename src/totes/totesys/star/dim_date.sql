-- Every day of every year that a fact refers to.
with referred as (
    select created_date as day from fact_sales_order
    union select last_updated_date from fact_sales_order
    union select agreed_payment_date from fact_sales_order
    union select agreed_delivery_date from fact_sales_order
    union select created_date from fact_purchase_order
    union select last_updated_date from fact_purchase_order
    union select agreed_delivery_date from fact_purchase_order
    union select agreed_payment_date from fact_purchase_order
    union select created_date from fact_payment
    union select last_updated_date from fact_payment
    union select payment_date from fact_payment
),

years as (
    select distinct cast(year(day) as integer) as year from referred
),

days as (
    select unnest(
        generate_series(make_date(year, 1, 1), make_date(year, 12, 31), interval 1 day)
    ) as day
    from years
)

select
    cast(day as date) as date_id,
    year(day) as year,
    month(day) as month,
    day(day) as day,
    -- 1900-01-01 was a Monday; the second remainder serves the days before it
    (date_diff('day', date '1900-01-01', cast(day as date)) % 7 + 7) % 7 as day_of_week,
    strftime(day, '%A') as day_name,
    strftime(day, '%B') as month_name,
    quarter(day) as quarter
from days
