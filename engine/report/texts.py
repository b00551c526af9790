"""Every word of the morning page, in English and in Spanish; reasons have their sentences in `sentences`."""

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
    "grouping": ("Films or studies", "Radiografías o estudios"),
    "by_films": ("By film", "Por radiografía"),
    "by_studies": ("By study", "Por estudio"),
    "study_date": ("Study date", "Fecha del estudio"),
    "accession": ("Accession number", "Número de acceso"),
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
    "found_films_one": ("1 film", "1 radiografía"),
    "found_studies": (
        "{n} studies, each in the place of its most urgent frontal film",
        "{n} estudios, cada uno según su frontal más urgente",
    ),
    "found_studies_one": (
        "1 study, in the place of its most urgent frontal film",
        "1 estudio, según su frontal más urgente",
    ),
    "found_files": ("{n} files", "{n} archivos"),
    "found_files_one": ("1 file", "1 archivo"),
    "nothing": (
        "Nothing to show. Choose another band or clear the search.",
        "Nada que mostrar. Elija otra banda o borre la búsqueda.",
    ),
    "alarm": ("{n} radiographs have no score.", "{n} radiografías no tienen puntuación."),
    "alarm_one": ("1 radiograph has no score.", "1 radiografía no tiene puntuación."),
    "alarm_more": ("Nothing is known about them: read them by hand.", "No se sabe nada de ellas: léalas aparte."),
    "alarm_more_one": ("Nothing is known about it: read it by hand.", "No se sabe nada de ella: léala aparte."),
    "see_them": ("Show them", "Mostrarlas"),
    "see_them_one": ("Show it", "Mostrarla"),
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
    "map": ("Where from", "De dónde"),
    "map_means": (
        "Lines: where the network sees what speaks for pneumonia, coarsely, at a quarter, half and three quarters of "
        "the strongest evidence drawn. When compact 4 was measured, hiding such places on films called pneumonia "
        "lowered the score more than hiding others; of large 1 that was not shown. No line is a finding, nor the edge "
        "of one.",
        "Líneas: dónde ve la red lo que habla a favor de neumonía, de forma aproximada, a un cuarto, la mitad y "
        "tres cuartos de la evidencia más fuerte que se dibuja. Al medir compact 4, tapar esos lugares en radiografías "
        "con neumonía bajaba la puntuación más que tapar otros; de large 1 no se ha mostrado. Ninguna línea es un "
        "hallazgo ni su borde.",
    ),
    "picture_of": ("The film, called {finding} by the network", "La radiografía; la red la llama {finding}"),
    "small_only": (
        "A small picture: large ones are kept for urgent and review films. Read the film in your viewer.",
        "Imagen pequeña: las grandes son para las urgentes y a revisar. Lea la radiografía en su visor.",
    ),
    "not_to_diagnose": (
        "A reduced copy, not for diagnosis.",
        "Copia reducida, no apta para diagnóstico.",
    ),
    "zoom_in": ("Zoom in", "Acercar"),
    "zoom_out": ("Zoom out", "Alejar"),
    "reset": ("Reset", "Restablecer"),
    "invert": ("Invert", "Invertir"),
    "full": ("Full screen", "Pantalla completa"),
    "level": ("Level", "Nivel"),
    "width": ("Window", "Ventana"),
    "look_tools": ("Tools for the picture", "Herramientas de la imagen"),
    "film_in_hand": ("The chosen film", "La radiografía elegida"),
    "back": ("Back to the list", "Volver a la lista"),
    "read": ("Read", "Leída"),
    "disputed": ("Disputed", "Discutida"),
    "your_finding": ("Your finding", "Su hallazgo"),
    "none_given": ("as the list says", "como dice la lista"),
    "note": ("Note", "Nota"),
    "note_hint": ("kept in this browser; no names", "queda en este navegador; sin nombres"),
    "not_kept": (
        "This browser keeps no marks after the page is closed: export them before.",
        "Este navegador no guarda las marcas al cerrar la página: expórtelas antes.",
    ),
    "export": ("Export truth.csv ({n})", "Exportar truth.csv ({n})"),
    "export_hint": (
        "For xscan audit: your finding where you gave one; the opposite of the list's where you only disputed it; "
        "the list's own where you only read the film, unless the network might not decide on it.",
        "Para xscan audit: su hallazgo si lo dio; lo contrario del de la lista si solo lo discutió; el de la lista si "
        "solo la leyó, salvo que la red no pudiera decidir.",
    ),
    "new": ("new", "nueva"),
    "new_tonight": ("New tonight ({n})", "Nuevas esta noche ({n})"),
    "key_new": ("new tonight only", "solo las nuevas de esta noche"),
    "hide_read": ("Hide read", "Ocultar leídas"),
    "doubtful": ("doubtful", "dudosa"),
    "only_doubtful": ("Doubtful only", "Solo dudosas"),
    "not_to_decide": (
        "The network may not decide on this film.",
        "La red no puede decidir sobre esta radiografía.",
    ),
    "waiting": ("Waiting over {n} hours", "Esperan más de {n} horas"),
    "waits": (
        "Its file is over {n} hours older than the list: it goes before review and routine.",
        "Su archivo es más de {n} horas anterior a la lista: va antes que las de revisar y rutina.",
    ),
    "elsewhere": ("{n} more in other bands", "{n} más en otras bandas"),
    "no_unread": ("No unread film is left here.", "No queda ninguna sin leer aquí."),
    "earlier_study": ("The patient's study before this one", "El estudio anterior del paciente"),
    "earlier_not_here": ("It is not in this list.", "No está en esta lista."),
    "open_earlier": ("Open it in the viewer", "Abrirlo en el visor"),
    "open_viewer": ("Open in the viewer", "Abrir en el visor"),
    "copy_study": ("Copy study UID", "Copiar UID del estudio"),
    "printed": ("printed {time}", "impreso {time}"),
    "ascending": ("sorted upwards", "orden ascendente"),
    "descending": ("sorted downwards", "orden descendente"),
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
    "score_means": (
        "The score is the network's probability of pneumonia.",
        "La puntuación es la probabilidad de neumonía según la red.",
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
    "key_map": ("lines: where the score comes from", "líneas: de dónde viene la puntuación"),
    "key_next": ("next unread film", "siguiente sin leer"),
    "key_read": ("read; disputed", "leída; discutida"),
    "key_hide": ("hide read; doubtful only", "ocultar leídas; solo dudosas"),
    "key_zoom": ("zoom; Shift and arrows move", "zoom; Mayús y flechas mueven"),
    "key_look": ("invert; reset; full screen", "invertir; restablecer; pantalla completa"),
    "key_viewer": ("open in the viewer", "abrir en el visor"),
    "key_studies": ("films or studies", "radiografías o estudios"),
    "key_lang": ("Spanish", "inglés"),
    "key_theme": ("light or dark", "claro u oscuro"),
    "key_help": ("this help", "esta ayuda"),
}


def words() -> dict[str, dict[str, str]]:
    """Language -> key -> text."""
    return {language: {key: both[i] for key, both in _WORDS.items()} for i, language in enumerate(LANGUAGES)}
