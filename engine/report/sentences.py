"""What each reason code says to a reader, as a sentence that stands alone, in English and in Spanish.

The list's own reason is a fragment for one row, and in English alone.
"""

#: code: (English, Spanish). A test holds the keys to engine/reasons.py.
SENTENCES: dict[str, tuple[str, str]] = {
    # skipped
    "not-an-image": ("This file is no picture that xscan reads.", "Este archivo no es una imagen que xscan lea."),
    "not-a-file": ("This is a device, pipe or socket.", "Esto es un dispositivo, una tubería o un zócalo."),
    "link-loop": (
        "This link leads to a folder that the link itself is in.",
        "Este enlace lleva a una carpeta que lo contiene.",
    ),
    "link-double": (
        "Another link has led to this folder already.",
        "Otro enlace ya llevó a esta carpeta.",
    ),
    "dicomdir": ("This is a DICOMDIR, an index of files.", "Esto es un DICOMDIR, un índice de archivos."),
    "not-a-picture": (
        "This DICOM object has no picture: a report, a presentation state or a PDF.",
        "Este objeto DICOM no tiene imagen: es un informe, una presentación o un PDF.",
    ),
    "modality": (
        "DICOM names another modality than radiography (CR, DX, RG).",
        "DICOM indica otra modalidad que radiografía (CR, DX, RG).",
    ),
    "not-a-film": (
        "This is a screen shot, a scanned paper or a photograph, no radiograph.",
        "Esto es una captura, un papel escaneado o una foto, no una radiografía.",
    ),
    "multi-frame": ("This file holds several pictures.", "Este archivo contiene varias imágenes."),
    "no-pixels": ("This DICOM file has a header and no pixels.", "Este archivo DICOM tiene cabecera y no píxeles."),
    "too-small": (
        "This picture is smaller than a film can be: an icon or a logo.",
        "Esta imagen es menor que cualquier radiografía: un icono o un logotipo.",
    ),
    "body-part": (
        "DICOM names another part of the body than the chest.",
        "DICOM indica otra parte del cuerpo que el tórax.",
    ),
    "lateral": ("DICOM says that this is a lateral view.", "DICOM dice que es una proyección lateral."),
    "duplicate": (
        "The same film stands in the list already, under the same SOPInstanceUID.",
        "La misma radiografía ya está en la lista, con el mismo SOPInstanceUID.",
    ),
    "presentation-double": (
        "This is raw detector data, and the processed film of the same series is in the list.",
        "Son datos en bruto del detector; la imagen procesada de la misma serie está en la lista.",
    ),
    # failed
    "empty": ("The file has no bytes.", "El archivo está vacío."),
    "vanished": (
        "The file was gone when it was to be read.",
        "El archivo había desaparecido cuando se iba a leer.",
    ),
    "unreadable": (
        "The operating system refused to open or read the file.",
        "El sistema operativo no dejó abrir o leer el archivo.",
    ),
    "unreadable-folder": ("The folder may not be listed.", "La carpeta no se puede listar."),
    "broken-link": ("The link leads to no file.", "El enlace no lleva a ningún archivo."),
    "link-outside": (
        "The link leads out of the scanned folder and was not followed.",
        "El enlace sale de la carpeta explorada y no se siguió.",
    ),
    "too-large": ("The file has more bytes than the limit.", "El archivo tiene más bytes que el límite."),
    "too-many-pixels": (
        "The film has more pixels than the limit.",
        "La radiografía tiene más píxeles que el límite.",
    ),
    "truncated": (
        "The file ends before its picture does.",
        "El archivo termina antes que su imagen.",
    ),
    "corrupt": ("The picture's data is damaged.", "Los datos de la imagen están dañados."),
    "bad-header": (
        "The header contradicts itself or lacks what decoding needs.",
        "La cabecera se contradice o le falta lo que la lectura necesita.",
    ),
    "unsupported": (
        "No decoder that is installed reads this variant.",
        "Ningún decodificador instalado lee esta variante.",
    ),
    "missing-decoder": (
        "A decoder that is not installed would be needed.",
        "Haría falta un decodificador que no está instalado.",
    ),
    "encrypted": ("The film lies behind a zip's password.", "La radiografía está tras la contraseña de un zip."),
    "bad-zip": (
        "The zip, or this file in it, is damaged.",
        "El zip, o este archivo dentro de él, está dañado.",
    ),
    "zip-bomb": (
        "The zip unpacks to far more than a zip of radiographs.",
        "El zip se expande a mucho más que un zip de radiografías.",
    ),
    "zip-member-refused": (
        "The name in the zip leads out of it, is too long, or stands there twice.",
        "El nombre dentro del zip sale de él, es demasiado largo o está dos veces.",
    ),
    "zip-method": (
        "The zip packs this file by a method that xscan does not unpack.",
        "El zip comprime este archivo con un método que xscan no descomprime.",
    ),
    "nested-zip": ("A zip inside a zip is not opened.", "Un zip dentro de un zip no se abre."),
    "decoder-crash": (
        "Reading this file ended the decoder, twice.",
        "La lectura de este archivo hizo caer el decodificador, dos veces.",
    ),
    "timed-out": (
        "Reading took longer than one file may take.",
        "La lectura tardó más de lo que un archivo puede tardar.",
    ),
    "out-of-memory": (
        "There was not enough memory for this file.",
        "No había memoria suficiente para este archivo.",
    ),
    "scoring": ("The network gave no result for this film.", "La red no dio resultado para esta radiografía."),
    # review
    "for-processing": (
        "This is raw detector data, not what a viewer would show.",
        "Son datos en bruto del detector, no lo que mostraría un visor.",
    ),
    "description": (
        "The DICOM description names another part of the body.",
        "La descripción DICOM nombra otra parte del cuerpo.",
    ),
    "view": (
        "DICOM names or hints at a view other than PA or AP.",
        "DICOM indica o sugiere otra proyección que PA o AP.",
    ),
    "fluoroscopy": (
        "By DICOM the film comes from a fluoroscopy unit.",
        "Según DICOM la imagen viene de un equipo de fluoroscopia.",
    ),
    "derived": (
        "DICOM says that this picture was made from another one.",
        "DICOM dice que esta imagen se hizo a partir de otra.",
    ),
    "polarity": (
        "DICOM contradicts itself about which end of the grey scale is bright.",
        "DICOM se contradice sobre qué extremo de la escala de grises es claro.",
    ),
    "uid-conflict": (
        "Another picture has the same SOPInstanceUID.",
        "Otra imagen tiene el mismo SOPInstanceUID.",
    ),
    "adult": (
        "By DICOM age or by looks the patient is an adult; the network learned from children.",
        "Por la edad DICOM o el aspecto es un paciente adulto; la red aprendió con niños.",
    ),
    "age": (
        "By DICOM the patient's age is outside the ages that the network learned from.",
        "Según DICOM la edad está fuera de las edades con que aprendió la red.",
    ),
    "out-of-domain": (
        "The film is unlike the films that the network learned from.",
        "La radiografía es distinta de aquellas con que aprendió la red.",
    ),
    "blank": ("The film has next to no contrast.", "La radiografía casi no tiene contraste."),
    "exposure": ("The film is over- or underexposed.", "La radiografía está sobreexpuesta o subexpuesta."),
    "inverted": (
        "The film looks inverted: its air is bright.",
        "La radiografía parece invertida: el aire está claro.",
    ),
    "rotated": (
        "The film looks turned by a quarter.",
        "La radiografía parece girada un cuarto de vuelta.",
    ),
    "upside-down": ("The film looks upside down.", "La radiografía parece cabeza abajo."),
    "cut-off": (
        "Part of the lungs seems cut off or behind the shutters.",
        "Parte de los pulmones parece cortada o tapada.",
    ),
    "burnt-in-text": (
        "There are letters or marks over the lungs.",
        "Hay letras o marcas sobre los pulmones.",
    ),
    "mended": (
        "The film stood wrong and was scored set right; it is shown as it was exported.",
        "La radiografía estaba mal orientada y se puntuó corregida; se muestra como se exportó.",
    ),
}


def sentences() -> dict[str, dict[str, str]]:
    """Language -> reason code -> sentence."""
    return {language: {code: both[i] for code, both in SENTENCES.items()} for i, language in enumerate(("en", "es"))}
