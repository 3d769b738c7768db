"""Certificates of an authority of our own, as files: good ones, and each kind of bad one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import trustme


class Authority:
    """An authority, and files with what it signed."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name, self.ca = folder, name, trustme.CA()
        self.file = folder / f"{name}.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def signs(self, file, *names, expired=False):
        """Write a certificate for these names, and its key; return both files."""
        until = datetime.now(UTC) - timedelta(days=1) if expired else None
        one = self.ca.issue_cert(*names, common_name=None, not_after=until)
        certificate, key = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in one.cert_chain_pems))
        key.touch(0o600)
        one.private_key_pem.write_to_path(str(key))
        return certificate, key
