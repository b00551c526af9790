/* Grey by a straight line over 16-bit words, for xscan.engine.read.line, which proves that it is the table's.
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

FASTEST static void along(const uint16_t *restrict words, uint8_t *restrict grey, size_t pixels, uint16_t mask,
                          uint16_t flip, uint16_t low, uint16_t high, uint32_t gain, uint32_t add, uint8_t turn) {
    for (size_t i = 0; i < pixels; i++) {
        uint16_t value = (uint16_t)((words[i] & mask) ^ flip);
        value = value < low ? low : value;
        value = value > high ? high : value;
        grey[i] = (uint8_t)((gain * (uint32_t)(uint16_t)(value - low) + add) >> 24) ^ turn;
    }
}

static PyObject *shade(PyObject *self, PyObject *arguments) {
    Py_buffer words, grey;
    unsigned short mask, flip, low, high;
    unsigned int gain, add;
    unsigned char turn;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*w*HHHHIIB", &words, &grey, &mask, &flip, &low, &high, &gain, &add, &turn))
        return NULL;
    const int fits = words.len == 2 * grey.len && (uintptr_t)words.buf % sizeof(uint16_t) == 0 && low <= high;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        along(words.buf, grey.buf, (size_t)grey.len, mask, flip, low, high, gain, add, turn);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "two bytes of words, at an even address, for each of grey; low <= high");
    }
    PyBuffer_Release(&words);
    PyBuffer_Release(&grey);
    return fits ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef methods[] = {
    {"shade", shade, METH_VARARGS,
     "shade(words, grey, mask, flip, low, high, gain, add, turn): each 16-bit word & mask ^ flip, held between low and "
     "high, less low, times gain, plus add, the upper byte of 32 bits, ^ turn."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_line", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__line(void) { return PyModuleDef_Init(&definition); }
