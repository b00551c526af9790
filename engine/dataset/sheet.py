"""A table as people save it from a spreadsheet: their encoding, their separator, their language's headers."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataSetError

MAX_BYTES = 512 * 2**20

#: Headers that stand for a column: as spreadsheets and DICOM tools in English, German, Spanish, French, Italian,
#: Portuguese and Dutch write them. Capitals, accents, spaces and marks count for nothing.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "file": (
        *("file", "filename", "file name", "path", "Datei", "Dateiname", "Pfad", "archivo", "nombre de archivo"),
        *("fichero", "ruta", "fichier", "nom de fichier", "nome file", "percorso", "arquivo", "ficheiro", "bestand"),
    ),
    "sop_uid": ("sop_uid", "SOPInstanceUID", "SOP UID"),
    "study_uid": ("study_uid", "StudyInstanceUID", "Study UID", "Studien-UID", "UID de estudio"),
    "truth": (
        *("truth", "label", "diagnosis", "finding truth", "Wahrheit", "Befund", "Diagnose", "verdad", "diagnóstico"),
        *("hallazgo", "resultado", "vérité", "diagnostic", "verità", "diagnosi", "referto", "verdade", "waarheid"),
    ),
    "patient": (
        "patient",
        "Patientin",
        "patient_id",
        "patienten-id",
        "Patientennummer",
        "paciente",
        "paziente",
        "patiënt",
    ),
    "accession": (
        *("accession", "accession number", "accession no", "Auftragsnummer", "Anforderungsnummer", "Zugangsnummer"),
        *("número de acceso", "número de estudio", "numéro d'accession", "numero di accesso", "número de acesso"),
    ),
    "fold": ("fold", "Faltung", "pliegue"),
    "age": ("age", "Alter", "edad", "âge", "età", "idade", "leeftijd"),
    "sex": ("sex", "gender", "Geschlecht", "sexo", "sexe", "sesso", "geslacht"),
    "source": ("source", "Quelle", "fuente", "origen"),
    "part": ("part", "split", "Teil", "parte", "partie", "partición", "deel"),
}


@dataclass(frozen=True)
class Sheet:
    """columns: as they are called here, where known, else as they stand. rows: (line, cells by column)."""

    path: Path
    columns: tuple[str, ...]
    found: tuple[str, ...]  #: the headers as they stand, for messages

    def require(self, *names: str) -> None:
        """Raise DataSetError, with the columns that were found, if one of these is missing."""
        if missing := [name for name in names if name not in self.columns]:
            columns = f"column{'s' * (len(missing) > 1)} {' and '.join(missing)}"
            raise DataSetError(f"{self.path} lacks the {columns}: {self.has}")

    @property
    def has(self) -> str:
        """What was found, in a line that may be printed."""
        shown = ["".join(c if c.isprintable() else "?" for c in name)[:30] for name in self.found[:12]]
        return f"it has {', '.join(shown) or 'none'}{', ...' if len(self.found) > 12 else ''}"


def read_sheet(path: Path) -> tuple[Sheet, Iterator[tuple[int, dict[str, str]]]]:
    """A CSV's columns, and its rows with the number of their last line; empty rows are left out.

    UTF-8 with or without a byte order mark, UTF-16 ("Unicode text"), else Windows' CP1252; separated by commas,
    semicolons, tabs or bars, whichever gives more of the columns that are known, or more columns. Raises DataSetError.
    """
    text = table_text(path)
    first, _, rest = text.partition("\n")
    separators = ",;\t|"
    if first.strip().lower().startswith("sep=") and first.strip()[4:5]:  # Excel's own hint
        separators, text = first.strip()[4], rest
    lines = text.splitlines()
    header = next((line for line in lines if line.strip(separators + " \"'")), "")
    separator = max(separators, key=lambda s: _worth(header, s))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    found = _next_full(reader, path)
    columns: list[str] = []
    for name in found:
        called = _called(name)
        taken = called != name and (called in found or called in columns)  # `file` itself goes before `path`
        columns.append(name if taken else called)
    return Sheet(path, tuple(columns), tuple(found)), _rows(reader, columns, path)


def table_text(path: Path) -> str:
    """The text of a file that a spreadsheet or an editor saved, whatever its encoding (above). Raises DataSetError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataSetError(f"{path} is too large for a table: over {MAX_BYTES >> 20} MB")
        content = path.read_bytes()
    except OSError:
        raise DataSetError(f"{path} cannot be read: check that it exists and may be read") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16"
    elif b"\0" in content[:2]:
        codec = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    else:
        codec = "utf-8-sig"
    for name in (codec, "cp1252"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DataSetError(f"{path} is no table in UTF-8, UTF-16 or CP1252: save it as CSV in UTF-8")


def _worth(header: str, separator: str) -> tuple[int, int]:
    names = next(csv.reader([header], delimiter=separator), [])
    return sum(_called(name) in HEADERS for name in names), len(names)


def _next_full(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        cells = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        raise DataSetError(f"{path} cannot be read as a CSV: save it again as CSV in UTF-8") from None
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _rows(reader: Any, columns: list[str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                cells += [""] * (len(columns) - len(cells))
                yield reader.line_num, dict(zip(columns, cells, strict=False))
    except csv.Error:
        raise DataSetError(f"{path} cannot be read as a CSV: save it again as CSV in UTF-8") from None


def bare(text: str) -> str:
    """Small letters and digits alone, without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


_CALLED = {bare(header): column for column, headers in HEADERS.items() for header in headers}


def _called(header: str) -> str:
    return _CALLED.get(bare(header), header)
