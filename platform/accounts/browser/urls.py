"""Pages of accounts in the browser."""

from django.urls import include, path

from accounts.browser import account_page, invite_page

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("account", account_page.account, name="account"),
    path("account/export", account_page.export, name="account-export"),
    path("account/delete", account_page.delete, name="account-delete"),
    path("invite/<str:token>", invite_page.invite, name="invitation"),
]
