"""Text of DICOM elements in the character set that the file declares (PS3.3 C.12.1.1.2, PS3.5 6.1), or may have."""

import warnings
from functools import lru_cache

#: Tried in this order where what is declared gives no word that is known: UTF-8, then the sets of common languages.
_OTHERS = (
    *("utf-8", "gb18030", "cp1252", "cp1251", "iso8859-5", "koi8-r", "cp1250", "iso8859-2", "cp1254", "cp1253"),
    *("shift_jis", "euc-jp", "euc-kr", "big5", "cp1256", "iso8859-6", "cp1255", "tis-620", "cp850", "cp866"),
)


def decode(raw: bytes, declared: bytes) -> str:
    """One text element, backslashes between its values included. declared: the value of SpecificCharacterSet.

    Where it does not fit the declared set, it is read as UTF-8 if it is that, else as Latin-1.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    text = _declared(raw, declared)
    if text is not None:
        return text
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def readings(raw: bytes, declared: bytes) -> list[str]:
    """What a text may say, the likeliest first."""
    found = [decode(raw, declared)]
    if raw.isascii():
        return found
    for codec in _OTHERS:
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if text not in found:
            found.append(text)
    return found


@lru_cache(maxsize=1024)  # the same words in all films of a device
def _declared(raw: bytes, declared: bytes) -> str | None:
    """By pydicom, which knows the escapes of ISO 2022; None where the bytes are not of that set."""
    from pydicom import charset  # a tenth of a second: only for the first film with letters outside ASCII

    names = [name.strip(" \0") for name in declared.decode("ascii", "replace").split("\\")]
    if not any(names):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            codecs = charset.convert_encodings(names)
            if b"\x1b" not in raw:
                return raw.decode(codecs[0])
            return charset.decode_bytes(raw, codecs, {ord("\\")})
        except (LookupError, UnicodeError, ValueError, TypeError):
            return None
