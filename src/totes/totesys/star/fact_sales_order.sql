select
    sales_order_id,
    cast(created_at as date) as created_date,
    created_at as created_time, -- the contract makes it a time of day
    cast(last_updated as date) as last_updated_date,
    last_updated as last_updated_time,
    staff_id as sales_staff_id,
    counterparty_id,
    units_sold,
    unit_price,
    currency_id,
    design_id,
    agreed_payment_date,
    agreed_delivery_date,
    agreed_delivery_location_id
from sales_order
