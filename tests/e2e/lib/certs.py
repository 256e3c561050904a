"""A certificate authority for one test run, made with openssl."""

from __future__ import annotations

import grp
import os
import ssl
import subprocess
from pathlib import Path

from lib.edge import RUN_GROUP

_KEYS = {
    "ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-newkey", "rsa:2048"],
}
_CA = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
_SIGNED = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"]


class Authority:
    """Makes a certificate for each set of names once; ca.pem is what clients trust."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.ca = place / "ca.pem"
        self._request("ecdsa", "ca", "edge test CA", *_CA)

    def _request(self, kind: str, stem: str, name: str, *extra: str, before: tuple[str, ...] = ()) -> None:
        done = subprocess.run(
            [*before, "openssl", "req", "-x509", *_KEYS[kind], "-nodes", "-keyout", f"{stem}.key", "-out", f"{stem}.pem",
             "-days", "30", "-subj", f"/CN={name}", *extra],
            cwd=self.place, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def leaf(self, *names: str, kind: str = "ecdsa", expired: bool = False) -> tuple[Path, Path]:
        """The certificate and the key, readable by the group of the user edge runs as."""
        stem = "-".join(names).replace("*", "any") + f"-{kind}" + ("-expired" if expired else "")
        cert, key = self.place / f"{stem}.pem", self.place / f"{stem}.key"
        if not cert.exists():
            alt = ",".join(f"DNS:{n}" for n in names)
            before = ("faketime", "60 days ago") if expired else ()
            self._request(kind, stem, names[0], *_SIGNED, "-addext", f"subjectAltName={alt}", before=before)
            os.chmod(key, 0o640)
            if os.getuid() == 0:
                os.chown(key, 0, grp.getgrnam(RUN_GROUP).gr_gid)
        return cert, key

    def tls(self, *names: str, kind: str = "ecdsa") -> str:
        """The directive of a site with such a certificate."""
        cert, key = self.leaf(*names, kind=kind)
        return f"tls {cert} {key}"

    def client(self) -> ssl.SSLContext:
        """Verifies, and tells an end without close_notify from a clean one, as it must be for a client that cares about truncation."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        return context
