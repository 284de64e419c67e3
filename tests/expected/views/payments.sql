select p.payment_id, p.created_at::date, to_char(p.created_at, 'YYYY-MM-01')::date,
    p.created_at, p.last_updated, y.payment_type_name, p.transaction_id, t.transaction_type,
    t.sales_order_id, t.purchase_order_id, p.counterparty_id, c.counterparty_legal_name,
    (select country from address a where a.address_id = c.legal_address_id),
    m.currency_code, p.payment_amount, round(p.payment_amount * r.pounds, 2), p.paid,
    p.payment_date::date, p.payment_date::date - today,
    case when p.paid then 0 else greatest(0, today - p.payment_date::date) end
from payment p
join payment_type y using (payment_type_id)
join transaction t using (transaction_id)
join counterparty c using (counterparty_id)
join currency m on m.currency_id = p.currency_id
join pounds r on r.day = p.created_at::date and r.code = m.currency_code
cross join today
