"""Pages of accounts in the browser."""

from allauth.account.views import password_reset_from_key
from django.urls import URLPattern, URLResolver, include, path, re_path

from accounts.browser import account_page, invite_page

signing_in: list[URLPattern | URLResolver] = [
    re_path(  # allauth's own expects ids without an underscore
        r"^password/reset/key/(?P<uidb36>user_[0-9a-f]+)-(?P<key>.+)/$",
        password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("", include("allauth.urls")),
]
urlpatterns = [
    path("accounts/", include(signing_in)),
    path("account", account_page.account, name="account"),
    path("account/export", account_page.export, name="account-export"),
    path("account/delete", account_page.delete, name="account-delete"),
    path("invite/<str:token>", invite_page.invite, name="invitation"),
]
