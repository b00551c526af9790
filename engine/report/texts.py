"""Every word of the morning page, in English and in Spanish.

A reason's code has one sentence in each language; the English page shows the run's own, more exact sentence.
"""

from ..reasons import CODES

LANGUAGES = ("en", "es")

#: key: (English, Spanish). Braces are filled in by the page.
_WORDS = {
    "title": ("Morning worklist", "Lista de trabajo de la mañana"),
    "notice": (
        "This list says what to read first. It is not a diagnosis.",
        "Esta lista dice qué leer primero. No es un diagnóstico.",
    ),
    "notice_more": (
        "Every film is read by a physician, whatever its place in the list.",
        "Un médico lee cada radiografía, sea cual sea su lugar en la lista.",
    ),
    "theme": ("Light / dark", "Claro / oscuro"),
    "keys": ("Keyboard", "Teclado"),
    "close": ("Close", "Cerrar"),
    "search": ("Search file, finding, reason", "Buscar archivo, hallazgo, motivo"),
    "all": ("All films", "Todas"),
    "urgent": ("Urgent", "Urgente"),
    "review": ("Review", "Revisar"),
    "routine": ("Routine", "Rutina"),
    "unscored": ("Not scored", "Sin puntuar"),
    "failed": ("Failed", "Fallida"),
    "skipped": ("Skipped", "Omitida"),
    "lost_detail": ("{failed} failed, {skipped} skipped", "{failed} fallidas, {skipped} omitidas"),
    "normal": ("normal", "normal"),
    "bacteria": ("bacterial", "bacteriana"),
    "virus": ("viral", "vírica"),
    "pneumonia": ("pneumonia", "neumonía"),
    "by_priority": ("Priority", "Prioridad"),
    "by_finding": ("Finding", "Hallazgo"),
    "by_p": ("Score", "Puntos"),
    "p_bars": ("norm. · bact. · viral", "normal · bact. · vír."),
    "by_reason": ("Reason", "Motivo"),
    "by_file": ("File", "Archivo"),
    "by_status": ("Status", "Estado"),
    "by_bytes": ("Size", "Tamaño"),
    "by_modified": ("Modified", "Modificado"),
    "by_films": ("By film", "Por radiografía"),
    "by_studies": ("By study", "Por estudio"),
    "study": ("Study", "Estudio"),
    "series": ("Series", "Serie"),
    "sop": ("SOP instance", "Instancia SOP"),
    "kilobytes": ("{n} KB", "{n} KB"),
    "n_films": ("{n} films", "{n} radiografías"),
    "films_of_study": (
        "{n} films of this study, the most urgent first",
        "{n} radiografías del estudio, la más urgente primero",
    ),
    "found_films": ("{n} films", "{n} radiografías"),
    "found_studies": (
        "{n} studies, each in the place of its most urgent film",
        "{n} estudios, cada uno según su radiografía más urgente",
    ),
    "found_files": ("{n} files", "{n} archivos"),
    "nothing": (
        "Nothing to show. Choose another band or clear the search.",
        "Nada que mostrar. Elija otra banda o borre la búsqueda.",
    ),
    "alarm": ("{n} radiographs have no score.", "{n} radiografías no tienen puntuación."),
    "alarm_more": ("Nothing is known about them: read them by hand.", "No se sabe nada de ellas: léalas aparte."),
    "see_them": ("Show them", "Mostrarlas"),
    "failed_advice": (
        "This film has not been seen by the network. Read it by hand, or export it again.",
        "La red no ha visto esta radiografía. Léala aparte o expórtela de nuevo.",
    ),
    "skipped_advice": (
        "By its content this is no radiograph for the network.",
        "Por su contenido no es una radiografía para la red.",
    ),
    "copy": ("Copy file name", "Copiar nombre"),
    "copied": ("Copied", "Copiado"),
    "show_map": ("Show where (m)", "Mostrar dónde (m)"),
    "hide_map": ("Hide where (m)", "Ocultar dónde (m)"),
    "map_means": ("What raised the score, coarsely", "Qué elevó la puntuación, de forma aproximada"),
    "picture_of": ("Small copy of the film, called {finding}", "Copia pequeña de la radiografía: {finding}"),
    "no_picture": ("No picture of this film", "Sin imagen de esta radiografía"),
    "no_pictures": ("This page was made without pictures.", "Esta página se hizo sin imágenes."),
    "why_urgent": (
        "Score {p}, at or above the rule-in point {high}.",
        "Puntuación {p}, en el punto de confirmación {high} o por encima.",
    ),
    "why_review": (
        "Score {p}, between rule-out {low} and rule-in {high}.",
        "Puntuación {p}, entre exclusión {low} y confirmación {high}.",
    ),
    "why_routine": (
        "Score {p}, below the rule-out point {low}.",
        "Puntuación {p}, por debajo del punto de exclusión {low}.",
    ),
    "why_doubt": (
        "Score {p}, but the network may not decide on this film: it is never routine.",
        "Puntuación {p}, pero la red no puede decidir sobre esta radiografía: nunca es rutina.",
    ),
    "rule_out": ("rule-out", "exclusión"),
    "rule_in": ("rule-in", "confirmación"),
    "rule_out_means": (
        "Below {threshold}: routine ({sensitivity} of pneumonias were at or above it when it was chosen).",
        "Por debajo de {threshold}: rutina (al elegirlo, el {sensitivity} de las neumonías quedaba por encima).",
    ),
    "rule_in_means": (
        "From {threshold}: urgent ({specificity} of normal films were below it).",
        "Desde {threshold}: urgente (el {specificity} de las normales quedaba por debajo).",
    ),
    "intended": (
        "For research and for ordering the reading list; not a diagnosis.",
        "Para investigación y para ordenar la lista de lectura; no es un diagnóstico.",
    ),
    "names_in_pictures": (
        "A name that was burnt into a film can be legible in its picture: handle this page as patient data.",
        "Un nombre grabado en una radiografía puede leerse en su imagen: trate esta página como datos de pacientes.",
    ),
    "paths": ("File names can hold names, too.", "Los nombres de archivo también pueden contener nombres."),
    "key_move": ("next and previous film", "radiografía siguiente y anterior"),
    "key_bands": ("all, urgent, review, routine, not scored", "todas, urgente, revisar, rutina, sin puntuar"),
    "key_search": ("search; Esc clears it", "buscar; Esc lo borra"),
    "key_map": ("show where the score comes from", "mostrar de dónde viene la puntuación"),
    "key_studies": ("films or studies", "radiografías o estudios"),
    "key_lang": ("Spanish", "inglés"),
    "key_theme": ("light or dark", "claro u oscuro"),
    "key_help": ("this help", "esta ayuda"),
}

