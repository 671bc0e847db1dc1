"""Runs the checks of scim2-tester against the SCIM service at URL, and prints a line for each: status, resource, check, and the reason
of one that did not succeed. The exit code is 1 if any check failed, or if none was run.

    URL=http://127.0.0.1:8080/scim/v2 TOKEN=secret python scim2_check.py
"""

import os
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

http = Client(
    base_url=os.environ["URL"],
    headers={"Authorization": f"Bearer {os.environ.get('TOKEN', '')}"},
)
results = check_server(SyncSCIMClient(http))
for result in results:
    line = [result.status.name, result.resource_type or "-", result.title]
    if result.status is not Status.SUCCESS:
        line.append(str(result.reason))
    print(" ".join(line))
good = {Status.SUCCESS, Status.SKIPPED, Status.ACCEPTABLE}
sys.exit(not results or any(result.status not in good for result in results))
