"""When a certificate ends, from its bytes: the standard library reads that of the other side only.

Source: RFC 5280 4.1: Certificate is a SEQUENCE of TBSCertificate, ...; TBSCertificate is a SEQUENCE of
[0] version (optional), serialNumber, signature, issuer, validity (notBefore, notAfter), ...; times are
UTCTime (YYMMDDHHMMSSZ, 1950 to 2049) or GeneralizedTime (YYYYMMDDHHMMSSZ).
"""

from __future__ import annotations

from datetime import UTC, datetime

UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
VERSION = 0xA0


def not_after(der: bytes) -> datetime:
    """Return when the certificate ends. Raises ValueError: these bytes are no certificate."""
    try:
        _, certificate, _ = _element(der)
        _, fields, _ = _element(certificate)
        tag, _, rest = _element(fields)
        if tag == VERSION:
            _, _, rest = _element(rest)
        for _ in ("signature", "issuer"):
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, rest = _element(validity)  # notBefore
        tag, text, _ = _element(rest)
        return _time(tag, text.decode("ascii"))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("these bytes are no certificate") from error


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, content and what follows of the first element (definite lengths only, as DER has)."""
    tag, length, at = der[0], der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[2 : 2 + size], "big")
        at += size
    if len(der) < at + length:
        raise ValueError("these bytes are no certificate")
    return tag, der[at : at + length], der[at + length :]


def _time(tag: int, text: str) -> datetime:
    if tag == UTC_TIME:
        century = "20" if int(text[:2]) < 50 else "19"
        return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    if tag == GENERALIZED_TIME:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    raise ValueError("these bytes are no certificate")
