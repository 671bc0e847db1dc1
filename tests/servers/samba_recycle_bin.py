"""Turns the recycle bin of a domain on, for ever: `samba_recycle_bin.py SMB_CONF`. Samba takes that from no connection."""

import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

RECYCLE_BIN = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"

settings = LoadParm()
settings.load(sys.argv[1])
domain = SamDB(session_info=system_session(), lp=settings)
change = ldb.Message(ldb.Dn(domain, ""))
feature = f"CN=Partitions,{domain.get_config_basedn()}:{RECYCLE_BIN}"
change["enableOptionalFeature"] = ldb.MessageElement(feature, ldb.FLAG_MOD_ADD, "enableOptionalFeature")
domain.modify(change)
