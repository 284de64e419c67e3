select o.sales_order_id, o.created_at::date, to_char(o.created_at, 'YYYY-MM-01')::date,
    o.created_at, o.last_updated, o.staff_id, concat(s.first_name, ' ', s.last_name),
    (select department_name from department d where d.department_id = s.department_id),
    o.counterparty_id, c.counterparty_legal_name,
    (select country from address a where a.address_id = c.legal_address_id),
    a.city, a.country, o.design_id, d.design_name, o.units_sold, m.currency_code, o.unit_price,
    o.units_sold * o.unit_price, round(o.unit_price * p.pounds, 4),
    round(o.units_sold * o.unit_price * p.pounds, 2),
    o.agreed_delivery_date::date, o.agreed_delivery_date::date - today,
    o.agreed_payment_date::date, o.agreed_payment_date::date - today,
    (select coalesce(sum(x.signed), 0) from settled x where x.sales_order_id = o.sales_order_id
        and x.currency_id = o.currency_id and x.paid),
    (select coalesce(sum(x.signed), 0) from settled x where x.sales_order_id = o.sales_order_id
        and x.currency_id = o.currency_id and not x.paid),
    (select coalesce(max(greatest(0, today - x.payment_date::date)), 0) from settled x
        where x.sales_order_id = o.sales_order_id
        and x.currency_id = o.currency_id and not x.paid)
from sales_order o
join staff s using (staff_id)
join counterparty c using (counterparty_id)
join address a on a.address_id = o.agreed_delivery_location_id
join design d using (design_id)
join currency m using (currency_id)
join pounds p on p.day = o.created_at::date and p.code = m.currency_code
cross join today
