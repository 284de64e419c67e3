select purchase_order_id, created_at::date, created_at::time, last_updated::date,
    last_updated::time, staff_id, counterparty_id, item_code, item_quantity, item_unit_price,
    currency_id, agreed_delivery_date::date, agreed_payment_date::date, agreed_delivery_location_id
from purchase_order
