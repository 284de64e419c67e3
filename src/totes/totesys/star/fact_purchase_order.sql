select
    purchase_order_id,
    cast(created_at as date) as created_date,
    created_at as created_time, -- the contract makes it a time of day
    cast(last_updated as date) as last_updated_date,
    last_updated as last_updated_time,
    staff_id,
    counterparty_id,
    item_code,
    item_quantity,
    item_unit_price,
    currency_id,
    agreed_delivery_date,
    agreed_payment_date,
    agreed_delivery_location_id
from purchase_order
