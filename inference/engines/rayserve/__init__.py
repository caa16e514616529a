"""The local engine on a Ray cluster (extra `ray`): `ray://<application>` in a catalog row."""