_REASONS_ES = {
    "not-an-image": "ningún formato que xscan lea, por su contenido",
    "not-a-file": "un dispositivo, tubería o zócalo",
    "link-loop": "un enlace a una carpeta que lo contiene",
    "dicomdir": "un DICOMDIR: un índice, no una imagen",
    "not-a-picture": "un objeto DICOM sin imagen: informe, presentación, PDF...",
    "modality": "otra modalidad que CR, DX o RG",
    "not-a-film": "una captura secundaria que no es una radiografía",
    "too-small": "más pequeña que cualquier radiografía: un icono, un logotipo",
    "multi-frame": "varias imágenes en un archivo",
    "no-pixels": "una cabecera DICOM sin píxeles",
    "body-part": "DICOM indica otra parte del cuerpo que el tórax",
    "lateral": "DICOM dice que es una proyección lateral",
    "localizer": "un localizador o una hoja de dosis",
    "duplicate": "el mismo SOPInstanceUID que un archivo anterior",
    "presentation-double": "datos en bruto; se puntúa la imagen procesada de la misma serie",
    "empty": "el archivo está vacío",
    "link-outside": "un enlace fuera de la carpeta, sin --follow-links",
    "link-double": "un enlace a una carpeta a la que ya llevó otro enlace",
    "vanished": "desapareció entre el listado y la lectura",
    "unreadable": "el sistema operativo no dejó leer el archivo",
    "unreadable-folder": "la carpeta no se puede listar",
    "broken-link": "un enlace a un archivo que no está",
    "too-large": "más bytes que el límite",
    "too-many-pixels": "más píxeles que el límite, según su cabecera",
    "truncated": "el archivo termina antes que su imagen",
    "corrupt": "los datos de la imagen están dañados",
    "bad-header": "la cabecera se contradice o le falta lo necesario",
    "unsupported": "una variante que ningún decodificador instalado lee",
    "missing-decoder": "haría falta un decodificador que no está instalado",
    "encrypted": "dentro de un zip con contraseña",
    "bad-zip": "el zip, o este miembro, está dañado",
    "zip-bomb": "el zip se expande a mucho más que un zip de radiografías",
    "zip-member-refused": "el nombre del miembro sale del zip",
    "zip-method": "comprimido con un método que Python no descomprime",
    "nested-zip": "un zip dentro de un zip no se abre",
    "decoder-crash": "un decodificador terminó su proceso con este archivo, dos veces",
    "timed-out": "la lectura tardó más que el límite por archivo",
    "out-of-memory": "memoria insuficiente para este archivo",
    "scoring": "la red no dio resultado para esta radiografía",
    "for-processing": "datos en bruto del detector, no lo que muestra un visor",
    "fluoroscopy": "de un equipo de fluoroscopia, según su modalidad o clase SOP de DICOM",
    "derived": "DICOM dice que se hizo a partir de otra imagen",
    "uid-conflict": "el mismo SOPInstanceUID que otro archivo, con otra imagen",
    "description": "su descripción DICOM nombra otra parte del cuerpo",
    "view": "la cabecera nombra otra proyección que PA o AP",
    "polarity": "la cabecera se contradice sobre qué extremo es claro",
    "adult": "paciente adulto, por su edad DICOM o su aspecto",
    "out-of-domain": "distinta de las radiografías con que se entrenó el modelo",
    "blank": "casi sin contraste",
    "exposure": "sobreexpuesta o subexpuesta",
    "inverted": "parece invertida: el aire está claro",
    "rotated": "parece girada un cuarto de vuelta",
    "upside-down": "parece cabeza abajo",
    "cut-off": "parte de los pulmones parece cortada o tapada",
    "burnt-in-text": "texto o marcas sobre los pulmones",
    "mended": "estaba mal orientada o invertida y se puntuó corregida",
    "age": "edad fuera del intervalo con que se entrenó el modelo",
}


def words() -> dict[str, dict[str, str]]:
    """Language -> key -> text."""
    return {language: {key: both[i] for key, both in _WORDS.items()} for i, language in enumerate(LANGUAGES)}


def reasons() -> dict[str, dict[str, str]]:
    """Language -> reason code -> sentence, for every code there is."""
    return {"en": CODES, "es": {code: _REASONS_ES.get(code, sentence) for code, sentence in CODES.items()}}
