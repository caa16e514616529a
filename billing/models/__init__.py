"""Money as stored: accounts, holds, the book, prices, budgets, payments, top-ups, usage."""

from billing.models.account import Account, LowBalance
from billing.models.auto_top_up import AutoTopUp
from billing.models.budget import BudgetWindow
from billing.models.chatbot_window import ChatbotWindow
from billing.models.hold import Hold
from billing.models.journal import Entry, Journal
from billing.models.payment import Payment
from billing.models.price import Price
from billing.models.taken_back import TakenBack
from billing.models.top_up import CreditCode, TopUp
from billing.models.usage import UsageDaily, UsageWatermark

__all__ = [
    "Account",
    "AutoTopUp",
    "BudgetWindow",
    "ChatbotWindow",
    "CreditCode",
    "Entry",
    "Hold",
    "Journal",
    "LowBalance",
    "Payment",
    "Price",
    "TakenBack",
    "TopUp",
    "UsageDaily",
    "UsageWatermark",
]
