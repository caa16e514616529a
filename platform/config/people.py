"""Settings of accounts in the browser: sign-up, login, second factors, mail, payments, webhooks.

Read by `settings`, which Django and allauth ask; here because they belong together.
"""

from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from billing import pricing
from config import env

PRODUCTION: Final = env.choice("SMARTER_ENV", ("development", "production")) == "production"

# Offered is what is translated: locale/, by `make messages`.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]

# --- who may join, and with how much
SIGNUP = env.choice(
    "SIGNUP", ("invite", "open", "closed") if PRODUCTION else ("open", "invite", "closed")
)
STARTER_CREDIT_NANO = pricing.nano(env.text("STARTER_CREDIT_USD", "0" if PRODUCTION else "1.00"))
# Where this site is reached, for links in mail that no browser asked for (https://chat.example.com).
SITE_URL = env.text("SITE_URL", "http://localhost:8000").rstrip("/")

# The chatbot on the public home, by the slug of its page, once it is published. In production it is
# named: slugs are free to whoever comes first.
DEMO_CHATBOT = env.text("DEMO_CHATBOT", "" if PRODUCTION else "guide")

# --- payments: Stripe where it is set up, else the fake provider of development
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET")
STRIPE_API_URL = env.text("STRIPE_API_URL", "https://api.stripe.com")
if STRIPE_SECRET_KEY and not STRIPE_WEBHOOK_SECRET:
    raise ImproperlyConfigured("STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET: who is to believe?")

# --- webhooks of organisations go to public addresses only; a developer's own machine is not one
WEBHOOKS_MAY_CALL_PRIVATE = env.flag("WEBHOOKS_MAY_CALL_PRIVATE")
if PRODUCTION and WEBHOOKS_MAY_CALL_PRIVATE:
    raise ImproperlyConfigured("SMARTER_ENV=production refuses WEBHOOKS_MAY_CALL_PRIVATE.")

# --- mail: printed in development, by SMTP where there is a host
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Smarter <noreply@localhost>")

# --- allauth: https://docs.allauth.org
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.browser.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.browser.forms.LoginForm",
    "signup": "accounts.browser.forms.SignupForm",
    "change_password": "accounts.browser.passwords.ChangeForm",
    "set_password": "accounts.browser.passwords.SetForm",
    "reset_password_from_key": "accounts.browser.passwords.ResetForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = env.choice(
    "EMAIL_VERIFICATION",
    ("mandatory", "optional", "none") if PRODUCTION else ("optional", "mandatory", "none"),
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/m/key",
}
MFA_ADAPTER = "accounts.browser.adapter.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "accounts.browser.passkeys.AddForm",
    "authenticate_webauthn": "accounts.browser.passkeys.AuthenticateForm",
    "login_webauthn": "accounts.browser.passkeys.LoginForm",
    "reauthenticate_webauthn": "accounts.browser.passkeys.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # http://localhost
MFA_TOTP_ISSUER = "Smarter"
MFA_TOTP_TOLERANCE = 1

# Limits of login and reset are counted here, shared where there are several web processes.
_REDIS = env.text("REDIS_URL")
CACHES: Final[dict[str, dict[str, Any]]] = {
    "default": {"BACKEND": "config.shared_cache.SharedCache", "LOCATION": _REDIS}
    if _REDIS
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
