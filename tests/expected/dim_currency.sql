select currency_id, currency_code, case currency_code
    when 'GBP' then 'Pound Sterling' when 'USD' then 'US Dollar' when 'EUR' then 'Euro'
    when 'JPY' then 'Yen' end
from currency
