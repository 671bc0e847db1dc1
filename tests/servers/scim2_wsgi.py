"""scim2-server (the strict, independent SCIM service) as a WSGI application for gunicorn, in memory.

Its own command speaks HTTP/1.0 and closes each connection; gunicorn keeps them alive. Started in this folder:

    PORT=9401 gunicorn scim2_wsgi:app        (gunicorn.conf.py beside this file is read by gunicorn itself)

Options by environment; a switch is on when it is `1`:
PORT              where to listen on 127.0.0.1 (8000)
TOKEN             accept only this bearer token (everybody is let in)
MAX_RESULTS       the largest page (1000)
NO_PATCH NO_BULK NO_FILTER NO_SORT NO_ETAG    the service says so in ServiceProviderConfig and refuses
CURSOR            cursor paging beside index paging
DYNAMIC_TENANTS   each first path segment is a service of its own: /anyname/v2/Users
"""

import os

from scim2_models import ScimProvider, ServiceProviderConfig
from scim2_server.applications.wsgi import TenantDispatcher
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_json_resource,
)


def switch(name):
    value = os.environ.get(name, "0")
    if value not in ("0", "1"):
        raise ValueError(f"{name} must be 0 or 1, not {value!r}")
    return value == "1"


def service_config():
    config = load_json_resource("default-service-provider-config.json")
    for feature in ("patch", "bulk", "filter", "sort", "etag"):
        if switch(f"NO_{feature.upper()}"):
            config[feature]["supported"] = False
    if "MAX_RESULTS" in os.environ:
        config["filter"]["maxResults"] = int(os.environ["MAX_RESULTS"])
    if switch("CURSOR"):
        config["pagination"] = {"cursor": True, "index": True}
    return ServiceProviderConfig.model_validate(config)


tokens = [os.environ["TOKEN"]] if os.environ.get("TOKEN") else []
config = service_config()
if tokens:
    config.authentication_schemes = [BEARER_TOKEN_SCHEME]
provider = ScimProvider.from_discovery(
    load_default_schemas().values(), load_default_resource_types().values(), config=config
)
# One process serves every cursor that it issues, so the secret may die with it.
service = ScimService(provider, secret=os.urandom(16).hex())


def tenant(_name=None):
    return BearerTokenApplication(
        InMemoryStorage(), provider, service=service, bearer_tokens=tokens
    )


app = TenantDispatcher(tenant) if switch("DYNAMIC_TENANTS") else tenant()
