"""A group of 5,000 members for a domain that does not run: `samba_many.py SMB_CONF`.

Over LDAP each entry would be a transaction of its own, which takes minutes. Contacts are the cheapest members.
"""

import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

MEMBERS = 5000

settings = LoadParm()
settings.load(sys.argv[1])
domain = SamDB(session_info=system_session(), lp=settings)
top = f"OU=many,{domain.domain_dn()}"
members = [f"CN=contact{number},{top}" for number in range(MEMBERS)]

domain.transaction_start()
domain.add_ldif(f"dn: {top}\nobjectClass: organizationalUnit\n")
for member in members:
    domain.add_ldif(f"dn: {member}\nobjectClass: contact\n")
lines = "".join(f"member: {member}\n" for member in members)
domain.add_ldif(f"dn: CN=many,{top}\nobjectClass: group\nsAMAccountName: many\n{lines}")
domain.transaction_commit()
