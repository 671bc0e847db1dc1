"""django-scim2 (a SCIM service of another make) as a WSGI application for gunicorn, with SQLite. Started in this folder:

    PORT=9402 DATABASE=people.sqlite3 gunicorn django_scim2_wsgi:app

It departs from the RFCs in its own ways: a PATCH changes a few attributes only and answers 501 to the others, members are removed as
a list, displayName is made of the names, and it says of itself that it has no filters.

Options by environment:
PORT        where to listen on 127.0.0.1 (8000)
DATABASE    the file that people are kept in
TOKEN       accept only this bearer token (everybody is let in)
"""

import hmac
import os
from types import SimpleNamespace

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

token = os.environ.get("TOKEN", "")


def identify(get_response):
    """Says whether the request carries the token, in the way in which django-scim2 asks."""

    def middleware(request):
        sent = request.headers.get("Authorization", "")
        known = not token or hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
        request.user = SimpleNamespace(is_authenticated=known)
        return get_response(request)

    return middleware


settings.configure(
    SECRET_KEY=os.urandom(16).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django_scim2"],
    MIDDLEWARE=[f"{__name__}.identify"],
    AUTH_USER_MODEL="django_scim2.User",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            # Writers wait for each other instead of failing.
            "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"},
        }
    },
    SCIM_SERVICE_PROVIDER={
        "NETLOC": f"127.0.0.1:{os.environ.get('PORT', '8000')}",
        "SCHEME": "http",
        "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "a token"}],
        "USER_MODEL_GETTER": f"{__name__}.user_model",
        "GROUP_MODEL": "django_scim2.models.Group",
        "EXPOSE_SCIM_EXCEPTIONS": True,
    },
)


def user_model():
    from django_scim2.models import User

    return User


urlpatterns = [path("scim/v2/", include("django_scim.urls", namespace="scim"))]

django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
app = get_wsgi_application()
