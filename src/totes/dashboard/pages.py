"""The pages of the dashboard, in the order of its menu: function, title and icon."""

from totes.dashboard.page.histories import history
from totes.dashboard.page.payments import payments
from totes.dashboard.page.pipeline import pipeline
from totes.dashboard.page.purchases import purchases
from totes.dashboard.page.sales import sales

PAGES = (
    (sales, "Sales", ":material/sell:"),
    (purchases, "Purchases", ":material/shopping_cart:"),
    (payments, "Payments", ":material/payments:"),
    (history, "Order history", ":material/history:"),
    (pipeline, "Pipeline", ":material/conversion_path:"),
)
