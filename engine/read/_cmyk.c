/* The grey of CMYK pixels in one pass, for xscan.engine.read.cmyk, which says by whose formulas.
Limited API of Python 3.11 (PEP 384): one build serves all later versions. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>

/* The same source for the widest registers that the processor has, where the compiler can choose at run time. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

/* libjpeg gives Adobe's CMYK, which is inverted: 255 is no ink. As OpenCV (imgcodecs, utils.cpp). */
FASTEST static void of_jpeg(const uint8_t *restrict cmyk, uint8_t *restrict grey, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        const int32_t k = cmyk[4 * i + 3];
        const int32_t c = k - ((255 - cmyk[4 * i]) * k >> 8);
        const int32_t m = k - ((255 - cmyk[4 * i + 1]) * k >> 8);
        const int32_t y = k - ((255 - cmyk[4 * i + 2]) * k >> 8);
        grey[i] = (uint8_t)((1868 * y + 9617 * m + 4899 * c + 8192) >> 14);
    }
}

/* RGB as libtiff (tif_getimage.c), then its luma as OpenCV's cvtColor. */
FASTEST static void of_tiff(const uint8_t *restrict cmyk, uint8_t *restrict grey, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        const uint32_t k = 255u - cmyk[4 * i + 3];
        const uint32_t r = k * (255u - cmyk[4 * i]) / 255u;
        const uint32_t g = k * (255u - cmyk[4 * i + 1]) / 255u;
        const uint32_t b = k * (255u - cmyk[4 * i + 2]) / 255u;
        grey[i] = (uint8_t)((9798u * r + 19235u * g + 3735u * b + 16384u) >> 15);
    }
}

static PyObject *to_grey(PyObject *self, PyObject *arguments) {
    Py_buffer cmyk, grey;
    int tiff;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*w*p", &cmyk, &grey, &tiff)) return NULL;
    const int fits = cmyk.len == 4 * grey.len;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        (tiff ? of_tiff : of_jpeg)(cmyk.buf, grey.buf, (size_t)grey.len);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "four bytes of cmyk for each of grey");
    }
    PyBuffer_Release(&cmyk);
    PyBuffer_Release(&grey);
    return fits ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef methods[] = {
    {"to_grey", to_grey, METH_VARARGS, "to_grey(cmyk, grey, tiff): four bytes a pixel to one, which `grey` has room for."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_cmyk", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__cmyk(void) { return PyModuleDef_Init(&definition); }
