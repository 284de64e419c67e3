select
    currency.currency_id,
    currency.currency_code,
    iso_4217.name as currency_name
from currency
left join iso_4217 on iso_4217.code = currency.currency_code
